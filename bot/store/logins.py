"""Registry logins, kept for who gave them and used for their commands alone.

Redis holds them locked with the bot's own key. A login is held beside its job until the registry has accepted
it, and only then kept; a logout is held the same way.
"""

from collections.abc import Mapping
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from bot.jobs.queue import StoreDown
from bot.store.locked import Locked, Locks
from permissions.model import Record

HELD_SECONDS = 3600


class Login(Record):
    """One login at one registry. ``owner`` is ``TEAM/USER``: a blob moved to somebody else is refused."""

    owner: str
    server: str
    username: str
    password: str


class LoginChange(Record):
    """What a job will have changed once it has ended well; ``login`` None forgets the one at ``server``."""

    job_id: str
    owner: str
    server: str
    login: Login | None = None


def owner(team_id: str, user_id: str) -> str:
    """Whose login it is."""
    return f"{team_id}/{user_id}"


class Logins:
    """The store of logins; every method raises StoreDown."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, locks: Locks) -> None:
        self._redis = client
        self._prefix = f"{{{namespace}}}:login"
        self._kept = Locked(locks, Login, "login")
        self._held = Locked(locks, LoginChange, "login change")

    async def of(self, whose: str) -> Mapping[str, dict[str, str]]:
        """Server → username and password, in the clear: to be sealed at once."""
        try:
            blobs: Any = await self._redis.hgetall(f"{self._prefix}s:{whose}")
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        found = (self._kept.unlock(blob) for blob in blobs.values())
        return {
            login.server: {"username": login.username, "password": login.password}
            for login in found
            if login is not None and login.owner == whose
        }

    async def replace(self, whose: str, logins: Mapping[str, dict[str, str]]) -> None:
        """Makes these the only logins that are kept for somebody."""
        blobs: dict[Any, Any] = {
            server: self._kept.lock(Login(owner=whose, server=server, **login))
            for server, login in logins.items()
        }
        try:
            await self._redis.delete(f"{self._prefix}s:{whose}")
            if blobs:
                await self._redis.hset(f"{self._prefix}s:{whose}", mapping=blobs)
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def hold(self, change: LoginChange) -> None:
        """Keeps a change beside its job until :meth:`settle`."""
        key = f"{self._prefix}-held:{change.job_id}"
        try:
            await self._redis.set(key, self._held.lock(change), ex=HELD_SECONDS)
        except RedisError as error:
            raise StoreDown(unsure=False) from error

    async def settle(self, job_id: str, *, well: bool) -> None:
        """The job has ended: its change comes into force if it ended well. A second call does nothing."""
        key = f"{self._prefix}-held:{job_id}"
        try:
            blob: Any = await self._redis.get(key)
            change = self._held.unlock(blob) if blob else None
            if well and change is not None and change.job_id == job_id:
                await self._apply(change)
            await self._redis.delete(key)
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def _apply(self, change: LoginChange) -> None:
        kept = f"{self._prefix}s:{change.owner}"
        if change.login is None:
            await self._redis.hdel(kept, change.server)
        else:
            await self._redis.hset(kept, change.server, self._kept.lock(change.login))
