"""What Slack hands out for a short while: trigger ids (3 s, once) and response URLs (30 min, 5 times)."""

import itertools
import secrets
from dataclasses import dataclass

from bot.standin.clock import Clock

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_TIMES = 5


@dataclass(slots=True)
class Trigger:
    """A trigger id's user and age; ``used`` once a modal was opened with it."""

    user: str
    at: float
    used: bool = False


@dataclass(slots=True)
class ResponsePass:
    """Where a response URL leads: a channel, the user who acted and the message that was acted upon."""

    channel: str
    user: str
    at: float
    ts: str | None = None
    thread_ts: str | None = None
    times: int = 0


class Passes:
    """Both kinds, by their secret names."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._triggers: dict[str, Trigger] = {}
        self._responses: dict[str, ResponsePass] = {}

    def trigger(self, user: str) -> str:
        """A new trigger id."""
        name = f"{next(self._numbers)}.{int(self._clock.now())}.{secrets.token_hex(16)}"
        self._triggers[name] = Trigger(user, self._clock.now())
        return name

    def exchange(self, name: str) -> str | Trigger:
        """Uses a trigger id up: the Trigger, or the error Slack answers."""
        trigger = self._triggers.get(name)
        if trigger is None:
            return "invalid_trigger_id"
        if trigger.used:
            return "exchanged_trigger_id"
        if self._clock.now() - trigger.at > TRIGGER_SECONDS:
            return "expired_trigger_id"
        trigger.used = True
        return trigger

    def response(
        self, channel: str, user: str, *, ts: str | None = None, thread_ts: str | None = None
    ) -> str:
        """The secret path of a new response URL."""
        name = secrets.token_urlsafe(18)
        self._responses[name] = ResponsePass(channel, user, self._clock.now(), ts, thread_ts)
        return name

    def use_response(self, name: str) -> str | ResponsePass:
        """Uses a response URL once: where it leads, or the error Slack answers."""
        found = self._responses.get(name)
        if found is None or self._clock.now() - found.at > RESPONSE_SECONDS:
            return "expired_url"
        if found.times >= RESPONSE_TIMES:
            return "used_url"
        found.times += 1
        return found
