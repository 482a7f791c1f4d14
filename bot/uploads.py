"""Orders a worker to send a stored output to the address that Slack gave the bot for it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.audit.entries import ordered
from bot.jobs.queue import BotQueue
from bot.jobs.wire import UPLOAD, UploadOrder
from bot.keys import BotKeys
from bot.store.audit import AuditIntake
from bot.store.outbox import File
from bot.store.records import RequestRecord
from bot.trust import Trust
from permissions.operation import Operation, Principal, Standing
from permissions.ticket import Claims, CommandWire, Effect
from permissions.verbs import Danger, Verb

START_WITHIN = 600.0
"""Seconds an order may wait for its worker; Slack's address lives longer."""

RUN_WITHIN = 300.0


@dataclass(frozen=True)
class Uploads:
    """Signs upload orders; ``clock`` is epoch seconds."""

    keys: BotKeys
    trust: Trust
    queue: BotQueue
    audit: AuditIntake
    clock: Callable[[], float]

    async def order(self, record: RequestRecord, upload_id: str, url: str, file: File) -> None:
        """Queues the upload of one output of ``record``'s job; raises StoreDown or KeysRefused.

        The address is a bearer secret, so it travels sealed.
        """
        now = self.clock()
        job_id = await self.queue.next_job_id()
        page = record.page
        fields = UploadOrder(
            job_id=page.job_id if page else record.job_id,
            upload_id=upload_id,
            stream=file.stream,
            length=file.length if page else 0,
            asked_by=record.job_id if page else "",
        )
        sealed = {"url": self.keys.seal(self.trust.host_key(record.host), url)}
        claims = Claims(
            job_id=job_id,
            nonce=secrets.token_hex(16),
            host=record.host,
            effect=Effect.READ,
            command=CommandWire(path=UPLOAD, fields=fields.model_dump(mode="json"), sealed=sealed),
            operation=Operation(command=UPLOAD, verb=Verb.REVEAL, danger=Danger.SAFE, host=record.host),
            principal=Principal(
                team_id=record.team_id,
                user_id=record.user_id,
                name=record.user_name,
                standing=Standing.MEMBER,
                as_of=record.accepted_at,
            ),
            policy="",
            rule=record.rule,
            issued_at=now,
            not_after=now + START_WITHIN,
            deadline=RUN_WITHIN,
        )
        ticket = self.keys.sign(claims)
        with self.audit.entry(ordered(claims, ticket)) as entry:
            await self.queue.order(job_id, record.host, ticket, entry)
