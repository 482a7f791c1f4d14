import pytest
from pydantic import ValidationError

from permissions.oncall import Rotation, Shift
from permissions.policy import Binding, Policy, Role

START, DAY = 1_000_000.0, 86400.0
ROTATION = Rotation(start=START, every=DAY, users=("U1", "U2", "U3"))


@pytest.mark.parametrize(
    ("at", "users"),
    [
        (START - 0.001, ()),
        (START, ("U1",)),
        (START + DAY - 0.001, ("U1",)),
        (START + DAY, ("U2",)),
        (START + 2 * DAY, ("U3",)),
        (START + 3 * DAY, ("U1",)),
        (START + 100 * DAY, ("U2",)),
        (START + 100.99 * DAY, ("U2",)),
    ],
)
def test_the_turn_goes_round_and_hands_over_at_its_time(at: float, users):
    assert ROTATION.on_call(at) == users


@pytest.mark.parametrize(
    ("at", "users"),
    [
        (START - 2, ()),
        (START - 1, ("U8", "U9")),
        (START + 0.5, ("U8", "U9", "U7")),
        (START + 1, ("U7",)),
        (START + 3, ("U1",)),
    ],
)
def test_shifts_stand_in_for_the_turn_from_their_beginning_until_before_their_end(at: float, users):
    shifts = (
        Shift(from_=START - 1, until=START + 1, users=("U8", "U9")),
        Shift(from_=START, until=START + 3, users=("U7",)),
    )
    assert ROTATION.model_copy(update={"shifts": shifts}).on_call(at) == users


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90.0), ("2m", 120.0), ("12h", 43200.0), ("7d", 604800.0), ("1w", 604800.0)],
)
def test_a_span_is_a_number_with_its_unit(text: str, seconds: float):
    assert Rotation(start=0.0, every=text, users=("U1",)).every == seconds


@pytest.mark.parametrize(
    "text", ["", "0s", "1", "d", "1 d", "1.5h", "-1d", "1y", "1d\n", "9999999s", 7, None]
)
def test_what_is_no_span_is_refused(text):
    with pytest.raises(ValidationError, match="a span is a number"):
        Rotation(start=0.0, every=text, users=("U1",))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-02T00:00:00Z", DAY),
        ("1970-01-02t00:00z", DAY),
        ("1970-01-02 01:00:00+01:00", DAY),
        ("1970-01-01T23:00:00-01:00", DAY),
    ],
)
def test_a_moment_has_its_zone(text: str, at: float):
    assert Rotation(start=text, every="1d", users=("U1",)).start == at


@pytest.mark.parametrize(
    "text",
    ["2026-01-01", "2026-01-01T08:00:00", "2026-13-01T08:00:00Z", "08:00", "17", 17, None, "2026-W01-1"],
)
def test_what_is_no_moment_or_of_no_zone_is_refused(text):
    with pytest.raises(ValidationError, match="a moment is written with its zone"):
        Rotation(start=text, every="1d", users=("U1",))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Rotation(start=0.0, every="1d", users=()), "has nobody in it"),
        (lambda: Rotation(start=0.0, every="1d", users=("@ana",)), "Copy member ID"),
        (lambda: Shift(from_=2.0, until=2.0, users=("U1",)), "ends before it begins"),
        (lambda: Binding(role="a", users=("U1",), from_=2.0, until=2.0), "ends before it begins"),
        (lambda: Binding(role="a", oncall=("Web",)), "is not a rotation's name"),
        (
            lambda: Policy(version=1, roles={"a": Role()}, bindings=(Binding(role="a", oncall=("x",)),)),
            "rotation `x` is not defined",
        ),
        (lambda: Policy(version=1, roles={"a": Role(inherits=("b",))}), "role b is not defined"),
        (lambda: Policy(version=1, roles={"a": Role(inherits=("a",))}), "role `a` inherits itself"),
        (
            lambda: Policy(version=1, roles={"a": Role(inherits=("b",)), "b": Role(inherits=("a",))}),
            "inherits itself",
        ),
    ],
)
def test_times_rotations_and_inheritance_that_cannot_be_are_refused(make, says: str):
    with pytest.raises(ValidationError) as caught:
        make()
    assert says in str(caught.value)


def test_roles_are_inherited_all_the_way_and_once_each():
    roles = {
        "a": Role(inherits=("b", "c")),
        "b": Role(inherits=("d",)),
        "c": Role(inherits=("d",)),
        "d": Role(),
    }
    policy = Policy(version=1, roles=roles)
    assert policy.with_inherited == {
        "a": ("a", "b", "c", "d"),
        "b": ("b", "d"),
        "c": ("c", "d"),
        "d": ("d",),
    }
