"""Jobs that a worker held: kept until the lock or freeze is gone, then decided anew under the same nonce."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.again import Again
from bot.clockwork import look_after
from bot.hosts import Hosts
from bot.jobs.names import AGAIN_SECONDS
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Held
from bot.policy.file import PolicyHolder
from bot.store.held_jobs import HeldJob, HeldStore
from bot.store.kept_locks import KeptLocks
from bot.store.records import RequestRecord
from permissions.holds import Hold, Lock, by_freeze, by_lock
from permissions.matching import covers_host

Released = Callable[[RequestRecord, str], Awaitable[bool]]
"""Decides a job of this ticket anew and shows it; whether it is in the queue again."""


@dataclass(frozen=True)
class HeldJobs:
    """What holds a job the bot knows by itself: a worker only names it. ``clock`` is epoch seconds."""

    store: HeldStore
    locks: KeptLocks
    policy: PolicyHolder
    hosts: Hosts
    queue: BotQueue
    again: Again
    clock: Callable[[], float]

    async def keep(self, record: RequestRecord, event: Held) -> Hold | None:
        """Keeps the job; what it waits for, None where that is gone by now, or the job is there already.

        Raises Fault for a ticket that is not its own, or too old.
        """
        self.again.claims(record, event.ticket)
        job = HeldJob(
            job_id=record.job_id,
            host=record.host,
            ticket=event.ticket,
            lock=event.lock,
            freeze=event.freeze,
        )
        if not await self.store.keep(job):
            return None
        locks = await self.locks.in_force()
        return self._hold(job, locks)

    async def tick(self, released: Released) -> None:
        """Lets go what is held no longer; what is held for a day ends. Raises StoreDown."""
        locks = await self.locks.in_force()
        for host in self.hosts.known:
            for job in await self.store.on(host.name):
                await look_after("held job", self._due(job, locks, released), job_id=job.job_id)

    async def _due(self, job: HeldJob, locks: tuple[Lock, ...], released: Released) -> None:
        record = await self.queue.request(job.job_id)
        if record is None:
            await self.store.forget(job)
            return
        too_old = self.clock() - record.accepted_at > AGAIN_SECONDS
        if self._hold(job, locks) is not None and not too_old:
            return
        # Queued again, it is taken out of the store by the same step; else it is its asker's, or over.
        if not await released(record, job.ticket):
            await self.store.forget(job)

    def _hold(self, job: HeldJob, locks: tuple[Lock, ...]) -> Hold | None:
        """What holds it, while that lasts; nothing of other hosts, whatever its worker names."""
        now, host = self.clock(), self.hosts.find(job.host)
        if host is None:
            return None
        if job.lock:
            named = (one for one in locks if one.id == job.lock and one.lasts(now))
            here = (one for one in named if covers_host(one.rule.hosts, host.name, host.labels))
            return next((by_lock(one, now) for one in here), None)
        freeze = self.policy.current.policy.freezes.get(job.freeze)
        if freeze is None or not covers_host(freeze.hosts, host.name, host.labels):
            return None
        return None if freeze.ends(now) is None else by_freeze(job.freeze, freeze, now)
