"""The Slack side wired as in the bot: stand-in, real store, and a pipeline that records what it is asked."""

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from bot.jobs.names import bot_client
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Result, Tail
from bot.keys import BotKeys
from bot.reply import Accepted, Reply
from bot.request import Origin, Request
from bot.slack.app import build_app
from bot.slack.blocks import message, section, words
from bot.slack.client import Identity, identify, new_client
from bot.slack.intake import Intake
from bot.slack.outbox import Outbox
from bot.slack.report import Reporter, upload_orders
from bot.slack.serve import http_server
from bot.standin.clock import RealClock
from bot.standin.server import StandIn
from bot.store.corrections import Corrections
from bot.store.displays import Displays
from bot.store.intake import IntakeEntry
from bot.store.outbox import Entry, Kind, OutboxStore, Pace
from bot.store.records import RequestRecord
from bot.trust import Trust
from bot.uncertain import Uncertain
from handlers import catalogue
from handlers.faults import Fault
from permissions.ticket import Effect, Ticket

OWNERS = itertools.count(1)
FAST = Pace(rate=1000, burst=1000, edit_rate=1000, edit_burst=1000)


@dataclass
class RecordingPipeline:
    """Answers what it is told to; keeps what it was asked."""

    asked: list[Request] = field(default_factory=list)
    reply: Reply | Exception = field(default_factory=lambda: Accepted(job_id="J-1"))

    async def submit(self, request: Request) -> Reply:
        self.asked.append(request)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@dataclass
class Side:
    """Everything on the bot's Slack side."""

    standin: StandIn
    keys: BotKeys
    queue: BotQueue
    store: OutboxStore
    outbox: Outbox
    reporter: Reporter
    corrections: Corrections
    displays: Displays
    pipeline: RecordingPipeline
    intake: Intake
    app: object
    identity: Identity
    url: str = ""
    uploads: list[tuple] = field(default_factory=list)

    async def accept(self, record: RequestRecord) -> RequestRecord:
        """Stores a signed record, as the pipeline does."""
        noted = IntakeEntry(number=1, text="{}", mac="")
        await self.queue.accept(record, Ticket(claims="{}", signature="", key_id=""), noted)
        return record

    def posts(self, method: str = "chat.postMessage"):
        """The arguments of all calls of a method, in order."""
        return [call.arguments for call in self.standin.calls if call.method == method]

    async def until_posts(self, count: int, method: str = "chat.postMessage"):
        return await self.standin.until(lambda _: len(self.posts(method)) >= count and self.posts(method))


async def nothing_meant(_) -> None:
    """No inventory here."""


async def nothing_recorded(_) -> None:
    """The audit is another's affair."""


async def eventually(predicate, seconds=60.0):
    """What the predicate returns once it is true; for what rings no bell when it changes."""
    async with asyncio.timeout(seconds):
        while not (found := predicate()):  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.005)
    return found


def entry(key: str, text: str = "", *, blocks=(), **changes) -> Entry:
    """A message to alice in #ops that says its key."""
    values = {
        "key": key,
        "kind": Kind.SHOW,
        "channel_id": "C01OPS",
        "user_id": "U01ALICE",
        "message": message(key, text or key, blocks or [section(words(text or key))]),
    }
    return Entry.model_validate(values | changes)


def texts(side, method="chat.postMessage"):
    """What the calls of a method said, in order."""
    return [arguments["text"] for arguments in side.posts(method)]


def record(job_id: str = "J-1", **changes) -> RequestRecord:
    """A request of alice in #ops."""
    values = {
        "job_id": job_id,
        "delivery_id": f"d-{job_id}",
        "origin": Origin.SLASH,
        "team_id": "T0STANDIN",
        "user_id": "U01ALICE",
        "user_name": "alice",
        "channel_id": "C01OPS",
        "shown": "container restart web -t 2",
        "host": "prod-1",
        "command": "container restart",
        "effect": Effect.CHANGE,
        "rule": "role operator, rule 1",
        "accepted_at": 1_790_000_000.0,
        "not_after": 1_790_000_300.0,
        "deadline": 600.0,
    }
    return RequestRecord.model_validate(values | changes)


def tail(text: str) -> Tail:
    """An output that Redis holds whole."""
    return Tail(text=text, total_bytes=len(text.encode()), total_lines=len(text.splitlines()))


def result(stdout: str = "", stderr: str = "", **changes) -> Result:
    """How a job ended, 0.4 s after it began."""
    values = {
        "exit_code": 0,
        "stdout": tail(stdout),
        "stderr": tail(stderr),
        "began_at": 1_790_000_001.0,
        "ended_at": 1_790_000_001.4,
    }
    return Result.model_validate(values | changes)


