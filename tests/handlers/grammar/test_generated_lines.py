"""Generated command lines through tokeniser, parser, mask: a refusal at worst, and a quick one.

DOCKTALK_FUZZ_SECONDS=20 runs for half of that and measures the processor time of every refusal.
"""

import os
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from handlers.catalogue import load
from handlers.faults import UsageFault
from handlers.grammar.mask import masked
from handlers.grammar.parser import HelpAsked, Parsed, parse
from handlers.grammar.tokens import MAX_CHARACTERS

SECONDS = float(os.environ.get("DOCKTALK_FUZZ_SECONDS", "0")) / 2
SLOWEST = 0.050
"""Seconds of processor time that a refusal may take."""

CATALOGUE = load()
SPELLINGS = sorted(CATALOGUE.spellings)
OPTIONS = sorted(
    {name for command in CATALOGUE.commands for opt in command.options.values() for name in opt.names}
)
VALUES = [
    "2",
    "-1",
    "0x10",
    "1.5g",
    "a=b",
    "name=x,alias=y",
    "80:80",
    "/a:/b:ro",
    "true",
    "",
    "é",
    "{{.ID}}",
    "A=B=C",
]

any_text = st.text(alphabet=st.characters(), max_size=20)


@st.composite
def misspelt(draw, words):
    """A word with one letter dropped, doubled or replaced."""
    word = draw(words)
    at = draw(st.integers(0, max(0, len(word) - 1)))
    return (
        word[:at]
        + draw(st.sampled_from(["", "x", word[at : at + 1] * 2, "-", "=", "\u2014"]))
        + word[at + 1 :]
    )


commands = st.sampled_from(SPELLINGS)
options = st.sampled_from(OPTIONS)
glued = st.tuples(options, st.sampled_from(["", "=", " "]), st.sampled_from(VALUES)).map("".join)
words = st.one_of(
    commands,
    options,
    glued,
    misspelt(commands),
    misspelt(options),
    st.sampled_from(
        [*VALUES, "--", "-", "\u2014", "docker", "help", "--help", "-H prod", ">", "|", "&&", ";", "$("]
    ),
    any_text,
    any_text.map(lambda text: f"'{text}'"),
    any_text.map(lambda text: f'"{text}'),
    st.text(alphabet="-", max_size=4),
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz", max_size=6).map(lambda letters: f"-{letters}"),
)
lines = st.one_of(
    st.tuples(st.sampled_from(["", "docker "]), commands, st.lists(words, max_size=8)).map(
        lambda parts: " ".join([parts[0] + parts[1], *parts[2]])
    ),
    st.lists(words, max_size=12).map(" ".join),
    st.text(max_size=200),
)


def answered(line):
    """Parses and, where refused, masks; returns the processor seconds a refusal took, else 0."""
    began = time.process_time()
    refusal = None
    try:
        answer = parse(line, CATALOGUE)
    except UsageFault as fault:
        refusal = fault
    if refusal is None:
        assert isinstance(answer, Parsed | HelpAsked)
        return 0.0
    text, span = masked(line, refusal.span, CATALOGUE)
    took = time.process_time() - began
    assert refusal.message
    assert refusal.span is not None
    assert 0 <= refusal.span[0] <= refusal.span[1] <= len(line)
    assert span is not None
    assert 0 <= span[0] <= span[1] <= len(text)
    if refusal.suggestion is not None:
        parse(refusal.suggestion, CATALOGUE)
    return took


@settings(max_examples=400, deadline=None)
@given(lines)
def test_every_line_is_understood_or_refused(line):
    answered(line)


LONGEST = [
    "x" * MAX_CHARACTERS,
    "docker " + "y " * 1_900,
    "docker run " + "-e " * 1_900,
    "docker ps -" + "z" * (MAX_CHARACTERS - 11),
    "docker ps --" + "no-trun" * 1_100,
    "docker ps " + "— " * 1_900,
    "docker run " + "key" * 2_600,
    "docker run " + "'" * 7_001,
    "docker run " + "\\" * 7_001,
    'docker run "' + '\\"' * 3_000,
    "docker run -e " + "a'b'" * 1_900 + "'",
    "docker run -m " + "1" * 7_900,
    "docker run -m " + "1_" * 3_900,
    "docker run -c " + "9" * 7_900,
    "docker run --network " + "a=b," * 1_900,
    "docker run -p " + "1-" * 3_900,
    "docker run nginx " + "://" * 2_500,
    "docker run --add-host " + ":" * 7_900,
    "docker run token " + ": " * 1_900,
    "docker help " + "a " * 1_900,
]


@pytest.mark.parametrize("line", LONGEST, ids=range(len(LONGEST)))
def test_the_longest_lines_are_answered(line):
    answered(line)


def _took_too_long(line):
    """Measured again before it counts: a garbage collection is nobody's refusal."""
    return min(answered(line) for _ in range(3)) >= SLOWEST


if SECONDS:

    def test_each_refusal_is_quick():
        for line in LONGEST:
            assert not _took_too_long(line)

        @settings(
            max_examples=2_000,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(lines)
        def quick(line):
            assert answered(line) < SLOWEST or not _took_too_long(line)

        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            quick()
