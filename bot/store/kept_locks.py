"""The locks that people set, as the bots keep them."""

import time
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from bot.jobs.names import Names
from bot.jobs.queue import StoreDown
from bot.store.audit import AuditIntake
from bot.store.in_force import InForce, Standing
from bot.store.outbox import Locks as Sealing
from permissions.holds import Lock


class KeptLock(Standing):
    """A lock with where it was set, and by which delivery of Slack's.

    ``released_at`` (epoch seconds) is 0 while it is in force; ``released_by`` is a user's id, "" for the
    clock.
    """

    lock: Lock
    delivery_id: str
    channel_id: str
    thread_ts: str = ""
    released_at: float = 0.0
    released_by: str = ""


class KeptLocks:
    """The store of them; every method raises StoreDown."""

    def __init__(
        self, client: redis.asyncio.Redis, namespace: str, sealing: Sealing, audit: AuditIntake
    ) -> None:
        self._redis = client
        self._since = f"{Names(namespace).prefix}in-force:lock:since"
        self.records = InForce[KeptLock](client, namespace, sealing, audit, KeptLock, kind="lock", letter="K")

    async def in_force(self) -> tuple[tuple[Lock, ...], int]:
        """Those that hold, and the number of this moment: greater after every change, whatever was lost.

        A store that lost everything counts its changes from the start: so they are counted from the
        millisecond on in which the count began.
        """
        kept, changes = await self.records.as_of()
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(self._since, time.time_ns() // 1_000_000, nx=True)
                pipe.get(self._since)
                since: Any = (await pipe.execute())[1]
            turn = int(since) + changes
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return tuple(one.lock for one in kept if not one.released_at), turn
