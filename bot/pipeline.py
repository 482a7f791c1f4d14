"""The path of a line, from what somebody typed to a job in a host's queue, top to bottom.

``docs/life-of-a-command.md`` walks through it. Every origin (slash, mention, button) arrives at
:meth:`Pipeline.submit` and nowhere else.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from bot.hosts import Host, Hosts
from bot.jobs.queue import BotQueue, StoreDown
from bot.keys import BotKeys, KeysRefused, Trust, to_wire
from bot.own_commands import answer, offered
from bot.policy_file import LoadedPolicy, PolicyHolder
from bot.reply import Accepted, Help, PasswordNeeded, Refusal, Reply
from bot.request import Origin, Request
from bot.store.corrections import Corrections
from bot.store.logins import Login as KeptLogin
from bot.store.logins import LoginChange, Logins, owner
from bot.store.records import RequestRecord
from handlers.catalogue import Catalogue
from handlers.faults import Denied, Fault, Reason, UsageFault
from handlers.grammar import usage
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
from permissions.ticket import Claims, Effect, Mode, SealedValue

log = structlog.get_logger(__name__)


class People(Protocol):
    """Who an account is; answers UNKNOWN standing when Slack cannot be asked."""

    async def principal(self, team_id: str, user_id: str, name: str) -> Principal:
        """The account's standing and groups, as fresh as a decision needs."""
        ...


class Channels(Protocol):
    """Where the bot may post."""

    async def can_post(self, channel_id: str) -> bool:
        """Whether a result could be reported there."""
        ...


@dataclass(frozen=True)
class Pipeline:
    """Everything the path needs, given once at start.

    ``clock`` is epoch seconds; ``on_reply`` is told of every reply; see the settings for the rest.
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
    logins: Logins
    clock: Callable[[], float]
    start_within: float
    deadline: float
    unmasked: bool = False
    on_reply: Callable[[Request, Reply], None] = lambda _request, _reply: None

    async def submit(self, request: Request) -> Reply:
        """Takes one line as far as it may go: a job in the queue, an answer, or a refusal.

        Never raises a Fault: what a person can act on becomes a Refusal, and nothing was run then.
        """
        reply = await self._take(request)
        self.on_reply(request, reply)
        return reply

    async def _take(self, request: Request) -> Reply:
        try:
            principal = await self.people.principal(request.team_id, request.user_id, request.user_name)
            policy = self.policy.current
            if request.program == "docktalk":
                return answer(request, self._offered(policy, principal, request), principal, self.hosts)
            parsed = parse(request.text, self.catalogue)
            if isinstance(parsed, HelpAsked):
                return _help(parsed, self._offered(policy, principal, request))
            if request.origin is Origin.MODAL and isinstance(parsed.command, Login):
                # The form has asked for it: the CLI's warning is about passwords on a line.
                parsed = replace(parsed, command=parsed.command.but(password_stdin=True))
            operation = self._operation(parsed, self._host(parsed))
            rule = self._decide(policy, principal, request, operation)
            await self._needs_a_place_to_report(request, operation)
            asked = await self._password(request, principal, parsed)
            return asked or await self._enqueue(request, principal, policy, parsed, operation, rule)
        except UsageFault as fault:
            return await self._usage(request, fault)
        except Denied as fault:
            return _refusal(fault, rule=fault.rule)
        except Fault as fault:
            return _refusal(fault)

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
        if self.unmasked:
            return operation.model_copy(update={"flags": tuple(sorted({*operation.flags, UNMASKED_FLAG}))})
        return operation

    def _decide(
        self, policy: LoadedPolicy, principal: Principal, request: Request, operation: Operation
    ) -> str:
        match decide(policy.policy, principal, request.channel_id, operation):
            case Allow(rule=rule):
                return rule
            case Deny(rule=rule, reason=reason, hint=hint):
                raise Denied(reason, rule=rule, hint=hint)
            case other:
                # Approvals are not built yet; a policy cannot ask for one, and nothing passes by default.
                raise Denied("this needs an approval, which nobody can give yet", rule=other.rule)

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
        rule: str,
    ) -> Accepted:
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
                policy=policy.sha256,
                rule=rule,
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
                rule=rule,
                accepted_at=now,
                not_after=claims.not_after,
                deadline=claims.deadline,
                notes=(*request.notes, *parsed.warnings),
                question=question if mode is Mode.PREVIEW else "",
                confirmation_id=await self._keep(request, request.text, confirmed=True)
                if mode is Mode.PREVIEW
                else "",
            )
            await self._hold_login(job_id, principal, command)
            accepted, duplicate = await self.queue.accept(record, self.keys.sign(claims))
        except StoreDown as error:
            raise _store_down(error) from error
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

    async def _keep(self, request: Request, text: str, *, confirmed: bool = False) -> str:
        """Keeps a line for a button; the opaque id that goes into it. Raises StoreDown."""
        return await self.corrections.put(
            user_id=request.user_id,
            channel_id=request.channel_id,
            thread_ts=request.thread_ts,
            program=request.program,
            text=text,
            confirmed=confirmed,
        )

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


def _help(asked: HelpAsked, commands: tuple[type[Command], ...]) -> Help:
    """Lists show what the asker may run; the help of one command is docker's own text."""
    if not asked.topic:
        return Help(text=usage.overview(commands), exit_code=asked.exit_code)
    if any(command.path.startswith(f"{asked.topic} ") for command in commands):
        return Help(text=usage.group(asked.topic, commands), exit_code=asked.exit_code)
    return Help(text=asked.text, exit_code=asked.exit_code)


def _store_down(error: StoreDown) -> Fault:
    if error.unsure:
        return Fault(
            "The job store did not answer in time, so I cannot say whether it took this.",
            hint="If it did, the answer appears here by itself. Look before you ask again.",
            reason=Reason.STORE_DOWN,
        )
    return Fault(
        "The job store does not answer. Nothing was run.",
        hint="Try again in a moment; the operators' runbook has a page on it.",
        reason=Reason.STORE_DOWN,
    )


def _refusal(fault: Fault, *, rule: str = "") -> Refusal:
    return Refusal(
        reason=fault.reason, message=fault.message, hint=fault.hint, rule=rule, exit_code=fault.exit_code
    )
