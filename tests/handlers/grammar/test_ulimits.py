"""``--ulimit``."""

import re

import pytest

from handlers.grammar.ulimits import ULIMIT, Ulimit, parse_ulimit

UNLIMITED = "ulimit soft limit must be less than or equal to hard limit: "


@pytest.mark.parametrize(
    ("text", "soft", "hard"),
    [("nofile=1024:2048", 1024, 2048), ("nofile=5", 5, 5), ("nofile=-1:-1", -1, -1), ("nofile=5:-1", 5, -1)],
)
def test_a_limit_is_soft_and_hard(text, soft, hard):
    assert parse_ulimit(text) == Ulimit(name="nofile", soft=soft, hard=hard)
    assert ULIMIT.parse(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nofile", "invalid ulimit argument: nofile"),
        ("=1", "invalid ulimit type: "),
        ("NOFILE=1", "invalid ulimit type: NOFILE"),
        ("nofile=1:2:3", "too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`"),
        ("nofile=", 'strconv.ParseInt: parsing "": invalid syntax'),
        ("nofile=a:b", 'strconv.ParseInt: parsing "b": invalid syntax'),
        ("nofile=0x10", 'strconv.ParseInt: parsing "0x10": invalid syntax'),
        ("nofile=2:1", f"{UNLIMITED}2 > 1"),
        ("nofile=-1:5", f"{UNLIMITED}soft: -1 (unlimited), hard: 5"),
    ],
)
def test_what_is_no_limit_is_refused_in_the_clis_words(text, message):
    with pytest.raises(ValueError, match=re.escape(message) + r"\Z"):
        ULIMIT.parse(text)
