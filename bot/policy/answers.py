"""``/docktalk can-i`` and ``why``: what the policy says of a line, or of a job, and by which rules."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.again import Tags
from bot.audit.entries import Known
from bot.decided import allowed, members_only
from bot.hosts import Hosts
from bot.policy.tools import operation_of
from bot.request import Request
from bot.store.records import RequestRecord
from handlers.catalogue import Catalogue
from handlers.faults import Fault, Reason, UsageFault
from permissions.approval import Terms
from permissions.decision import Allow, Deny, NeedsApproval
from permissions.explain import Explanation, explain, holders
from permissions.holds import Hold
from permissions.model import Record
from permissions.operation import Operation, Principal
from permissions.policy import Policy
from permissions.verbs import Danger, Verb

CAN_I = "docktalk can-i"
"""Asking for somebody else, to the policy: a rule allows it by this name or by the verb admin."""

_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|@?([UW][A-Z0-9]+)")
_JOB = re.compile(r"J-[0-9]{1,18}")
_RULES_SHOWN = 12
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
    if _JOB.fullmatch(rest.strip()) is None:
        raise UsageFault(
            "docktalk why: give a job", reason=Reason.BAD_VALUE, hint="`/docktalk why J-42`, for example."
        )
    return Why(job_id=rest.strip())


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
    """Answers them.

    ``people`` is who somebody is, ``jobs`` the signed record of a job or None, ``hold`` what something has to
    wait for.
    """

    people: Callable[[str, str, str], Awaitable[Principal]]
    jobs: Callable[[str], Awaitable[RequestRecord | None]]
    catalogue: Catalogue
    hosts: Hosts
    incidents: Tags
    hold: Callable[[Policy, Principal, Operation], Awaitable[Hold | None]]
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
        tag = await self.incidents.tag(request.channel_id, request.thread_ts)
        operation = operation_of(asked.line, self.catalogue, self.hosts)
        operation = operation.model_copy(update={"incident": tag})
        explanation = explain(policy, who, request.channel_id, operation, self.clock())
        return explained(explanation) + await self._held(explanation, policy, who, operation)

    async def _held(
        self, explanation: Explanation, policy: Policy, who: Principal, operation: Operation
    ) -> str:
        """What holds back what may be done; whoever may not do it is told of no lock."""
        if isinstance(explanation.decision, Deny):
            return ""
        hold = await self.hold(policy, who, operation)
        return f"\nNot now: {hold.sentence}. {hold.hint}\n" if hold else ""

    async def _who(
        self, asked: CanI, policy: Policy, principal: Principal, request: Request, known: Known
    ) -> Principal:
        if asked.user_id in {"", principal.user_id}:
            return principal
        known.operation = Operation(
            command=CAN_I, verb=Verb.ADMIN, danger=Danger.SAFE, flags=("as",), host=self.hosts.default
        )
        allow = allowed(policy, principal, request.channel_id, known.operation, self.clock())
        known.rule = allow.rule
        return await self.people(request.team_id, asked.user_id, asked.user_id)

    async def _why(self, job_id: str, policy: Policy, principal: Principal, request: Request) -> str:
        record = await self.jobs(job_id)
        mine = record is not None and principal.user_id == record.user_id
        if (
            record is None
            or record.operation is None
            or not (mine or request.channel_id == record.channel_id)
        ):
            raise Fault(
                f"There is no job {job_id} that you may see here.",
                hint="Ask in the channel of the job; jobs are forgotten after a week.",
                reason=Reason.NOT_FOUND,
            )
        who = await self.people(record.team_id, record.user_id, record.user_name)
        at = self.clock()
        now = explain(policy, who, record.channel_id, record.operation, at)
        able = holders(policy, record.channel_id, record.operation, at)
        held = await self._held(now, policy, who, record.operation)
        return (
            f"{job_id}: {record.shown}\nAsked for by {record.user_id}; allowed by {record.rule}, if the "
            f"worker agreed once it saw the target.\nBy the policy in force now:\n\n{explained(now)}"
            f"{held}{_able(able)}"
        )


def _able(able: tuple[str, ...]) -> str:
    """Who could have asked for it in that channel."""
    more = f" and {len(able) - _HOLDERS_SHOWN} more" if len(able) > _HOLDERS_SHOWN else ""
    who = ", ".join(able[:_HOLDERS_SHOWN]) + more if able else "nobody by a single binding"
    return f"\nWho may ask for it there: {who}\n"


def _agreed(terms: Terms) -> list[str]:
    """Who could agree, a line for each threshold."""
    lines = []
    for threshold in terms.any:
        steps = []
        for step in threshold.steps:
            named = [*step.users, *step.groups, *(f"role {role}" for role in step.roles)]
            steps.append(f"{step.people} of {', '.join(named)}")
        after = f", {threshold.after:g} s after it was asked for" if threshold.after else ""
        reason = f", where the reason fits `{threshold.reason}`" if threshold.reason else ""
        tagged = ", in an open incident" if threshold.incident else ""
        lines.append(f"agree   {' and '.join(steps)}{after}{reason}{tagged}")
    return lines


def explained(explanation: Explanation) -> str:
    """What would become of it, and what every rule about that command had to do with it."""
    decision = explanation.decision
    if isinstance(decision, Deny):
        first = f"No. {decision.reason} {decision.hint}"
    elif isinstance(decision, NeedsApproval):
        first = "Only once people have agreed."
    elif isinstance(decision, Allow) and decision.provisional:
        first = "Perhaps: the worker decides once it has seen the target."
    else:
        first = "Yes, unless the worker finds that the target gives away its host."
    near = [one for one in explanation.considered if not one.because.startswith("it is not about `")]
    rules = [f"{one.effect:<5}  {one.rule}: {one.because}" for one in near[:_RULES_SHOWN]]
    more = [f"and {len(near) - _RULES_SHOWN} more rules"] if len(near) > _RULES_SHOWN else []
    agree = ["", *_agreed(decision.terms)] if isinstance(decision, NeedsApproval) else []
    return "\n".join([first, f"By: {decision.rule}", *agree, *(["", *rules] if rules else []), *more, ""])
