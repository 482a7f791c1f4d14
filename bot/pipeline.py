"""The path of a line, from what somebody typed to a job in a host's queue, top to bottom.

``docs/life-of-a-command.md`` walks through it. Every origin (slash, mention, button) arrives at
:meth:`Pipeline.submit` and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from bot.again import People
from bot.approvals.approvals import ApprovalDesk
from bot.approvals.budgets import BudgetDesk, times_checked
from bot.audit.entries import Known, nobody
from bot.hosts import Hosts
from bot.jobs.queue import AlreadyAsked, StoreDown
from bot.lending.lending import Lending
from bot.lending.lends import Lends
from bot.own.commands import docker_help, offered, option_meant, program_meant
from bot.own.lines import OwnLines
from bot.own.thread_target import TargetDesk
from bot.policy.file import LoadedPolicy, PolicyHolder
from bot.policy.limits import Limits
from bot.registry_logins import RegistryLogins
from bot.reply import Accepted, Found, Help, PasswordNeeded, Refusal, Reply
from bot.request import Origin, Request
from bot.store.audit import AuditIntake
from bot.store.corrections import Corrections
from bot.store.intake import NotRecorded
from bot.tickets import Tickets, as_shown
from bot.weighing import Weighing
from handlers.catalogue import Catalogue
from handlers.faults import Denied, Fault, Reason, UsageFault
from handlers.grammar.mask import masked
from handlers.grammar.parser import HelpAsked, Parsed
from handlers.grammar.secrecy import MASK
from handlers.system.login import Login
from permissions.decision import NeedsApproval
from permissions.operation import Operation
from permissions.ticket import Mode


class Channels(Protocol):
    """Where the bot may post."""

    async def can_post(self, channel_id: str) -> bool:
        """Whether a result could be reported there."""
        ...


@dataclass(frozen=True)
class Pipeline:
    """Everything the path needs, given once at start.

    ``clock`` is epoch seconds; ``own`` answers what is ours; ``on_reply`` is told of every reply.
    """

    catalogue: Catalogue
    policy: PolicyHolder
    hosts: Hosts
    people: People
    channels: Channels
    limits: Limits
    logins: RegistryLogins
    tickets: Tickets
    corrections: Corrections
    audit: AuditIntake
    own: OwnLines
    approvals: ApprovalDesk
    budgets: BudgetDesk
    lending: Lending
    targets: TargetDesk
    weighing: Weighing
    clock: Callable[[], float]
    on_reply: Callable[[Request, Reply], None] = lambda _request, _reply: None

    async def submit(self, request: Request) -> Reply:
        """Takes one line as far as it may go: a job in the queue, an answer, or a refusal.

        Never raises a Fault: what a person can act on becomes a Refusal, and nothing was run then.
        Whatever it is, the audit has it before anybody is told.
        """
        known = Known(who=nobody(request), policy=self.policy.current.sha256)
        try:
            reply = await self._take(request, known)
        except Exception:
            await self._recorded(request, known, _refusal(Fault("nobody foresaw this")))
            raise
        if not isinstance(reply, Accepted):
            reply = await self._recorded(request, known, reply)
        self.on_reply(request, reply)
        return reply

    async def _recorded(
        self, request: Request, known: Known, reply: Help | PasswordNeeded | Refusal
    ) -> Reply:
        """The reply, once it is recorded; else a refusal. Docker's help is given all the same."""
        if isinstance(reply, Refusal) and reply.reason == Reason.STORE_DOWN:
            return reply  # it would be asked for a place to record that it does not answer
        line = known.line or masked(request.text, None, self.catalogue)[0]
        try:
            await self.audit.append(known.outcome(request, reply, line))
        except (StoreDown, NotRecorded):
            if isinstance(reply, Help) and request.program == "docker":
                return reply
            return _refusal(NotRecorded())
        return reply

    async def _take(self, request: Request, known: Known) -> Reply:
        try:
            principal = await self.people.principal(request.team_id, request.user_id, request.user_name)
            policy = self.policy.current
            known.who, known.policy = principal, policy.sha256
            request = request.model_copy(update={"user_name": principal.name})
            if request.program != "docker":
                return await self.own.answer(request, principal, policy, known)
            spoken = await self.targets.read(request)
            request, parsed = spoken.request, spoken.parsed
            if isinstance(parsed, HelpAsked):
                holder = await self.lending.lent(principal, request.channel_id)
                return docker_help(
                    parsed, offered(policy.policy, holder, request.channel_id, self.catalogue, self.hosts)
                )
            if request.origin is Origin.MODAL and isinstance(parsed.command, Login):
                # The form has asked for it: the CLI's warning is about passwords on a line.
                parsed = replace(parsed, command=parsed.command.but(password_stdin=True))
            known.line = as_shown(parsed)
            operation = await self.weighing.operation(policy.policy, principal, spoken, parsed)
            known.operation = operation
            lends = await self.weighing.may(principal, request.channel_id, operation, parsed)
            known.who, known.rule = lends.principal, lends.decision.rule
            # Decided first: whoever may not is asked nothing, and hears of nothing else that is in the way.
            await self._needs_a_place_to_report(request, operation)
            password = await self.logins.password(request, principal, parsed)
            asked = password or await self.targets.question(spoken, operation)
            return asked or await self._run(request, policy, parsed, operation, lends)
        except UsageFault as fault:
            return await self._usage(request, fault)
        except Denied as fault:
            return _refusal(fault, rule=fault.rule)
        except Fault as fault:
            return _refusal(fault)

    async def _run(
        self,
        request: Request,
        policy: LoadedPolicy,
        parsed: Parsed,
        operation: Operation,
        lends: Lends,
    ) -> Accepted | Found | Refusal:
        """From the yes to the job, in an order that uses up nothing for a line that goes no further."""
        principal = lends.principal
        # After the yes, so that no hold opens anything.
        decision = await self.weighing.now(policy.policy, lends, operation, parsed)
        parsed = replace(parsed, warnings=(*parsed.warnings, *lends.notes))
        parsed = times_checked(parsed, operation, decision)
        # What was refused up to here counts for no limit; whatever may become a job does, asked about or not.
        await self.limits.count(policy.policy, principal, request.channel_id, operation, self.clock())
        draft = await self.tickets.draft(request, principal, parsed, operation)
        # Before people are asked; never instead of a freeze's exception, nor of a deny.
        draft, approved = await self.budgets.spend(draft, principal, decision, policy.sha256)
        if isinstance(decision, NeedsApproval) and draft.mode is Mode.RUN and approved is None:
            return await self.approvals.ask(draft, principal, decision, parsed.reason)
        # Last, since all are told of it; and before the job: nothing runs by a glass that nobody heard of.
        principal, draft = await self.lending.break_glass(lends, draft)
        try:
            job_id, duplicate = await self.tickets.issue(draft, principal, decision, policy.sha256, approved)
        except AlreadyAsked as asked:
            return await self._already(request, asked, draft.record.shown)
        await self.lending.ran(principal, job_id)
        question = draft.record.question
        return Accepted(job_id=job_id, duplicate=duplicate, question=question, warnings=parsed.warnings)

    async def _needs_a_place_to_report(self, request: Request, operation: Operation) -> None:
        if not operation.verb.reads and not await self.channels.can_post(request.channel_id):
            raise Fault(
                "I am not in this channel, so I could not say how it ended. Nothing was run.",
                hint="Invite me with /invite and send the line again.",
                reason=Reason.NOT_IN_CHANNEL,
            )

    async def _already(self, request: Request, asked: AlreadyAsked, line: str) -> Refusal:
        """Another job does the same: its id, and a button that queues this one behind it."""
        again = await self.corrections.keep(request, confirmed=request.confirmed, again=True)
        reply = _refusal(asked)
        return reply.model_copy(update={"suggestion": line, "correction_id": again, "ahead": asked.job_id})

    async def _usage(self, request: Request, fault: UsageFault) -> Refusal:
        program = program_meant(request.program, request.text, fault, self.catalogue)
        line, span = masked(request.text, fault.span or option_meant(fault, request.text), self.catalogue)
        said = {"line": line, "span": span, "usage": fault.usage, "warnings": fault.warnings}
        hidden = span is not None and line[slice(*span)] == MASK
        if hidden and fault.reason is Reason.UNKNOWN_OPTION:
            # The CLI's sentence names the word that the line hides: part of a password without quotes.
            said |= {"message": f"unknown flag: {MASK}"}
        refusal = _refusal(fault).model_copy(update=said)
        if fault.suggestion is None:
            return refusal
        try:
            meant = request.model_copy(update={"program": program})
            correction = await self.corrections.keep(meant, fault.suggestion)
        except StoreDown:
            return refusal  # without a button: the caret and the sentence still help
        suggestion, _ = masked(fault.suggestion, None, self.catalogue)
        suggestion = suggestion if program == request.program else f"/{program} {suggestion}"
        return refusal.model_copy(update={"suggestion": suggestion, "correction_id": correction})


def _refusal(fault: Fault, *, rule: str = "") -> Refusal:
    return Refusal(
        reason=fault.reason, message=fault.message, hint=fault.hint, rule=rule, exit_code=fault.exit_code
    )
