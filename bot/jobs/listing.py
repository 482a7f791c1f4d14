"""Which jobs run or wait on a host: read from its queue for people, never to decide anything by."""

from dataclasses import dataclass
from typing import Any, Literal

import redis.asyncio
from redis.exceptions import RedisError

from bot.jobs.names import LANES, Names
from bot.jobs.queue import StoreDown

MOST = 100
"""How many waiting jobs of a lane are read."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One job of a host."""

    job_id: str
    state: Literal["running", "waiting", "held"]


class Listing:
    """Reads the queues; raises StoreDown."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._redis = client
        self._names = Names(namespace)

    async def jobs(self, host: str) -> list[Listed]:
        """The host's jobs: those that run, then those that wait, the most urgent first, then the held."""
        running, waiting = await self._read(host)
        try:
            held: Any = await self._redis.hkeys(self._names.held(host))
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return [
            *(Listed(job_id, "running") for job_id in running),
            *(Listed(job_id, "waiting") for job_id, _ in waiting),
            *(Listed(job.decode("utf-8", "replace"), "held") for job in held),
        ]

    async def depth(self, host: str) -> tuple[int, int, float]:
        """How many jobs run, how many wait (MOST of a lane), since when (epoch seconds, 0 for never)."""
        running, waiting = await self._read(host)
        return len(running), len(waiting), min((at for _, at in waiting), default=0.0)

    async def tickets(self, host: str) -> list[str]:
        """Those of the host's jobs that wait or run: what the store has, which nobody has verified."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for lane in LANES:
                    pipe.xrange(self._names.stream(host, lane))
                lanes = await pipe.execute()
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        entries = (fields or {} for lane in lanes for _, fields in lane)
        return [fields.get(b"ticket", b"").decode("utf-8", "replace") for fields in entries]

    async def _read(self, host: str) -> tuple[list[str], list[tuple[str, float]]]:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zrange(self._names.claims(host), 0, -1)
                for lane in LANES:
                    pipe.xrange(self._names.stream(host, lane), count=MOST)
                claimed, *lanes = await pipe.execute()
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        running = [job.decode() for job in claimed]
        # An entry stays in its lane until its job has ended.
        entries = [
            (_job(fields), int(entry_id.partition(b"-")[0]) / 1000)
            for lane in lanes
            for entry_id, fields in lane
        ]
        return running, [(job_id, at) for job_id, at in entries if job_id and job_id not in running]


def _job(fields: dict[bytes, bytes] | None) -> str:
    return (fields or {}).get(b"job", b"").decode("utf-8", "replace")
