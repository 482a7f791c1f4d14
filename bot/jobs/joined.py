"""Calls of one script that share their way: what comes while one is on it goes out together after it.

The store syncs its disk once for all that it reads at once, and the client has one round trip to wait for.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import redis.asyncio
from redis.exceptions import NoScriptError, RedisError

MOST = 64
"""The most calls in one round trip: the store answers nobody else meanwhile."""

Argument = str | int
Call = tuple[Sequence[str], Sequence[Argument], "asyncio.Future[Any]"]


class JoinedScript:
    """A script like those of the client. A call alone goes out at once; every call raises RedisError.

    Calls are carried out in the order in which they were made, each as a whole and none for another's
    failure. For one event loop.
    """

    def __init__(self, client: redis.asyncio.Redis, text: str) -> None:
        self._redis = client
        self._script = client.register_script(text)
        self._waiting: list[Call] = []
        self._sending: asyncio.Task[None] | None = None
        self._alone = False

    async def __call__(self, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """The script's reply."""
        if self._alone or self._sending is not None:
            reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._waiting.append((keys, args, reply))
            return await reply
        self._alone = True
        try:
            return await self._script(list(keys), list(args))
        finally:
            self._alone = False
            if self._waiting:
                self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        calls: list[Call] = []
        try:
            while self._waiting:
                calls, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                for (*_, reply), said in zip(calls, await self._replies(calls), strict=True):
                    if reply.done():
                        continue  # whoever made the call waits no more
                    if isinstance(said, Exception):
                        reply.set_exception(said)
                    else:
                        reply.set_result(said)
        finally:
            self._sending = None
            for *_, reply in (*calls, *self._waiting):
                reply.cancel()  # nothing is left of them unless this was ended

    async def _replies(self, calls: Sequence[Call]) -> list[Any]:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for keys, args, _ in calls:
                    pipe.evalsha(self._script.sha, len(keys), *keys, *args)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
        except RedisError as error:
            return [error] * len(calls)
        for number, (keys, args, _) in enumerate(calls):
            if isinstance(replies[number], NoScriptError):  # the store was started anew
                replies[number] = await self._by_itself(keys, args)
        return replies

    async def _by_itself(self, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        try:
            return await self._script(list(keys), list(args))
        except RedisError as error:
            return error
