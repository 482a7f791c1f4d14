"""Value types: how the text of an option becomes a value, with Go's and pflag's rules and messages.

Values are JSON-able, so that a command travels as it is: durations are nanoseconds, sizes bytes, CPUs
billionths. Lists whose items docker's parser checks stand in ``lists.py``.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from goduration import Duration, DurationParseError

from handlers.grammar.gonumbers import parse_bool, parse_float, parse_int, parse_rational, parse_uint


@dataclass(frozen=True, slots=True)
class ValueType:
    """One of docker's option types.

    ``word`` stands behind the option in help (``string``, ``int``, ``list``, ``bytes``…; "" for a bool).
    ``parse`` turns one text into one value and raises ValueError with the CLI's own message; ``show``
    turns a value back into a text that parses to it.
    ``repeatable`` options collect a tuple, others keep the last. ``split`` ones take several texts
    from one. ``bare`` is the text a bare option stands for (pflag's NoOptDefVal): "true" for a bool.
    """

    word: str
    parse: Callable[[str], Any]
    repeatable: bool = False
    bare: str | None = None
    show: Callable[[Any], str] = str
    split: Callable[[str], list[str]] | None = None


def parse_duration(text: str) -> int:
    """A Go duration (``1h2m3.5s``) in nanoseconds; raises ValueError with Go's message."""
    try:
        nanoseconds = int(Duration.parse(text).nanoseconds)
    except DurationParseError as error:
        raise ValueError(str(error)) from None
    return nanoseconds


_UNITS: dict[str, int] = {unit: 1024**power for power, unit in enumerate("kmgtp", start=1)}
_MOST, _LEAST = 2**63 - 1, -(2**63)


def parse_bytes(text: str) -> int:
    """A size in bytes: a number with an optional b, k, m, g, t, p (``KiB`` and ``kb`` likewise).

    Raises ValueError with the message of docker's own parser. A size beyond 64 bits becomes the
    lowest number, as on the machines docker runs on; the engine refuses it.
    """
    last = max((text.rfind(c) for c in "0123456789. "), default=-1)
    if last == -1:
        raise ValueError(f"invalid size: '{text}'")
    number, suffix = text[: last + (text[last] != " ")], text[last + 1 :]
    size = parse_float(number)
    if size < 0:
        raise ValueError(f"invalid size: '{text}'")
    if suffix:
        size *= _multiplier(suffix)
    return int(size) if size <= _MOST else _LEAST


def _multiplier(suffix: str) -> int:
    unit = suffix.lower()
    if unit == "b":
        return 1
    if unit[0] in _UNITS and unit[1:] in ("", "b", "ib"):
        return _UNITS[unit[0]]
    raise ValueError(f"invalid suffix: '{suffix if len(suffix.encode()) > 3 else unit}'")


def parse_swap(text: str) -> int:
    """As :func:`parse_bytes`; ``-1`` means no limit."""
    return -1 if text == "-1" else parse_bytes(text)


def parse_cpus(text: str) -> int:
    """A number of CPUs (``1.5``, ``3/2``) in billionths; raises ValueError with docker's message.

    What is beyond 64 bits becomes another number, as in the CLI; the engine refuses it.
    """
    try:
        billionths = parse_rational(text) * 10**9
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"failed to parse {text} as a rational number") from None
    if billionths.denominator != 1:
        raise ValueError("value is too precise")
    low = billionths.numerator & (2**64 - 1)
    return low - 2**64 if low > _MOST else low


def show_cpus(billionths: int) -> str:
    """The decimal that :func:`parse_cpus` reads back."""
    return f"{Fraction(billionths, 10**9)}"


def parse_filter(text: str) -> str:
    """One ``name=value`` condition, the name in lower case, blanks around both gone; "" stays ""."""
    if not text:
        return ""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError("bad format of filter (expected name=value)")
    return f"{name.strip().lower()}={value.strip()}"


def filter_query(conditions: Iterable[str]) -> str | None:
    """The engine's ``filters`` parameter for parsed conditions, as the CLI sends it; None without any."""
    query: dict[str, dict[str, bool]] = {}
    for condition in conditions:
        if condition:
            name, _, value = condition.partition("=")
            query.setdefault(name, {})[value] = True
    return json.dumps(query, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if query else None


def parse_pair(text: str) -> str:
    """One ``key=value`` of a map (``--driver-opt``): kept as it is; a key alone means an empty value."""
    return text


def _show_bool(value: bool) -> str:
    return "true" if value else "false"


def _show_nanoseconds(value: int) -> str:
    return f"{value}ns"


STRING = ValueType("string", str)
BOOL = ValueType("", parse_bool, bare="true", show=_show_bool)
INT = ValueType("int", parse_int)
INT64 = INT
"""Go's int has 64 bits wherever docker runs."""
UINT = ValueType("uint", parse_uint)
UINT16 = ValueType("uint16", lambda text: parse_uint(text, 16))
DECIMAL = ValueType("decimal", parse_cpus, show=show_cpus)
DURATION = ValueType("duration", parse_duration, show=_show_nanoseconds)
BYTES = ValueType("bytes", parse_bytes)
SWAP_BYTES = ValueType("bytes", parse_swap)
LIST = ValueType("list", str, repeatable=True)
FILTER = ValueType("filter", parse_filter, repeatable=True)
MAP = ValueType("map", parse_pair, repeatable=True)
