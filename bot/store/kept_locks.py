"""The locks that people set, as the bots keep them."""

import redis.asyncio

from bot.store.audit import AuditIntake
from bot.store.in_force import InForce, Standing
from bot.store.locked import Locks as Sealing
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
        self.records = InForce[KeptLock](client, namespace, sealing, audit, KeptLock, kind="lock", letter="K")

    async def in_force(self) -> tuple[Lock, ...]:
        """Those that hold."""
        return tuple(one.lock for one in await self.records.all() if not one.released_at)
