"""How often things happen, counted in the store: all counters of an operation at once, or none."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from bot.jobs.queue import StoreDown
from handlers.faults import Denied, Reason
from permissions.rates import Counter

_SCRIPT = (Path(__file__).parent / "rates.lua").read_text("utf-8")


class Rates:
    """The counters of a namespace."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str) -> None:
        self._prefix = f"{{{namespace}}}:rate:"
        self._count = client.register_script(_SCRIPT)

    async def count(self, counters: Sequence[Counter], *, look: bool = False) -> None:
        """Counts one operation; with ``look`` it is only asked whether it would be.

        Raises:
            Denied: one of the counters is full; none was counted up.
            StoreDown: nobody can tell.
        """
        if not counters:
            return
        keys: list[Any] = [self._prefix + counter.key for counter in counters]
        args = [number for one in counters for number in (one.limit, round(one.seconds * 1_000_000))]
        args.append(int(look))
        try:
            full, wait = await self._count(keys, args)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        if full:
            counter = counters[full - 1]
            raise Denied(
                f"{counter.limit} of these in {_span(counter.seconds)} is the limit for {counter.about}. "
                "Nothing was run.",
                rule=counter.rule,
                hint=f"Again in {_span(max(1.0, wait / 1_000_000))}.",
                reason=Reason.RATE_LIMITED,
            )


def _span(seconds: float) -> str:
    """A span in its largest unit, rounded up."""
    whole = math.ceil(seconds)
    units = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    unit, length = next(pair for pair in units if whole >= pair[1])
    number = math.ceil(whole / length)
    return f"{number} {unit}{'s' if number > 1 else ''}"
