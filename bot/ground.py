"""What the parts of the Slack process stand on: settings, keys, connections, stores, queue and outbox."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from bot import metrics
from bot.approvals.approvers import Approvers
from bot.audit.log import Chainer
from bot.audit.posts import checkpoint_entry
from bot.hosts import Hosts
from bot.jobs.listing import Listing
from bot.jobs.names import StoreClient
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Event
from bot.keys import BotKeys
from bot.policy.file import PolicyHolder
from bot.reply import Reply
from bot.request import Request
from bot.settings import BotSettings
from bot.slack.channels import Channels
from bot.slack.client import Clock, Identity, MachineClock, SlackClient
from bot.slack.links import Links
from bot.slack.outbox import Outbox
from bot.slack.people import People
from bot.slack.report import upload_orders
from bot.store.audit import AuditIntake, AuditQueue
from bot.store.corrections import Corrections
from bot.store.displays import Displays
from bot.store.inventory import Inventories
from bot.store.logins import Logins
from bot.store.outbox import OutboxStore, Pace
from bot.trust import Trust
from bot.uploads import Uploads
from handlers.catalogue import Catalogue
from permissions.audit_chain import Checkpoint


@dataclass(frozen=True)
class Surroundings:
    """What `docktalk try` gives and a deployment does not: see :mod:`bot.trial.trial`.

    ``pace`` is the outbox's, ``unmasked`` turns redaction off where the policy allows it. ``on_reply`` and
    ``on_event`` are told what happens.
    """

    pace: Pace = field(default_factory=Pace)
    unmasked: bool = False
    on_reply: Callable[[Request, Reply], None] = lambda _request, _reply: None
    on_event: Callable[[Event], None] = lambda _event: None


@dataclass(frozen=True)
class Ground:
    """What the parts stand on: read and connected at the start; and what keeps and sends.

    ``owner`` is this process's name in the store.
    """

    settings: BotSettings
    around: Surroundings
    catalogue: Catalogue
    hosts: Hosts
    policy: PolicyHolder
    keys: BotKeys
    trust: Trust
    client: SlackClient
    identity: Identity
    redis: StoreClient
    owner: str
    clock: Clock = field(default_factory=MachineClock)

    @property
    def store(self) -> tuple[StoreClient, str]:
        """Where in the store everything of ours is: what every class of bot/store/ begins with."""
        return self.redis, self.settings.namespace

    @cached_property
    def queue(self) -> BotQueue:
        """Jobs on their way to the hosts, and what workers tell of them."""
        return BotQueue(*self.store, self.keys)

    @cached_property
    def audit(self) -> AuditIntake:
        """The intake of the audit."""
        return AuditIntake(*self.store, self.keys, time.time)

    @cached_property
    def chainer(self) -> Chainer:
        """What makes entries a chain."""
        queue = AuditQueue(*self.store, self.keys, owner=self.audit.source)
        post = self._tell_checkpoint if self.settings.audit_channel else None
        return Chainer(queue, self.settings.audit_dir, self.keys, self.trust.signed, time.time, post)

    async def _tell_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Posts a checkpoint where nobody who can change the audit's folder can take it back."""
        await self.outbox.put(checkpoint_entry(checkpoint, self.settings.audit_channel))

    @cached_property
    def outbox_store(self) -> OutboxStore:
        """Messages that Slack is still to show."""
        return OutboxStore(*self.store, self.keys, owner=self.owner, pace=self.around.pace)

    @cached_property
    def outbox(self) -> Outbox:
        """The only thing that posts or edits messages."""
        uploads = Uploads(self.keys, self.trust, self.queue, self.audit, time.time)
        orders = upload_orders(self.queue, uploads.order)
        return Outbox(self.outbox_store, self.client, self.clock, orders)

    @cached_property
    def logins(self) -> Logins:
        """People's registry logins."""
        return Logins(*self.store, self.keys)

    @cached_property
    def corrections(self) -> Corrections:
        """Lines behind buttons."""
        return Corrections(*self.store, self.keys)

    @cached_property
    def listing(self) -> Listing:
        """What runs and waits."""
        return Listing(*self.store)

    @cached_property
    def displays(self) -> Displays:
        """How people have jobs shown."""
        return Displays(*self.store, self.keys)

    @cached_property
    def inventories(self) -> Inventories:
        """What hosts have, as their workers say."""
        return Inventories(*self.store)

    @cached_property
    def links(self) -> Links:
        """Where messages are."""
        return Links(self.outbox_store, self.client)

    @cached_property
    def people(self) -> People:
        """Who somebody is."""
        return People(self.client, self.identity, self.clock)

    @cached_property
    def channels(self) -> Channels:
        """Where the bot may post."""
        return Channels(self.client, self.clock)

    @cached_property
    def approvers(self) -> Approvers:
        """Who can decide an approval."""
        return Approvers(self.policy, self.people, time.time)

    def replied(self, request: Request, reply: Reply) -> None:
        """Tells the metrics, and whoever watches."""
        metrics.replied(request, reply)
        self.around.on_reply(request, reply)

    def happened(self, event: Event) -> None:
        """The same of what workers tell."""
        metrics.happened(event)
        self.around.on_event(event)
