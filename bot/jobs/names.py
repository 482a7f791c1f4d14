"""The keys in Redis, the clients that reach it, and the scripts that run in it."""

from pathlib import Path

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

PRIORITIES = ("normal",)
"""The streams of a host, the most urgent first."""

WORKERS = "workers"
BOTS = "bots"

DELIVERY_SECONDS = 3600
"""How long a redelivery finds the job that is already there."""

REQUEST_SECONDS = 7 * 86400
"""How long a request's record is kept: as long as its output may lie on a worker's disk."""

DONE_SECONDS = 86400
"""How long an end is remembered, so that no replay or late result ends the job again."""

BLOCK_MS = 500
"""The longest blocking read, well below the clients' timeouts."""


class Names:
    """Every key of one namespace. The braces put all of them into one slot of a cluster."""

    def __init__(self, namespace: str) -> None:
        self.prefix = f"{{{namespace}}}:"
        self.job_number = f"{self.prefix}job-number"
        self.events = f"{self.prefix}events"
        self.malformed = f"{self.prefix}malformed"

    def delivery(self, delivery_id: str) -> str:
        """Holds the id of the job that this delivery became."""
        return f"{self.prefix}delivery:{delivery_id}"

    def request(self, job_id: str) -> str:
        """The hash of the signed request record."""
        return f"{self.prefix}request:{job_id}"

    def streams(self, host: str) -> list[str]:
        """A host's streams, the most urgent first."""
        return [self.stream(host, priority) for priority in PRIORITIES]

    def stream(self, host: str, priority: str) -> str:
        """One of a host's streams."""
        return f"{self.prefix}jobs:{host}:{priority}"

    def claims(self, host: str) -> str:
        """The host's claimed jobs by the time their lease lapses."""
        return f"{self.prefix}claims:{host}"

    def alive(self, host: str) -> str:
        """Is there while a worker of the host lives."""
        return f"{self.prefix}alive:{host}"

    def control(self, host: str) -> str:
        """The channel that a host's worker listens on."""
        return f"{self.prefix}control:{host}"


def script(name: str) -> str:
    """The text of a script beside this file."""
    return (Path(__file__).parent / f"{name}.lua").read_text("utf-8")


# Both sides speak RESP2: its replies have one shape for every server that we run on. The bot has to
# answer Slack within 3 seconds whatever happens; a worker may wait a little longer.
def bot_client(url: str) -> redis.asyncio.Redis:
    """The bot's connection pool."""
    return redis.asyncio.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=0.9,
        socket_connect_timeout=0.5,
        retry=AsyncRetry(ExponentialBackoff(cap=0.1, base=0.02), 1),
    )


def worker_client(url: str) -> redis.Redis:
    """A worker's connection pool, shared by its threads."""
    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=3.0,
        socket_connect_timeout=1.0,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
    )
