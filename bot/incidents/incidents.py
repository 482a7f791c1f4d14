"""Incidents: a tag on a thread or a channel, which every line from there carries until it is closed.

The tag is the bot's own record, never a word of a line; priority, approvals and the timeline go by it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import structlog

from bot.audit.reading import Filters
from bot.clockwork import for_ever, look_after
from bot.decided import allowed
from bot.hosts import Hosts
from bot.incidents.lines import Close, Incidents, OfIncident, Open, Show, Timeline
from bot.incidents.story import Story, story
from bot.own.commands import audit_operation
from bot.own.operations import INCIDENT, own_operation
from bot.own.said import Said
from bot.reply import Help, Told
from bot.request import Request
from bot.store.in_force import InForce
from bot.store.incidents import Incident
from bot.times import lasted
from handlers.faults import Denied, Fault, Reason
from handlers.grammar.command import Command
from permissions.audit import InForceChanged
from permissions.operation import Principal

log = structlog.get_logger(__name__)

REMIND_SECONDS = 24 * 3600.0
"""Whoever has slept since has to say whether it goes on: most incidents are over within a shift or two."""

LONGEST_SECONDS = 72 * 3600.0
"""A weekend and a day: one that is open longer was forgotten, and would go on opening exceptions."""

CLOCK_SECONDS = 30.0
MOST_OPEN = 100
"""Every line reads all that are open."""
MOST_OWN = 10
"""So many of one person: nobody keeps the others from opening theirs, nor takes many of their names."""
TRIES = 5
"""How often a change is tried anew because somebody else was first."""


class Channels(Protocol):
    """Where the bot may post."""

    async def can_post(self, channel_id: str) -> bool:
        """Whether a message could be posted there."""
        ...


class Board(Protocol):
    """Shows incidents where they are; raises StoreDown."""

    async def opened(self, incident: Incident) -> None:
        """Announces it."""
        ...

    async def closed(self, incident: Incident, by: Principal | None, note: str, told: Story | None) -> None:
        """Says in the announcement's place that it is over; ``by`` is None for the clock."""
        ...

    async def reminded(self, incident: Incident) -> None:
        """Asks its owner whether it goes on."""
        ...


