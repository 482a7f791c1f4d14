"""Roles that were lent for a time, how one was asked for, and the reviews that break-glass leaves open."""

from typing import Literal

import redis.asyncio

from bot.store.audit import AuditIntake
from bot.store.in_force import InForce, Standing
from bot.store.locked import Locks
from bot.store.records import RequestRecord
from permissions.approval import Step
from permissions.audit import InForceChanged
from permissions.model import Record
from permissions.operation import Lent, Operation, Principal
from permissions.verbs import Verb

MOST_JOBS = 50
"""The most ids of jobs that a review names; it counts all of them."""


class GrantDraft(Record):
    """A role that somebody asks for, in the place of a job's draft: begun once, however often it is tried.

    ``record`` is the line that asks, ``grant_id`` the id that the grant will have. It lasts ``seconds`` from
    the approval on, on the ``hosts`` (names, all that it is asked for); ``places`` are the asking on each.
    ``may`` says in words what the role gives. ``ended_at`` (epoch seconds) is when it ended, 0 before, and
    ``ended_by`` the user who revoked it, "" for the clock: both for the card alone.
    """

    record: RequestRecord
    grant_id: str
    role: str
    seconds: float
    hosts: tuple[str, ...]
    places: tuple[Operation, ...]
    may: tuple[str, ...] = ()
    ended_at: float = 0.0
    ended_by: str = ""


class Grant(Standing):
    """A role lent to somebody until ``until``, for ``verbs`` (none: any) on ``hosts`` (names).

    ``job_id`` is that of the approval of an elevation, ``approved_by`` are the users who agreed. ``rule`` is
    the label of the policy's entry. ``reviewers`` may end a break-glass. ``revoked_at`` is 0 unless the user
    ``revoked_by`` has ended it before its time; it stays until then, so that nothing begins it a second time.
    It was asked for in ``channel_id`` and ``thread_ts``, and counts in ``channels`` (none: anywhere).
    Times are epoch seconds.
    """

    what: Literal["elevation", "break_glass"]
    role: str
    team_id: str
    user_id: str
    user_name: str
    hosts: tuple[str, ...]
    verbs: tuple[Verb, ...] = ()
    began_at: float
    until: float
    reason: str
    incident: str = ""
    channel_id: str
    thread_ts: str = ""
    channels: tuple[str, ...] = ()
    job_id: str = ""
    approved_by: tuple[str, ...] = ()
    rule: str
    reviewers: Step | None = None
    revoked_at: float = 0.0
    revoked_by: str = ""

    def counts(self, at: float) -> bool:
        """Whether it lends anything at that moment."""
        return not self.revoked_at and self.began_at <= at < self.until

    def is_of(self, team_id: str, user_id: str) -> bool:
        """Whether it is theirs."""
        return (self.team_id, self.user_id) == (team_id, user_id)

    @property
    def lent(self) -> Lent:
        """What a decision counts."""
        return Lent(
            id=self.id,
            role=self.role,
            until=self.until,
            hosts=self.hosts,
            verbs=self.verbs,
            break_glass=self.what == "break_glass",
        )


class Review(Standing):
    """What somebody else has to look at: who broke the glass, why, and what ran under it.

    ``tell`` are the channels that were told, ``reviewers`` who may close it, as the policy said when the
    glass was broken. ``jobs`` are the first that ran under it, ``ran`` counts all. ``ended_at`` is when the
    grant ended: its time at first, earlier once ``ended_by`` has revoked it. Times are epoch seconds.
    ``delivery_id`` is that of the line that broke the glass, which may come again.
    """

    delivery_id: str = ""
    grant_id: str
    role: str
    team_id: str
    user_id: str
    user_name: str
    reason: str
    host: str
    verbs: tuple[Verb, ...]
    shown: str
    rule: str
    incident: str = ""
    channel_id: str
    thread_ts: str = ""
    tell: tuple[str, ...]
    reviewers: Step
    jobs: tuple[str, ...] = ()
    ran: int = 0
    opened_at: float
    ended_at: float
    ended_by: str = ""


def stores(
    client: redis.asyncio.Redis, namespace: str, locks: Locks, audit: AuditIntake
) -> tuple[InForce[Grant], InForce[Review]]:
    """Where grants and reviews are kept."""
    return (
        InForce(client, namespace, locks, audit, Grant, kind="grant", letter="G"),
        InForce(client, namespace, locks, audit, Review, kind="review", letter="R"),
    )


def stage(review: Review, now: float) -> int:
    """Days that a review is open for; by one less than 0 while its grant lasts. Later ones are greater."""
    return -1 if now < review.ended_at else int((now - review.opened_at) // 86_400)


def glass_key(grant_id: str) -> str:
    """The key of the message that says that a glass was broken, where it was."""
    return f"{grant_id}/0.glass"


def changed(one: Grant | Review, change: str, who: Principal | None) -> InForceChanged:
    """The audit's entry."""
    if isinstance(one, Review):
        what, until, hosts = "review", 0.0, one.host
        about = f"break-glass {one.grant_id}, role {one.role} on {hosts}"
    else:
        what, until, hosts = one.what, one.until, " ".join(one.hosts)
        about = f"role {one.role} on {hosts}"
    verbs = f" for {' '.join(one.verbs)}" if one.verbs else ""
    return InForceChanged(
        what=what,
        id=one.id,
        change=change,
        who=who,
        of=one.user_id,
        about=about + verbs,
        reason=one.reason,
        until=until,
        incident=one.incident,
        channel_id=one.channel_id,
        thread_ts=one.thread_ts,
    )
