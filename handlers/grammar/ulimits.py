"""The value of ``--ulimit``: ``nofile=1024:2048``."""

from handlers.grammar.gonumbers import parse_int
from handlers.grammar.values import ValueType
from permissions.model import Record

NAMES = frozenset(
    {
        *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc"),
        *("rss", "rtprio", "rttime", "sigpending", "stack"),
    }
)


class Ulimit(Record):
    """One limit; -1 is none."""

    name: str
    soft: int
    hard: int


def parse_ulimit(text: str) -> Ulimit:
    """``NAME=SOFT[:HARD]``; raises ValueError with the CLI's message."""
    name, equals, limits = text.partition("=")
    if not equals:
        raise ValueError(f"invalid ulimit argument: {text}")
    if name not in NAMES:
        raise ValueError(f"invalid ulimit type: {name}")
    values = limits.split(":")
    if len(values) > 2:
        raise ValueError(f"too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")
    hard = parse_int(values[-1], base=10)
    soft = parse_int(values[0], base=10)
    if hard != -1 and (soft == -1 or soft > hard):
        which = f"soft: -1 (unlimited), hard: {hard}" if soft == -1 else f"{soft} > {hard}"
        raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {which}")
    return Ulimit(name=name, soft=soft, hard=hard)


def _checked(text: str) -> str:
    parse_ulimit(text)
    return text


ULIMIT = ValueType("ulimit", _checked, repeatable=True)
