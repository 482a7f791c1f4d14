"""What the lines of a thread are about: one record for each thread, locked with the bot's own key.

It ends after an idle hour. Whoever writes to Redis can take it away, or put back an earlier one of the same
thread and hour; a change under it says first where it would go.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from bot.jobs.names import Names
from bot.jobs.queue import StoreDown
from bot.store.locked import Locked, Locks
from permissions.model import Record

log = structlog.get_logger(__name__)

IDLE_SECONDS = 3600
"""An hour without a line that used it: whoever comes back then has other things in mind."""


class ThreadTarget(Record):
    """``container`` is "" for a host alone. ``used_at`` (epoch seconds) is when a line last used it."""

    channel_id: str
    thread_ts: str
    host: str
    container: str = ""
    user_id: str
    user_name: str
    used_at: float


class ThreadTargets:
    """The store of them; every method raises StoreDown. ``clock`` is epoch seconds."""

    def __init__(
        self, client: redis.asyncio.Redis, namespace: str, locks: Locks, clock: Callable[[], float]
    ) -> None:
        self._redis = client
        self._names = Names(namespace)
        self._locked = Locked(locks, ThreadTarget, "thread target")
        self._clock = clock
        self._refresh = client.register_script(_REFRESH)

    async def set(self, target: ThreadTarget) -> None:
        """Gives a thread its target; what it had before is forgotten."""
        key = self._key(target.channel_id, target.thread_ts)
        try:
            await self._redis.set(key, self._locked.lock(target), ex=IDLE_SECONDS)
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def clear(self, channel_id: str, thread_ts: str) -> bool:
        """Forgets it; whether there was one."""
        try:
            return bool(await self._redis.delete(self._key(channel_id, thread_ts)))
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def of(self, channel_id: str, thread_ts: str, *, used: bool = False) -> ThreadTarget | None:
        """The target of a thread, None where there is none; ``used`` gives it another hour."""
        key = self._key(channel_id, thread_ts)
        try:
            blob: Any = await self._redis.get(key)
            target = self._read(blob, channel_id, thread_ts) if blob is not None else None
            if target is not None and used:
                # Not over what somebody has set meanwhile.
                later = self._locked.lock(target.model_copy(update={"used_at": self._clock()}))
                await self._refresh([key], [blob, later, IDLE_SECONDS])
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return target

    def _read(self, blob: bytes, channel_id: str, thread_ts: str) -> ThreadTarget | None:
        target = self._locked.unlock(blob)
        if target is None or (target.channel_id, target.thread_ts) != (channel_id, thread_ts):
            log.warning("thread target refused", channel_id=channel_id)
            return None
        return target if self._clock() - target.used_at < IDLE_SECONDS else None

    def _key(self, channel_id: str, thread_ts: str) -> str:
        return f"{self._names.prefix}thread-target:{channel_id}:{thread_ts}"


_REFRESH = Path(__file__).with_name("thread_target.lua").read_text("utf-8")
