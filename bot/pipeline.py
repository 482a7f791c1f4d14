"""The path of a line, from what somebody typed to a job in a host's queue, top to bottom.

``docs/life-of-a-command.md`` walks through it. Every origin (slash, mention, button) arrives at
:meth:`Pipeline.submit` and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from bot.again import People
from bot.approvals import ApprovalDesk
from bot.audit_entries import Known, nobody
from bot.decided import decided
from bot.hosts import Host, Hosts
from bot.jobs.queue import AlreadyAsked, StoreDown
from bot.own_commands import docker_help, offered
from bot.own_lines import OwnLines
from bot.policy_file import LoadedPolicy, PolicyHolder
from bot.policy_limits import Limits
from bot.policy_sight import named_host, seen_hosts
from bot.registry_logins import RegistryLogins
from bot.reply import Accepted, Help, PasswordNeeded, Refusal, Reply
from bot.request import Origin, Request
from bot.store.audit import AuditIntake
from bot.store.corrections import Corrections
from bot.store.intake import NotRecorded
from bot.tickets import Tickets, as_shown
from handlers.catalogue import Catalogue
from handlers.faults import Denied, Fault, Reason, UsageFault
from handlers.grammar.mask import masked
from handlers.grammar.parser import HelpAsked, Parsed, parse
from handlers.grammar.secrecy import MASK
from handlers.system.login import Login
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Operation, Principal
from permissions.policy import UNMASKED_FLAG
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
            if request.program != "docker":
                return await self.own.answer(request, principal, policy, known)
            parsed = parse(request.text, self.catalogue)
            if isinstance(parsed, HelpAsked):
                return docker_help(
                    parsed,
                    offered(policy.policy, principal, request.channel_id, self.catalogue, self.hosts),
                )
            if request.origin is Origin.MODAL and isinstance(parsed.command, Login):
                # The form has asked for it: the CLI's warning is about passwords on a line.
                parsed = replace(parsed, command=parsed.command.but(password_stdin=True))
            known.line = as_shown(parsed)
            seen = seen_hosts(policy.policy, principal, request.channel_id, self.hosts, self.clock())
            host = named_host(self.hosts, parsed.host, seen)
            operation = known.operation = self._operation(parsed, host)
            decision = decided(policy.policy, principal, request.channel_id, operation, self.clock())
            known.rule = decision.rule
            await self._needs_a_place_to_report(request, operation)
            asked = await self.logins.password(request, principal, parsed)
            return asked or await self._run(request, principal, policy, parsed, operation, decision)
        except UsageFault as fault:
            return await self._usage(request, fault)
        except Denied as fault:
            return _refusal(fault, rule=fault.rule)
        except Fault as fault:
            return _refusal(fault)

    async def _run(
        self,
        request: Request,
        principal: Principal,
        policy: LoadedPolicy,
        parsed: Parsed,
        operation: Operation,
        decision: Allow | NeedsApproval,
    ) -> Accepted | Refusal:
        await self.limits.count(policy.policy, principal, request.channel_id, operation, self.clock())
        draft = await self.tickets.draft(request, principal, parsed, operation)
        if isinstance(decision, NeedsApproval) and draft.mode is Mode.RUN:
            return await self.approvals.ask(draft, principal, decision, parsed.reason)
        try:
            job_id, duplicate = await self.tickets.issue(draft, principal, decision, policy.sha256)
        except AlreadyAsked as asked:
            return await self._already(request, asked, draft.record.shown)
        question = draft.record.question
        return Accepted(job_id=job_id, duplicate=duplicate, question=question, warnings=parsed.warnings)

    def _operation(self, parsed: Parsed, host: Host) -> Operation:
        operation = parsed.command.operation(host.name)
        flags = {*operation.flags, *([UNMASKED_FLAG] if self.tickets.unmasked else ())}
        return operation.model_copy(update={"flags": tuple(sorted(flags)), "host_labels": host.labels})

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
        line, span = masked(request.text, fault.span, self.catalogue)
        said = {"line": line, "span": span, "usage": fault.usage, "warnings": fault.warnings}
        hidden = span is not None and line[slice(*span)] == MASK
        if hidden and fault.reason is Reason.UNKNOWN_OPTION:
            # The CLI's sentence names the word that the line hides: part of a password without quotes.
            said |= {"message": f"unknown flag: {MASK}"}
        refusal = _refusal(fault).model_copy(update=said)
        if fault.suggestion is None:
            return refusal
        try:
            correction = await self.corrections.keep(request, fault.suggestion)
        except StoreDown:
            return refusal  # without a button: the caret and the sentence still help
        suggestion, _ = masked(fault.suggestion, None, self.catalogue)
        return refusal.model_copy(update={"suggestion": suggestion, "correction_id": correction})


def _refusal(fault: Fault, *, rule: str = "") -> Refusal:
    return Refusal(
        reason=fault.reason, message=fault.message, hint=fault.hint, rule=rule, exit_code=fault.exit_code
    )
