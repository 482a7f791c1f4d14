"""Points in time as ``--since`` and ``--until`` take them: a date, seconds of the epoch, a time ago."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from handlers.context import Clock
from handlers.grammar.gonumbers import parse_int, quote
from handlers.grammar.values import parse_duration

_EPOCH = re.compile(r"[+-]?\d+(?:\.[+-]?\d+)?", re.ASCII)
_NANOSECONDS = 10**9
_ELEMENT = re.compile(r"2006|01|02|15|04|05|\.999999999|Z07:00")
_ZONE = "Z07:00"
_FRACTION = re.compile(r"[.,](\d+)", re.ASCII)
_NUMBERS = {
    "2006": re.compile(r"\d{4}", re.ASCII),
    **dict.fromkeys(("01", "02", "04", "05"), re.compile(r"\d\d", re.ASCII)),
    "15": re.compile(r"\d\d?", re.ASCII),
}
_PATTERNS = {
    **_NUMBERS,
    # The seconds have taken their fraction along.
    ".999999999": re.compile(""),
    _ZONE: re.compile(r"Z|([+-])(\d\d):(\d\d)", re.ASCII),
}
_RANGES = {
    "01": ("month", 1, 12),
    "02": ("day", 0, 31),
    "15": ("hour", 0, 23),
    "04": ("minute", 0, 59),
    "05": ("second", 0, 59),
}
_CYCLE_YEARS, _CYCLE_SECONDS = 400, 146_097 * 86_400


def check_moment(option: str, text: str) -> None:
    """Raises ValueError with the CLI's sentence when ``text`` is no point in time; "" is none at all."""
    if not text or _ago(text) is not None:
        return
    try:
        _read(text)
    except ValueError as error:
        if "-" in text:
            raise ValueError(f"invalid value for {quote(option)}: {error}") from None
        if not _epoch(text):
            problem = f"failed to parse value as time or duration: {quote(text)}"
            raise ValueError(f"invalid value for {quote(option)}: {problem}") from None


def moment(text: str, clock: Clock) -> str | None:
    """What the engine is asked for a text that :func:`check_moment` let pass; None for ""."""
    if not text:
        return None
    ago = _ago(text)
    if ago is not None:
        return str((int(clock.now * _NANOSECONDS) - ago) // _NANOSECONDS)
    try:
        date = _read(text)
    except ValueError:
        return text
    here = datetime.fromtimestamp(clock.now, clock.zone).utcoffset() or timedelta()
    offset = here if date.offset is None else date.offset
    seconds = date.seconds() - int(offset.total_seconds())
    return f"{seconds}.{date.fraction.ljust(9, '0')[:9]}"


def _ago(text: str) -> int | None:
    """Nanoseconds of a duration; a bare 0 is a second of the epoch."""
    if text == "0":
        return None
    try:
        return parse_duration(text)
    except ValueError:
        return None


def _epoch(text: str) -> bool:
    """Whether it is seconds of the epoch, with or without a fraction."""
    if not _EPOCH.fullmatch(text):
        return False
    try:
        for part in text.split("."):
            parse_int(part, base=10)
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class _Date:
    """A date as it was written, its numbers by their element; ``offset`` is None where it names no zone."""

    numbers: dict[str, int] = field(default_factory=dict)
    fraction: str = ""
    offset: timedelta | None = None

    def seconds(self) -> int:
        """Seconds of the epoch as if it were in UTC; raises ValueError for a day that the month has not."""
        names = ("2006", "01", "02", "15", "04", "05")
        year, month, day, hour, minute, second = (self.numbers.get(name, 0) for name in names)
        # Python has no year 0; the calendar repeats itself every 400 years.
        cycles = int(year < 1)
        at = datetime(year + cycles * _CYCLE_YEARS, month, day, hour, minute, second, tzinfo=UTC)
        return int(at.timestamp()) - cycles * _CYCLE_SECONDS


def _layout(text: str) -> str:
    """Go's layout that the CLI reads the text with, chosen by the marks in it."""
    local = not (set(text) & set("zZ+") or text.count("-") == 3)
    zone = "" if local else "Z07:00"
    if "." in text:
        return f"2006-01-02T15:04:05.999999999{zone}"
    if "T" not in text:
        return f"2006-01-02{zone}"
    colons = text.count(":")
    if not local and not set(text) & set("zZ"):
        colons -= 1
    clock = {0: "15", 1: "15:04"}.get(max(colons, 0), "15:04:05")
    return f"2006-01-02T{clock}{zone}"


def _read(text: str) -> _Date:
    """The date, element by element as Go reads it; raises ValueError with Go's sentence."""
    layout, rest = _layout(text), text
    date = _Date()
    for element in _elements(layout):
        match = _PATTERNS[element].match(rest) if element in _PATTERNS else re.match(element, rest)
        if match is None:
            raise ValueError(
                f"parsing time {quote(text)} as {quote(layout)}: "
                f"cannot parse {quote(rest)} as {quote(element)}"
            )
        rest = _take(date, element, match, rest[match.end() :])
        if wrong := _out_of_range(element, match.group()):
            raise ValueError(f"parsing time {quote(text)}: {wrong} out of range")
    if rest:
        raise ValueError(f"parsing time {quote(text)}: extra text: {quote(rest)}")
    try:
        date.seconds()
    except ValueError:
        raise ValueError(f"parsing time {quote(text)}: day out of range") from None
    return date


def _elements(layout: str) -> Iterator[str]:
    """The layout's elements and the text between them, in order."""
    at = 0
    for match in _ELEMENT.finditer(layout):
        if match.start() > at:
            yield layout[at : match.start()]
        yield match.group()
        at = match.end()


def _take(date: _Date, element: str, match: re.Match[str], rest: str) -> str:
    """Keeps what an element was read as; the rest, without a fraction that follows the seconds unasked."""
    if element in _NUMBERS:
        date.numbers[element] = int(match.group())
        if element == "05" and (fraction := _FRACTION.match(rest)):
            date.fraction = fraction[1]
            return rest[fraction.end() :]
    elif element == _ZONE and match.group() != "Z":
        ahead = timedelta(hours=int(match[2]), minutes=int(match[3]))
        date.offset = -ahead if match[1] == "-" else ahead
    elif element == _ZONE:
        date.offset = timedelta()
    return rest


def _out_of_range(element: str, text: str) -> str:
    """The name of a part whose number cannot be; a month's length is looked at last, as in Go."""
    parts = [(_RANGES[element], text)] if element in _RANGES else []
    if element == _ZONE and text != "Z":
        parts = [
            (("time zone offset hour", 0, 24), text[1:3]),
            (("time zone offset minute", 0, 60), text[4:]),
        ]
    return next((name for (name, least, most), number in parts if not least <= int(number) <= most), "")
