"""Points in time as the engine writes them."""

from datetime import datetime


def epoch(text: str | None) -> float:
    """Epoch seconds of an RFC 3339 time; a time that was not sent is the year 1, as in Go."""
    return datetime.fromisoformat(text or "0001-01-01T00:00:00Z").timestamp()
