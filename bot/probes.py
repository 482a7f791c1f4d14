"""What others may ask of the Slack process: is it alive, can it take requests, what does Prometheus read?"""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot import metrics
from bot.hosts import Hosts
from bot.jobs.listing import Listing
from bot.jobs.queue import BotQueue, StoreDown
from bot.store.outbox import OutboxStore

EVER = 1e12
"""A time after everything that waits."""


@dataclass
class BotProbes:
    """Answers truthfully, or not at all.

    ``token`` is what Prometheus has to bring; without one, ``open_metrics`` tells whether everybody may read.
    ``connected`` tells whether Slack can reach us. ``tasks`` must run as long as the process does.
    """

    queue: BotQueue
    listing: Listing
    outbox: OutboxStore
    hosts: Hosts
    connected: Callable[[], Awaitable[bool]]
    token: str
    open_metrics: bool
    tasks: "list[asyncio.Future[Any]]" = field(default_factory=list)

    def healthy(self) -> bool:
        """Whether everything that was started still runs."""
        return not any(task.done() for task in self.tasks)

    async def ready(self) -> bool:
        """Whether requests can be taken: all runs, the store answers, and Slack can reach us."""
        return self.healthy() and await self.queue.answers() and await self.connected()

    async def metrics(self, authorization: str) -> bytes | None:
        """What Prometheus reads; None for who may not."""
        if self.token:
            if not hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode()):
                return None
        elif not self.open_metrics:
            return None
        try:
            await self._look()
        except StoreDown:
            # What is counted here is true all the same; what lies in the store is not guessed.
            metrics.WAITING_CHANNELS.set(float("nan"))
            metrics.QUEUE.clear()
            metrics.OLDEST.clear()
            metrics.ALIVE.clear()
        return metrics.text()

    async def _look(self) -> None:
        metrics.WAITING_CHANNELS.set(len(await self.outbox.waiting(EVER)))
        for host in self.hosts.known:
            running, waiting, since = await self.listing.depth(host.name)
            metrics.QUEUE.labels(host.name, "running").set(running)
            metrics.QUEUE.labels(host.name, "waiting").set(waiting)
            metrics.OLDEST.labels(host.name).set(max(0.0, time.time() - since) if since else 0.0)
            metrics.ALIVE.labels(host.name).set(await self.queue.alive(host.name))
