"""What the hosts have, as their workers last said: good for a did-you-mean, never for a decision.

Nobody signs it, so nothing may be allowed, refused or resolved for a job by it.
"""

import redis.asyncio
import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from bot.jobs.names import Names
from bot.jobs.queue import StoreDown
from bot.jobs.wire import INVENTORY_KINDS, Seen
from permissions.verbs import Kind

log = structlog.get_logger(__name__)


class Inventories:
    """Reads them; every method raises StoreDown."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._redis = client
        self._names = Names(namespace)

    async def of(self, host: str, kind: Kind) -> tuple[Seen, ...]:
        """The objects of a kind; none when the worker has not been heard of for two minutes."""
        if kind not in INVENTORY_KINDS:
            return ()
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.exists(self._names.inventory_at(host))
                pipe.hvals(self._names.inventory(host, kind))
                fresh, texts = await pipe.execute()
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return tuple(seen for text in texts if (seen := _seen(text))) if fresh else ()

    async def names(self, host: str, kind: Kind) -> frozenset[str]:
        """Their names."""
        return frozenset(name for seen in await self.of(host, kind) for name in seen.names)


def _seen(text: bytes) -> Seen | None:
    try:
        return Seen.model_validate_json(text)
    except ValidationError:
        log.warning("inventory entry ignored", size=len(text))
        return None
