"""``/docktalk can-i`` and ``why``: what the policy says of a line, or of a job, and by which rules."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bot.approvals.budgets import BudgetDesk, times_checked
from bot.audit.entries import Known
from bot.decided import allowed, members_only
from bot.own.thread_target import Spoken
from bot.policy.limits import Limits
from bot.policy.weighed import Weighed, told
from bot.request import Request
from bot.store.records import RequestRecord
from bot.weighing import Weighing
from bot.written import spelled
from handlers.faults import Denied, Fault, Reason, UsageFault
from handlers.grammar.command import Command
from handlers.grammar.parser import HelpAsked, Parsed
from permissions.decision import Allow, NeedsApproval
from permissions.explain import holders
from permissions.model import Record
from permissions.operation import Operation, Principal
from permissions.policy import Policy
from permissions.ticket import CommandWire
from permissions.verbs import Danger, Verb

CAN_I = "docktalk can-i"
"""Asking for somebody else, to the policy: a rule allows it by this name or by the verb admin."""

_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|@?([UW][A-Z0-9]+)")
_HOLDERS_SHOWN = 20


class CanI(Record):
    """A docker line, and who would send it; "" for whoever asks."""

    line: str
    user_id: str = ""


class Why(Record):
    """A job that is asked about."""

    job_id: str


def question(request: Request) -> CanI | Why | None:
    """What a line asks of the policy; None for a line that is about something else. Raises UsageFault."""
    word, _, rest = request.text.partition(" ")
    if word == "can-i":
        return _can_i(rest)
    if word != "why":
        return None
    job_id = spelled(rest.strip(), "J")
    if not job_id:
        raise UsageFault(
            "docktalk why: give a job", reason=Reason.BAD_VALUE, hint="`/docktalk why J-42`, for example."
        )
    return Why(job_id=job_id)


def _can_i(text: str) -> CanI:
    line, flag, name = f" {text}".partition(" --as ")
    line = line.strip()
    if len(line) > 1 and line[0] == line[-1] and line[0] in "\"'":
        line = line[1:-1]
    user = _USER.fullmatch(name.strip())
    if not line or (flag and user is None):
        raise UsageFault(
            "docktalk can-i: give a line, and behind --as a person",
            reason=Reason.BAD_VALUE,
            hint='`/docktalk can-i "container rm -f web" --as U0ANA`: a mention, or the id whoami shows.',
        )
    return CanI(line=line, user_id=(user[1] or user[2]) if user else "")


@dataclass(frozen=True)
class PolicyAnswers:
    """Answers them, by what the path of a line asks as well.

    ``people`` is who somebody is, ``jobs`` the signed record of a job or None, ``wire`` a command as it
    travels to a host.
    """

    people: Callable[[str, str, str], Awaitable[Principal]]
    jobs: Callable[[str], Awaitable[RequestRecord | None]]
    weighing: Weighing
    limits: Limits
    budgets: BudgetDesk
    wire: Callable[[Command, str], CommandWire]
    clock: Callable[[], float]

    async def answer(
        self, asked: CanI | Why, policy: Policy, principal: Principal, request: Request, known: Known
    ) -> str:
        """The text for the asker.

        Raises:
            Denied: the asker is no member, or may not ask for others.
            Fault: the line is no command, or there is no such job to be seen.
        """
        members_only(principal)
        if isinstance(asked, Why):
            return await self._why(asked.job_id, policy, principal, request)
        who = await self._who(asked, policy, principal, request, known)
        line = {"program": "docker", "text": asked.line.removeprefix("/").removeprefix("docker ")}
        spoken = await self.weighing.targets.read(request.model_copy(update=line))
        if isinstance(spoken.parsed, HelpAsked):
            raise Fault("this only asks for help")
        weighed = await self._line(policy, who, spoken, spoken.parsed)
        whom = "you" if who.user_id == principal.user_id else who.name
        return told(weighed, policy, request.channel_id, whom, self.clock())

    async def _line(self, policy: Policy, who: Principal, spoken: Spoken, parsed: Parsed) -> Weighed:
        place = spoken.request
        operation = await self.weighing.operation(policy, who, spoken, parsed)
        weighed = await self._weighed(policy, who, place.channel_id, operation, parsed)
        decision = weighed.decision
        if spoken.target is not None:
            first = self.weighing.targets.asks_first(spoken, operation)
            took = f"{place.notes[-1]}{'; it asks once before it runs' if first else ''}"
            weighed = replace(weighed, took=took)
        if decision is None or weighed.not_now is not None:
            return weighed
        times_checked(parsed, operation, decision)
        where, now = place.channel_id, self.clock()
        try:
            await self.limits.count(policy, weighed.who, where, operation, now, look=True)
            if isinstance(decision, Allow) or parsed.dry_run:
                return weighed
            wire = self.wire(parsed.command, operation.host)
            budget = await self.budgets.covering(
                place, operation.host, operation, wire, weighed.who, decision
            )
            if budget is None:
                await self.limits.asks(weighed.who, look=True)
        except Denied as often:
            return replace(weighed, not_now=often)
        return replace(weighed, budget=budget)

    async def _weighed(
        self,
        policy: Policy,
        who: Principal,
        channel_id: str,
        operation: Operation,
        parsed: Parsed | None = None,
    ) -> Weighed:
        """What the path decides now, of a line or of the operation of a job."""
        breaks = parsed is not None and parsed.break_glass is not None
        could = not breaks and self.weighing.lending.could_break(who, channel_id, operation)
        try:
            lends = await self.weighing.may(who, channel_id, operation, parsed)
        except Denied as no:
            return Weighed(operation, who, no=no, at_once=could)
        weighed = Weighed(operation, lends.principal, lends.decision, breaks=lends.breaking is not None)
        try:
            decision = await self.weighing.now(policy, lends, operation, parsed)
        except Denied as held:
            return replace(weighed, not_now=held)
        at_once = could and isinstance(decision, NeedsApproval) and not decision.excepted
        return replace(weighed, decision=decision, at_once=at_once)

    async def _who(
        self, asked: CanI, policy: Policy, principal: Principal, request: Request, known: Known
    ) -> Principal:
        if asked.user_id in {"", principal.user_id}:
            return principal
        host = self.weighing.hosts.default
        known.operation = Operation(
            command=CAN_I, verb=Verb.ADMIN, danger=Danger.SAFE, flags=("as",), host=host
        )
        allow = allowed(policy, principal, request.channel_id, known.operation, self.clock())
        known.rule = allow.rule
        return await self.people(request.team_id, asked.user_id, asked.user_id)

    async def _why(self, job_id: str, policy: Policy, principal: Principal, request: Request) -> str:
        record = await self.jobs(job_id)
        mine = record is not None and principal.user_id == record.user_id
        host = self.weighing.hosts.find(record.host) if record is not None else None
        if (
            record is None
            or record.operation is None
            or host is None
            or not (mine or request.channel_id == record.channel_id)
        ):
            raise Fault(
                f"There is no job {job_id} that you may see here.",
                hint="Ask in the channel of the job; jobs are forgotten after a week. "
                f"If it waits for people, `/docktalk who-can {job_id}` tells more.",
                reason=Reason.NOT_FOUND,
            )
        who = await self.people(record.team_id, record.user_id, record.user_name)
        incident = await self.weighing.incidents.tag(record.channel_id, record.thread_ts)
        operation = record.operation.model_copy(update={"host_labels": host.labels, "incident": incident})
        at = self.clock()
        weighed = await self._weighed(policy, who, record.channel_id, operation)
        now = told(weighed, policy, record.channel_id, "you" if mine else who.name, at)
        return (
            f"{job_id}: {record.shown}\nAsked for by {record.user_id}; allowed by {record.rule}, if the "
            f"worker agreed once it saw the target.\nBy the policy in force now:\n\n{now}"
            f"{_able(holders(policy, record.channel_id, operation, at))}"
        )


def _able(able: tuple[str, ...]) -> str:
    """Who could have asked for it in that channel."""
    more = f" and {len(able) - _HOLDERS_SHOWN} more" if len(able) > _HOLDERS_SHOWN else ""
    who = ", ".join(able[:_HOLDERS_SHOWN]) + more if able else "nobody by a single binding"
    return f"\nWho may ask for it there: {who}\n"
