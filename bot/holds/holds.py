"""Locks: set, listed and released by lines, ended by the clock; workers know them before anybody is told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import structlog

from bot.clockwork import for_ever, look_after
from bot.decided import allowed
from bot.holds.held import HeldJobs, Released
from bot.holds.lines import ListLocks, SetLock, Unlock
from bot.hosts import Host, Hosts
from bot.own.operations import LOCK, UNLOCK, own_operation
from bot.own.said import Said
from bot.policy.sight import MISSING, is_missing, seen_hosts
from bot.reply import Help, Told
from bot.store.inventory import Inventories
from bot.store.kept_locks import KeptLock, KeptLocks
from handlers.faults import Denied, Fault, Reason
from handlers.grammar.command import Command
from permissions.audit import InForceChanged
from permissions.bundle import MOST_LOCKS
from permissions.holds import Lock, by_freeze, by_lock
from permissions.matching import covers_host
from permissions.operation import Operation, Principal, Resource
from permissions.verbs import Kind

log = structlog.get_logger(__name__)

CLOCK_SECONDS = 1.0
MOST_OWN = 20
"""So many locks of one person: nobody keeps the others from locking anything."""
TRIES = 5
"""How often a release is tried anew because somebody else changed the lock."""


@dataclass(frozen=True)
class HoldDesk:
    """Answers the lines, and keeps the clock.

    ``publish`` tells the workers which locks are, True once they can know. ``show`` brings a lock's message
    up to date. ``clock`` is epoch seconds. Methods raise Fault, StoreDown among them.
    """

    locks: KeptLocks
    held: HeldJobs
    hosts: Hosts
    inventories: Inventories
    publish: Callable[[], Awaitable[bool]]
    show: Callable[[KeptLock], Awaitable[None]]
    clock: Callable[[], float]
    _shown: set[str] = field(default_factory=set)
    """The locks whose message this process has seen to."""

    lines = (SetLock, ListLocks, Unlock)

    async def answer(self, line: Command, said: Said) -> Help:
        """Does what the line says."""
        match line:
            case SetLock():
                return await self._lock(line, said)
            case Unlock():
                return await self._unlock(line.lock_id, said)
            case ListLocks():
                return Help(text=await self._list(said))
        raise TypeError(f"{line.path} is no line about locks")

    async def run(self, released: Released) -> None:
        """The clock: ends locks, lets go what is held no more, finishes what a restart left, for ever."""
        await for_ever("locks", partial(self.tick, released), CLOCK_SECONDS)

    async def tick(self, released: Released) -> None:
        """Does what is due now; one that fails keeps no other waiting. Raises StoreDown."""
        kept = await self.locks.records.all()
        self._shown.intersection_update(one.id for one in kept)
        for one in kept:
            await look_after("lock", self._due(one), lock=one.id)
        await self.held.tick(released)

    async def _due(self, kept: KeptLock) -> None:
        if kept.released_at:
            await self._finish(kept)
        elif not kept.lock.lasts(self.clock()):
            await self._release(kept, None)
        elif kept.id not in self._shown:  # whoever set it may have died before it was shown
            await self._show(kept)

    async def _lock(self, line: SetLock, said: Said) -> Told:
        request, now = said.request, self.clock()
        covered = self._covered(line.host, said)
        self._may(said, LOCK, covered, line.container)
        kept = await self.locks.records.all()
        there = next((one for one in kept if one.delivery_id == request.delivery_id), None)
        if there is not None:
            return _locked(there.lock, known=True)
        _not_too_many(kept, said.principal)
        lock = Lock(
            id=await self.locks.records.next_id(),
            owner_id=said.principal.user_id,
            owner_name=said.principal.name,
            reason=line.told,
            set_at=now,
            until=now + line.seconds if line.seconds else 0.0,
            host=line.host,
            container=line.container,
            container_id=await self._id_of(covered, line.container),
        )
        new = KeptLock(
            id=lock.id,
            lock=lock,
            delivery_id=request.delivery_id,
            channel_id=request.channel_id,
            thread_ts=request.thread_ts,
        )
        if not await self.locks.records.begin(new, _told(new, "locked", said.principal)):
            raise Fault(
                "The store gave an id that is taken. Nothing was locked.",
                hint="Send the line again.",
                reason=Reason.CONFLICT,
            )
        known = await self.publish()
        await self._show(new)
        log.info("locked", lock=lock.id, about=lock.about, by=lock.owner_id)
        return _locked(lock, known=known, missing=await self._missing(covered, line.container, said))

    async def _unlock(self, lock_id: str, said: Said) -> Told:
        for _ in range(TRIES):
            kept = await self.locks.records.get(lock_id)
            if kept is None or kept.released_at:
                raise _no_lock(lock_id)
            if kept.lock.owner_id != said.principal.user_id:
                self._may_release(kept.lock, said)
            if await self._release(kept, said.principal):
                return Told(text=f"{lock_id} is released: {kept.lock.about} is free of it.\n")
        raise Fault("Others change this lock at the same moment.", hint="Try again.", reason=Reason.CONFLICT)

    async def _release(self, kept: KeptLock, by: Principal | None) -> bool:
        """Ends it; False when somebody else was first."""
        released = kept.model_copy(
            update={"released_at": self.clock(), "released_by": by.user_id if by else ""}
        )
        if not await self.locks.records.change(released, _told(kept, "released" if by else "expired", by)):
            return False
        await self.publish()
        log.info("released", lock=kept.id, by=released.released_by or "the clock")
        await self._finish(released.model_copy(update={"revision": kept.revision + 1}))
        return True

    async def _finish(self, released: KeptLock) -> None:
        """Its message says that it is released, whatever died before that; then it is forgotten."""
        await self.show(released)
        await self.locks.records.end(released, _told(released, "closed", None))

    async def _show(self, kept: KeptLock) -> None:
        await self.show(kept)
        self._shown.add(kept.id)

    async def _list(self, said: Said) -> str:
        now = self.clock()
        seen = self._seen(said).known
        locks = await self.locks.in_force()
        shown = [lock for lock in locks if lock.lasts(now) and _on(lock.host, seen)]
        lines = [by_lock(lock, now).sentence for lock in shown]
        for name, freeze in said.policy.freezes.items():
            if not any(covers_host(freeze.hosts, host.name, host.labels) for host in seen):
                continue
            where = f" on {', '.join(freeze.hosts)}" if freeze.hosts else ""
            if freeze.ends(now) is not None:
                hold = by_freeze(name, freeze, now)
                lines.append(f"{hold.sentence}{where}. {hold.hint}")
            elif (begins := freeze.next_begins(now)) is not None:
                lines.append(f"Next: frozen{where} from {freeze.spoken(begins, now)} by {freeze.by} ({name})")
        return "\n".join(lines or ["Nothing is locked or frozen."]) + "\n"

    def _seen(self, said: Said) -> Hosts:
        return seen_hosts(said.policy, said.principal, said.request.channel_id, self.hosts, self.clock())

    def _covered(self, pattern: str, said: Said) -> tuple[Host, ...]:
        """The hosts that a lock is about, all of which its owner has to be able to see."""
        covered = tuple(host for host in self.hosts.known if _on(pattern, (host,)))
        seen = self._seen(said).known
        if covered and all(host in seen for host in covered):
            return covered
        raise Fault(
            f"no such host: {pattern or 'everything'}",
            hint=f"Hosts that you may use here: {', '.join(host.name for host in seen) or 'none'}. "
            "A container is written HOST/NAME.",
            reason=Reason.UNKNOWN_HOST,
        )

    def _may(self, said: Said, command: str, hosts: tuple[Host, ...], container: str) -> None:
        """Raises Denied unless the policy lets them on each host, also where only a worker could tell."""
        for host in hosts:
            operation = _operation(command, host, container)
            allow = allowed(said.policy, said.principal, said.request.channel_id, operation, self.clock())
            if allow.provisional:
                raise Denied(
                    f"whether you may lock {host.name}/{container} depends on what only its worker sees",
                    rule=allow.rule,
                    hint="A rule has to name it; locking the whole host may be allowed.",
                )

    def _may_release(self, lock: Lock, said: Said) -> None:
        """Raises Fault; whoever may see nothing of a lock's hosts is not told that it exists."""
        hosts = tuple(host for host in self.hosts.known if _on(lock.host, (host,)))
        if not any(host in self._seen(said).known for host in hosts):
            raise _no_lock(lock.id)
        try:
            self._may(said, UNLOCK, hosts, lock.container)
        except Denied as denied:
            raise Denied(
                f"{lock.id} is {lock.owner_name}'s: only its owner, and whom the policy lets, may release it",
                rule=denied.rule,
                hint=f"Ask {lock.owner_name}. {denied.hint}",
            ) from None

    async def _id_of(self, hosts: tuple[Host, ...], container: str) -> str:
        """What has the name just now, so that the lock stays with it under another name; a hint."""
        if not container or len(hosts) != 1:
            return ""
        found = await self.inventories.of(hosts[0].name, Kind.CONTAINER)
        return next((one.id for one in found if container in one.names), "")

    async def _missing(self, hosts: tuple[Host, ...], container: str, said: Said) -> bool:
        """Whether the name may be mistyped; what its owner may not see counts as not there."""
        if not container or len(hosts) != 1:
            return False
        channel, now = said.request.channel_id, self.clock()
        return await is_missing(
            self.inventories, said.policy, said.principal, channel, hosts[0], container, now
        )


