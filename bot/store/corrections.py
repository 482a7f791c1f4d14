"""Lines behind a button: kept ten minutes if nothing else is said, locked with the bot's own key, given once.

A line can hold secrets, so Redis sees neither the line nor who may run it.
"""

import secrets
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from bot.jobs.queue import StoreDown
from bot.request import Request
from bot.store.locked import Locked, Locks
from permissions.model import Record

KEPT_SECONDS = 600


class Correction(Record):
    """A line that its asker may run by a click; ``id`` is the opaque value of the button.

    ``confirmed``: the click is the yes to the line's question, not a correction. ``again``: it queues the
    line though a job does the same already. ``of``: it is the line of that job, to be run once more.
    """

    id: str
    user_id: str
    channel_id: str
    thread_ts: str
    program: str
    text: str
    confirmed: bool = False
    again: bool = False
    of: str = ""


class Corrections:
    """The store of corrected lines; every method raises StoreDown."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, locks: Locks) -> None:
        self._redis = client
        self._prefix = f"{{{namespace}}}:correction:"
        self._locked = Locked(locks, Correction, "correction")

    async def put(
        self,
        *,
        user_id: str,
        channel_id: str,
        thread_ts: str,
        program: str,
        text: str,
        confirmed: bool = False,
        again: bool = False,
        of: str = "",
        seconds: int = KEPT_SECONDS,
    ) -> str:
        """Keeps a line and returns the opaque id that only ``user_id`` can take it by."""
        correction = Correction(
            id=secrets.token_urlsafe(16),
            user_id=user_id,
            channel_id=channel_id,
            thread_ts=thread_ts,
            program=program,
            text=text,
            confirmed=confirmed,
            again=again,
            of=of,
        )
        try:
            await self._redis.set(self._prefix + correction.id, self._locked.lock(correction), ex=seconds)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return correction.id

    async def keep(
        self, request: Request, text: str = "", *, confirmed: bool = False, again: bool = False
    ) -> str:
        """Keeps the request's line, or ``text`` in its place, as :meth:`put` does."""
        return await self.put(
            user_id=request.user_id,
            channel_id=request.channel_id,
            thread_ts=request.thread_ts,
            program=request.program,
            text=text or request.text,
            confirmed=confirmed,
            again=again,
        )

    async def take(self, correction_id: str, user_id: str) -> Correction | None:
        """The line, once, and for its asker alone; None when it is gone, altered or another's."""
        key = self._prefix + correction_id
        try:
            blob: Any = await self._redis.get(key)
            correction = self._locked.unlock(blob) if blob is not None else None
            if correction is None or correction.id != correction_id:
                return None
            # Somebody else's click leaves the line to its asker; of two clicks one deletes the key.
            if correction.user_id != user_id or not await self._redis.delete(key):
                return None
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return correction