@dataclass(frozen=True)
class IncidentDesk:
    """Answers the lines of bot/incidents/lines.py, and says which incident a place belongs to.

    ``audit_dir`` is where the audit lies, which is read anew after ``pause`` seconds where it lags. ``clock``
    is epoch seconds. Methods raise Fault, StoreDown among them.
    """

    store: InForce[Incident]
    channels: Channels
    board: Board
    hosts: Hosts
    audit_dir: Path
    clock: Callable[[], float]
    pause: float = 0.2
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    lines = (Incidents, OfIncident)

    async def tag(self, channel_id: str, thread_ts: str) -> str:
        """The name of the incident that a line from there belongs to, or "".

        The thread's own goes before the channel's.
        """
        found = {one.place: one.name for one in await self._open()}
        return (found.get((channel_id, thread_ts)) if thread_ts else "") or found.get((channel_id, ""), "")

    async def open(self, name: str) -> Incident | None:
        """The incident of that name that is open now."""
        return next((one for one in await self._open() if one.name == name), None)

    async def answer(self, line: Command, said: Said) -> Help:
        """Does what the line says."""
        match line:
            case Open():
                return await self._begin(line, said)
            case Close():
                return await self._close(line, said)
            case Show():
                return await self._show(line, said)
            case Timeline():
                return await self._timeline(line, said)
            case Incidents():
                return await self._list(said)
        raise TypeError(f"{line.path} is no line about incidents")

    async def run(self) -> None:
        """Reminds of what was forgotten, and ends it, for ever."""
        await for_ever("incidents", self.tick, CLOCK_SECONDS)

    async def tick(self) -> None:
        """Does what is due now; one that fails keeps no other waiting. Raises StoreDown."""
        for one in await self.store.all():
            await look_after("incident", self._due(one), incident=one.name)

    async def _due(self, one: Incident) -> None:
        now = self.clock()
        if now >= one.until:
            await self._ended(one, None, "nobody closed it")
        elif not one.reminded and now >= one.opened_at + REMIND_SECONDS:
            # First: of the same message a second is none, while a reminder marked and not sent is lost.
            await self.board.reminded(one)
            await self.store.change(
                one.model_copy(update={"reminded": True}), _told(one, "reminded", None, "", self.clock())
            )

    async def _open(self) -> list[Incident]:
        now = self.clock()
        return [one for one in await self.store.all() if now < one.until]

    async def _begin(self, line: Open, said: Said) -> Told:
        request, person = said.request, said.principal
        self._allowed(said)
        if not await self.channels.can_post(request.channel_id):
            raise Fault(
                "I am not in this channel, so nobody would see that it is open. Nothing was opened.",
                hint="Invite me with /invite and send the line again.",
                reason=Reason.NOT_IN_CHANNEL,
            )
        for _ in range(TRIES):
            now = self.clock()
            known, changes = await self.store.as_of()
            _not_too_many(known, person)
            one = Incident(
                id=await self.store.next_id(),
                name=line.name,
                title=line.title,
                team_id=person.team_id,
                channel_id=request.channel_id,
                thread_ts=request.thread_ts,
                owner_id=person.user_id,
                owner_name=person.name,
                opened_at=now,
                until=now + LONGEST_SECONDS,
            )
            _refuse_a_second(one, [other for other in known if now < other.until])
            # Nothing may have changed since they were read, or two might be open under one name.
            if await self.store.begin(one, _told(one, "opened", person, one.title, now), changes=changes):
                break
        else:
            raise _busy()
        await self.board.opened(one)
        log.info("incident opened", incident=one.name, id=one.id, by=person.user_id)
        return Told(text=f"{one.name} is open for {one.covers}: what is asked here belongs to it.\n")

    async def _close(self, line: Close, said: Said) -> Told:
        one = await self.open(line.name)
        person = said.principal
        mine = one is not None and (one.team_id, one.owner_id) == (person.team_id, person.user_id)
        if one is None or not (mine or one.channel_id == said.request.channel_id):
            raise _not_here(line.name, "open incident")
        if not mine:
            self._allowed(said)
        if not await self._ended(one, person, line.note):
            raise _busy()
        return Told(text=f"{one.name} is closed.\n")

    async def _ended(self, one: Incident, by: Principal | None, note: str) -> bool:
        """Ends it and says so; False when somebody else was first."""
        now = self.clock()
        if not await self.store.end(one, _told(one, "closed", by, note, now)):
            return False
        log.info("incident closed", incident=one.name, id=one.id, by=by.user_id if by else "")
        await self.board.closed(one, by, note, await self._whole_story(one))
        return True

    async def _whole_story(self, one: Incident) -> Story | None:
        """Its story with its end: what was done before that end is on disk once the end is."""
        told = None
        for _ in range(TRIES):
            told = await self._story(one.name, one.channel_id, one.opened_at)
            if told is None or told.closed:
                break
            await asyncio.sleep(self.pause)
        return told

    async def _list(self, said: Said) -> Help:
        everywhere = self._reads_audit(said)
        here = said.request.channel_id
        found = [one for one in await self._open() if everywhere or one.channel_id == here]
        if not found:
            return Help(text="No incident is open here.\n")
        return Help(text="".join(f"{_line(one, self.clock(), said.request)}\n" for one in found))

    async def _show(self, line: Show, said: Said) -> Help:
        told = await self._told_here(line.name, said)
        one = await self.open(line.name)
        if one is not None and not (one.channel_id == said.request.channel_id or self._reads_audit(said)):
            one = None
        if one is not None:
            head = _line(one, self.clock(), said.request)
        elif told.opened:
            head = f"{line.name} is closed{f': {told.title}' if told.title else ''}"
        else:
            raise _not_here(line.name)
        return Help(text=f"{head}\n{done(told)}\n`/docktalk incident timeline {line.name}` tells it all.\n")

    async def _timeline(self, line: Timeline, said: Said) -> Help:
        told = await self._told_here(line.name, said)
        if told.opened is None:
            raise _not_here(line.name)
        older = told.total - len(told.newest)
        more = f"; {older} older ones: `docktalk audit show --incident {line.name}`" if older else ""
        head = f"{line.name}: {told.total} records (UTC), the newest first{more}"
        return Help(text="\n".join([head, "", *reversed(told.newest), ""]))

    async def _told_here(self, name: str, said: Said) -> Story:
        """What the audit has of it: of this channel, or of all for whoever may read the audit."""
        channel_id = None if self._reads_audit(said) else said.request.channel_id
        told = await self._story(name, channel_id)
        if told is None:
            raise Fault("The audit cannot be read.", hint="Tell an operator.")
        return told

    async def _story(self, name: str, channel_id: str | None, since: float = 0.0) -> Story | None:
        try:
            async with self._reading:  # it takes a while, and anybody may ask
                return await asyncio.to_thread(story, self.audit_dir, name, channel_id, since)
        except OSError as error:
            log.warning("audit cannot be read", error=str(error))
            return None

    def _allowed(self, said: Said) -> None:
        """Whether the policy lets this person open and close incidents here; raises Denied."""
        host = self.hosts.find(None) or self.hosts.known[0]
        allowed(
            said.policy,
            said.principal,
            said.request.channel_id,
            own_operation(INCIDENT, host),
            self.clock(),
        )

    def _reads_audit(self, said: Said) -> bool:
        operation = audit_operation(Filters(incident="any"), self.hosts)
        try:
            allowed(said.policy, said.principal, said.request.channel_id, operation, self.clock())
        except Denied:
            return False
        return True


