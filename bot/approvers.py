"""Who can decide an approval: as Slack and the policy in force say at that moment, never as a card says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.again import People
from bot.policy_file import PolicyHolder
from bot.store.approvals import Asked
from permissions.approval import Voter, askable, entitled
from permissions.decide import held_roles
from permissions.operation import Principal

MOST_ASKED = 20
"""Accounts that are looked at to find whom to tell; who is in a group is told by the group's mention."""
MOST_TOLD = 5


@dataclass(frozen=True)
class Approvers:
    """``clock`` is epoch seconds."""

    policy: PolicyHolder
    people: People
    clock: Callable[[], float]

    async def voters(self, asked: Asked, *present: Principal) -> dict[str, Voter]:
        """Everybody who has voted, and those present, as they are now; by user id."""
        known = {principal.user_id: principal for principal in present}
        for vote in asked.approval.votes:
            if vote.user_id not in known:
                known[vote.user_id] = await self._principal(asked, vote.user_id, vote.name)
        return {user_id: self._voter(asked, principal) for user_id, principal in known.items()}

    async def to_tell(self, asked: Asked) -> list[str]:
        """The user ids of those who should hear of it by themselves: on call, or named one by one."""
        now = self.clock()
        on_call = list(dict.fromkeys(self._on_call(now)))
        for candidates in (on_call, list(dict.fromkeys(self._named(asked, now)))):
            found = [user for user in candidates[:MOST_ASKED] if await self._can(asked, user, now)]
            if found:
                return found[:MOST_TOLD]
        return []

    async def _can(self, asked: Asked, user_id: str, now: float) -> bool:
        principal = await self._principal(asked, user_id, user_id)
        return entitled(asked.approval, self._voter(asked, principal), now)

    def _on_call(self, now: float) -> Iterator[str]:
        for rotation in self.policy.current.policy.oncall.values():
            yield from rotation.on_call(now)

    def _named(self, asked: Asked, now: float) -> Iterator[str]:
        """The users whom a step names, or who are bound by name to a role that it names."""
        steps = list(askable(asked.approval, now))
        roles = {role for step in steps for role in step.roles}
        for step in steps:
            yield from step.users
        for binding in self.policy.current.policy.bindings:
            if binding.role in roles and binding.counts(now):
                yield from binding.users

    async def _principal(self, asked: Asked, user_id: str, name: str) -> Principal:
        return await self.people.principal(asked.principal.team_id, user_id, name)

    def _voter(self, asked: Asked, principal: Principal) -> Voter:
        operation = asked.operation
        roles = held_roles(
            self.policy.current.policy, principal, asked.draft.record.channel_id, operation, self.clock()
        )
        return Voter(
            user_id=principal.user_id, standing=principal.standing, groups=principal.groups, roles=roles
        )
