"""What people may do about jobs that are there: see them, stop them, look closer, read their output again.

Every click on a job's message says a line of ``/docktalk``, so that it meets the same checks as a typed one:
the asker of the job may, and whoever the policy would let run its command, decided at that moment.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bot.hosts import Hosts
from bot.jobs.listing import Listing
from bot.jobs.queue import BotQueue
from bot.orders import NARROW_WITHIN, Orders
from bot.own.job_lines import Cancel, Check, Display, Follow, Grep, Jobs, OfJob, Show
from bot.own.said import Said
from bot.reply import Accepted, Found, Help, JobRow, JobRows, Told
from bot.store.approvals import Approvals, Asked
from bot.store.displays import Displays
from bot.store.records import RequestRecord
from handlers.faults import Denied, Fault, Reason
from handlers.grammar.command import Command
from handlers.grammar.render import shown
from permissions.approval import State
from permissions.decide import decide
from permissions.decision import Allow
from permissions.matching import SHOWS
from permissions.verbs import Verb

log = structlog.get_logger(__name__)

ASKER_RULE = "asker of the job"
"""The asker may stop a job from anywhere, and read its output in the channel that it was shown in."""
MOST_ROWS = 20


@dataclass(frozen=True)
class Desk:
    """Answers the lines of bot/own/job_lines.py.

    ``waiting`` are the approvals that a job may come of; ``refresh`` shows a job's message anew, ``link`` is
    where it is ("" where it is not yet), ``clock`` is epoch seconds. Methods raise Fault.
    """

    queue: BotQueue
    listing: Listing
    waiting: Approvals
    displays: Displays
    orders: Orders
    hosts: Hosts
    refresh: Callable[[str], Awaitable[None]]
    link: Callable[[RequestRecord], Awaitable[str]]
    clock: Callable[[], float]

    lines = (Jobs, OfJob)

    async def answer(self, command: Command, said: Said) -> Accepted | Help:
        """Does what the line says."""
        if isinstance(command, Jobs):
            return await self._list(said, everywhere=command.all)
        if not isinstance(command, OfJob):
            raise TypeError(f"{command.path} is no line of the desk")
        return await self._about(await self._record(command.job_id, said), command, said)

    async def _about(self, record: RequestRecord, command: OfJob, said: Said) -> Accepted | Help:
        match command:
            case Cancel():
                return await self._cancel(record, said)
            case Check():
                return await self._check(record, said)
            case Follow():
                return await self._follow(record, said)
            case Display(pause=pause):
                self._may(record, said)
                await self.displays.change(record.job_id, paused=pause)
                await self.refresh(record.job_id)
                return Told(text=f"{record.job_id} is {'paused' if pause else 'shown'}; it runs on.\n")
            case Grep(pattern=pattern):
                rule = self._may(record, said)
                await self.orders.narrow(record, said.principal, pattern, rule)
                what = f"only lines with {pattern!r}" if pattern else "all its lines"
                return Told(text=f"{record.job_id} shows {what}.\n")
            case Show():
                return await self._show(command, record, said)
        raise TypeError(f"{command.path} is not answered")

    async def _list(self, said: Said, *, everywhere: bool) -> JobRows:
        rows = [_row(asked, said) for asked in await self.waiting.open_now() if _sees(asked, said)]
        rows, more = rows[:MOST_ROWS], max(0, len(rows) - MOST_ROWS)
        for host in self.hosts.known:
            for listed in await self.listing.jobs(host.name):
                record = await self.queue.request(listed.job_id)
                # What the bot orders by itself has no record, and is nobody's.
                if record is None or not self._may_see(record, said, everywhere=everywhere):
                    continue
                if len(rows) == MOST_ROWS:
                    more += 1
                    continue
                rows.append(
                    JobRow(
                        job_id=record.job_id,
                        state=listed.state,
                        user_id=record.user_id,
                        user_name=record.user_name,
                        shown=record.shown,
                        host=record.host,
                        since=record.accepted_at,
                        may_cancel=self._rule(record, said) is not None,
                    )
                )
        return JobRows(text=_as_text(rows, more), rows=tuple(rows), more=more)

    async def _cancel(self, record: RequestRecord, said: Said) -> Told:
        self._may(record, said)
        # First, or a quick end would not know by whom.
        await self.displays.change(record.job_id, stopped_by=said.principal.user_id)
        match await self.queue.cancel(record.job_id, record.host):
            case "removed":
                return Told(text=f"{record.job_id} is taken back. Nothing was run.\n")
            case "told":
                log.info("cancelled", job_id=record.job_id, by=said.principal.user_id)
                return Told(text=f"{record.job_id} is being stopped; its message says how it ended.\n")
            case _:
                raise Fault(
                    f"{record.job_id} has ended already.",
                    hint=f"`/docktalk show {record.job_id}` shows its output.",
                    reason=Reason.CONFLICT,
                )

    async def _check(self, record: RequestRecord, said: Said) -> Told:
        rule = self._may(record, said)
        display, _ = await self.displays.read(record.job_id)
        doubt, now = display.doubt, self.clock()
        if doubt is None or not doubt.reason:
            raise Fault(
                f"There is no doubt about how {record.job_id} ended, or it is too long ago.",
                hint=f"`/docktalk show {record.job_id}` shows its output.",
                reason=Reason.CONFLICT,
            )
        if doubt.looking and now - doubt.asked_at < NARROW_WITHIN:
            return Told(text=f"{record.job_id} is being looked at; its message says what is seen.\n")
        if not await self.queue.alive(record.host):
            raise Fault(
                f"The worker of {record.host} is silent, so nobody can look.",
                hint="Click again once it is back.",
                reason=Reason.UNREACHABLE,
            )
        news = {"looking": True, "asked_by": said.principal.user_id, "asked_at": now}
        # First, or a quick answer would be overwritten.
        await self.displays.change(record.job_id, doubt=doubt.model_copy(update=news))
        await self.refresh(record.job_id)
        await self.orders.check(record, said.principal, doubt, rule)
        return Told(text=f"{record.job_id} is looked at again; its message says what is seen.\n")

    async def _follow(self, record: RequestRecord, said: Said) -> Found:
        if not self._may_see(record, said, everywhere=True):
            raise _denied(record, "see it")
        link = await self.link(record)
        where = "" if link else " Its message is about to appear."
        text = f"{record.job_id}: {record.user_name} asked for {record.shown} on {record.host}.{where}\n"
        return Found(text=text, link=link)

    async def _show(self, command: Show, record: RequestRecord, said: Said) -> Accepted:
        rule = self._may_read(record, said)
        if record.page is not None:
            raise Fault(
                f"{record.job_id} only read {record.page.job_id}'s output.",
                hint=f"`/docktalk show {record.page.job_id}` reads it again.",
                reason=Reason.NOT_FOUND,
            )
        instead = await self._instead(command, record, said)
        job_id, duplicate = await self.orders.show(
            said.request,
            said.principal,
            record,
            command.order(),
            shown=shown(command.but(instead="") if command.instead else command).replace(
                "docker ", "docktalk ", 1
            ),
            instead=instead.job_id if instead else "",
            rule=rule,
        )
        return Accepted(job_id=job_id, duplicate=duplicate)

    async def _instead(self, command: Show, record: RequestRecord, said: Said) -> RequestRecord | None:
        """The earlier page whose message the answer replaces: of the same job, in the same channel."""
        if not command.instead:
            return None
        earlier = await self._record(command.instead, said)
        same = earlier.page is not None and earlier.page.job_id == record.job_id
        return earlier if same and earlier.channel_id == said.request.channel_id else None

    async def _record(self, job_id: str, said: Said) -> RequestRecord:
        record = await self.queue.request(job_id)
        if record is None:
            asked = await self.waiting.of_job(job_id)
            if asked is not None and asked.approval.state is not State.APPROVED and _sees(asked, said):
                raise _no_job_yet(asked)
            raise Fault(
                f"There is no job {job_id}, or it is too long ago.",
                hint="`/docktalk jobs` lists what runs.",
                reason=Reason.NOT_FOUND,
            )
        return record

    def _may_see(self, record: RequestRecord, said: Said, *, everywhere: bool) -> bool:
        here = record.channel_id == said.request.channel_id
        return here or (everywhere and self._rule(record, said) is not None)

    def _may(self, record: RequestRecord, said: Said) -> str:
        """The rule by which somebody may act on a job; raises Denied."""
        rule = self._rule(record, said)
        if rule is None:
            raise _denied(record, "stop or change it")
        return rule

    def _may_read(self, record: RequestRecord, said: Said) -> str:
        """The same for reading its output."""
        rule = self._rule(record, said, reading=True)
        if rule is None:
            raise _denied(record, "read its output")
        return rule

    def _rule(self, record: RequestRecord, said: Said, *, reading: bool = False) -> str | None:
        person, here = said.principal, record.channel_id == said.request.channel_id
        mine = (record.team_id, record.user_id) == (person.team_id, person.user_id)
        if mine and (here or not reading):
            return ASKER_RULE
        if record.operation is None:
            return None
        operation = record.operation
        if reading:
            if not here and operation.command in SHOWS and not operation.resources:
                return None  # what it lists was decided on row by row, for its asker
            # The danger stays: what may not be run here may not be read here either.
            operation = operation.model_copy(update={"verb": Verb.REVEAL})
        decision = decide(said.policy, person, said.request.channel_id, operation)
        # No worker decides on a stored output: elsewhere, doubt counts against whoever reads it.
        sure = isinstance(decision, Allow) and (here or not reading or not decision.provisional)
        return decision.rule if sure else None


def _sees(asked: Asked, said: Said) -> bool:
    """Whether somebody may hear of what is asked for: in the channel of its card, and its asker."""
    return asked.draft.record.channel_id == said.request.channel_id or _asks(asked, said)


def _asks(asked: Asked, said: Said) -> bool:
    who = said.principal
    return (asked.principal.team_id, asked.approval.asker_id) == (who.team_id, who.user_id)


def _row(asked: Asked, said: Said) -> JobRow:
    record = asked.draft.record
    return JobRow(
        job_id=asked.job_id,
        state="to be approved",
        user_id=record.user_id,
        user_name=record.user_name,
        shown=record.shown,
        host=record.host,
        since=asked.approval.asked_at,
        may_cancel=_asks(asked, said),
    )


def _no_job_yet(asked: Asked) -> Fault:
    job_id, state = asked.job_id, asked.approval.state
    if state is State.OPEN:
        sentence = f"{job_id} waits for people to agree: it is no job yet."
        hint = f"`/docktalk who-can {job_id}` says who can; `/docktalk withdraw {job_id}` takes it back."
    else:
        sentence = f"{job_id} never became a job: it is {state}."
        hint = f"The card of {job_id} says why."
    return Fault(sentence, hint=hint, reason=Reason.CONFLICT)


def _denied(record: RequestRecord, what: str) -> Denied:
    return Denied(
        f"only its asker, and whoever the policy lets run `{record.command}` here, may {what}",
        rule="jobs of others",
        hint=f"{record.user_name} asked for {record.job_id}.",
    )


def _as_text(rows: list[JobRow], more: int) -> str:
    if not rows:
        return "Nothing runs or waits here.\n"
    lines = [f"{row.job_id}  {row.state}  {row.host}  {row.user_name}  {row.shown}" for row in rows]
    if more:
        lines.append(f"and {more} more")
    return "\n".join(lines) + "\n"
