"""Slack's rate limits: per method and workspace, and about one message a second per channel."""

import math
from dataclasses import dataclass

from bot.standin.clock import Clock

_T1, _T2, _T3, _T4 = 1, 20, 50, 100

PER_MINUTE: dict[str, int] = {
    "apps.connections.open": _T3,  # tier 1 on an older page of the documentation
    "auth.test": 600,
    "blocks.validate": _T3,
    "chat.delete": _T3,
    "chat.postEphemeral": _T4,
    "chat.postMessage": 400,  # "several hundred per minute"
    "chat.update": _T3,
    "conversations.history": _T3,
    "conversations.info": _T3,
    "conversations.open": _T3,
    "conversations.replies": _T3,
    "files.completeUploadExternal": _T4,
    "files.getUploadURLExternal": _T4,
    "reactions.add": _T3,
    "usergroups.list": _T2,
    "usergroups.users.list": _T2,
    "users.info": _T4,
    "views.open": _T4,
    "views.publish": _T4,
    "views.push": _T4,
    "views.update": _T4,
}
"""Calls a minute that a workspace grants one app; a method that is not here is not limited."""

CHANNEL_BURST = 5
"""Messages a channel takes at once; after that one a second."""


@dataclass(slots=True)
class _Bucket:
    """A token bucket: ``held`` tokens at ``at``, refilled by ``rate`` a second up to ``size``."""

    size: float
    rate: float
    held: float
    at: float

    def take(self, now: float) -> float:
        """0.0 when a token was there, else the seconds until one is."""
        self.held = min(self.size, self.held + (now - self.at) * self.rate)
        self.at = now
        # Not quite 1: a caller who waits exactly as told must not fail on a rounding.
        if self.held >= 1 - 1e-6:
            self.held -= 1
            return 0.0
        return (1 - self.held) / self.rate


class Rates:
    """Counts calls and says when one is too many.

    Off, it refuses nothing and only counts: ``refused`` stays the number of calls that a limit *would*
    have refused, so a benchmark can say what it measured.
    """

    def __init__(self, clock: Clock, *, on: bool, channel_burst: int = CHANNEL_BURST) -> None:
        self.clock = clock
        self.on = on
        self.channel_burst = channel_burst
        self.per_minute = dict(PER_MINUTE)
        self.refused = 0
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def wait(self, method: str, team: str, channel: str | None) -> int | None:
        """Seconds for ``Retry-After`` when this call is too many, None when it may go on."""
        now = self.clock.now()
        seconds = 0.0
        if method == "chat.postMessage" and channel:
            seconds = self._take((f"channel {channel}", team), self.channel_burst, 1.0, now)
        grant = self.per_minute.get(method)
        if not seconds and grant is not None:
            seconds = self._take((method, team), grant, grant / 60, now)
        if not seconds:
            return None
        self.refused += 1
        return max(1, math.ceil(seconds)) if self.on else None

    def _take(self, key: tuple[str, str], size: float, rate: float, now: float) -> float:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(size, rate, size, now)
        return bucket.take(now)
