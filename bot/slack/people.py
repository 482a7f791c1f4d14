"""Who an account is and which user groups it is in, as Slack says it and never older than five minutes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.client import Clock, Identity, SlackTrouble, call
from permissions.operation import Principal, Standing

log = structlog.get_logger(__name__)

USER_SECONDS = 300.0
GROUPS_SECONDS = 300.0
NO_PLAN_SECONDS = 3600.0
"""How long a workspace without user groups is not asked for them again."""
ASK_SECONDS = 1.2
"""The longest a question to Slack may take: the asker's acknowledgement waits for it."""
EARLY = 0.8
"""After this part of its life a value in use is fetched anew beside; it is never used beyond its life."""

MOST_KEPT = 10_000

Value = TypeVar("Value")
Groups = Mapping[str, frozenset[str]]


class Fresh(Generic[Value]):
    """Values by key, each kept ``seconds`` at most; who asks at the same time shares one fetch."""

    def __init__(self, seconds: float, clock: Clock, fetch: Callable[[str], Awaitable[Value]]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._fetch = fetch
        self._kept: dict[str, tuple[float, Value]] = {}
        self._asking: dict[str, asyncio.Task[Value]] = {}

    async def get(self, key: str) -> tuple[float, Value]:
        """When the value was asked for (epoch seconds), and the value; raises what ``fetch`` raises."""
        now = self._clock.now()
        kept = self._kept.get(key)
        if kept is not None and 0 <= now - kept[0] < self._seconds:
            if now - kept[0] > self._seconds * EARLY:
                self._ask(key)
            return kept
        return now, await asyncio.shield(self._ask(key))

    def forget(self, key: str) -> None:
        """The value is no longer true."""
        self._kept.pop(key, None)

    def _ask(self, key: str) -> asyncio.Task[Value]:
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._fetched(key))
            task.add_done_callback(lambda done: self._answered(key, done))
        return task

    async def _fetched(self, key: str) -> Value:
        at = self._clock.now()
        value = await self._fetch(key)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = at, value
        return value

    def _answered(self, key: str, task: asyncio.Task[Value]) -> None:
        del self._asking[key]
        # Asked for here, so that a failure nobody waited for is no surprise at the end of the loop.
        if not task.cancelled() and task.exception():
            log.warning("slack could not be asked", key=key, error=str(task.exception()))


class People:
    """Principals for decisions. What Slack cannot tell is UNKNOWN, which never passes."""

    def __init__(self, client: AsyncWebClient, identity: Identity, clock: Clock) -> None:
        self._client = client
        self._identity = identity
        self._clock = clock
        self._accounts = Fresh(USER_SECONDS, clock, self._account)
        self._groups = Fresh(GROUPS_SECONDS, clock, self._members)
        self._no_plan_until = 0.0

    async def principal(self, team_id: str, user_id: str, name: str) -> Principal:
        """The account as Slack knows it now. ``team_id`` is the one the verified payload names.

        ``name`` is the account's own, or its id where the payload has no name: a mention.
        """
        called = ""

        def known(standing: Standing, as_of: float, groups: tuple[str, ...] = ()) -> Principal:
            return Principal(
                team_id=team_id,
                user_id=user_id,
                name=called if called and name == user_id else name,
                standing=standing,
                groups=groups,
                as_of=as_of,
            )

        if team_id != self._identity.team_id:
            return known(Standing.EXTERNAL, self._clock.now())
        try:
            async with asyncio.timeout(ASK_SECONDS):
                as_of, (standing, called) = await self._accounts.get(user_id)
                if standing is not Standing.MEMBER:
                    return known(standing, as_of)
                groups_as_of, groups = await self._groups.get("")
        except (SlackTrouble, TimeoutError):
            return known(Standing.UNKNOWN, self._clock.now())
        mine = tuple(sorted(group for group, members in groups.items() if user_id in members))
        return known(standing, min(as_of, groups_as_of), mine)

    async def members(self, group_id: str) -> tuple[str, ...] | None:
        """The ids of a user group's members, in order; None where Slack could not be asked."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                _, groups = await self._groups.get("")
        except (SlackTrouble, TimeoutError):
            return None
        return tuple(sorted(groups.get(group_id, ())))

    async def _account(self, user_id: str) -> tuple[Standing, str]:
        answer = await call(self._client.users_info(user=user_id), ASK_SECONDS)
        account = answer["user"]
        return self._standing(account), str(account.get("name") or "")

    def _standing(self, account: Mapping[str, Any]) -> Standing:
        if account.get("deleted"):
            return Standing.DELETED
        if account.get("is_bot") or account.get("id") == "USLACKBOT":
            return Standing.BOT
        if account.get("team_id") != self._identity.team_id or account.get("is_stranger"):
            return Standing.EXTERNAL
        # Slack says it of every member: where it is not said, the account is none.
        if account.get("is_restricted", True) or account.get("is_ultra_restricted", True):
            return Standing.GUEST
        return Standing.MEMBER

    async def _members(self, _: str) -> Groups:
        if self._clock.now() < self._no_plan_until:
            return {}
        try:
            answer = await call(self._client.usergroups_list(include_users=True), ASK_SECONDS)
        except SlackTrouble as trouble:
            if trouble.error != "plan_upgrade_required":
                raise
            self._no_plan_until = self._clock.now() + NO_PLAN_SECONDS
            return {}
        return {group["id"]: await self._in_group(group) for group in answer["usergroups"]}

    async def _in_group(self, group: Mapping[str, Any]) -> frozenset[str]:
        if "users" in group:
            return frozenset(group["users"])
        answer = await call(self._client.usergroups_users_list(usergroup=group["id"]), ASK_SECONDS)
        return frozenset(answer["users"])
