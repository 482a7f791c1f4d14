"""The keys in Redis, the clients that reach it, and the scripts that run in it."""

import contextlib
from pathlib import Path

import redis
import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

LANES = ("incident", "normal", "bulk", "follow")
"""The streams of a host, the most urgent first; what is in the last has slots of its own."""

BULK, FOLLOW, QUICK = "bulk", "follow", "quick"
READY = (QUICK, FOLLOW)
"""What was read before and is to be taken next, by the kind of its slot."""

WORKERS = "workers"
BOTS = "bots"

DELIVERY_SECONDS = 3600
"""How long a redelivery finds the job that is already there."""

REQUEST_SECONDS = 7 * 86400
"""How long a request's record is kept: as long as its output may lie on a worker's disk."""

DONE_SECONDS = 86400
"""How long an end is remembered, so that no replay or late result ends the job again."""

AGAIN_SECONDS = 86400
"""How long after it was accepted a job may be decided anew; workers know its nonce for longer."""

LIVE_SECONDS = 3600
"""How long a running job's newest progress is kept."""

BLOCK_MS = 500
"""The longest blocking read, well below the clients' timeouts."""


StoreClient = redis.asyncio.Redis
"""The type, for whoever puts the parts together without knowing Redis."""


class Names:
    """Every key of one namespace. The braces put all of them into one slot of a cluster."""

    def __init__(self, namespace: str) -> None:
        self.prefix = f"{{{namespace}}}:"
        self.job_number = f"{self.prefix}job-number"
        self.events = f"{self.prefix}events"
        self.malformed = f"{self.prefix}malformed"
        self.audit = f"{self.prefix}audit"
        self.audit_lease = f"{self.prefix}audit-lease"
        self.audit_head = f"{self.prefix}audit-head"

    def delivery(self, delivery_id: str) -> str:
        """Holds the id of the job that this delivery became."""
        return f"{self.prefix}delivery:{delivery_id}"

    def request(self, job_id: str) -> str:
        """The hash of the signed request record."""
        return f"{self.prefix}request:{job_id}"

    def stream(self, host: str, lane: str) -> str:
        """One of a host's streams."""
        return f"{self.prefix}jobs:{host}:{lane}"

    def ready(self, host: str, kind: str) -> str:
        """The jobs of a host that are to be taken next."""
        return f"{self.prefix}ready:{host}:{kind}"

    def claims(self, host: str) -> str:
        """The host's claimed jobs by the time their lease lapses."""
        return f"{self.prefix}claims:{host}"

    def alive(self, host: str) -> str:
        """Is there while a worker of the host lives."""
        return f"{self.prefix}alive:{host}"

    def live(self, job_id: str) -> str:
        """A running job's newest progress."""
        return f"{self.prefix}live:{job_id}"

    def live_told(self, job_id: str) -> str:
        """Is there while an event says that there is news, and nobody has read it."""
        return f"{self.prefix}live-told:{job_id}"

    def held(self, host: str) -> str:
        """A host's held jobs, as the bot keeps them."""
        return f"{self.prefix}held:{host}"

    def inventory(self, host: str, kind: str) -> str:
        """What a host has of a kind, as its worker says."""
        return f"{self.prefix}inventory:{host}:{kind}"

    def inventory_at(self, host: str) -> str:
        """Is there while the host's inventory is kept fresh."""
        return f"{self.prefix}inventory:{host}:at"

    def control(self, host: str) -> str:
        """The channel that a host's worker listens on."""
        return f"{self.prefix}control:{host}"


def script(name: str) -> str:
    """The text of a script beside this file, behind what all of them share."""
    folder = Path(__file__).parent
    return "".join((folder / f"{part}.lua").read_text("utf-8") for part in ("common", name))


# Both sides speak RESP2: its replies have one shape for every server that we run on. The bot has to
# answer Slack within 3 seconds whatever happens; a worker may wait a little longer.
class _BotClient(redis.asyncio.Redis):
    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        # By then each socket is closed on our side; where the loop was busy, its last word comes too late.
        with contextlib.suppress(redis.exceptions.TimeoutError):
            await super().aclose(close_connection_pool)


def bot_client(url: str) -> StoreClient:
    """The bot's connection pool."""
    return _BotClient.from_url(
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
