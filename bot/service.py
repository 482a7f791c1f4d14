"""The Slack process: puts the parts together, starts them, and ends them in the other order."""

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import aiohttp
import structlog
import uvicorn

from bot.hosts import load_hosts
from bot.jobs.names import bot_client
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Event
from bot.keys import BotKeys, Trust
from bot.own_commands import OWN
from bot.pipeline import Pipeline
from bot.policy_file import PolicyError, PolicyHolder
from bot.reply import Reply
from bot.request import Request
from bot.settings import BotSettings, SlackMode
from bot.slack.app import build_app
from bot.slack.channels import Channels
from bot.slack.client import MachineClock, identify, new_client
from bot.slack.intake import Intake
from bot.slack.outbox import Outbox
from bot.slack.people import People
from bot.slack.report import Reporter, upload_orders
from bot.slack.serve import Sockets, http_server
from bot.store.corrections import Corrections
from bot.store.logins import Logins
from bot.store.outbox import OutboxStore, Pace
from bot.uploads import Uploads
from handlers import catalogue

log = structlog.get_logger(__name__)

POLICY_SECONDS = 2.0
"""How often the policy file is looked at."""


class CannotStart(Exception):  # noqa: N818 - reads as a sentence
    """The bot cannot start; the sentence says why and what to do."""


@dataclass(frozen=True)
class Surroundings:
    """What `docktalk try` gives and a deployment does not: see :mod:`bot.trial`.

    ``pace`` is the outbox's, ``unmasked`` turns redaction off where the policy allows it. ``on_reply`` and
    ``on_event`` are told what happens.
    """

    pace: Pace = field(default_factory=Pace)
    unmasked: bool = False
    on_reply: Callable[[Request, Reply], None] = lambda _request, _reply: None
    on_event: Callable[[Event], None] = lambda _event: None


class Bot:
    """One Slack process; :meth:`start` returns when it can take requests."""

    def __init__(self, settings: BotSettings, around: Surroundings | None = None) -> None:
        self._settings = settings
        self._around = around or Surroundings()
        self._ends = contextlib.AsyncExitStack()
        self._server: uvicorn.Server | None = None

    async def start(self) -> None:
        """Starts everything; raises CannotStart, PolicyError, KeysRefused, HostsError or SlackTrouble."""
        settings, around = self._settings, self._around
        if settings.redis_url is None:
            raise CannotStart(
                "REDIS_URL is not set. `docktalk up` brings a store of its own for one machine."
            )
        if settings.slack_mode is SlackMode.HTTP and not settings.slack_signing_secret.get_secret_value():
            raise CannotStart(
                "DOCKTALK_SLACK_SIGNING_SECRET is not set: over HTTP no request could be believed"
            )
        if settings.slack_mode is SlackMode.SOCKET and not settings.slack_app_token.get_secret_value():
            raise CannotStart("DOCKTALK_SLACK_APP_TOKEN is not set: Socket Mode needs it")
        commands = catalogue.load()
        hosts = load_hosts(settings.hosts_file, settings.default_host)
        policy = PolicyHolder(settings.policy_file, hosts=[host.name for host in hosts.known])
        keys = BotKeys.load_or_create(settings.data_dir / "bot" / "keys")
        keys.publish(settings.trust_dir)
        trust = Trust(settings.trust_dir)

        session = aiohttp.ClientSession()
        self._ends.push_async_callback(session.close)
        client = new_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url, session)
        identity = await identify(client)
        self.redis = bot_client(settings.redis_url.get_secret_value())
        self._ends.push_async_callback(self.redis.aclose)

        self.logins = Logins(self.redis, settings.namespace, keys)
        clock = MachineClock()
        self.queue = BotQueue(self.redis, settings.namespace, keys)
        self.outbox_store = OutboxStore(
            self.redis, settings.namespace, keys, owner=secrets.token_hex(8), pace=around.pace
        )
        uploads = Uploads(keys, trust, self.queue, time.time)
        outbox = Outbox(self.outbox_store, client, clock, upload_orders(self.queue, uploads.order))
        reporter = Reporter(self.queue, outbox, clock, settings.parent_delay, around.on_event, self.logins)
        corrections = Corrections(self.redis, settings.namespace, keys)
        pipeline = Pipeline(
            catalogue=commands,
            policy=policy,
            hosts=hosts,
            people=People(client, identity, clock),
            channels=Channels(client, clock),
            keys=keys,
            trust=trust,
            queue=self.queue,
            corrections=corrections,
            logins=self.logins,
            on_reply=around.on_reply,
            clock=time.time,
            start_within=settings.start_within,
            deadline=settings.deadline,
            unmasked=around.unmasked,
        )
        app = build_app(
            client=client,
            identity=identity,
            intake=Intake(pipeline, corrections, reporter.accepted, time.time),
            outbox=outbox,
            own_words=OWN,
            signing_secret=settings.slack_signing_secret.get_secret_value(),
        )
        outbox.start()
        self._ends.push_async_callback(outbox.stop)
        self._beside(reporter.run(f"{socket.gethostname()}:{os.getpid()}"))
        self._beside(_follow(policy))
        self._sockets = Sockets(app, settings.slack_app_token.get_secret_value())
        if settings.slack_mode is SlackMode.SOCKET:
            await self._sockets.start()
            self._ends.push_async_callback(self._sockets.stop)
        self._server = http_server(app, self._ready, host=settings.http_host, port=settings.http_port)
        serving = asyncio.create_task(self._server.serve())
        self._ends.push_async_callback(self._end_server, serving)
        while not self._server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        if serving.done():
            raise CannotStart(f"cannot listen on {settings.http_host}:{settings.http_port}")
        log.info("bot started", mode=settings.slack_mode, hosts=[host.name for host in hosts.known])

    @property
    def port(self) -> int:
        """The port that is listened on, once started."""
        if self._server is None:
            raise CannotStart("the bot was not started")
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Ends everything; what was not posted yet stays in the store for the next start."""
        await self._ends.aclose()
        log.info("bot stopped")

    async def _end_server(self, serving: asyncio.Task[None]) -> None:
        if self._server is not None:
            self._server.should_exit = True
        await serving

    def _beside(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._ends.push_async_callback(end)

    async def _ready(self) -> bool:
        """Whether requests can be taken: the store answers, and Slack can reach us."""
        if not await self.queue.answers():
            return False
        return self._settings.slack_mode is SlackMode.HTTP or await self._sockets.connected()


async def _follow(policy: PolicyHolder) -> None:
    """Puts a changed policy in force, and says so; a wrong one is told once and changes nothing."""
    while True:
        await asyncio.sleep(POLICY_SECONDS)
        match await asyncio.to_thread(policy.reload_if_changed):
            case PolicyError() as error:
                log.error("policy refused; the former one stays in force", mistakes=str(error))
            case None:
                continue
            case loaded:
                log.info("policy in force", sha256=loaded.sha256)
