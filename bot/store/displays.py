"""How the messages of running jobs are shown: what people changed about it, beside what the worker tells.

What people changed is locked with the bot's own key; what the worker tells is its word on its own job.
"""

from typing import Any

import redis.asyncio
import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from bot.jobs.names import Names
from bot.jobs.queue import StoreDown
from bot.jobs.wire import LIVE_BYTES, Progress
from bot.store.locked import Locked, Locks
from permissions.approval import Bound
from permissions.model import Record
from permissions.ticket import CommandWire

log = structlog.get_logger(__name__)

KEPT_SECONDS = 86_400
_MOST_BYTES = 4 * LIVE_BYTES
"""The JSON of a progress; whoever can write to the store could make it longer."""


class Doubt(Record):
    """A change whose outcome is not sure: how to look at it again, and what was seen last, at ``seen_at``.

    ``nonce``, ``since``, ``command`` and ``agreed`` are a CheckOrder's. ``reason`` is a result's, "" for
    done, ``text`` the sentences. ``line_id`` is the opaque id of the line that its asker may run again,
    ``again`` the job that came of it. ``looking``: ``asked_by`` has asked at ``asked_at`` for another look.
    Times are epoch seconds.
    """

    nonce: str
    since: float
    command: CommandWire
    agreed: tuple[Bound, ...] = ()
    line_id: str = ""
    reason: str
    text: str
    seen_at: float
    looking: bool = False
    asked_by: str = ""
    asked_at: float = 0.0
    again: str = ""


class Display(Record):
    """What people changed: whether the message rests, who stopped the job; and the doubt about its end."""

    job_id: str
    paused: bool = False
    stopped_by: str = ""
    doubt: Doubt | None = None


class Displays:
    """The store of both; every method raises StoreDown."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, locks: Locks) -> None:
        self._redis = client
        self._names = Names(namespace)
        self._locked = Locked(locks, Display, "display")

    async def read(self, job_id: str) -> tuple[Display, Progress | None]:
        """What people changed and what the worker told last; the next news is an event again."""
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.delete(self._names.live_told(job_id))
                pipe.get(self._key(job_id))
                pipe.get(self._names.live(job_id))
                _, display, progress = await pipe.execute()
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return self._display(job_id, display), _progress(job_id, progress)

    async def change(self, job_id: str, **changes: Any) -> None:
        """Changes what people may change."""
        try:
            kept: Any = await self._redis.get(self._key(job_id))
            display = self._display(job_id, kept).model_copy(update=changes)
            await self._redis.set(self._key(job_id), self._locked.lock(display), ex=KEPT_SECONDS)
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    def _key(self, job_id: str) -> str:
        return f"{self._names.prefix}display:{job_id}"

    def _display(self, job_id: str, blob: bytes | None) -> Display:
        if blob is None:
            return Display(job_id=job_id)
        display = self._locked.unlock(blob)
        if display is None or display.job_id != job_id:
            log.warning("display refused", job_id=job_id)
            return Display(job_id=job_id)
        return display


def _progress(job_id: str, text: bytes | None) -> Progress | None:
    if not text or len(text) > _MOST_BYTES:
        return None
    try:
        progress = Progress.model_validate_json(text)
    except ValidationError:
        log.warning("progress refused", job_id=job_id)
        return None
    return progress if progress.job_id == job_id else None
