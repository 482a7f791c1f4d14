"""Jobs that are held: kept with their tickets until what holds them is gone, or somebody takes them back."""

from typing import Any

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from bot.jobs.names import Names, script
from bot.jobs.queue import StoreDown
from bot.store.locked import Locked, Locks
from permissions.model import Record

log = structlog.get_logger(__name__)


class HeldJob(Record):
    """A job that waits for the end of a lock or a freeze, by id or name; ``ticket`` is its ticket's JSON."""

    job_id: str
    host: str
    ticket: str
    lock: str = ""
    freeze: str = ""


class HeldStore:
    """A hash for each host, job by job, locked with the bot's own key; every method raises StoreDown.

    Queueing a job again and cancelling it take it out of here, in one step each (again.lua, cancel.lua).
    """

    def __init__(self, client: redis.asyncio.Redis, namespace: str, locks: Locks) -> None:
        self._redis = client
        self._names = Names(namespace)
        self._locked = Locked(locks, HeldJob, "held job")
        self._hold = client.register_script(script("hold"))

    async def keep(self, job: HeldJob) -> bool:
        """Keeps it; False where it is queued again, at work or over by now."""
        keys = [self._names.prefix, self._names.request(job.job_id)]
        try:
            return bool(await self._hold(keys, [job.host, job.job_id, self._locked.lock(job)]) == b"held")
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def on(self, host: str) -> list[HeldJob]:
        """Those of a host. What was altered is dropped: nothing may be run by it."""
        try:
            found: Any = await self._redis.hgetall(self._names.held(host))
            read = {job: self._read(host, job, blob) for job, blob in found.items()}
            wrong = [job for job, held in read.items() if held is None]
            if wrong:
                log.warning("held jobs refused", host=host, jobs=len(wrong))
                await self._redis.hdel(self._names.held(host), *wrong)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return [held for held in read.values() if held is not None]

    async def forget(self, job: HeldJob) -> None:
        """It is held no more."""
        try:
            await self._redis.hdel(self._names.held(job.host), job.job_id)
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    def _read(self, host: str, job_id: bytes, blob: bytes) -> HeldJob | None:
        held = self._locked.unlock(blob)
        ours = held is not None and (held.job_id.encode(), held.host) == (job_id, host)
        return held if ours else None