def _on(pattern: str, hosts: tuple[Host, ...]) -> bool:
    patterns = (pattern,) if pattern else ()
    return any(covers_host(patterns, host.name, host.labels) for host in hosts)


def _operation(command: str, host: Host, container: str) -> Operation:
    named = (Resource(kind=Kind.CONTAINER, name=container),) if container else ()
    return own_operation(command, host, *named)


def _locked(lock: Lock, *, known: bool, missing: bool = False) -> Told:
    until = f" until {datetime.fromtimestamp(lock.until, UTC):%Y-%m-%d %H:%M UTC}" if lock.until else ""
    notes = "" if known else " Workers will know within seconds."
    notes += f" {MISSING}" if missing else ""
    return Told(
        text=f"{lock.id}: {lock.about} is locked{until}. Changes of others are refused or wait; "
        f"`/docktalk unlock {lock.id}` releases it.{notes}\n"
    )


def _not_too_many(kept: tuple[KeptLock, ...], who: Principal) -> None:
    most, whose = MOST_LOCKS, "There are"
    if sum(one.lock.owner_id == who.user_id for one in kept) >= MOST_OWN:
        most, whose = MOST_OWN, "You have set"
    elif len(kept) < MOST_LOCKS:
        return
    raise Fault(
        f"{whose} {most} locks already, the most there can be. Nothing was locked.",
        hint="`/docktalk locks` lists them; release what nobody needs.",
        reason=Reason.LIMIT,
    )


def _no_lock(lock_id: str) -> Fault:
    return Fault(
        f"There is no lock {lock_id} (any more). Nothing has changed.",
        hint="`/docktalk locks` lists them.",
        reason=Reason.NOT_FOUND,
    )


def _told(kept: KeptLock, change: str, by: Principal | None) -> InForceChanged:
    lock = kept.lock
    return InForceChanged(
        what="lock",
        id=lock.id,
        change=change,
        who=by,
        of=lock.owner_id,
        about=lock.about,
        reason=lock.reason,
        until=lock.until,
        channel_id=kept.channel_id,
        thread_ts=kept.thread_ts,
    )
