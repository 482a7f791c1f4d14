"""Points in time as ``--since`` and ``--until`` take them: a date, seconds of the epoch, a time ago."""

import re
from datetime import UTC, datetime, timedelta

from handlers.context import Clock
from handlers.grammar.gonumbers import parse_int, quote
from handlers.grammar.values import parse_duration

_DATE = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_EPOCH = re.compile(r"[+-]?\d+(?:\.[+-]?\d+)?", re.ASCII)
_NANOSECONDS = 10**9


def check_moment(option: str, text: str) -> None:
    """Raises ValueError with the CLI's sentence when ``text`` is no point in time; "" is none at all."""
    if text and not (_ago(text) is not None or _date(text, timedelta()) or _epoch(text)):
        problem = f"failed to parse value as time or duration: {quote(text)}"
        if "-" in text:
            problem = f"parsing time {quote(text)}: it is no date such as 2013-01-02T13:23:37Z"
        raise ValueError(f"invalid value for {quote(option)}: {problem}")


def moment(text: str, clock: Clock) -> str | None:
    """What the engine is asked for a text that :func:`check_moment` let pass; None for ""."""
    if not text:
        return None
    ago = _ago(text)
    if ago is not None:
        return str((int(clock.now * _NANOSECONDS) - ago) // _NANOSECONDS)
    offset = datetime.fromtimestamp(clock.now, clock.zone).utcoffset() or timedelta()
    return _date(text, offset) or text


def _ago(text: str) -> int | None:
    """Nanoseconds of a duration; a bare 0 is a second of the epoch."""
    if text == "0":
        return None
    try:
        return parse_duration(text)
    except ValueError:
        return None


def _date(text: str, offset: timedelta) -> str:
    """``seconds.nanoseconds`` of a date, local where it names no zone; "" when it is none."""
    match = _DATE.fullmatch(text)
    if match is None:
        return ""
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if zone == "Z":
        offset = timedelta()
    elif zone:
        hours, minutes = int(zone[1:3]), int(zone[4:])
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    try:
        at = datetime(  # noqa: DTZ001 - the zone is applied below: Go allows offsets that Python does not
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)
        )
    except ValueError:
        return ""
    seconds = int(at.replace(tzinfo=UTC).timestamp() - offset.total_seconds())
    return f"{seconds}.{(fraction or '').ljust(9, '0')[:9]}"


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
