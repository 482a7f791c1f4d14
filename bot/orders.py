"""Orders that the bot signs for a job that is there: narrow what it shows, read its output, look again."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.audit import entries as audit_entries
from bot.jobs.queue import BotQueue
from bot.jobs.wire import CHECK, NARROW, SHOW, CheckOrder, NarrowOrder, ShowOrder
from bot.keys import BotKeys
from bot.request import Request
from bot.store.audit import AuditIntake
from bot.store.displays import Doubt
from bot.store.records import RequestRecord
from permissions.model import Record
from permissions.operation import Operation, Principal
from permissions.ticket import Claims, CommandWire, Effect
from permissions.verbs import Danger, Verb

NARROW_WITHIN = 30.0
"""Seconds after which nobody waits any more for a narrower view, or another look."""
SHOW_SECONDS = 30.0


@dataclass(frozen=True)
class Orders:
    """Signs them; ``clock`` is epoch seconds, ``start_within`` seconds. Raises StoreDown or NotRecorded."""

    keys: BotKeys
    queue: BotQueue
    audit: AuditIntake
    clock: Callable[[], float]
    start_within: float

    async def narrow(self, record: RequestRecord, principal: Principal, pattern: str, rule: str) -> None:
        """Has a running job show only lines with this pattern."""
        fields = NarrowOrder(job_id=record.job_id, pattern=pattern)
        await self._order(record.host, principal, NARROW, fields, rule)

    async def check(self, record: RequestRecord, principal: Principal, doubt: Doubt, rule: str) -> None:
        """Has the objects of a change looked at once more."""
        fields = CheckOrder(
            job_id=record.job_id,
            nonce=doubt.nonce,
            since=doubt.since,
            command=doubt.command,
            agreed=doubt.agreed,
        )
        await self._order(record.host, principal, CHECK, fields, rule)

    async def _order(self, host: str, principal: Principal, path: str, fields: Record, rule: str) -> None:
        job_id = await self.queue.next_job_id()
        claims = self._claims(job_id, host, principal, path, fields, rule, NARROW_WITHIN)
        ticket = self.keys.sign(claims)
        with self.audit.entry(audit_entries.ordered(claims, ticket)) as entry:
            await self.queue.order(job_id, host, ticket, entry)

    async def show(
        self,
        request: Request,
        principal: Principal,
        record: RequestRecord,
        order: ShowOrder,
        *,
        shown: str,
        instead: str,
        rule: str,
    ) -> tuple[str, bool]:
        """Makes reading a part of a stored output a job; its id, and whether it was there already."""
        job_id, now = await self.queue.next_job_id(), self.clock()
        claims = self._claims(job_id, record.host, principal, SHOW, order, rule, self.start_within)
        new = RequestRecord.of(
            request,
            job_id=job_id,
            shown=shown,
            host=record.host,
            command=SHOW,
            effect=Effect.READ,
            rule=rule,
            accepted_at=now,
            not_after=claims.not_after,
            deadline=claims.deadline,
            page=order,
            instead=instead,
        )
        ticket = self.keys.sign(claims)
        with self.audit.entry(audit_entries.accepted(new, claims, ticket)) as entry:
            accepted, duplicate = await self.queue.accept(new, ticket, entry)
        if duplicate:
            self.audit.unused(entry)
        return accepted, duplicate

    def _claims(
        self,
        job_id: str,
        host: str,
        principal: Principal,
        path: str,
        fields: Record,
        rule: str,
        start_within: float,
    ) -> Claims:
        now = self.clock()
        return Claims(
            job_id=job_id,
            nonce=secrets.token_hex(16),
            host=host,
            effect=Effect.READ,
            command=CommandWire(path=path, fields=fields.model_dump(mode="json")),
            operation=Operation(command=path, verb=Verb.REVEAL, danger=Danger.SAFE, host=host),
            principal=principal,
            policy="",
            rule=rule,
            issued_at=now,
            not_after=now + start_within,
            deadline=SHOW_SECONDS,
        )
