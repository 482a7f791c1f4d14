"""Approvals: asks people, counts what they say, and runs what they agreed to.

Whatever a click or the clock does is one step of :mod:`permissions.approval`, kept by compare-and-set: of two
at once one is first, and the other meets what it left. A restart loses nothing: what is due is in the store.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from bot.again import People, Tags
from bot.approvals.approvers import Approvers
from bot.approvals.budgets import BudgetDesk
from bot.approvals.draft_now import draft_now, tagged_still
from bot.approvals.lines import Approve, AskAgain, OfApproval, Withdraw
from bot.approvals.lines import Deny as DenyLine
from bot.approvals.words import NOT_COUNTED, UNSEEN, gone, outcome
from bot.audit import entries as audit_entries
from bot.clockwork import for_ever, look_after
from bot.holds.not_now import NotNow
from bot.hosts import Hosts
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Probed
from bot.lending.lending import Lending
from bot.lending.lends import Lends
from bot.own.said import Said
from bot.policy.file import PolicyHolder
from bot.policy.limits import Limits
from bot.reply import Accepted, Found, Help, Told
from bot.store.approvals import LOOK_WITHIN, Approvals, Asked, AsksAlready, CameBefore, card_key, newly_asked
from bot.store.audit import AuditIntake
from bot.store.grants import Grant, GrantDraft
from bot.store.records import Draft
from bot.tickets import Tickets
from bot.written import as_kept, spelled
from handlers.faults import ApprovalClosed, Denied, Fault, Reason
from handlers.grammar.command import Command
from permissions import approval as step
from permissions.approval import Approval, NotCounted, State, Vote, Voter
from permissions.decision import NeedsApproval
from permissions.operation import Principal, Standing
from permissions.ticket import Approved

log = structlog.get_logger(__name__)

CLOCK_SECONDS = 1.0
TRIES = 5
"""How often a step is taken anew because somebody else was first."""

FINISH_WITHIN = 2.0
"""Seconds after a step until the clock finishes what whoever took it has not shown: it may have died."""

QUEUED_WITHIN = 900.0
"""Seconds from the last yes in which it becomes a job: later nobody expects it to run, and whoever brought it
back into the store could wait until its one-time number is forgotten."""

Step = Callable[[Asked], Awaitable[Approval | NotCounted]]


@dataclass(frozen=True)
class ApprovalDesk:
    """``show`` brings the card up to date, ``accepted`` is told of every job that comes of an approval.

    ``link`` is the address of a message, "" for none yet; ``clock`` is epoch seconds. Methods raise Fault,
    StoreDown among them.
    """

    store: Approvals
    tickets: Tickets
    policy: PolicyHolder
    people: People
    approvers: Approvers
    hosts: Hosts
    queue: BotQueue
    audit: AuditIntake
    show: Callable[[Asked, Mapping[str, Voter]], Awaitable[None]]
    link: Callable[[str], Awaitable[str]]
    accepted: Callable[[str], None]
    limits: Limits
    incidents: Tags
    lending: Lending
    budgets: BudgetDesk
    not_now: NotNow
    clock: Callable[[], float]

    async def ask(
        self, draft: Draft | GrantDraft, principal: Principal, needs: NeedsApproval, reason: str
    ) -> Accepted | Found:
        """Begins to ask: people see the card, once the host's worker has looked at the targets of a job.

        Found is the card where the same is asked for already.
        """
        if isinstance(draft, Draft) and not await self.queue.alive(draft.record.host):
            raise Fault(
                f"The worker of {draft.record.host} is silent, so nobody could see what this would do. "
                "Nothing was asked.",
                hint="Try again once it is back.",
                reason=Reason.UNREACHABLE,
            )
        asked = newly_asked(draft, principal, needs, reason, self.policy.current.sha256, self.clock())
        if isinstance(draft, Draft):
            could = self.lending.could_break(principal, draft.record.channel_id, asked.operation)
            asked = asked.model_copy(update={"glass": could})
        else:  # there is nothing to be looked at before people can decide
            asked = asked.model_copy(update={"told": tuple(await self.approvers.to_tell(asked))})
        await self.limits.asks(principal)
        with self.audit.entry(audit_entries.approval_asked(asked)) as entry:
            try:
                job_id, duplicate = await self.store.open(asked, entry, self.clock() + FINISH_WITHIN)
            except AsksAlready as already:
                self.audit.unused(entry)
                text = f"{already.message} Nobody is asked a second time."
                return Found(text=text, link=await self.link(card_key(already.job_id)))
        if duplicate:
            self.audit.unused(entry)
            return Accepted(job_id=job_id, duplicate=True, waits=True)
        if isinstance(draft, Draft):
            await self.tickets.probe(draft, principal, needs, asked.policy, asked.probe_key)
        await self._told(asked, {})
        log.info("approval asked", job_id=job_id, rule=needs.rule)
        return Accepted(job_id=job_id, waits=True)

    async def probed(self, event: Probed) -> None:
        """A worker has looked: now people can decide, or nobody has to."""
        now = self.clock()

        async def looked(asked: Asked) -> Approval | NotCounted:
            if not event.is_from(asked.probe_key):
                log.warning("look refused: not signed by the host's worker", job_id=event.job_id)
                return NotCounted.NOT_LOOKED_AT
            if event.reason:
                return step.void(asked.approval, event.message, now)
            if now >= asked.approval.asked_at + LOOK_WITHIN:  # also one that is played again
                return step.void(asked.approval, UNSEEN, now)
            bound = tuple(target.bound for target in event.targets)
            if event.terms is None:
                return step.waive(asked.approval, bound, now)
            return step.looked_at(asked.approval, bound, event.terms)

        try:
            asked, refused = await self._step(event.job_id, looked, None, probed=event)
        except ApprovalClosed:
            refused = NotCounted.OVER
        if refused is None:
            await self._go_on(asked, {})
        else:
            log.info("look not needed any more", job_id=event.job_id)

    lines = (Approve, DenyLine, Withdraw, AskAgain)

    async def answer(self, line: Command, said: Said) -> Accepted | Help:
        """What somebody says by a button, or by typing it."""
        if not isinstance(line, OfApproval):
            raise TypeError(f"{line.path} is no line about an approval")
        principal = said.principal
        asked = await self.find(line.approval)
        if principal.standing is not Standing.MEMBER or asked.principal.team_id != principal.team_id:
            raise gone()
        match line:
            case Approve():
                return await self._vote(asked, said, "", approves=True)
            case DenyLine(reason=reason):
                return await self._vote(asked, said, reason, approves=False)
            case Withdraw():
                return await self.withdraw(asked, said)
            case AskAgain():
                return await self._ask_again(asked, principal)
        raise TypeError(f"{line.path} is not answered")

    async def moved(self, job_id: str, why: str) -> None:
        """What was agreed to was not there any more when it was to run."""
        try:
            await self._told(await self._void(job_id, why), {})
        except ApprovalClosed:
            log.warning("approval of a job is gone", job_id=job_id)

    async def also_tell(self, job_id: str, users: tuple[str, ...], by: Principal) -> Asked:
        """Gives these a copy of the card of their own, each once; raises ApprovalClosed if it is over."""

        async def tell(asked: Asked) -> Approval | NotCounted:
            known = asked.approval.state is State.OPEN and set(users) <= set(asked.told)
            return NotCounted.ALREADY if known else step.touched(asked.approval)

        changed, refused = await self._step(job_id, tell, by, told=users)
        if refused is NotCounted.OVER:
            raise ApprovalClosed(f"{NOT_COUNTED[refused]} Nobody was asked.")
        await self._told(changed, await self.approvers.voters(changed))
        return changed

    async def lent_ended(self, grant: Grant) -> None:
        """Shows on the card of an elevation that it is over."""
        asked = await self.store.of_job(grant.job_id)
        if asked is not None and isinstance(asked.draft, GrantDraft):
            await self.show(asked.lent_until(grant.revoked_at or grant.until, grant.revoked_by), {})

    async def _void(self, job_id: str, why: str) -> Asked:
        async def void(asked: Asked) -> Approval | NotCounted:
            return step.void(asked.approval, why, self.clock())

        changed, _ = await self._step(job_id, void, None)
        return changed

    async def run(self) -> None:
        """The clock: reminds, expires, and finishes what a restart left, for ever."""
        await for_ever("approvals", self.tick, CLOCK_SECONDS)

    async def tick(self) -> None:
        """Does what is due now; one that fails keeps no other waiting. Raises StoreDown."""
        for job_id in await self.store.due(self.clock()):
            await look_after("approval", self._due(job_id), job_id=job_id)

    async def _due(self, job_id: str) -> None:
        now = self.clock()
        asked = await self.store.of_job(job_id)
        if asked is None:
            await self.store.forget(job_id)
            return
        if asked.approval.state is State.APPROVED:
            await self._go_on(asked, {})
            return

        async def tick(asked: Asked) -> Approval | NotCounted:
            if asked.approval.bound is None and now >= asked.approval.asked_at + LOOK_WITHIN:
                return step.void(asked.approval, UNSEEN, now)
            expired = step.expire(asked.approval, now)
            return step.tell(asked.approval, now) if isinstance(expired, NotCounted) else expired

        changed, _ = await self._step(job_id, tick, None)
        unseen = changed.approval.state is State.OPEN and changed.approval.bound is None
        if unseen and isinstance(changed.draft, Draft):
            changed = await self._look_again(changed, changed.draft)
        # Also where nothing was due: whoever took the last step may not have come to show it.
        await self._go_on(changed, await self.approvers.voters(changed))

    async def _look_again(self, asked: Asked, draft: Draft) -> Asked:
        """Nobody may have been asked to look at it; a second look is as good as the first."""
        try:
            lends = await self.decide(draft := await self.now(draft), await self._asker(asked))
        except (Denied, ApprovalClosed) as fault:
            return await self._void(asked.job_id, fault.message)
        policy = self.policy.current.sha256
        await self.tickets.probe(draft, lends.principal, lends.decision, policy, asked.probe_key)
        return asked

    async def _vote(self, asked: Asked, said: Said, reason: str, *, approves: bool) -> Told:
        now, principal = self.clock(), said.principal
        vote = Vote(
            user_id=principal.user_id, name=principal.name, approves=approves, reason=as_kept(reason), at=now
        )

        async def cast(asked: Asked) -> Approval | NotCounted:
            asked = await tagged_still(asked, self.incidents)
            return step.cast(asked.approval, vote, await self.approvers.voters(asked, principal))

        changed, refused = await self._step(asked.job_id, cast, principal, once=said.request.delivery_id)
        if refused is not None:
            raise ApprovalClosed(
                f"{NOT_COUNTED[refused]} Nothing has changed.",
                hint=f"The card of {asked.job_id} says how it stands.",
            )
        await self._go_on(changed, await self.approvers.voters(changed, principal))
        verb = "approve" if approves else "deny"
        return Told(text=f"You {verb} {asked.job_id}: {outcome(changed.approval)}.\n")

    async def withdraw(self, asked: Asked, said: Said, why: str = "") -> Told:
        """Takes back what its asker wants no more, or does in another way; raises ApprovalClosed."""
        now, principal = self.clock(), said.principal

        async def withdraw(asked: Asked) -> Approval | NotCounted:
            return step.withdraw(asked.approval, principal.user_id, now, why)

        changed, refused = await self._step(asked.job_id, withdraw, principal, once=said.request.delivery_id)
        if refused is not None:
            sentence = "Only its asker can take it back." if refused is NotCounted.NOT_ENTITLED else ""
            raise ApprovalClosed(f"{sentence or NOT_COUNTED[refused]} Nothing has changed.")
        await self._told(changed, {})
        return Told(text=f"{asked.job_id} is taken back. Nothing was run.\n")

    async def _ask_again(self, asked: Asked, principal: Principal) -> Accepted | Found:
        """The same line once more, decided anew and on what is there now."""
        if principal.user_id != asked.approval.asker_id or asked.approval.state not in step.ASKED_AGAIN:
            raise ApprovalClosed(
                "Only its asker can ask again, and only for what nobody decided in time or could not be run."
            )
        if not isinstance(asked.draft, Draft):
            raise ApprovalClosed("A role is asked for anew by the line that asks for it.")
        draft = await self.now(await self.tickets.redraft(asked.draft, f"again:{asked.job_id}"))
        lends = await self.decide(draft, principal)
        policy, who, draft = self.policy.current, lends.principal, lends.noted(draft)
        decision = await self.not_now.passed(policy.policy, who, draft.operation, lends.decision)
        if isinstance(decision, NeedsApproval):
            return await self.ask(draft, who, decision, asked.approval.reason)
        job_id, duplicate = await self.tickets.issue(draft, who, decision, policy.sha256)
        await self.lending.ran(who, job_id)
        return Accepted(job_id=job_id, duplicate=duplicate)

    async def _go_on(self, asked: Asked, voters: Mapping[str, Voter]) -> None:
        """Shows how it stands; what is approved is done first, and once however often this is tried."""
        if asked.approval.state is State.APPROVED:
            try:
                await self._carry_out(asked)
            except (Denied, ApprovalClosed) as fault:
                asked = await self._void(asked.job_id, fault.message)
        await self._told(asked, voters)

    async def _told(self, asked: Asked, voters: Mapping[str, Voter]) -> None:
        """Shows how it stands; then nothing is left to do until its clock says so."""
        await self.show(asked, voters)
        await self.store.settled(asked)

    async def _asker(self, asked: Asked) -> Principal:
        asker = asked.principal
        return await self.people.principal(asker.team_id, asker.user_id, asker.name)

    async def _carry_out(self, asked: Asked) -> None:
        """A role is lent, or a job put into the queue under a nonce that runs once; raises Denied."""
        draft = asked.draft
        if isinstance(draft, GrantDraft):
            await self.lending.begin(asked, draft, await self._asker(asked))
            return
        if await self.queue.request(asked.job_id) is not None:
            return  # it is in the queue: what the policy says since then is the worker's to ask
        if self.clock() >= asked.approval.ended_at + QUEUED_WITHIN:
            raise ApprovalClosed("It was agreed to too long ago, and could not begin until now.")
        by = tuple(vote.user_id for vote in asked.approval.votes if vote.approves)
        lends = await self.decide(draft, await self._asker(asked), agreed=True)
        terms, bound = asked.approval.terms, asked.approval.bound or ()
        # Where nobody had to agree nobody did: then the worker has to find the same.
        excepted = asked.probed.excepted if asked.probed else ()
        approved = Approved(policy=asked.policy, terms=terms, bound=bound, by=by, excepted=excepted)
        under = "" if draft.record.thread_ts else card_key(asked.job_id)
        record = draft.record.model_copy(
            # What the line's own delivery became is this approval; and its like may be running meanwhile.
            update={"delivery_id": f"approved:{asked.job_id}", "under": under}
        )
        await self.budgets.begin(asked, approved, lends.decision)
        ready = await self.now(lends.noted(draft.model_copy(update={"record": record, "again": True})))
        job_id, duplicate = await self.tickets.issue(
            ready, lends.principal, lends.decision, self.policy.current.sha256, approved if by else None
        )
        if not duplicate:
            self.accepted(job_id)
            await self.lending.ran(lends.principal, job_id)

    async def decide(
        self, draft: Draft, principal: Principal, breaks: str | None = None, *, agreed: bool = False
    ) -> Lends:
        """By the policy in force, as :meth:`bot.lending.lending.Lending.decided`; raises Denied."""
        now = await self.now(draft)
        place = now.record.channel_id
        return await self.lending.decided(principal, place, now.operation, breaks, agreed=agreed)

    async def now(self, draft: Draft) -> Draft:
        """What waited, as its place is now; raises ApprovalClosed."""
        return await draft_now(draft, self.hosts, self.incidents)

    async def find(self, named: str) -> Asked:
        """The one of this token or job; raises ApprovalClosed where there is none."""
        found = await self.store.of_token(named)
        if found is None:
            job_id = spelled(named, "J")
            guessed = named.lstrip("Jj-") != job_id.removeprefix("J-")  # with zeros before it
            found = None if guessed else await self.store.of_job(job_id)
        if found is None:
            raise gone()
        return found

    async def _step(
        self,
        job_id: str,
        taken: Step,
        by: Principal | None,
        *,
        probed: Probed | None = None,
        told: tuple[str, ...] = (),
        once: str = "",
    ) -> tuple[Asked, NotCounted | None]:
        """Takes a step, one for each delivery ``once``; the state after it, and why it changed nothing."""
        for _ in range(TRIES):
            asked = await self.store.of_job(job_id)
            if asked is None:
                raise gone()
            after = await taken(asked)
            if isinstance(after, NotCounted):
                return asked, after
            changed = asked.after(after, probed)
            if by is None and after.state is State.OPEN:
                told = tuple(await self.approvers.to_tell(changed))
            new = tuple(user for user in dict.fromkeys(told) if user not in asked.told)
            changed = changed.model_copy(update={"told": (*asked.told, *new)})
            try:
                with self.audit.entry(audit_entries.approval_changed(changed, by, new)) as entry:
                    if await self.store.change(changed, entry, self.clock() + FINISH_WITHIN, once):
                        return changed, None
            except CameBefore:
                return asked, NotCounted.ALREADY
            self.audit.unused(entry)
        raise Fault("Others decide this at the same moment.", hint="Look at the card, and click again.")
