"""Who can decide an approval: as Slack and the policy in force say at that moment, never as a card says."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from bot.again import People
from bot.policy.file import PolicyHolder
from bot.store.approvals import Asked
from permissions.approval import Step, Voter, askable, counts, entitled, possible
from permissions.decide import held_roles
from permissions.operation import Principal, Standing
from permissions.policy import Binding

MOST_ASKED = 20
"""Accounts that are looked at to find whom to tell; who is in a group is told by the group's mention."""
MOST_TOLD = 5
"""How many are told by themselves, of each set of steps that begins at one moment."""
MOST_LOOKED_AT = 40
"""Accounts that are looked at, all at once, to say who could decide now: Slack answers 100 a minute."""


class Directory(People, Protocol):
    """Who an account is, and who is in a group."""

    async def members(self, group_id: str) -> tuple[str, ...] | None:
        """The ids of a user group's members; None where Slack could not be asked."""
        ...


@dataclass(frozen=True)
class Able:
    """Who could say yes at a moment: user ids, those on call first, ``on_call`` of them.

    ``unsure``: somebody could not be looked at, so there may be more.
    """

    users: tuple[str, ...]
    on_call: int = 0
    unsure: bool = False


@dataclass(frozen=True)
class Approvers:
    """``clock`` is epoch seconds."""

    policy: PolicyHolder
    people: Directory
    clock: Callable[[], float]

    async def voters(self, asked: Asked, *present: Principal) -> dict[str, Voter]:
        """Everybody who has voted, and those present, as they are now; by user id."""
        known = {principal.user_id: principal for principal in present}
        for vote in asked.approval.votes:
            if vote.user_id not in known:
                known[vote.user_id] = await self._principal(asked, vote.user_id, vote.name)
        return {user_id: self._voter(asked, principal) for user_id, principal in known.items()}

    def could(self, asked: Asked, principal: Principal) -> bool:
        """Whether somebody counts at this moment for what was asked, however it has ended."""
        return entitled(asked.approval, self._voter(asked, principal), self.clock())

    async def to_tell(self, asked: Asked) -> list[str]:
        """The user ids of those who should hear of it by themselves: on call, or named one by one.

        What begins later has people of its own: whoever was told before is no reason not to tell them.
        """
        now = self.clock()
        told: dict[str, None] = {}
        for steps in _begun(asked, now):
            for candidates in (self._on_call(now), self._named(steps, now)):
                first = list(dict.fromkeys(candidates))[:MOST_ASKED]
                found = [user for user in first if await self._counts(asked, user, steps)]
                told |= dict.fromkeys(found[:MOST_TOLD])
                if found:
                    break
        return list(told)

    async def able(self, asked: Asked) -> Able:
        """Who could say yes at this moment and has not: everybody is looked at as at a click."""
        now = self.clock()
        steps = list(askable(asked.approval, now))
        on_call = set(self._on_call(now))
        grouped, blind = await self._grouped(steps, now)
        out = {vote.user_id for vote in asked.approval.votes if vote.approves} | {asked.approval.asker_id}
        everybody = dict.fromkeys([*self._on_call(now), *self._named(steps, now), *grouped])
        candidates = [user_id for user_id in everybody if user_id not in out]
        looked_at = candidates[:MOST_LOOKED_AT]
        principals = await asyncio.gather(*(self._principal(asked, one, one) for one in looked_at))
        able = [one.user_id for one in principals if entitled(asked.approval, self._voter(asked, one), now)]
        unknown = any(one.standing is Standing.UNKNOWN for one in principals)
        return Able(
            users=tuple(able),
            on_call=sum(one in on_call for one in able),
            unsure=blind or unknown or len(candidates) > len(looked_at),
        )

    async def _grouped(self, steps: list[Step], now: float) -> tuple[list[str], bool]:
        """The members of the groups that steps name or that hold their roles; whether some are not known."""
        groups = [group for step in steps for group in step.groups]
        groups += [group for binding in self._bindings(steps, now) for group in binding.groups]
        found = [await self.people.members(group) for group in dict.fromkeys(groups)]
        return [user for members in found for user in members or ()], None in found

    async def _counts(self, asked: Asked, user_id: str, steps: Iterable[Step]) -> bool:
        voter = self._voter(asked, await self._principal(asked, user_id, user_id))
        able = voter.standing is Standing.MEMBER and voter.user_id != asked.approval.asker_id
        return able and any(counts(step, voter) for step in steps)

    def _on_call(self, now: float) -> Iterator[str]:
        for rotation in self.policy.current.policy.oncall.values():
            yield from rotation.on_call(now)

    def _named(self, steps: Iterable[Step], now: float) -> Iterator[str]:
        """The users whom a step names, or who are bound by name to a role that brings one that it names."""
        steps = list(steps)
        for step in steps:
            yield from step.users
        for binding in self._bindings(steps, now):
            yield from binding.users

    def _bindings(self, steps: Iterable[Step], now: float) -> Iterator[Binding]:
        roles = {role for step in steps for role in step.roles}
        policy = self.policy.current.policy
        for binding in policy.bindings:
            if binding.counts(now) and not roles.isdisjoint(policy.with_inherited[binding.role]):
                yield binding

    async def _principal(self, asked: Asked, user_id: str, name: str) -> Principal:
        return await self.people.principal(asked.principal.team_id, user_id, name)

    def _voter(self, asked: Asked, principal: Principal) -> Voter:
        policy, channel_id, now = self.policy.current.policy, asked.draft.record.channel_id, self.clock()
        held = [held_roles(policy, principal, channel_id, one, now) for one in asked.places]
        return Voter(
            user_id=principal.user_id,
            standing=principal.standing,
            groups=principal.groups,
            roles=tuple(role for role in held[0] if all(role in roles for roles in held)),
        )


def _begun(asked: Asked, now: float) -> list[list[Step]]:
    """The steps whose people could say yes by now, those that began at one moment together, in order."""
    steps: dict[float, list[Step]] = {}
    for way in possible(asked.approval):
        if asked.approval.asked_at + way.after <= now:
            steps.setdefault(way.after, []).extend(way.steps)
    return [steps[after] for after in sorted(steps)]
