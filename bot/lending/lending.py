"""Roles lent for a time: counted where nothing else allows a line, taken at once behind a glass, ended again.

A grant is a record that only a bot can write. What it lends travels in the tickets of the jobs that need it,
so a worker counts it by its own clock. Every broken glass leaves a review open, which says what ran under it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import structlog

from bot.clockwork import for_ever, look_after
from bot.decided import decided
from bot.hosts import Host, Hosts
from bot.jobs.queue import StoreDown
from bot.lending.broken import new_review, reviewed_grant
from bot.lending.lends import Breaking, Lends, least, no_glass, not_broken, sure, under, with_lent, yes
from bot.lending.lines import check_text
from bot.lending.revoked import Revoked
from bot.policy.file import PolicyHolder
from bot.store.approvals import Asked
from bot.store.grants import MOST_JOBS, Grant, GrantDraft, Review, changed, glass_key, stage
from bot.store.in_force import InForce
from bot.store.records import Draft
from bot.times import clock_time
from bot.written import as_kept
from handlers.faults import Denied, Fault, Reason
from permissions.borrowing import Elevated, Glass, Limit, NoGlass, elevations, glass, still_lends
from permissions.decide import decide
from permissions.decision import Allow, Deny, NeedsApproval
from permissions.matching import covers_host
from permissions.operation import Operation, Principal
from permissions.verbs import Danger, Verb

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0
TRIES = 5
MOST_TO_REVIEW = 200
"""So many broken glasses of one person may wait for a review: each is kept, and often read, until then."""
ELEVATE = "docktalk elevate"


@dataclass(frozen=True)
class Lending:
    """``tell`` shows what came of a broken glass, ``ended`` that an elevation is over. Epoch seconds.

    ``delivered`` tells whether a delivery has become a job. Methods raise Fault, StoreDown and NotRecorded
    among them.
    """

    policy: PolicyHolder
    hosts: Hosts
    stores: tuple[InForce[Grant], InForce[Review]]
    tell: Callable[[Review, float], Awaitable[None]]
    ended: Callable[[Grant], Awaitable[None]]
    delivered: Callable[[str], Awaitable[bool]]
    revoked: Revoked
    clock: Callable[[], float]
    _told: dict[str, tuple[int, int]] = field(default_factory=dict)
    """What this bot has told of each review: its revision, and the stage it was in."""

    @property
    def grants(self) -> InForce[Grant]:
        """What is lent."""
        return self.stores[0]

    @property
    def reviews(self) -> InForce[Review]:
        """What somebody has to look at."""
        return self.stores[1]

    async def of(self, principal: Principal, channel_id: str) -> tuple[Grant, ...]:
        """The grants that count for somebody now and there, elevations first.

        What the policy in force lends them no more counts for nothing.
        """
        policy, now = self.policy.current.policy, self.clock()

        def lends(one: Grant) -> bool:
            found = [host for host in map(self.hosts.find, one.hosts) if host is not None]
            return still_lends(policy, principal, channel_id, one.lent, [_at(host) for host in found], now)

        mine = [
            one
            for one in await self.grants.all()
            if one.counts(now)
            and one.id not in self.revoked
            and one.is_of(principal.team_id, principal.user_id)
            and (not one.channels or channel_id in one.channels)
            and lends(one)
        ]
        return tuple(sorted(mine, key=lambda one: one.what != "elevation"))

    async def lent(self, principal: Principal, channel_id: str) -> Principal:
        """The same person with all that was lent to them; without it where the store is down: for help."""
        try:
            return with_lent(principal, await self.of(principal, channel_id))
        except StoreDown:
            return with_lent(principal, ())

    async def seen(self, principal: Principal, channel_id: str, bound: Hosts) -> Hosts:
        """The hosts that somebody may name: those that are theirs already, and those that they can borrow."""
        policy, now = self.policy.current.policy, self.clock()
        lent = [one for one in await self.of(principal, channel_id) if one.role in policy.roles]
        known = {host.name for host in bound.known}

        def may(host: Host) -> bool:
            there = _at(host)
            if host.name in known or any(covers_host(one.hosts, host.name, {}) for one in lent):
                return True
            found = glass(policy, principal, channel_id, there, "", now)
            return isinstance(found, Glass) or found.limit > Limit.HOST

        return bound.model_copy(update={"known": tuple(host for host in self.hosts.known if may(host))})

    async def decided(
        self,
        principal: Principal,
        channel_id: str,
        operation: Operation,
        breaks: str | None = None,
        *,
        agreed: bool = False,
    ) -> Lends:
        """The decision, first without any lent role, then with those that change it; raises Denied.

        ``breaks`` is the reason to break the glass if need be. ``agreed``: people have agreed to it, so that
        needing an approval is no reason to lend anything.
        """
        policy, now = self.policy.current.policy, self.clock()
        principal = principal.model_copy(update={"lent": ()})
        plain = decide(policy, principal, channel_id, operation, now)
        if sure(plain) or (agreed and isinstance(plain, NeedsApproval)):
            return Lends(principal, yes(plain), notes=not_broken(breaks, "this is allowed anyway"))
        lends = least(
            policy, principal, channel_id, operation, plain, await self.of(principal, channel_id), now
        )
        if lends is not None and isinstance(lends.decision, Allow):
            under = f"this runs under {lends.principal.lent[0].id} already"
            return replace(lends, notes=(*lends.notes, *not_broken(breaks, under)))
        if breaks is not None:
            broken = await self._breaking(plain, principal, channel_id, operation, breaks)
            if isinstance(broken, Lends):
                return broken
            if not isinstance(plain, Allow):
                raise no_glass(broken, operation)
            return Lends(principal, plain, notes=not_broken(breaks, "the host's worker decides either way"))
        if lends is not None:
            return lends
        return Lends(principal, decided(policy, principal, channel_id, operation, now))

    def could_break(self, principal: Principal, channel_id: str, operation: Operation) -> bool:
        """Whether an entry would let somebody run it at once."""
        policy, now = self.policy.current.policy, self.clock()
        return isinstance(glass(policy, principal, channel_id, operation, "", now), Glass)

    async def _breaking(
        self,
        plain: Allow | Deny | NeedsApproval,
        principal: Principal,
        channel_id: str,
        operation: Operation,
        reason: str,
    ) -> Lends | NoGlass:
        check_text("--break-glass", reason)
        policy, now = self.policy.current.policy, self.clock()
        found = glass(policy, principal, channel_id, operation, "", now)
        if isinstance(found, NoGlass):
            return found
        if isinstance(plain, Allow) and not sure(found.allow):
            return NoGlass(Limit.RULES, found.label)
        lent = found.lent.model_copy(update={"id": await self.grants.next_id()})
        holder = principal.model_copy(update={"lent": (lent,)})
        notes = (f"under break-glass {lent.id} until {clock_time(lent.until)}",)
        return Lends(holder, found.allow, Breaking(found._replace(lent=lent), as_kept(reason)), notes)

    async def break_glass(self, lends: Lends, draft: Draft) -> tuple[Principal, Draft]:
        """Breaks it, before the job is queued: a review is open, all are told; the job goes below that.

        Who has what was lent, and the job. Of a line that is delivered twice the second goes on with what the
        first began, also where that bot has died; where it is a job already nothing is broken.
        """
        record, who = draft.record, lends.principal
        if lends.breaking is None:
            return who, draft
        if await self.delivered(record.delivery_id):
            return with_lent(who, ()), draft  # where only the store says so the host's worker refuses it
        breaking, now = lends.breaking, self.clock()
        new = new_review(breaking, who, draft, await self.reviews.next_id(), now)
        # In this order a crash leaves a review without a grant, never a grant that nobody hears of.
        review = await self._opened(new, who)
        grant = reviewed_grant(breaking, review)
        if now < grant.until:
            await self.grants.begin(grant, changed(grant, "began", who))
        # An id that was given before, or a glass that is over: what is in force is not what this lends.
        if now >= grant.until or grant.id in self.revoked or await self.grants.get(grant.id) != grant:
            raise Fault(
                "This glass is over, or its id is taken, so none was broken. Nothing was run.",
                hint="Send the line again.",
                reason=Reason.CONFLICT,
            )
        await self._tell(review)
        log.warning("glass broken", grant=grant.id, review=review.id, user_id=who.user_id, host=record.host)
        own = {
            "job_id": review.jobs[0],
            "under": "" if record.thread_ts else glass_key(grant.id),
            "notes": (*(note for note in record.notes if note not in lends.notes), under(grant)),
        }
        # In an emergency nobody is asked whether its like may run already: it waits for its targets.
        draft = draft.model_copy(update={"record": record.model_copy(update=own), "again": True})
        return with_lent(who, (grant,)), draft

    async def _opened(self, review: Review, who: Principal) -> Review:
        """Opens it, or finds the one that the same delivery has opened."""
        for _ in range(TRIES):
            known, changes = await self.reviews.as_of()
            for one in known:
                if one.delivery_id == review.delivery_id:
                    return one
            if (
                sum((one.team_id, one.user_id) == (who.team_id, who.user_id) for one in known)
                >= MOST_TO_REVIEW
            ):
                raise Fault(
                    f"{MOST_TO_REVIEW} of your broken glasses wait for a review: no glass was broken.",
                    hint="`/docktalk reviews` lists them; ask those who can close them.",
                    reason=Reason.LIMIT,
                )
            if await self.reviews.begin(review, changed(review, "began", who), changes=changes):
                return review
        raise Fault(
            "Others break a glass at the same moment. Nothing was run.",
            hint="Send the line again.",
            reason=Reason.CONFLICT,
        )

    async def ran(self, principal: Principal, job_id: str) -> None:
        """A job was queued under what was lent: the review names it. What cannot be noted is in the audit."""
        for lent in principal.lent:
            if not lent.break_glass:
                continue
            try:
                await self._noted(lent.id, job_id, principal)
            except Fault as error:
                log.warning("review not brought up to date", grant=lent.id, error=type(error).__name__)

    async def _noted(self, grant_id: str, job_id: str, who: Principal) -> None:
        for _ in range(TRIES):
            review = await self.review_of(grant_id)
            if review is None or job_id in review.jobs:
                return
            jobs = (*review.jobs, job_id)[:MOST_JOBS]
            after = review.model_copy(update={"jobs": jobs, "ran": review.ran + 1})
            if await self.reviews.change(after, changed(review, "used", who)):
                await self._tell(after.model_copy(update={"revision": after.revision + 1}))
                return

    async def review_of(self, grant_id: str) -> Review | None:
        """The open review of a broken glass."""
        return next((one for one in await self.reviews.all() if one.grant_id == grant_id), None)

    def may_ask(self, principal: Principal, channel_id: str, host: str | None) -> list[Elevated]:
        """The elevations that somebody may ask for here; only on that host, if one is named."""
        at = [_at(one) for one in self.hosts.known if host in {None, one.name}]
        return list(elevations(self.policy.current.policy, principal, channel_id, at, self.clock()))

    async def begin(self, asked: Asked, draft: GrantDraft, principal: Principal) -> None:
        """Lends what was agreed to, once, from the moment of the agreement on.

        Raises Denied where the policy does not let ``principal``, the asker as they are now, ask any more.
        """
        approval, record = asked.approval, draft.record
        until = approval.ended_at + draft.seconds
        if self.clock() >= until or draft.grant_id in self.revoked:
            return
        if await self.grants.get(draft.grant_id) is not None:
            return
        found = next(
            (
                one
                for one in self.may_ask(principal, record.channel_id, None)
                if one.entry.role == draft.role
                and set(draft.hosts) <= set(one.hosts)
                and draft.seconds <= one.entry.most
            ),
            None,
        )
        if found is None:
            raise Denied(f"The policy does not lend the role {draft.role} to them any more.", rule=asked.rule)
        grant = Grant(
            id=draft.grant_id,
            what="elevation",
            role=draft.role,
            team_id=record.team_id,
            user_id=record.user_id,
            user_name=record.user_name,
            hosts=draft.hosts,
            began_at=approval.ended_at,
            until=until,
            reason=approval.reason,
            incident=asked.operation.incident,
            channel_id=record.channel_id,
            thread_ts=record.thread_ts,
            channels=found.entry.channels,
            job_id=asked.job_id,
            approved_by=tuple(vote.user_id for vote in approval.votes if vote.approves),
            rule=found.label,
        )
        await self.grants.begin(grant, changed(grant, "began", principal))
        log.info("role lent", grant=grant.id, role=grant.role, user_id=grant.user_id)

    async def revoke(self, grant: Grant, by: Principal) -> bool:
        """Ends it at once; False when it has ended already."""
        now = self.clock()
        after = grant.model_copy(update={"revoked_at": now, "revoked_by": by.user_id})
        if grant.counts(now):
            try:
                self.revoked.add(grant.id, grant.until)
            except OSError as error:  # it ends in the store all the same
                log.error("revocation not kept on disk", grant=grant.id, error=str(error))  # noqa: TRY400 - no frames
        if not grant.counts(now) or not await self.grants.change(after, changed(grant, "revoked", by)):
            return False
        if after.what == "elevation":
            await self.ended(after)
        elif (review := await self.review_of(grant.id)) is not None:
            ended = review.model_copy(update={"ended_at": now, "ended_by": by.user_id})
            if await self.reviews.change(ended, changed(review, "revoked", by)):
                await self._tell(ended.model_copy(update={"revision": ended.revision + 1}))
        return True

    async def close(self, review: Review, by: Principal, note: str) -> bool:
        """Closes a review; False when it has changed meanwhile."""
        told = changed(review, "closed", by).model_copy(update={"reason": note})
        if not await self.reviews.end(review, told):
            return False
        self._told.pop(review.id, None)
        return True

    async def run(self) -> None:
        """The clock: ends what is over, says so, and reminds of reviews, for ever."""
        await for_ever("grants", self.tick, TICK_SECONDS)

    async def tick(self) -> None:
        """Does what is due now; one that fails keeps no other waiting. Raises StoreDown."""
        for grant in await self.grants.all():
            await look_after("grant", self._over(grant), grant=grant.id)
        reviews = await self.reviews.all()
        for closed in self._told.keys() - {review.id for review in reviews}:
            del self._told[closed]
        for review in reviews:
            await look_after("review", self._tell(review), review=review.id)

    async def _over(self, grant: Grant) -> None:
        if self.clock() < grant.until:
            return
        # Said first: a crash between the two says it again, which shows nothing new.
        if grant.what == "elevation":
            await self.ended(grant)
        await self.grants.end(grant, changed(grant, "ended", None))

    async def _tell(self, review: Review) -> None:
        """Shows how a broken glass stands, each state once."""
        now = self.clock()
        state = (review.revision, stage(review, now))
        if self._told.get(review.id) != state:
            await self.tell(review, now)
            self._told[review.id] = state


def asking(host: Host, role: str, hosts: tuple[str, ...]) -> Operation:
    """Asking for a role on one of ``hosts``, as the approval and the audit know it."""
    values = {"host": hosts, "role": (role,)}
    return _at(host).model_copy(update={"flags": ("host",), "values": values})


def _at(host: Host) -> Operation:
    return Operation(
        command=ELEVATE,
        verb=Verb.ADMIN,  # which no lent role counts for, so that none decides on lending another
        danger=Danger.SAFE,
        host=host.name,
        host_labels=host.labels,
    )
