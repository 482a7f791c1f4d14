"""A pattern is matched in one pass, whoever wrote it: members write those of the hosts that they lock."""

from itertools import product

import pytest

from permissions.matching import covers_host
from permissions.names import matches
from permissions.targets import Targets
from permissions.verbs import Kind

HOSTILE = {
    "many stars in a row": ("*" * 3000 + "zz", "prod-1"),
    "stars with a letter between them": ("*a" * 300 + "*b", "a" * 600),
    "stars with a question mark between them": ("*?" * 200 + "*zz", "p" * 300),
}
"""Tried out one star after the other, each of these takes longer than there is time."""


@pytest.mark.parametrize(("pattern", "text"), HOSTILE.values(), ids=HOSTILE)
def test_a_pattern_of_many_stars_is_answered(pattern: str, text: str):
    assert not matches(pattern, text)
    assert not covers_host((pattern,), text, {})
    assert not Targets(container=(pattern, "web-*")).quick[Kind.CONTAINER].cover(text)


def _means(pattern: str, text: str) -> bool:
    """What a pattern says, letter by letter."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_means(pattern[1:], text[skipped:]) for skipped in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and _means(pattern[1:], text[1:])


def test_every_short_pattern_means_what_its_letters_say():
    patterns = ["".join(letters) for size in range(5) for letters in product("ab*?", repeat=size)]
    texts = ["".join(letters) for size in range(5) for letters in product("ab", repeat=size)]
    wrong = [(one, text) for one in patterns for text in texts if matches(one, text) != _means(one, text)]
    assert not wrong
