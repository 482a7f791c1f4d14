"""The path of a line, from what somebody typed to a job in a host's queue, top to bottom.

``docs/life-of-a-command.md`` walks through it. Every origin (slash, mention, button) arrives at
:meth:`Pipeline.submit` and nowhere else.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from bot import audit_entries
from bot.again import LATE, Again, People
from bot.audit_entries import Known, nobody
from bot.audit_reading import Filters
from bot.desk import Asked, Desk
from bot.failpoints import failpoint
from bot.hosts import Host, Hosts
from bot.job_commands import job_line
from bot.jobs.command_wire import to_wire
from bot.jobs.lanes import lane_of, sameness
from bot.jobs.queue import AlreadyAsked, BotQueue, StoreDown
from bot.key_files import KeysRefused
from bot.keys import BotKeys
from bot.own_commands import answer, audit_filters, audit_operation, docker_help, offered, offers_audit
from bot.policy_answers import PolicyAnswers, question
from bot.policy_file import LoadedPolicy, PolicyHolder
from bot.reply import Accepted, Help, PasswordNeeded, Refusal, Reply
from bot.request import Origin, Request
from bot.store.audit import AuditIntake
from bot.store.corrections import Corrections
from bot.store.intake import NotRecorded
from bot.store.logins import Login as KeptLogin
from bot.store.logins import LoginChange, Logins, owner
from bot.store.rates import Rates
from bot.store.records import RequestRecord
from bot.trust import Trust
from handlers.catalogue import Catalogue
from handlers.faults import Denied, Fault, Reason, UsageFault
from handlers.grammar.command import Command
from handlers.grammar.mask import masked
from handlers.grammar.parser import HelpAsked, Parsed, parse
from handlers.grammar.render import shown
from handlers.system.login import Login, server_key
from handlers.system.logout import Logout
from permissions.decide import decide
from permissions.decision import Allow, Deny
from permissions.operation import Operation, Principal
from permissions.policy import UNMASKED_FLAG
from permissions.rates import counters
from permissions.ticket import Claims, Effect, Mode, SealedValue

log = structlog.get_logger(__name__)


class Channels(Protocol):
    """Where the bot may post."""

    async def can_post(self, channel_id: str) -> bool:
        """Whether a result could be reported there."""
        ...


@dataclass(frozen=True)
class Pipeline:
    """Everything the path needs, given once at start.

    ``clock`` is epoch seconds; ``audit_view`` reads the audit, in a thread; ``on_reply`` is told of every
    reply; see the settings for the rest.
    """

    catalogue: Catalogue
    policy: PolicyHolder
    hosts: Hosts
    people: People
    channels: Channels
    keys: BotKeys
    trust: Trust
    queue: BotQueue
    corrections: Corrections
    rates: Rates
    policy_answers: PolicyAnswers
    logins: Logins
    clock: Callable[[], float]
    start_within: float
    deadline: float
    audit: AuditIntake
    audit_view: Callable[[Filters], str]
    desk: Desk
    again: Again
    unmasked: bool = False
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
                return await self._own(policy, principal, request, known)
            parsed = parse(request.text, self.catalogue)
            if isinstance(parsed, HelpAsked):
                return docker_help(parsed, self._offered(policy, principal, request))
            if request.origin is Origin.MODAL and isinstance(parsed.command, Login):
                # The form has asked for it: the CLI's warning is about passwords on a line.
                parsed = replace(parsed, command=parsed.command.but(password_stdin=True))
            known.line = _shown(parsed)
            operation = known.operation = self._operation(parsed, self._host(parsed))
            allow = self._decide(policy, principal, request, operation)
            known.rule = allow.rule
            await self._needs_a_place_to_report(request, operation)
            asked = await self._password(request, principal, parsed)
            if not asked:
                await self._count(policy, principal, request, operation)
            return asked or await self._enqueue(request, principal, policy, parsed, operation, allow)
        except UsageFault as fault:
            return await self._usage(request, fault)
        except Denied as fault:
            return _refusal(fault, rule=fault.rule)
        except Fault as fault:
            return _refusal(fault)

    async def _own(
        self, policy: LoadedPolicy, principal: Principal, request: Request, known: Known
    ) -> Accepted | Help:
        if request.program == LATE:
            known.line = "still wanted"
            record = await self.again.wanted(request.text)
            return Accepted(job_id=record.job_id)
        line = job_line(request.text)
        if isinstance(line, HelpAsked):
            return Help(text=line.text)
        if line is not None:
            return await self.desk.answer(line, Asked(request, principal, policy.policy))
        asked = question(request)
        if asked is not None:
            text = await self.policy_answers.answer(asked, policy.policy, principal, request, known)
            return Help(text=text)
        filters = audit_filters(request)
        if filters is None:
            commands = self._offered(policy, principal, request)
            audit = offers_audit(policy.policy, principal, request.channel_id, self.hosts)
            return answer(request, commands, principal, self.hosts, audit=audit)
        known.operation = audit_operation(filters, self.hosts)
        known.rule = self._decide(policy, principal, request, known.operation).rule
        try:
            return Help(text=await asyncio.to_thread(self.audit_view, filters))
        except OSError as error:
            log.warning("audit cannot be read", error=str(error))
            raise Fault("The audit cannot be read.", hint="Tell an operator.") from error

    def _host(self, parsed: Parsed) -> Host:
        host = self.hosts.find(parsed.host)
        if host is None:
            names = ", ".join(known.name for known in self.hosts.known)
            raise Fault(
                f"no such host: {parsed.host}", hint=f"Known hosts: {names}.", reason=Reason.UNKNOWN_HOST
            )
        return host

    def _offered(
        self, policy: LoadedPolicy, principal: Principal, request: Request
    ) -> tuple[type[Command], ...]:
        return offered(policy.policy, principal, request.channel_id, self.catalogue, self.hosts)

    def _operation(self, parsed: Parsed, host: Host) -> Operation:
        operation = parsed.command.operation(host.name)
        flags = {*operation.flags, *([UNMASKED_FLAG] if self.unmasked else ())}
        return operation.model_copy(update={"flags": tuple(sorted(flags)), "host_labels": host.labels})

    def _decide(
        self, policy: LoadedPolicy, principal: Principal, request: Request, operation: Operation
    ) -> Allow:
        match decide(policy.policy, principal, request.channel_id, operation, self.clock()):
            case Allow() as allow:
                return allow
            case Deny(rule=rule, reason=reason, hint=hint):
                raise Denied(reason, rule=rule, hint=hint)
            case other:
                # Approvals are not built yet; a policy cannot ask for one, and nothing passes by default.
                raise Denied("this needs an approval, which nobody can give yet", rule=other.rule)

    async def _count(
        self, policy: LoadedPolicy, principal: Principal, request: Request, operation: Operation
    ) -> None:
        await self.rates.count(
            counters(policy.policy, principal, request.channel_id, operation, self.clock())
        )

    async def _needs_a_place_to_report(self, request: Request, operation: Operation) -> None:
        if not operation.verb.reads and not await self.channels.can_post(request.channel_id):
            raise Fault(
                "I am not in this channel, so I could not say how it ended. Nothing was run.",
                hint="Invite me with /invite and send the line again.",
                reason=Reason.NOT_IN_CHANNEL,
            )

    async def _password(
        self, request: Request, principal: Principal, parsed: Parsed
    ) -> PasswordNeeded | None:
        """What has to be asked before a login can be tried; raises Fault where it cannot be asked."""
        login = parsed.command
        if not isinstance(login, Login) or parsed.dry_run:
            return None
        if login.password and request.origin is Origin.MENTION:
            raise Fault(
                "A password in a message can be read by everybody here. Nothing was run.",
                hint="Delete your message, change that password, and use /docker login: it asks for it.",
                reason=Reason.SECRET_SHOWN,
            )
        server = server_key(login.server)
        kept = server in await self.logins.of(owner(principal.team_id, principal.user_id))
        if login.password or (kept and not login.username):
            return None
        if request.origin is not Origin.SLASH:
            raise Fault(
                "A password can only be asked for after a slash command.",
                hint="Use /docker login in the channel.",
                reason=Reason.NEEDS_TERMINAL,
            )
        return PasswordNeeded(
            server=server,
            username=login.username,
            correction_id=await self._keep(request, request.text.replace("--password-stdin", "", 1)),
        )

    async def _hold_login(self, job_id: str, principal: Principal, command: Command) -> None:
        """Keeps what a login or logout will have changed beside its job, until that has ended well."""
        whose, login = owner(principal.team_id, principal.user_id), None
        if isinstance(command, Login) and command.password:
            login = KeptLogin(
                owner=whose,
                server=server_key(command.server),
                username=command.username.strip(),
                password=command.password,
            )
        elif not isinstance(command, Logout):
            return
        change = LoginChange(job_id=job_id, owner=whose, server=server_key(command.server), login=login)
        await self.logins.hold(change)

    async def _enqueue(
        self,
        request: Request,
        principal: Principal,
        policy: LoadedPolicy,
        parsed: Parsed,
        operation: Operation,
        allow: Allow,
    ) -> Accepted | Refusal:
        now, command = self.clock(), parsed.command
        question = "" if request.confirmed else command.question()
        mode = Mode.DRY_RUN if parsed.dry_run else Mode.PREVIEW if question else Mode.RUN
        effect = Effect.READ if operation.verb.reads or mode is not Mode.RUN else Effect.CHANGE
        try:
            job_id = await self.queue.next_job_id()
            host_key = self.trust.host_key(operation.host)
            claims = Claims(
                job_id=job_id,
                nonce=secrets.token_hex(16),
                host=operation.host,
                effect=effect,
                command=to_wire(command, lambda value: self.keys.seal(host_key, value)),
                operation=operation,
                principal=principal,
                channel_id=request.channel_id,
                policy=policy.sha256,
                rule=allow.rule,
                provisional=allow.provisional,
                issued_at=now,
                not_after=now + self.start_within,
                deadline=self.deadline,
                mode=mode,
                unmasked=self.unmasked,
                logins=await self._sealed_logins(principal, command, host_key),
            )
            record = RequestRecord(
                job_id=job_id,
                delivery_id=request.delivery_id,
                origin=request.origin,
                team_id=request.team_id,
                user_id=request.user_id,
                user_name=request.user_name,
                channel_id=request.channel_id,
                thread_ts=request.thread_ts,
                shown=_shown(parsed),
                host=operation.host,
                command=command.path,
                effect=effect,
                rule=allow.rule,
                accepted_at=now,
                not_after=claims.not_after,
                deadline=claims.deadline,
                notes=(*request.notes, *parsed.warnings),
                operation=operation,
                question=question if mode is Mode.PREVIEW else "",
                confirmation_id=await self._keep(request, request.text, confirmed=True)
                if mode is Mode.PREVIEW
                else "",
            )
            await self._hold_login(job_id, principal, command)
            ticket = self.keys.sign(claims)
            with self.audit.entry(audit_entries.accepted(request, record, claims, ticket)) as entry:
                failpoint("intake")
                accepted, duplicate = await self.queue.accept(
                    record,
                    ticket,
                    entry,
                    lane=lane_of(command),
                    same=sameness(command, claims.command) if effect is Effect.CHANGE else "",
                    again=request.again,
                )
                failpoint("stored")
            if duplicate:
                self.audit.unused(entry)
        except AlreadyAsked as asked:
            return await self._already(request, asked, record.shown)
        except KeysRefused as error:
            log.warning("host has no usable key", host=operation.host, error=str(error))
            raise Fault(
                f"I have no key to talk to the worker of {operation.host}. Nothing was run.",
                hint="Tell an operator: that host's public key has to be in the bot's trust folder.",
                reason=Reason.UNREACHABLE,
            ) from error
        log.info("accepted", job_id=accepted, duplicate=duplicate, command=command.path, host=operation.host)
        return Accepted(job_id=accepted, duplicate=duplicate, question=record.question)

    async def _sealed_logins(
        self, principal: Principal, command: Command, host_key: bytes
    ) -> dict[str, SealedValue]:
        if not command.logins:
            return {}
        kept = await self.logins.of(owner(principal.team_id, principal.user_id))
        return {server: self.keys.seal(host_key, login) for server, login in kept.items()}

    async def _keep(
        self, request: Request, text: str, *, confirmed: bool = False, again: bool = False
    ) -> str:
        """Keeps a line for a button; the opaque id that goes into it. Raises StoreDown."""
        return await self.corrections.put(
            user_id=request.user_id,
            channel_id=request.channel_id,
            thread_ts=request.thread_ts,
            program=request.program,
            text=text,
            confirmed=confirmed,
            again=again,
        )

    async def _already(self, request: Request, asked: AlreadyAsked, line: str) -> Refusal:
        """Another job does the same: its id, and a button that queues this one behind it."""
        again = await self._keep(request, request.text, confirmed=request.confirmed, again=True)
        reply = _refusal(asked)
        return reply.model_copy(update={"suggestion": line, "correction_id": again, "ahead": asked.job_id})

    async def _usage(self, request: Request, fault: UsageFault) -> Refusal:
        line, span = masked(request.text, fault.span, self.catalogue)
        refusal = _refusal(fault).model_copy(update={"line": line, "span": span, "usage": fault.usage})
        if fault.suggestion is None:
            return refusal
        try:
            correction = await self._keep(request, fault.suggestion)
        except StoreDown:
            return refusal  # without a button: the caret and the sentence still help
        suggestion, _ = masked(fault.suggestion, None, self.catalogue)
        return refusal.model_copy(update={"suggestion": suggestion, "correction_id": correction})


def _shown(parsed: Parsed) -> str:
    text, path = shown(parsed.command), parsed.command.path
    return text.replace(path, f"{path} --dry-run", 1) if parsed.dry_run else text


def _refusal(fault: Fault, *, rule: str = "") -> Refusal:
    return Refusal(
        reason=fault.reason, message=fault.message, hint=fault.hint, rule=rule, exit_code=fault.exit_code
    )
