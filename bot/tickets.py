"""From a line that may run to a signed ticket in its host's queue."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from bot.audit import entries as audit_entries
from bot.failpoints import failpoint
from bot.jobs.command_wire import to_wire
from bot.jobs.lanes import lane_of, sameness
from bot.jobs.queue import BotQueue
from bot.key_files import KeysRefused
from bot.keys import BotKeys
from bot.registry_logins import RegistryLogins
from bot.request import Request
from bot.store.audit import AuditIntake
from bot.store.corrections import Corrections
from bot.store.records import Draft, RequestRecord
from bot.trust import Trust
from handlers.faults import Fault, Reason
from handlers.grammar.command import Command
from handlers.grammar.parser import Parsed
from handlers.grammar.render import shown
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Operation, Principal
from permissions.ticket import Approved, Claims, CommandWire, Effect, Mode

log = structlog.get_logger(__name__)

LOOK_SECONDS = 15.0
"""The longest that a look at what a job would touch may take."""


@dataclass(frozen=True)
class Tickets:
    """Drafts and issues them. ``start_within`` and ``deadline`` are seconds, ``clock`` epoch seconds.

    ``unmasked`` turns redaction off, where the policy lets it be.
    """

    keys: BotKeys
    trust: Trust
    queue: BotQueue
    audit: AuditIntake
    logins: RegistryLogins
    corrections: Corrections
    clock: Callable[[], float]
    start_within: float
    deadline: float
    unmasked: bool = False

    async def draft(
        self, request: Request, principal: Principal, parsed: Parsed, operation: Operation
    ) -> Draft:
        """What the ticket will say, under the job's id; the values of secret options are sealed already.

        Raises StoreDown, or Fault when the host has no key to seal them to.
        """
        command = parsed.command
        question = "" if request.confirmed or parsed.dry_run else command.question()
        mode = Mode.DRY_RUN if parsed.dry_run else Mode.PREVIEW if question else Mode.RUN
        effect = Effect.READ if operation.verb.reads or mode is not Mode.RUN else Effect.CHANGE
        wire = self.wire(command, operation.host)
        job_id = await self.queue.next_job_id()
        await self.logins.hold(job_id, principal, command)
        return Draft(
            record=RequestRecord.of(
                request,
                job_id=job_id,
                shown=as_shown(parsed),
                host=operation.host,
                command=command.path,
                effect=effect,
                notes=(*request.notes, *parsed.warnings),
                operation=operation,
                question=question if mode is Mode.PREVIEW else "",
                confirmation_id=await self.corrections.keep(request, confirmed=True)
                if mode is Mode.PREVIEW
                else "",
            ),
            # Whoever takes from the store that it came makes no second change of it.
            nonce=self.keys.nonce(request.delivery_id),
            command=wire,
            mode=mode,
            lane=lane_of(command, operation.incident),
            same=sameness(command, wire) if effect is Effect.CHANGE else "",
            logins=await self.logins.sealed(principal, command, self._host_key(operation.host)),
            again=request.again,
            times=parsed.times,
            within=parsed.within,
        )

    def wire(self, command: Command, host: str) -> CommandWire:
        """The command as it travels to a host; raises Fault when that has no key to seal its secrets to."""
        host_key = self._host_key(host)
        return to_wire(command, lambda value: self.keys.seal(host_key, value))

    async def redraft(self, draft: Draft, delivery_id: str) -> Draft:
        """The same once more, as another job; raises StoreDown."""
        job_id = await self.queue.next_job_id()
        record = draft.record.model_copy(update={"job_id": job_id, "delivery_id": delivery_id})
        return draft.model_copy(update={"record": record, "nonce": secrets.token_hex(16)})

    async def issue(
        self,
        draft: Draft,
        principal: Principal,
        decision: Allow | NeedsApproval,
        policy: str,
        approved: Approved | None = None,
    ) -> tuple[str, bool]:
        """Signs it and puts it into the queue; the job's id, and whether this delivery was a job already.

        ``policy`` is the SHA-256 of the policy that decided. Raises StoreDown, NotRecorded or AlreadyAsked.
        """
        claims = self._claims(draft, principal, decision, policy, approved=approved)
        record = draft.record.model_copy(
            update={
                "rule": decision.rule,
                "accepted_at": claims.issued_at,
                "not_after": claims.not_after,
                "deadline": claims.deadline,
            }
        )
        ticket = self.keys.sign(claims)
        with self.audit.entry(audit_entries.accepted(record, claims, ticket)) as entry:
            failpoint("intake")
            accepted, duplicate = await self.queue.accept(
                record, ticket, entry, lane=draft.lane, same=draft.same, again=draft.again
            )
            failpoint("stored")
        if duplicate:
            self.audit.unused(entry)
        log.info("accepted", job_id=accepted, duplicate=duplicate, command=record.command, host=record.host)
        return accepted, duplicate

    async def probe(
        self, draft: Draft, principal: Principal, decision: Allow | NeedsApproval, policy: str, key: str
    ) -> None:
        """Has the host's worker look at what it would do, and sign that with ``key``.

        Raises StoreDown or NotRecorded.
        """
        job_id = await self.queue.next_job_id()
        claims = self._claims(
            draft,
            principal,
            decision,
            policy,
            job_id=job_id,
            nonce=secrets.token_hex(16),
            effect=Effect.READ,
            mode=Mode.PROBE,
            probes=draft.record.job_id,
            probe_key=self.keys.seal(self._host_key(draft.record.host), key),
            deadline=LOOK_SECONDS,
        )
        ticket = self.keys.sign(claims)
        with self.audit.entry(audit_entries.ordered(claims, ticket)) as entry:
            await self.queue.order(job_id, claims.host, ticket, entry)

    def _claims(
        self,
        draft: Draft,
        principal: Principal,
        decision: Allow | NeedsApproval,
        policy: str,
        **changes: Any,
    ) -> Claims:
        now, record = self.clock(), draft.record
        claims = {
            "job_id": record.job_id,
            "nonce": draft.nonce,
            "host": record.host,
            "effect": record.effect,
            "command": draft.command,
            "operation": record.operation,
            "principal": principal,
            "channel_id": record.channel_id,
            "policy": policy,
            "rule": decision.rule,
            "provisional": decision.provisional,
            "issued_at": now,
            "not_after": now + self.start_within,
            "deadline": self.deadline,
            "mode": draft.mode,
            "unmasked": self.unmasked,
            "logins": draft.logins,
        }
        return Claims(**{**claims, **changes})

    def _host_key(self, host: str) -> bytes:
        try:
            return self.trust.host_key(host)
        except KeysRefused as error:
            log.warning("host has no usable key", host=host, error=str(error))
            raise Fault(
                f"I have no key to talk to the worker of {host}. Nothing was run.",
                hint="Tell an operator: that host's public key has to be in the bot's trust folder.",
                reason=Reason.UNREACHABLE,
            ) from error


def as_shown(parsed: Parsed) -> str:
    """The line with its secrets masked, as people see it."""
    text, path = shown(parsed.command), parsed.command.path
    return text.replace(path, f"{path} --dry-run", 1) if parsed.dry_run else text
