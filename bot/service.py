"""The Slack process: puts the parts together, starts them, and ends them in the other order."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import aiohttp
import structlog
import uvicorn

from bot.ground import Ground, Surroundings
from bot.hosts import Hosts, load_hosts
from bot.identity import own_name
from bot.jobs.names import bot_client
from bot.jobs.queue import BotQueue, StoreDown
from bot.keys import BotKeys
from bot.parts import Parts
from bot.policy.file import PolicyHolder
from bot.probes import BotProbes
from bot.settings import BotSettings, SlackMode
from bot.slack.client import identify, new_client
from bot.slack.serve import Sockets, http_server
from bot.store.audit import AuditIntake
from bot.trust import Trust
from handlers import catalogue
from permissions.audit import Stopped

log = structlog.get_logger(__name__)

EXPIRE_SECONDS = 2.0
"""How often jobs that nobody took are looked for."""


class CannotStart(Exception):  # noqa: N818 - reads as a sentence
    """The bot cannot start; the sentence says why and what to do."""


class Bot:
    """One Slack process; :meth:`start` returns when it can take requests."""

    def __init__(self, settings: BotSettings, around: Surroundings | None = None) -> None:
        self._settings = settings
        self._around = around or Surroundings()
        self._ends = contextlib.AsyncExitStack()
        self._server: uvicorn.Server | None = None
        self._running: list[asyncio.Future[Any]] = []

    async def start(self) -> None:
        """Starts everything; raises CannotStart, PolicyError, KeysRefused, HostsError or SlackTrouble."""
        settings, around = self._settings, self._around
        redis_url = _checked(settings)
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
        redis = bot_client(redis_url)
        self._ends.push_async_callback(redis.aclose)
        self.ground = Ground(
            settings=settings,
            around=around,
            catalogue=commands,
            hosts=hosts,
            policy=policy,
            keys=keys,
            trust=trust,
            client=client,
            identity=identity,
            redis=redis,
            owner=self._ends.enter_context(own_name(settings.data_dir / "bot")),
        )
        parts = Parts(self.ground)
        await self._run(self.ground, parts)
        await self._open(self.ground, parts)
        log.info("bot started", mode=settings.slack_mode, hosts=[host.name for host in hosts.known])

    async def _run(self, ground: Ground, parts: Parts) -> None:
        """What works by itself begins, the audit first; it ends in the other order."""
        self._ends.push_async_callback(ground.chainer.stop)
        self._beside(ground.chainer.run())
        self._ends.push_async_callback(_tell_stop, ground.audit)
        await parts.policies.tell()
        ground.outbox.start()
        self._ends.push_async_callback(ground.outbox.stop)
        self._beside(
            parts.reporter.run(ground.owner),
            parts.policies.follow(),
            parts.approvals.run(),
            parts.incidents.run(),
            parts.lending.run(),
            parts.budgets.run(),
            parts.holds.run(parts.reporter.released),
            _expire(ground.queue, ground.hosts),
        )

    async def _open(self, ground: Ground, parts: Parts) -> None:
        """From here on Slack is heard."""
        settings = ground.settings
        sockets = Sockets(parts.app, settings.slack_app_token.get_secret_value())

        async def connected() -> bool:
            return settings.slack_mode is SlackMode.HTTP or await sockets.connected()

        probes = BotProbes(
            queue=ground.queue,
            listing=ground.listing,
            outbox=ground.outbox_store,
            hosts=ground.hosts,
            connected=connected,
            token=settings.metrics_token.get_secret_value(),
            open_metrics=settings.slack_mode is SlackMode.SOCKET,
            tasks=self._running,
        )
        if settings.slack_mode is SlackMode.SOCKET:
            await sockets.start()
            self._ends.push_async_callback(sockets.stop)
        self._server = http_server(parts.app, probes, host=settings.http_host, port=settings.http_port)
        await self._listen(self._server)

    async def _listen(self, server: uvicorn.Server) -> None:
        settings = self._settings
        serving = asyncio.create_task(server.serve())
        self._ends.push_async_callback(self._end_server, serving)
        while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        if serving.done():
            raise CannotStart(f"cannot listen on {settings.http_host}:{settings.http_port}")

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

    def _beside(self, *works: Coroutine[None, None, None]) -> None:
        task = asyncio.gather(*works)
        self._running.append(task)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._ends.push_async_callback(end)


def _checked(settings: BotSettings) -> str:
    """The store's URL; raises CannotStart for settings with which no request could come or be believed."""
    if settings.redis_url is None:
        raise CannotStart("REDIS_URL is not set. `docktalk up` brings a store of its own for one machine.")
    if settings.slack_mode is SlackMode.HTTP and not settings.slack_signing_secret.get_secret_value():
        raise CannotStart("DOCKTALK_SLACK_SIGNING_SECRET is not set: over HTTP no request could be believed")
    if settings.slack_mode is SlackMode.SOCKET and not settings.slack_app_token.get_secret_value():
        raise CannotStart("DOCKTALK_SLACK_APP_TOKEN is not set: Socket Mode needs it")
    return settings.redis_url.get_secret_value()


async def _expire(queue: BotQueue, hosts: Hosts) -> None:
    """Tells of jobs that nobody took, for ever."""
    while True:
        for host in hosts.known:
            with contextlib.suppress(StoreDown):
                await queue.expire(host.name)
        await asyncio.sleep(EXPIRE_SECONDS)


async def _tell_stop(audit: AuditIntake) -> None:
    with contextlib.suppress(StoreDown):
        await audit.append(Stopped(), bounded=False)
