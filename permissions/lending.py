"""The entries of a policy about roles lent for a time: asked for (elevation), or taken at once (break-glass).

What is lent reaches no further than :func:`permissions.decide.held_roles` counts it: never to the verb admin.
"""

from collections.abc import Collection, Iterable
from typing import Self

from pydantic import model_validator

from permissions.approval import Step
from permissions.model import Record
from permissions.patterns import (
    ChannelId,
    GroupId,
    HostPattern,
    OnCallName,
    RoleName,
    Span,
    UserId,
)
from permissions.terms import PolicyTerms
from permissions.verbs import Verb

HOUR = 3600.0
MOST_ELEVATED = 7 * 24 * HOUR
MOST_BROKEN = 24 * HOUR
"""The longest that a policy can let a role be lent, in seconds."""


class ForPeople(Record):
    """Whom an entry is for: those listed, the members of the groups, and whoever is on call.

    ``source`` is ``FILE:LINE``, filled in by whoever read the entry.
    """

    users: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    oncall: tuple[OnCallName, ...] = ()
    source: str = ""

    def lists(self, user_id: str, groups: Iterable[str], on_call: Collection[str]) -> bool:
        """Whether it is for this person, by themselves; ``on_call`` are the rotations they are on call in."""
        return (
            user_id in self.users
            or not set(self.groups).isdisjoint(groups)
            or not set(self.oncall).isdisjoint(on_call)
        )


class Elevation(ForPeople):
    """A role that people may ask for, for ``most`` seconds at the longest, on the terms of ``approval``.

    Holders of one of ``roles`` may ask as well. Without ``hosts`` on any host, without ``channels`` anywhere.
    """

    role: RoleName
    roles: tuple[RoleName, ...] = ()
    hosts: tuple[HostPattern, ...] = ()
    channels: tuple[ChannelId, ...] = ()
    most: Span = HOUR
    approval: PolicyTerms

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not (self.users or self.groups or self.oncall or self.roles):
            raise ValueError("nobody may ask for it: list `users`, `groups`, `oncall` or `roles`")
        if self.most > MOST_ELEVATED:
            raise ValueError("a role is lent for 7d at most")
        return self


class BreakGlass(ForPeople):
    """A role that people may take at once, with a reason: for ``most`` seconds, on the host that they name.

    Only for ``verbs``, on hosts of ``hosts``; without ``channels`` from anywhere. The channels of ``tell``
    hear of it, and a review stays open until one of ``reviewers`` closes it, never whoever took it.
    """

    role: RoleName
    verbs: tuple[Verb, ...]
    hosts: tuple[HostPattern, ...]
    channels: tuple[ChannelId, ...] = ()
    most: Span = HOUR
    tell: tuple[ChannelId, ...]
    reviewers: Step

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not (self.users or self.groups or self.oncall):
            raise ValueError("nobody may break this glass: list `users`, `groups` or `oncall`")
        if not (self.verbs and self.hosts and self.tell):
            raise ValueError("a broken glass is for some `verbs` on some `hosts`; list channels to `tell`")
        if Verb.ADMIN in self.verbs:
            raise ValueError("the verb `admin` is lent to nobody: break-glass reads no records")
        if self.most > MOST_BROKEN:
            raise ValueError("a broken glass lasts 24h at most")
        if self.reviewers.people != 1:
            raise ValueError("one person closes a review: leave out `people`")
        if not (self.reviewers.users or self.reviewers.groups or self.reviewers.roles):
            raise ValueError("nobody could review it: list `users`, `groups` or `roles` of `reviewers`")
        return self


def named_roles(entry: Elevation | BreakGlass) -> tuple[str, ...]:
    """Every role that an entry names."""
    if isinstance(entry, BreakGlass):
        return (entry.role, *entry.reviewers.roles)
    steps = (step for threshold in entry.approval.any for step in threshold.steps)
    return (entry.role, *entry.roles, *(role for step in steps for role in step.roles))
