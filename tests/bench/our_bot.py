"""The bot's side of the queue without Slack: signed tickets and records, the audit and its chainer, events.

Shared by the benchmarks of the queue.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from bot.audit import entries as audit_entries
from bot.audit.log import Chainer
from bot.jobs.command_wire import to_wire
from bot.jobs.lanes import lane_of, sameness
from bot.jobs.names import bot_client
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Event
from bot.keys import BotKeys, HostKeys
from bot.request import Origin
from bot.settings import WorkerSettings
from bot.store.audit import AuditIntake, AuditQueue
from bot.store.policy_bundles import BotBundles
from bot.store.records import RequestRecord
from bot.trust import Trust
from handlers.grammar.command import Command
from permissions.bundle import bundle, digest
from permissions.operation import Principal, Standing
from permissions.policy import Binding, Policy, Role, Rule
from permissions.ticket import Claims, Effect
from permissions.verbs import Danger

USERS = ("U0", "U1", "U2", "U3")
POLICY = Policy(
    version=1,
    roles={"all": Role(rules=(Rule(commands=("*",), max_danger=Danger.ROOT_EQUIVALENT),))},
    bindings=(Binding(role="all", users=USERS),),
)
POLICY_SHA256 = digest(bundle(POLICY))
CONFIRM_SECONDS = 10.0


class OurBot:
    """Queues commands as the pipeline does once it has decided; ``heard`` is called with every event.

    An async context manager. ``settings`` are the worker's; both sides' keys are made where it looks.
    """

    def __init__(self, settings: WorkerSettings, heard: Callable[[Event], None] = lambda _: None) -> None:
        self._settings = settings
        self._heard = heard
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        settings = self._settings
        self.keys = BotKeys.load_or_create(settings.data_dir / "bot" / "keys")
        self.keys.publish(settings.trust_dir)
        worker = settings.data_dir / "worker" / settings.host
        HostKeys.load_or_create(worker / "keys").publish(settings.trust_dir, settings.host)
        self._trust = Trust(settings.trust_dir)
        self.redis = bot_client(settings.redis_url.get_secret_value())
        self.queue = BotQueue(self.redis, settings.namespace, self.keys)
        self.audit = AuditIntake(self.redis, settings.namespace, self.keys, time.time)
        queue = AuditQueue(self.redis, settings.namespace, self.keys, owner=self.audit.source)
        self._chainer = Chainer(queue, settings.audit_dir, self.keys, self._trust.signed, time.time)
        self._bundles = BotBundles(self.redis, settings.namespace, self.keys, self._trust)
        await self._bundles.publish(POLICY, 1)
        self._tasks = [
            asyncio.create_task(run) for run in (self._listen(), self._confirm(), self._chainer.run())
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._chainer.stop()
        await self.redis.aclose()

    async def order(self, command: Command, user: str = "U0") -> str:
        """From a decided command to its place in the queue; the job's id."""
        claims = self.claims(await self.queue.next_job_id(), command, user)
        record, ticket = self.record(claims), self.keys.sign(claims)
        same = sameness(command, claims.command) if claims.effect is Effect.CHANGE else ""
        with self.audit.entry(audit_entries.accepted(record, claims, ticket)) as entry:
            job_id, _ = await self.queue.accept(record, ticket, entry, lane=lane_of(command), same=same)
        return job_id

    def claims(self, job_id: str, command: Command, user: str) -> Claims:
        now, host = time.time(), self._settings.host
        operation = command.operation(host)
        return Claims(
            job_id=job_id,
            nonce=secrets.token_hex(16),
            host=host,
            effect=Effect.READ if operation.verb.reads else Effect.CHANGE,
            command=to_wire(command, lambda value: self.keys.seal(self._trust.host_key(host), value)),
            operation=operation,
            principal=Principal(team_id="T1", user_id=user, name=user, standing=Standing.MEMBER, as_of=now),
            policy=POLICY_SHA256,
            rule="role all, rule 1",
            issued_at=now,
            not_after=now + 300,
            deadline=600.0,
        )

    def record(self, claims: Claims) -> RequestRecord:
        return RequestRecord(
            job_id=claims.job_id,
            delivery_id=f"slash:{claims.job_id}",
            origin=Origin.SLASH,
            team_id="T1",
            user_id=claims.principal.user_id,
            user_name=claims.principal.name,
            channel_id="C1",
            shown=f"docker {claims.command.path}",
            host=claims.host,
            command=claims.command.path,
            effect=claims.effect,
            rule=claims.rule,
            accepted_at=claims.issued_at,
            not_after=claims.not_after,
            deadline=claims.deadline,
            operation=claims.operation,
        )

    async def _listen(self) -> None:
        """As the reporter: the signed record is read and the audit told before an event is forgotten."""
        async for entry_id, event in self.queue.events("bench"):
            if event.kind != "began":
                await self.queue.request(event.job_id)
            what = audit_entries.event(event)
            if what:
                await self.audit.append(what, bounded=False)
            self._heard(event)
            await self.queue.ack_event(entry_id)

    async def _confirm(self) -> None:
        while True:
            await asyncio.sleep(CONFIRM_SECONDS)
            await self._bundles.publish(POLICY, 1)


def worker_settings(folder: Path, store: str, **changes: Any) -> WorkerSettings:
    """A worker's own defaults, in this folder."""
    return WorkerSettings(REDIS_URL=store, data_dir=folder, trust_dir=folder / "trust", **changes)