def done(told: Story) -> str:
    """What was done for an incident, in words."""
    parts = [f"{_count(told.runs, 'job')}, {_count(told.changes, 'change')}, {told.failed} failed"]
    if told.approvals:
        parts.append(f"{_count(told.approvals, 'approval')} asked")
    return "; ".join(parts) if told.runs or told.approvals else "Nothing was run for it."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _refuse_a_second(one: Incident, others: list[Incident]) -> None:
    for other in others:
        if other.name == one.name:
            where = "here" if other.channel_id == one.channel_id else "in another channel"
            raise Fault(
                f"{one.name} is open already, {where}. Nothing was opened.",
                hint=f"`/docktalk incident close {one.name}` there ends it.",
                reason=Reason.CONFLICT,
            )
        if other.place == one.place:
            raise Fault(
                f"{other.name} is open for {one.covers} already. Nothing was opened.",
                hint=f"`/docktalk incident close {other.name}` ends it; or open yours in another thread.",
                reason=Reason.CONFLICT,
            )


def _not_too_many(known: tuple[Incident, ...], who: Principal) -> None:
    whose, most = "are open", MOST_OPEN
    if sum((one.team_id, one.owner_id) == (who.team_id, who.user_id) for one in known) >= MOST_OWN:
        whose, most = "of yours are open", MOST_OWN
    elif len(known) < MOST_OPEN:
        return
    raise Fault(
        f"{most} incidents {whose} already, the most there can be. Nothing was opened.",
        hint="`/docktalk incident list` shows those of this channel; close what is over.",
        reason=Reason.LIMIT,
    )


def _told(one: Incident, change: str, who: Principal | None, reason: str, now: float) -> InForceChanged:
    return InForceChanged(
        what="incident",
        id=one.id,
        change=change,
        who=who,
        of=one.owner_id,
        about=one.covers,
        reason=reason,
        until=one.until if now < one.until and change != "closed" else 0.0,
        incident=one.name,
        channel_id=one.channel_id,
        thread_ts=one.thread_ts,
    )


def _line(one: Incident, now: float, request: Request) -> str:
    here = one.channel_id == request.channel_id
    same = here and one.thread_ts in {"", request.thread_ts}
    where = one.covers if same else "another thread" if here else "another channel"
    title = f": {one.title}" if one.title else ""
    return (
        f"{one.name} has been open for {lasted(now - one.opened_at)}, by {one.owner_name}, for {where}{title}"
    )


def _busy() -> Fault:
    return Fault(
        "Somebody else changes it at the same moment. Nothing has changed by you.",
        hint="`/docktalk incident list` shows what is open.",
        reason=Reason.CONFLICT,
    )


def _not_here(name: str, which: str = "incident") -> Fault:
    return Fault(
        f"There is no {which} {name} here.",
        hint="`/docktalk incident list` shows what is open in this channel.",
        reason=Reason.NOT_FOUND,
    )
