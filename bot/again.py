"""Jobs that came too late to be run as they were decided: decided anew, or first asked about.

The nonce stays: what a worker has begun once, no second decision begins again. So a ticket may come from
anywhere, also from somebody who writes to the store: it has to be the bot's own, for a job that the bot
accepted within a day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from pydantic import ValidationError

from bot.audit import entries as audit_entries
from bot.hosts import Hosts
from bot.jobs.names import AGAIN_SECONDS
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Late
from bot.keys import BotKeys
from bot.lending.lending import Lending
from bot.policy.file import PolicyHolder
from bot.store.audit import AuditIntake
from bot.store.corrections import Corrections
from bot.store.records import RequestRecord
from bot.trust import TicketRefused, Trust
from handlers.faults import Denied, Fault, Reason
from permissions.decision import NeedsApproval
from permissions.operation import Principal
from permissions.ticket import Claims, Ticket

log = structlog.get_logger(__name__)

LATE = "late"
"""The program of a kept "line" that is the ticket of a job which waited long."""


class People(Protocol):
    """Who an account is."""

    async def principal(self, team_id: str, user_id: str, name: str) -> Principal:
        """The account's standing and groups, as fresh as a decision needs."""
        ...


class Tags(Protocol):
    """Which incident a place belongs to."""

    async def tag(self, channel_id: str, thread_ts: str) -> str:
        """The name of the one that is open there, or ""; raises StoreDown."""
        ...


@dataclass(frozen=True)
class Again:
    """``start_within`` bounds the next wait; jobs older than ``ask_after`` are asked about. In seconds."""

    policy: PolicyHolder
    people: People
    hosts: Hosts
    keys: BotKeys
    trust: Trust
    queue: BotQueue
    corrections: Corrections
    audit: AuditIntake
    incidents: Tags
    lending: Lending
    clock: Callable[[], float]
    start_within: float
    ask_after: float

    async def late(self, record: RequestRecord, event: Late) -> str:
        """Queues the job once more; or the id behind the "yes" when it has to be asked about, else "".

        Raises Fault when it may not run any more.
        """
        claims = self.claims(record, event.ticket)
        if self.clock() - record.accepted_at > self.ask_after:
            return await self.corrections.put(
                user_id=record.user_id,
                channel_id=record.channel_id,
                thread_ts=record.thread_ts,
                program=LATE,
                text=event.ticket,
            )
        await self._decide(record, claims)
        return ""

    async def wanted(self, ticket: str) -> RequestRecord:
        """The asker still wants the job of this ticket; raises Fault when it may not run any more."""
        try:
            job_id = self.trust.verify(Ticket.model_validate_json(ticket)).job_id
        except (ValidationError, TicketRefused):
            raise _gone() from None
        record = await self.queue.request(job_id)
        if record is None:
            raise _gone()
        await self._decide(record, self.claims(record, ticket))
        return record

    def claims(self, record: RequestRecord, text: str) -> Claims:
        """Those of the job's own ticket.

        Raises Fault for any other, for a job that is too old, and for a use of a budget: it does not wait.
        """
        try:
            claims = self.trust.verify(Ticket.model_validate_json(text))
        except (ValidationError, TicketRefused):
            raise _gone() from None
        same = (claims.job_id, claims.host, claims.effect) == (record.job_id, record.host, record.effect)
        if not same or self.clock() - record.accepted_at > AGAIN_SECONDS:
            raise _gone()
        if record.budget:  # which may be over by the time that it could run
            raise Fault(
                f"It could not run at once, and {record.budget} is good for nothing else. Nothing was run.",
                hint="Send the line again.",
                reason=Reason.TICKET_REFUSED,
            )
        return claims

    async def _decide(self, record: RequestRecord, claims: Claims) -> None:
        now, policy = self.clock(), self.policy.current
        principal = await self.people.principal(record.team_id, record.user_id, record.user_name)
        host = self.hosts.find(record.host)
        if host is None:
            raise _gone()
        incident = await self.incidents.tag(record.channel_id, record.thread_ts)
        now_true = {"host_labels": host.labels, "incident": incident}
        operation = claims.operation.model_copy(update=now_true)
        _not_for_a_closed_one(claims, incident)
        agreed = claims.approved is not None
        lends = await self.lending.decided(principal, record.channel_id, operation, agreed=agreed)
        decision = lends.decision
        if isinstance(decision, NeedsApproval) and claims.approved is None:
            raise Denied("this needs an approval by now", rule=decision.rule, hint="Send the line again.")
        changes = {
            "operation": operation,
            "principal": lends.principal,
            "policy": policy.sha256,
            "rule": decision.rule,
            "provisional": decision.provisional,
            "issued_at": now,
            "not_after": now + self.start_within,
        }
        anew = claims.model_copy(update=changes)
        ticket = self.keys.sign(anew)
        await self.audit.append(audit_entries.decided_again(anew, ticket))
        await self.queue.accept_again(record, ticket, anew.not_after)
        await self.lending.ran(lends.principal, record.job_id)
        log.info("decided anew", job_id=record.job_id, waited=round(now - record.accepted_at))


def _not_for_a_closed_one(claims: Claims, incident: str) -> None:
    """Raises Denied where people may have agreed only because of an incident that is not open there now."""
    then, agreed = claims.operation.incident, claims.approved
    if agreed and then not in {"", incident} and any(one.incident or one.reason for one in agreed.terms.any):
        raise Denied(
            f"{then} is closed, and people may have agreed to it for that alone",
            rule=claims.rule,
            hint="Send the line again: it is asked for anew.",
        )


def _gone() -> Fault:
    return Fault(
        "It waited too long. Nothing was run.", hint="Send the line again.", reason=Reason.TICKET_REFUSED
    )
