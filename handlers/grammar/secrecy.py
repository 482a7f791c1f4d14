"""What of a line may be repeated to people: the marks of a secret, and the mask in its place."""

import re
from typing import NamedTuple

from handlers.grammar.command import Opt

BULLET = "\N{BULLET}"
MASK = BULLET * 4

SHORTEST = 4
"""A shorter value is no secret worth hiding; messages about it stay exact."""

_WORDS = "pass|pwd|secret|token|key|auth|cred|private|session|cookie|signature|bearer|dsn|webhook"
SECRET_NAME = re.compile(f"(?:{_WORDS})", re.IGNORECASE)

# Bounded repeats, and no repeat before the words: no text makes this look at a character many times.
_PAIR = re.compile(
    rf"(?:{_WORDS})[\w.\-]{{0,64}}(?:=|[\"']?\s{{0,4}}:\s{{0,4}}[\"']|\s{{0,4}}:\s{{1,4}})", re.IGNORECASE
)
_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_NAME = re.compile(r"[A-Za-z_][\w.\-]{0,127}=", re.ASCII)


class Region(NamedTuple):
    """A part of a text that is masked."""

    start: int
    end: int


def secret_regions(text: str) -> list[Region]:
    """The value of a ``NAME=VALUE`` whose name looks secret, and user data in a URL."""
    regions = [Region(*match.span()) for match in _USERINFO.finditer(text)]
    pair = _PAIR.search(text)
    if pair is not None and pair.end() < len(text):
        regions.append(Region(pair.end(), len(text)))
    return regions


def looks_secret(name: str) -> bool:
    """Whether an option or variable of that name is likely to hold a secret."""
    return SECRET_NAME.search(name) is not None


def secret_part(opt: Opt, text: str) -> Region:
    """What to mask of a secret option's value: all but the name before ``=``, where it has names."""
    named = _NAME.match(text) if opt.type.repeatable else None
    return Region(named.end() if named else 0, len(text))


def masked_value(opt: Opt, text: str) -> str:
    """An option's value as it may be shown."""
    if opt.secret:
        return replace(text, [secret_part(opt, text)])
    return replace(text, [region for region in secret_regions(text) if region.end - region.start >= SHORTEST])


def repeatable_text(text: str) -> str:
    """A misread word as a message may repeat it: what follows ``=`` may be anything, so it is masked."""
    before, equals, value = text.partition("=")
    return before + equals + MASK if len(value) >= SHORTEST else replace(text, secret_regions(text))


def replace(text: str, regions: list[Region]) -> str:
    """The text with the mask in place of each region; overlapping regions become one."""
    parts, at = [], 0
    for start, end in merged(regions):
        parts += [text[at:start], MASK]
        at = end
    return "".join([*parts, text[at:]])


def merged(regions: list[Region]) -> list[Region]:
    """The regions in order, those that touch made one, empty ones left out."""
    result: list[Region] = []
    for region in sorted(region for region in regions if region.start < region.end):
        if result and region.start <= result[-1].end:
            result[-1] = Region(result[-1].start, max(result[-1].end, region.end))
        else:
            result.append(region)
    return result
