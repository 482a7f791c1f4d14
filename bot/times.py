"""Moments and spans as people read them; both in seconds, moments since the epoch."""

from datetime import UTC, datetime


def clock_time(at: float) -> str:
    """A moment of today: ``03:40 UTC``."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M} UTC"


def spoken_time(seconds: float) -> str:
    """A span that somebody chose, in its greatest whole unit: ``1 hour``, ``90 minutes``."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size < 1:
            number = int(seconds // size)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if seconds > 120 else f"{round(seconds)} s"


def lasted(seconds: float) -> str:
    """A span that was measured: ``3 h 20 min``."""
    if seconds < 60:
        return "less than a minute"
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