class Quiet:
    """Whom a reporter tells of events, where a test is about none of them."""

    async def settle(self, _job_id, *, well):
        """A login has ended."""

    async def late(self, _record, _event):
        raise Fault("It waited too long for a free worker.", hint="Send the line again.")

    async def probed(self, _event):
        """A worker has looked."""

    async def moved(self, _job_id, _why):
        """What was approved is gone."""

    async def keep(self, _record, _event):
        return None

    async def refused(self, _record_id, _reason):
        """A use has ended."""

    async def ended(self, _record, _event):
        return None

    async def checked(self, _event):
        return False

    async def run_again(self, _job_id, _new_job_id):
        """It runs again."""


class NoApprovals:
    """Nothing is waited for; tests/e2e/test_approvals.py has the whole."""

    async def asked(self, _token):
        return None

    async def shown(self, *_):
        return None


@pytest.fixture
async def standin():
    made = StandIn(rates=False)
    made.world.add_user("alice", "U01ALICE")
    made.world.add_user("bob", "U02BOB")
    made.world.add_channel("ops", "C01OPS")
    await made.start(environ={})
    yield made
    await made.stop()


@pytest.fixture
def keys(tmp_path: Path) -> BotKeys:
    return BotKeys.load_or_create(tmp_path / "keys")


@pytest.fixture
async def side(standin, store_url, keys, tmp_path):
    """The Slack side on a real store, sending as fast as it can."""
    keys.publish(tmp_path / "trust")
    async with wired(standin, store_url, keys, FAST, trust_dir=tmp_path / "trust") as made:
        yield made


@contextlib.asynccontextmanager
async def wired(
    standin, store_url, keys, pace, clock=None, parent_delay=0.4, trust_dir=None, recorded=nothing_recorded
):
    """A whole Slack side, started; several on one store are several bots."""
    clock = clock or RealClock()
    redis = bot_client(store_url)
    async with aiohttp.ClientSession() as session:
        client = new_client(standin.bot_token, standin.api_url, session)
        identity = await identify(client)
        queue = BotQueue(redis, "test", keys)
        uploads = []

        async def ticket(*order):
            uploads.append(order)

        store = OutboxStore(redis, "test", keys, owner=f"bot-{next(OWNERS)}", pace=pace)
        outbox = Outbox(store, client, clock, upload_orders(queue, ticket))
        displays = Displays(redis, "test", keys)
        corrections = Corrections(redis, "test", keys)
        quiet = Quiet()
        doubts = Uncertain(Trust(trust_dir), corrections, displays, catalogue.load()) if trust_dir else None
        reporter = Reporter(
            jobs=queue,
            outbox=outbox,
            clock=clock,
            parent_delay=parent_delay,
            recorded=recorded,
            displays=displays,
            meant=nothing_meant,
            on_event=lambda _: None,
            logins=quiet,
            decide_anew=quiet.late,
            doubts=doubts or quiet,
            approvals=quiet,
            held=quiet,
            budgets=quiet,
        )
        pipeline = RecordingPipeline()
        intake = Intake(pipeline, corrections, reporter.accepted, clock.now, reporter.run_again)
        app = build_app(
            client=client,
            identity=identity,
            intake=intake,
            outbox=outbox,
            own_words={"help", "hosts", "whoami"},
            approvals=NoApprovals(),
            signing_secret=standin.signing_secret,
        )
        outbox.start()
        made = Side(
            standin,
            keys,
            queue,
            store,
            outbox,
            reporter,
            corrections,
            displays,
            pipeline,
            intake,
            app,
            identity,
            uploads=uploads,
        )
        try:
            yield made
        finally:
            await outbox.stop()
            await redis.aclose()


class Probes:
    """Ready until the test says otherwise."""

    def __init__(self, side):
        self._side = side

    def healthy(self) -> bool:
        return True

    async def ready(self) -> bool:
        return self._side.url != "down"

    async def metrics(self, authorization: str) -> bytes | None:
        return b"docktalk_jobs 1\n" if authorization == "Bearer right" else None


@pytest.fixture
async def served(side):
    """The same, reached by signed HTTP through uvicorn."""

    server = http_server(side.app, Probes(side), host="127.0.0.1", port=0)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn rings no bell
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    side.url = f"http://127.0.0.1:{port}"
    side.standin.deliver_http(f"{side.url}/slack/events")
    yield side
    server.should_exit = True
    await serving
