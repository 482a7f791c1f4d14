# ruff: noqa: ASYNC110 - what is waited for lies in another process
"""A bot's keys, a queue in a real store and workers on it."""

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.jobs.command_wire import to_wire
from bot.jobs.lanes import lane_of
from bot.jobs.names import Names, bot_client, worker_client
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Began, Ended, Event, Progressed, Waits
from bot.jobs.worker import Worker
from bot.keys import BotKeys, HostKeys
from bot.request import Origin
from bot.settings import WorkerSettings
from bot.store.intake import IntakeEntry
from bot.store.policy_bundles import BotBundles
from bot.store.records import RequestRecord
from bot.trust import Trust
from handlers.grammar.command import Command
from permissions.bundle import bundle, digest
from permissions.operation import Principal, Standing
from permissions.policy import Binding, Flags, Policy, Role, Rule
from permissions.ticket import Claims, Effect, Ticket
from permissions.verbs import Danger
from tests.bot.jobs import commands
from tests.bot.jobs.commands import NoEngine, TestCatalogue

ROOT = Path(__file__).parents[3]
EVERY_FLAG = Flags(allow=("*", "no-redact"))
POLICY = Policy(
    version=1,
    roles={"all": Role(rules=(Rule(commands=("*",), max_danger=Danger.ROOT_EQUIVALENT, flags=EVERY_FLAG),))},
    bindings=(Binding(role="all", users=("U1",)),),
)
POLICY_SHA256 = digest(bundle(POLICY))
NOTE = IntakeEntry(number=1, text="{}", mac="")
"""Stands for what the audit is told; nobody reads it here."""


@dataclass
class Bot:
    """The bot's side: orders commands and hears how they end."""

    keys: BotKeys
    trust: Trust
    queue: BotQueue
    host: str = "local"
    events: list[Event] = field(default_factory=list)

    async def claims(self, command: Command, **changes: Any) -> Claims:
        now = time.time()
        operation = command.operation(self.host)
        fields = {
            "job_id": await self.queue.next_job_id(),
            "nonce": secrets.token_hex(16),
            "host": self.host,
            "effect": Effect.READ if operation.verb.reads else Effect.CHANGE,
            "command": to_wire(command, lambda value: self.keys.seal(self.trust.host_key(self.host), value)),
            "operation": operation,
            "principal": Principal(
                team_id="T1", user_id="U1", name="ada", standing=Standing.MEMBER, as_of=now
            ),
            "policy": POLICY_SHA256,
            "rule": "role admin, rule 1",
            "issued_at": now,
            "not_after": now + 60,
            "deadline": 30.0,
        }
        return Claims.model_validate({**fields, **changes})

    def record(self, claims: Claims, delivery_id: str = "") -> RequestRecord:
        return RequestRecord(
            job_id=claims.job_id,
            delivery_id=delivery_id or f"d-{claims.job_id}",
            origin=Origin.SLASH,
            team_id="T1",
            user_id="U1",
            user_name="ada",
            channel_id="C1",
            shown=claims.command.path,
            host=claims.host,
            command=claims.command.path,
            effect=claims.effect,
            rule=claims.rule,
            accepted_at=claims.issued_at,
            not_after=claims.not_after,
            deadline=claims.deadline,
        )

    async def order(self, command: Command, **changes: Any) -> str:
        claims = await self.claims(command, **changes)
        return await self.send(claims, self.keys.sign(claims), lane=lane_of(command))

    async def send(self, claims: Claims, ticket: Ticket, *, lane: str = "normal", **changes: Any) -> str:
        record = self.record(claims).model_copy(update=changes)
        job_id, _ = await self.queue.accept(record, ticket, NOTE, lane=lane)
        return job_id

    async def listen(self) -> None:
        async for entry_id, event in self.queue.events("bot-1"):
            self.events.append(event)
            await self.queue.ack_event(entry_id)

    async def ends(self, job_id: str, within: float = 60.0) -> list[Event]:
        """Waits for the first last event of a job; returns all of its last events."""
        async with asyncio.timeout(within):
            while not (found := self.heard(job_id)):
                await asyncio.sleep(0.005)
        return found

    async def ended(self, job_id: str, within: float = 60.0) -> Ended:
        event = (await self.ends(job_id, within))[0]
        assert isinstance(event, Ended), event
        return event

    async def began(self, job_id: str, within: float = 60.0) -> None:
        await self.said(job_id, Began, within)

    async def said(self, job_id: str, kind: type[Event], within: float = 60.0) -> None:
        """Waits for an event of this kind about the job."""
        async with asyncio.timeout(within):
            while not any(isinstance(event, kind) and event.job_id == job_id for event in self.events):
                await asyncio.sleep(0.005)

    def heard(self, job_id: str) -> list[Event]:
        passing = (Began, Waits, Progressed)
        return [event for event in self.events if event.job_id == job_id and not isinstance(event, passing)]


