"""Every word of a policy that is none is refused with the whole sentence."""

import pytest
from pydantic import TypeAdapter, ValidationError

from permissions import patterns
from permissions.criteria import is_command
from permissions.facts import label_problem

LONG = "an option's long name"
CASES = [
    (patterns.HostPattern, "prod-*", ""),
    (patterns.HostPattern, "label:env=prod", ""),
    (patterns.HostPattern, "label:env", ""),
    (patterns.HostPattern, "label:", "`` is no label: write KEY or KEY=VALUE"),
    (patterns.HostPattern, "a b", "`a b` is not a host's name; * stands for any letters and ? for one"),
    (patterns.Gift, "*", ""),
    (patterns.Gift, "web-?*", ""),
    (patterns.Gift, "shop/cart:1", ""),
    (patterns.Gift, "tier=w*", ""),
    (patterns.Gift, "tier=", ""),
    (patterns.Gift, "a b", "`a b` is neither a name to give nor a label, KEY=VALUE"),
    (patterns.Gift, "=x", "`=x` is neither a name to give nor a label, KEY=VALUE"),
    (patterns.FlagPattern, "net-alias=x y", ""),
    (patterns.FlagPattern, "*", f"`*` is not {LONG}, written without dashes, or NAME=VALUE"),
    (patterns.AnyFlagPattern, "*", ""),
    (patterns.AnyFlagPattern, "-t", f"`-t` is not {LONG}, without dashes, NAME=VALUE or `*`"),
    (patterns.AnyFlagPattern, "t=\u00e4", f"`t=\u00e4` is not {LONG}, without dashes, NAME=VALUE or `*`"),
    (patterns.RoleName, "A", "`A` is not a role's name: small letters, digits and dashes"),
    (patterns.OnCallName, "1", "`1` is not a rotation's name: small letters, digits and dashes"),
    (patterns.Span, 1.5, ""),
    (patterns.Moment, 1.5, ""),
]


@pytest.mark.parametrize(("kind", "value", "says"), CASES)
def test_a_word_is_taken_or_refused_with_its_sentence(kind, value, says: str):
    adapter = TypeAdapter(kind)
    if not says:
        assert adapter.validate_python(value) == value
        return
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    assert [error["msg"] for error in caught.value.errors()] == [f"Value error, {says}"]


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("a", True),
        ("com.example/x-y_z=1", True),
        ("a=", True),
        ("a=b c", False),
        ("-a", False),
        ("a\n", False),
    ],
)
def test_a_label_is_a_key_with_or_without_a_value(text: str, fine: bool):
    assert (label_problem(text) == "") is fine


@pytest.mark.parametrize(
    ("pattern", "command", "fits"),
    [
        ("container rm", "container rm", True),
        ("container rm", "container rmi", False),
        ("container *", "container rm", True),
        ("container *", "container", False),
        ("container *", "container ", False),
        ("container *", "containers rm", False),
        ("*", "version", True),
        ("*", "", False),
    ],
)
def test_a_command_is_compared_whole_or_from_its_beginning(pattern: str, command: str, fits: bool):
    assert is_command(pattern, command) is fits
