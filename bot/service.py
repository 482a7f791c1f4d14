"""The Slack process: puts the parts together, starts them, and ends them in the other order."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog
import uvicorn

from bot import audit_entries, metrics
from bot.again import Again
from bot.approvals import ApprovalDesk
from bot.approvers import Approvers
from bot.audit_log import Chainer
from bot.audit_posts import checkpoint_entry
from bot.audit_reading import slack_view
from bot.budgets import BudgetDesk
from bot.desk import Desk
from bot.did_you_mean import DidYouMean
from bot.held import HeldJobs
from bot.holds import HoldDesk
from bot.hosts import Hosts, load_hosts
from bot.identity import own_name
from bot.incidents import IncidentDesk
from bot.jobs.listing import Listing
from bot.jobs.names import bot_client
from bot.jobs.queue import BotQueue, StoreDown
from bot.jobs.wire import Event
from bot.keys import BotKeys
from bot.lending import Lending
from bot.lending_desk import LendingDesk
from bot.not_now import NotNow
from bot.orders import Orders
from bot.own_commands import BEGINNINGS
from bot.own_lines import OwnLines
from bot.pipeline import Pipeline
from bot.policy_answers import PolicyAnswers
from bot.policy_file import PolicyHolder
from bot.policy_in_use import PolicyInUse
from bot.policy_limits import Limits
from bot.probes import BotProbes
from bot.registry_logins import RegistryLogins
from bot.reply import Reply
from bot.request import Request
from bot.revoke import RevokeDesk
from bot.revoked import Revoked
from bot.settings import BotSettings, SlackMode
from bot.slack.app import SlackApp, build_app
from bot.slack.approval_board import ApprovalBoard
from bot.slack.channels import Channels
from bot.slack.client import MachineClock, identify, new_client
from bot.slack.incident_board import IncidentBoard
from bot.slack.intake import Intake
from bot.slack.lending_board import LendingBoard
from bot.slack.links import Links
from bot.slack.lock_board import LockBoard
from bot.slack.outbox import Outbox
from bot.slack.people import People
from bot.slack.report import Reporter, upload_orders
from bot.slack.serve import Sockets, http_server
from bot.store.approvals import Approvals
from bot.store.audit import AuditIntake, AuditQueue
from bot.store.budgets import Budget
from bot.store.corrections import Corrections
from bot.store.displays import Displays
from bot.store.grants import Grant, stores
from bot.store.held_jobs import HeldStore
from bot.store.in_force import InForce
from bot.store.incidents import Incident
from bot.store.inventory import Inventories
from bot.store.kept_locks import KeptLocks
from bot.store.logins import Logins
from bot.store.outbox import OutboxStore, Pace
from bot.store.policy_bundles import BotBundles
from bot.store.rates import Rates
from bot.store.thread_targets import ThreadTargets
from bot.thread_target import TargetDesk
from bot.tickets import Tickets
from bot.trust import Trust
from bot.uncertain import Uncertain
from bot.uploads import Uploads
from bot.who_can import WhoCanDesk
from handlers import catalogue
from permissions.audit import Stopped
from permissions.audit_chain import Checkpoint

log = structlog.get_logger(__name__)

EXPIRE_SECONDS = 2.0
"""How often jobs that nobody took are looked for."""


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
        self.redis = bot_client(redis_url)
        self._ends.push_async_callback(self.redis.aclose)

        self.logins = Logins(self.redis, settings.namespace, keys)
        clock = MachineClock()
        self.queue = BotQueue(self.redis, settings.namespace, keys)
        audit = AuditIntake(self.redis, settings.namespace, keys, time.time)
        chainer = self._chainer(audit, keys, trust)
        self.outbox_store = OutboxStore(
            self.redis,
            settings.namespace,
            keys,
            owner=self._ends.enter_context(own_name(settings.data_dir / "bot")),
            pace=around.pace,
        )
        outbox = self._outbox = Outbox(
            self.outbox_store,
            client,
            clock,
            upload_orders(self.queue, Uploads(keys, trust, self.queue, audit, time.time).order),
        )
        displays = Displays(self.redis, settings.namespace, keys)
        corrections = Corrections(self.redis, settings.namespace, keys)
        people = People(client, identity, clock)
        channels = Channels(client, clock)
        incidents = IncidentDesk(
            store=InForce(self.redis, settings.namespace, keys, audit, Incident, kind="incident", letter="I"),
            channels=channels,
            board=IncidentBoard(outbox, clock),
            hosts=hosts,
            audit_dir=settings.audit_dir,
            clock=time.time,
        )
        board = LendingBoard(outbox, clock)

        async def lent_ended(grant: Grant) -> None:
            await approvals.lent_ended(grant)  # which ask for what is lent

        lending = Lending(
            policy=policy,
            hosts=hosts,
            stores=stores(self.redis, settings.namespace, keys, audit),
            tell=board.tell,
            ended=lent_ended,
            revoked=Revoked(settings.data_dir / "bot" / "revoked", time.time),
            clock=time.time,
        )
        again = Again(
            lending=lending,
            policy=policy,
            people=people,
            hosts=hosts,
            keys=keys,
            trust=trust,
            queue=self.queue,
            corrections=corrections,
            audit=audit,
            incidents=incidents,
            clock=time.time,
            start_within=settings.start_within,
            ask_after=settings.ask_after,
        )
        bundles = BotBundles(self.redis, settings.namespace, keys, trust)
        locks = KeptLocks(self.redis, settings.namespace, keys, audit)
        policies = PolicyInUse(policy, audit, bundles, locks)
        not_now = NotNow(locks, time.time)
        inventories = Inventories(self.redis, settings.namespace)
        held = HeldJobs(
            store=HeldStore(self.redis, settings.namespace, keys),
            locks=locks,
            policy=policy,
            hosts=hosts,
            queue=self.queue,
            again=again,
            clock=time.time,
        )
        holds = HoldDesk(
            locks=locks,
            held=held,
            hosts=hosts,
            inventories=inventories,
            publish=policies.confirm,
            show=LockBoard(outbox, clock).show,
            clock=time.time,
        )
        meant = DidYouMean(inventories, policy, people.principal, corrections)
        uncertain = Uncertain(trust, corrections, displays, commands)
        links = Links(self.outbox_store, client)
        logins = RegistryLogins(keys, self.logins, corrections)
        tickets = Tickets(
            keys=keys,
            trust=trust,
            queue=self.queue,
            audit=audit,
            logins=logins,
            corrections=corrections,
            clock=time.time,
            start_within=settings.start_within,
            deadline=settings.deadline,
            unmasked=around.unmasked,
        )

        def accepted(job_id: str) -> None:
            reporter.accepted(job_id)  # which hears of approvals itself

        waiting, cards = Approvals(self.redis, settings.namespace, keys), ApprovalBoard(outbox, links, clock)
        approvers = Approvers(policy, people, time.time)
        budgets = BudgetDesk(
            store=InForce(self.redis, settings.namespace, keys, audit, Budget, kind="budget", letter="B"),
            asked=waiting,
            approvers=approvers,
            incidents=incidents,
            show=cards.show_budget,
            clock=time.time,
        )
        approvals = ApprovalDesk(
            store=waiting,
            tickets=tickets,
            policy=policy,
            people=people,
            approvers=approvers,
            hosts=hosts,
            queue=self.queue,
            audit=audit,
            show=cards.show,
            accepted=accepted,
            incidents=incidents,
            lending=lending,
            not_now=not_now,
            budgets=budgets,
            clock=time.time,
        )
        reporter = Reporter(
            self.queue,
            outbox,
            clock,
            settings.parent_delay,
            recorder(audit),
            displays,
            meant.meant,
            self._happened,
            self.logins,
            again.late,
            uncertain,
            approvals,
            held,
            budgets,
        )
        listing = Listing(self.redis, settings.namespace)
        desk = Desk(
            queue=self.queue,
            listing=listing,
            displays=displays,
            orders=Orders(keys, self.queue, audit, time.time, settings.start_within),
            hosts=hosts,
            refresh=reporter.refresh,
            link=links.to,
            clock=time.time,
        )
        targets = TargetDesk(
            store=ThreadTargets(self.redis, settings.namespace, keys, time.time),
            hosts=hosts,
            lending=lending,
            catalogue=commands,
            corrections=corrections,
            clock=time.time,
        )
        lends = LendingDesk(lending, approvals, tickets, board.reviewed, time.time)
        pipeline = Pipeline(
            budgets=budgets,
            lending=lending,
            catalogue=commands,
            policy=policy,
            hosts=hosts,
            people=people,
            channels=channels,
            limits=Limits(Rates(self.redis, settings.namespace), meant.inventories),
            logins=logins,
            tickets=tickets,
            corrections=corrections,
            audit=audit,
            own=OwnLines(
                catalogue=commands,
                hosts=hosts,
                again=again,
                desks=(
                    desk,
                    approvals,
                    incidents,
                    targets,
                    holds,
                    lends,
                    budgets,
                    RevokeDesk({"B": budgets.revoke, "G": lends.revoke}),
                    WhoCanDesk(approvals, approvers, time.time),
                ),
                policy_answers=PolicyAnswers(
                    people.principal, self.queue.request, commands, hosts, incidents, not_now.hold, time.time
                ),
                audit_view=lambda filters: slack_view(settings.audit_dir, filters, time.time()),
                clock=time.time,
            ),
            approvals=approvals,
            incidents=incidents,
            targets=targets,
            not_now=not_now,
            on_reply=self._replied,
            clock=time.time,
        )
        app = build_app(
            client=client,
            identity=identity,
            intake=Intake(pipeline, corrections, reporter.accepted, time.time, reporter.run_again),
            outbox=outbox,
            own_words=BEGINNINGS,
            approvals=approvals,
            signing_secret=settings.slack_signing_secret.get_secret_value(),
        )
        self._beside(chainer.run())
        self._ends.push_async_callback(_tell_stop, audit)
        await policies.tell()
        outbox.start()
        self._ends.push_async_callback(outbox.stop)
        self._beside(
            reporter.run(self.outbox_store.owner),
            policies.follow(),
            approvals.run(),
            incidents.run(),
            lending.run(),
            budgets.run(),
            holds.run(reporter.released),
            _expire(self.queue, hosts),
        )
        self._sockets = Sockets(app, settings.slack_app_token.get_secret_value())
        probes = BotProbes(
            queue=self.queue,
            listing=listing,
            outbox=self.outbox_store,
            hosts=hosts,
            connected=self._connected,
            token=settings.metrics_token.get_secret_value(),
            open_metrics=settings.slack_mode is SlackMode.SOCKET,
            tasks=self._running,
        )
        await self._open(app, probes)
        log.info("bot started", mode=settings.slack_mode, hosts=[host.name for host in hosts.known])

    async def _open(self, app: SlackApp, probes: BotProbes) -> None:
        """From here on Slack is heard."""
        settings = self._settings
        if settings.slack_mode is SlackMode.SOCKET:
            await self._sockets.start()
            self._ends.push_async_callback(self._sockets.stop)
        self._server = http_server(app, probes, host=settings.http_host, port=settings.http_port)
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

    def _chainer(self, audit: AuditIntake, keys: BotKeys, trust: Trust) -> Chainer:
        settings = self._settings
        queue = AuditQueue(self.redis, settings.namespace, keys, owner=audit.source)
        post = self._tell_checkpoint if settings.audit_channel else None
        chainer = Chainer(queue, settings.audit_dir, keys, trust.signed, time.time, post)
        self._ends.push_async_callback(chainer.stop)
        return chainer

    async def _tell_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Posts a checkpoint where nobody who can change the audit's folder can take it back."""
        await self._outbox.put(checkpoint_entry(checkpoint, self._settings.audit_channel))

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

    def _replied(self, request: Request, reply: Reply) -> None:
        metrics.replied(request, reply)
        self._around.on_reply(request, reply)

    def _happened(self, event: Event) -> None:
        metrics.happened(event)
        self._around.on_event(event)

    async def _connected(self) -> bool:
        return self._settings.slack_mode is SlackMode.HTTP or await self._sockets.connected()


def _checked(settings: BotSettings) -> str:
    """The store's URL; raises CannotStart for settings with which no request could come or be believed."""
    if settings.redis_url is None:
        raise CannotStart("REDIS_URL is not set. `docktalk up` brings a store of its own for one machine.")
    if settings.slack_mode is SlackMode.HTTP and not settings.slack_signing_secret.get_secret_value():
        raise CannotStart("DOCKTALK_SLACK_SIGNING_SECRET is not set: over HTTP no request could be believed")
    if settings.slack_mode is SlackMode.SOCKET and not settings.slack_app_token.get_secret_value():
        raise CannotStart("DOCKTALK_SLACK_APP_TOKEN is not set: Socket Mode needs it")
    return settings.redis_url.get_secret_value()


def recorder(audit: AuditIntake) -> Callable[[Event], Awaitable[None]]:
    """What the reporter calls before it acknowledges an event; raises StoreDown."""

    async def recorded(event: Event) -> None:
        what = audit_entries.event(event)
        if what is not None:
            await audit.append(what, bounded=False)

    return recorded


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