@pytest.fixture
def settings(tmp_path: Path, store_url: str) -> WorkerSettings:
    return WorkerSettings(
        REDIS_URL=store_url,
        data_dir=tmp_path / "data",
        trust_dir=tmp_path / "trust",
        slots=4,
        lease=0.6,
        upload_hosts=("127.0.0.1",),
    )


@pytest.fixture
def names(settings: WorkerSettings) -> Names:
    return Names(settings.namespace)


@pytest.fixture
def store(store_url: str) -> Iterator[Any]:
    """A plain client: what an attacker with access to Redis has."""
    with contextlib.closing(worker_client(store_url)) as client:
        yield client


@pytest.fixture
def new_worker(settings: WorkerSettings, store_url: str) -> Iterator[Callable[..., Worker]]:
    """``new_worker()`` starts a worker with the commands above; it is stopped with the test."""
    with contextlib.ExitStack() as stack:

        def start(*, engine: Any = None, catalogue: Any = None, **changes: Any) -> Worker:
            client = stack.enter_context(contextlib.closing(worker_client(store_url)))
            changed = settings.model_copy(update=changes)
            worker = Worker(
                changed, client=client, catalogue=catalogue or TestCatalogue(), engine=engine or NoEngine()
            )
            worker.start()
            stack.callback(worker.stop, grace=0.0)
            return worker

        yield start


@pytest.fixture
async def bot_on(tmp_path: Path, settings: WorkerSettings) -> AsyncIterator[Callable[[str], Awaitable[Bot]]]:
    """``await bot_on(url)`` is a bot that hears the events of that store."""
    keys = BotKeys.load_or_create(tmp_path / "bot-keys")
    keys.publish(settings.trust_dir)
    host_keys = HostKeys.load_or_create(settings.data_dir / "worker" / "local" / "keys")
    host_keys.publish(settings.trust_dir, "local")
    async with contextlib.AsyncExitStack() as stack:

        async def start(url: str) -> Bot:
            client = bot_client(url)
            stack.push_async_callback(client.aclose)
            trust = Trust(settings.trust_dir)
            bot = Bot(keys, trust, BotQueue(client, settings.namespace, keys))
            await BotBundles(client, settings.namespace, keys, trust).publish(POLICY, 1)
            stack.push_async_callback(ended, asyncio.create_task(bot.listen()))
            return bot

        yield start


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
async def bot(bot_on: Callable[[str], Awaitable[Bot]], store_url: str) -> Bot:
    return await bot_on(store_url)


@pytest.fixture
def worker_process(
    settings: WorkerSettings, store_url: str
) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """``worker_process()`` starts a worker in a process of its own, to be killed or to die at a failpoint."""
    started: list[subprocess.Popen[bytes]] = []

    def start(failpoint: str = "") -> subprocess.Popen[bytes]:
        arguments = [store_url, str(settings.data_dir), str(settings.trust_dir), str(settings.lease)]
        process = subprocess.Popen(
            [sys.executable, "-m", commands.__name__, *arguments],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "DOCKTALK_FAILPOINT": failpoint},
        )
        started.append(process)
        assert process.stdout is not None
        while b"worker started" not in process.stdout.readline():
            assert process.poll() is None
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
