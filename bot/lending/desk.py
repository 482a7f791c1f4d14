"""Answers the lines about roles lent for a time: asks for one, lists and ends them, closes reviews."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import ValidationError

from bot.approvals.approvals import ApprovalDesk
from bot.hosts import Host
from bot.jobs.listing import Listing
from bot.lending.lending import Lending, asking
from bot.lending.lines import BreakGlass, CloseReview, Elevate, Grants, Reviews
from bot.own.said import Said
from bot.policy.sight import seen_hosts
from bot.reply import Accepted, Found, Help, Told
from bot.store.approvals import card_key
from bot.store.grants import Grant, GrantDraft, Review
from bot.store.records import Draft, RequestRecord
from bot.tickets import Tickets
from bot.times import clock_time, spoken_time
from bot.trust import TicketRefused
from bot.written import as_kept
from handlers.faults import ApprovalClosed, Denied, Fault, Reason
from handlers.grammar.command import Command
from permissions.approval import State, Step, Voter, counts
from permissions.borrowing import Elevated, in_words
from permissions.decide import held_roles
from permissions.decision import NeedsApproval
from permissions.operation import Principal, Standing
from permissions.ticket import Effect, Ticket

USUAL_SECONDS = 1800.0
"""How long a role is lent where the line does not say."""


@dataclass(frozen=True)
class LendingDesk:
    """``reviewed`` shows that a review is closed, ``can_post`` tells whether a channel would see a card.

    ``clock`` is epoch seconds. Methods raise Fault.
    """

    lending: Lending
    approvals: ApprovalDesk
    tickets: Tickets
    listing: Listing
    reviewed: Callable[[Review, Principal, str], Awaitable[None]]
    can_post: Callable[[str], Awaitable[bool]]
    clock: Callable[[], float]

    lines = (Elevate, Grants, BreakGlass, Reviews, CloseReview)

    async def answer(self, line: Command, said: Said) -> Accepted | Help:
        """Does what the line says."""
        match line:
            case Elevate():
                return await self._elevate(line, said)
            case Grants():
                return Help(text=self._listed(await self.lending.grants.all(), said))
            case BreakGlass(approval=named, reason=reason):
                return await self._at_once(named, reason, said)
            case Reviews():
                return Help(text=self._open_reviews(await self.lending.reviews.all(), said))
            case CloseReview(note=note):
                return await self._close(line.review_id, as_kept(note), said)
        raise TypeError(f"{line.path} is not answered")

    async def _elevate(self, line: Elevate, said: Said) -> Accepted | Found:
        fitting, seconds = self._offered(line, said)
        if not await self.can_post(said.request.channel_id):
            raise Fault(
                "I am not in this channel, so nobody there would see that a role is lent. Nothing was asked.",
                hint="Invite me with /invite and send the line again.",
                reason=Reason.NOT_IN_CHANNEL,
            )
        draft = await self._draft(line, said, fitting, seconds)
        needs = NeedsApproval(rule=fitting.label, terms=fitting.entry.approval)
        return await self.approvals.ask(draft, said.principal, needs, line.reason)

    def _offered(self, line: Elevate, said: Said) -> tuple[Elevated, float]:
        """The entry of the policy that lets them ask for it, and for how many seconds; raises Denied."""
        request, who = said.request, said.principal
        found = self.lending.may_ask(who, request.channel_id, line.host or None)
        fitting = next((one for one in found if one.entry.role == line.role), None)
        if fitting is None:
            others = ", ".join(
                dict.fromkeys(
                    f"{one.entry.role} (at most {spoken_time(one.entry.most)})"
                    for one in self.lending.may_ask(who, request.channel_id, None)
                )
            )
            where = f" on host {line.host}" if line.host else ""
            raise Denied(
                f"no entry of the policy lets you ask for the role {line.role} here{where}",
                rule="elevation",
                hint=f"You may ask here for: {others}." if others else "You may ask for no role here.",
            )
        seconds = line.seconds or min(USUAL_SECONDS, fitting.entry.most)
        if seconds > fitting.entry.most:
            raise Denied(
                f"the role {line.role} is lent for {spoken_time(fitting.entry.most)} at most",
                rule=fitting.label,
                hint="Ask for less; it can be asked for again.",
            )
        return fitting, seconds

    async def _draft(self, line: Elevate, said: Said, fitting: Elevated, seconds: float) -> GrantDraft:
        hosts = [one for one in self.lending.hosts.known if one.name in fitting.hosts]
        places = tuple(asking(one, line.role, fitting.hosts) for one in hosts)
        operation = places[0]
        return GrantDraft(
            record=RequestRecord.of(
                said.request,
                job_id=await self.tickets.queue.next_job_id(),
                shown=_shown(line, seconds),
                host=operation.host,
                command=operation.command,
                effect=Effect.CHANGE,
                operation=operation,
            ),
            grant_id=await self.lending.grants.next_id(),
            role=line.role,
            seconds=seconds,
            hosts=fitting.hosts,
            places=places,
            may=in_words(said.policy, line.role),
        )

    async def _at_once(self, named: str, reason: str, said: Said) -> Accepted:
        """Takes back what waits, and runs the same behind the glass: its nonce lets it run once."""
        asked, who = await self.approvals.find(named), said.principal
        mine = (asked.principal.team_id, asked.approval.asker_id) == (who.team_id, who.user_id)
        if not mine or asked.approval.state is not State.OPEN or not isinstance(asked.draft, Draft):
            raise ApprovalClosed("Only its asker can run it at once, and only while it waits.")
        waiting = await self.approvals.now(asked.draft)
        lends = await self.approvals.decide(waiting, who, reason)
        passed = self.approvals.not_now.passed
        decision = await passed(said.policy, lends.principal, waiting.operation, lends.decision)
        lends.lifts_no_freeze(decision)
        if isinstance(decision, NeedsApproval):
            raise ApprovalClosed("People have to agree to it all the same. Nothing has changed.")
        await self.approvals.withdraw(asked, said, f"It runs at once, {'; '.join(lends.notes)}.")
        record = waiting.record
        under = "" if record.thread_ts else card_key(asked.job_id)
        own = {"delivery_id": f"glass:{asked.job_id}", "notes": (*record.notes, *lends.notes), "under": under}
        draft = waiting.model_copy(update={"record": record.model_copy(update=own), "again": True})
        who, draft = await self.lending.break_glass(lends, draft)
        job_id, duplicate = await self.tickets.issue(draft, who, decision, said.loaded.sha256)
        await self.lending.ran(who, job_id)
        return Accepted(job_id=job_id, duplicate=duplicate)

    def _listed(self, grants: tuple[Grant, ...], said: Said) -> str:
        now = self.clock()
        lines = []
        for one in grants:
            hosts = self._told_of(one, one.hosts, said)
            if not one.counts(now) or not hosts:
                continue
            verbs = f" to {', '.join(one.verbs)}" if one.verbs else ""
            by = f", agreed to as {one.job_id}" if one.approved_by else ", break-glass"
            where = ", ".join(hosts)
            lines.append(
                f"{one.id}  {one.user_name}  role {one.role} on {where}{verbs} until {clock_time(one.until)}"
                f"{by}: {one.reason}"
            )
        return "\n".join([*lines, ""]) if lines else "No role is lent here now.\n"

    def _open_reviews(self, reviews: tuple[Review, ...], said: Said) -> str:
        lines = [
            f"{one.id}  {one.user_name}  {one.grant_id}, role {one.role} on {one.host}, "
            f"{one.ran} line{'' if one.ran == 1 else 's'}, "
            f"open for {spoken_time(self.clock() - one.opened_at)}: {one.reason}"
            for one in reviews
            if self._told_of(one, (one.host,), said) or self._reviews(one, one.reviewers, said)
        ]
        return "\n".join([*lines, ""]) if lines else "No review is open here.\n"

    def _told_of(self, one: Grant | Review, hosts: tuple[str, ...], said: Said) -> tuple[str, ...]:
        """The hosts of it that one may hear of: of one's own and of this channel all, else those one sees."""
        request, who = said.request, said.principal
        if one.team_id != who.team_id:
            return ()
        if one.user_id == who.user_id or one.channel_id == request.channel_id:
            return hosts
        seen = seen_hosts(said.policy, who, request.channel_id, self.lending.hosts, self.clock())
        names = {host.name for host in seen.known}
        return tuple(host for host in hosts if host in names)

    async def revoke(self, grant_id: str, said: Said) -> Told:
        """Ends it at once, for its holder and whoever may; raises Fault."""
        who = said.principal
        grant = await self.lending.grants.get(grant_id)
        if grant is None or grant.team_id != who.team_id or not grant.counts(self.clock()):
            raise _gone("grant", grant_id)
        step = grant.reviewers
        may = who.user_id in {grant.user_id, *grant.approved_by}
        if not may and not (step and self._reviews(grant, step, said)):
            raise Denied(
                f"{grant_id} is ended by its holder, by who agreed to it, or by its reviewers",
                rule=grant.rule,
                hint="Tell one of them.",
            )
        if not await self.lending.revoke(grant, who):
            raise _gone("grant", grant_id)
        taken = await self._take_back(grant)
        jobs = f" Taken back before they began: {', '.join(taken)}." if taken else ""
        return Told(text=f"{grant_id} is ended: the role {grant.role} is not lent any more.{jobs}\n")

    async def _take_back(self, grant: Grant) -> list[str]:
        """Ends what rests on it and has not begun; the ids of those jobs."""
        why = f"{grant.id}, which this needed, was ended before it began. Nothing was run."
        taken = []
        for host in grant.hosts:
            for text in await self.listing.tickets(host):
                try:
                    claims = self.tickets.trust.verify(Ticket.model_validate_json(text))
                except (ValidationError, TicketRefused):
                    continue  # the worker refuses it as well
                lent = (one.id for one in claims.principal.lent)
                if grant.id in lent and await self.tickets.queue.take_back(claims.job_id, host, why):
                    taken.append(claims.job_id)
        return taken

    async def _close(self, review_id: str, note: str, said: Said) -> Told:
        who = said.principal
        review = await self.lending.reviews.get(review_id)
        if review is None or review.team_id != who.team_id:
            raise _gone("review", review_id)
        if who.user_id == review.user_id:
            raise Denied("nobody reviews what they did themselves", rule=review.rule, hint="Ask a reviewer.")
        if not self._reviews(review, review.reviewers, said):
            raise Denied("you are none of its reviewers", rule=review.rule, hint="Ask a reviewer.")
        if self.clock() < review.ended_at:
            raise Fault(
                f"{review.grant_id} lasts until {clock_time(review.ended_at)}: there may be more to review.",
                hint=f"`/docktalk revoke {review.grant_id}` ends it now.",
                reason=Reason.CONFLICT,
            )
        if not await self.lending.close(review, who, note):
            raise _gone("review", review_id)
        await self.reviewed(review, who, note)
        return Told(text=f"{review_id} is closed. Thank you.\n")

    def _reviews(self, one: Grant | Review, step: Step, said: Said) -> bool:
        """Whether who says it is one of the reviewers, by what the policy binds: no lent role makes one."""
        who = said.principal.model_copy(update={"lent": ()})
        if who.standing is not Standing.MEMBER or who.user_id == one.user_id:
            return False
        name = one.host if isinstance(one, Review) else one.hosts[0]
        host = self.lending.hosts.find(name) or Host(name=name)
        there = asking(host, one.role, (name,))
        roles = held_roles(said.policy, who, one.channel_id, there, self.clock())
        return counts(step, Voter(user_id=who.user_id, standing=who.standing, groups=who.groups, roles=roles))


def _shown(line: Elevate, seconds: float) -> str:
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s"))
    lasting = "".join(f"{number:g}{unit}" for number, unit in parts if number)
    host = f" --host {line.host}" if line.host else ""
    return f"docktalk elevate {line.role} --for {lasting}{host}"


def _gone(what: str, named: str) -> Fault:
    return Fault(
        f"There is no {what} {named}, or it has ended.",
        hint=f"`/docktalk {what}s` lists them.",
        reason=Reason.NOT_FOUND,
    )
