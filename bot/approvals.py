"""Approvals: asks people, counts what they say, and runs what they agreed to.

Whatever a click or the clock does is one step of :mod:`permissions.approval`, kept by compare-and-set: of two
at once one is first, and the other meets what it left. A restart loses nothing: what is due is in the store.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from bot import audit_entries
from bot.again import People
from bot.approval_lines import Approve, AskAgain, OfApproval, Withdraw
from bot.approval_lines import Deny as DenyLine
from bot.approvers import Approvers
from bot.decided import decided
from bot.hosts import Hosts
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Probed
from bot.policy_file import PolicyHolder
from bot.reply import Accepted, Told
from bot.said import Said
from bot.store.approvals import Approvals, Asked, card_key, new_key, new_token
from bot.store.audit import AuditIntake
from bot.store.records import Draft
from bot.tickets import Tickets
from handlers.faults import ApprovalClosed, Denied, Fault, Reason
from handlers.grammar.command import Command
from permissions import approval as step
from permissions.approval import Approval, NotCounted, State, Vote, Voter
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Principal, Standing
from permissions.ticket import Approved

log = structlog.get_logger(__name__)

CLOCK_SECONDS = 1.0
TRIES = 5
"""How often a step is taken anew because somebody else was first."""

NOT_COUNTED = {
    NotCounted.OVER: "It is decided already.",
    NotCounted.EXPIRED: "Its time is over.",
    NotCounted.NOT_LOOKED_AT: "Its targets are still being looked at: try again in a moment.",
    NotCounted.OWN: "You asked for it: somebody else has to agree.",
    NotCounted.NOT_ENTITLED: "You are none of those who can decide this.",
    NotCounted.ALREADY: "You have said that already; it counts once.",
}

Step = Callable[[Asked], Awaitable[Approval | NotCounted]]


@dataclass(frozen=True)
class ApprovalDesk:
    """``show`` brings the card up to date, ``accepted`` is told of every job that comes of an approval.

    ``clock`` is epoch seconds. Methods raise Fault, StoreDown among them.
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
    accepted: Callable[[str], None]
    clock: Callable[[], float]

    async def ask(self, draft: Draft, principal: Principal, needs: NeedsApproval, reason: str) -> Accepted:
        """Begins to ask: the host's worker looks at the targets, then people see the card."""
        if not await self.queue.alive(draft.record.host):
            raise Fault(
                f"The worker of {draft.record.host} is silent, so nobody could see what this would do. "
                "Nothing was asked.",
                hint="Try again once it is back.",
                reason=Reason.UNREACHABLE,
            )
        asked = Asked(
            token=new_token(),
            probe_key=new_key(),
            approval=Approval(
                job_id=draft.record.job_id,
                asker_id=principal.user_id,
                reason=reason[: step.MAX_REASON],
                terms=needs.terms,
                asked_at=self.clock(),
            ),
            draft=draft,
            principal=principal,
            policy=self.policy.current.sha256,
            rule=needs.rule,
        )
        with self.audit.entry(audit_entries.approval_asked(asked)) as entry:
            job_id, duplicate = await self.store.open(asked, entry)
        if duplicate:
            self.audit.unused(entry)
            return Accepted(job_id=job_id, duplicate=True, waits=True)
        await self.tickets.probe(draft, principal, needs, asked.policy, asked.probe_key)
        await self.show(asked, {})
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
            bound = tuple(target.bound for target in event.targets)
            if event.terms is None:
                return step.waive(asked.approval, bound, now)
            return step.looked_at(asked.approval, bound, event.terms)

        try:
            asked, refused = await self._step(event.job_id, looked, None, probed=event)
        except ApprovalClosed:
            refused = NotCounted.OVER
        if refused is not None:
            log.info("look not needed any more", job_id=event.job_id)
            return
        await self._go_on(asked, {})

    lines = (OfApproval,)

    async def answer(self, line: Command, said: Said) -> Accepted | Told:
        """What somebody says by a button, or by typing it."""
        if not isinstance(line, OfApproval):
            raise TypeError(f"{line.path} is no line about an approval")
        principal = said.principal
        asked = await self._find(line.approval)
        if principal.standing is not Standing.MEMBER or asked.principal.team_id != principal.team_id:
            raise _gone()
        match line:
            case Approve():
                return await self._vote(asked, principal, "", approves=True)
            case DenyLine(reason=reason):
                return await self._vote(asked, principal, reason, approves=False)
            case Withdraw():
                return await self._withdraw(asked, principal)
            case AskAgain():
                return await self._ask_again(asked, principal)
        raise TypeError(f"{line.path} is not answered")

    async def moved(self, job_id: str, why: str) -> None:
        """What was agreed to was not there any more when it was to run."""
        try:
            await self.show(await self._void(job_id, why), {})
        except ApprovalClosed:
            log.warning("approval of a job is gone", job_id=job_id)

    async def _void(self, job_id: str, why: str) -> Asked:
        now = self.clock()

        async def void(asked: Asked) -> Approval | NotCounted:
            return step.void(asked.approval, why, now)

        changed, _ = await self._step(job_id, void, None)
        return changed

    async def run(self) -> None:
        """The clock: reminds, expires, and finishes what a restart left, for ever."""
        while True:
            await self.tick()
            await asyncio.sleep(CLOCK_SECONDS)

    async def tick(self) -> None:
        """Does what is due now; one that cannot be looked after keeps no other waiting."""
        try:
            due = await self.store.due(self.clock())
        except Fault as error:
            log.warning("approvals not looked after", error=type(error).__name__)
            return
        for job_id in due:
            try:
                await self._due(job_id)
            except Fault as error:
                log.warning("approval not looked after", job_id=job_id, error=type(error).__name__)
            except Exception:
                log.exception("approval not looked after", job_id=job_id)

    async def _due(self, job_id: str) -> None:
        now = self.clock()
        asked = await self.store.of_job(job_id)
        if asked is None:
            await self.store.settled(job_id)
            return
        if asked.approval.state is State.APPROVED:
            await self._go_on(asked, {})
            return

        async def tick(asked: Asked) -> Approval | NotCounted:
            if asked.approval.bound is None:
                return step.void(asked.approval, "The worker did not say what it would do.", now)
            expired = step.expire(asked.approval, now)
            return step.tell(asked.approval, now) if isinstance(expired, NotCounted) else expired

        changed, refused = await self._step(job_id, tick, None)
        if refused is None:
            await self.show(changed, await self.approvers.voters(changed))

    async def _vote(self, asked: Asked, principal: Principal, reason: str, *, approves: bool) -> Told:
        now = self.clock()
        vote = Vote(user_id=principal.user_id, name=principal.name, approves=approves, reason=reason, at=now)

        async def cast(asked: Asked) -> Approval | NotCounted:
            return step.cast(asked.approval, vote, await self.approvers.voters(asked, principal))

        changed, refused = await self._step(asked.job_id, cast, principal)
        if refused is not None:
            raise ApprovalClosed(
                f"{NOT_COUNTED[refused]} Nothing has changed.",
                hint=f"The card of {asked.job_id} says how it stands.",
            )
        await self._go_on(changed, await self.approvers.voters(changed, principal))
        said = "approve" if approves else "deny"
        return Told(text=f"You {said} {asked.job_id}: {_outcome(changed.approval)}.\n")

    async def _withdraw(self, asked: Asked, principal: Principal) -> Told:
        now = self.clock()

        async def withdraw(asked: Asked) -> Approval | NotCounted:
            return step.withdraw(asked.approval, principal.user_id, now)

        changed, refused = await self._step(asked.job_id, withdraw, principal)
        if refused is not None:
            sentence = "Only its asker can take it back." if refused is NotCounted.NOT_ENTITLED else ""
            raise ApprovalClosed(f"{sentence or NOT_COUNTED[refused]} Nothing has changed.")
        await self.show(changed, {})
        return Told(text=f"{asked.job_id} is taken back. Nothing was run.\n")

    async def _ask_again(self, asked: Asked, principal: Principal) -> Accepted:
        """The same line once more, decided anew and on what is there now."""
        if principal.user_id != asked.approval.asker_id or asked.approval.state is not State.VOID:
            raise ApprovalClosed("Only its asker can ask again, and only for what could not be run.")
        draft = await self.tickets.redraft(asked.draft, f"again:{asked.job_id}")
        decision = self._decide(draft, principal)
        if isinstance(decision, NeedsApproval):
            return await self.ask(draft, principal, decision, asked.approval.reason)
        job_id, duplicate = await self.tickets.issue(draft, principal, decision, self.policy.current.sha256)
        return Accepted(job_id=job_id, duplicate=duplicate)

    async def _go_on(self, asked: Asked, voters: Mapping[str, Voter]) -> None:
        """Shows how it stands; what is approved goes into the queue first, under a nonce that runs once."""
        if asked.approval.state is State.APPROVED:
            asked = await self._issued(asked)
        await self.show(asked, voters)

    async def _issued(self, asked: Asked) -> Asked:
        asker = asked.principal
        principal = await self.people.principal(asker.team_id, asker.user_id, asker.name)
        draft = asked.draft
        try:
            decision = self._decide(draft, principal)
        except (Denied, ApprovalClosed) as fault:
            return await self._void(asked.job_id, fault.message)
        by = tuple(vote.user_id for vote in asked.approval.votes if vote.approves)
        terms, bound = asked.approval.terms, asked.approval.bound or ()
        # Where nobody had to agree nobody did: then the worker has to find the same.
        approved = Approved(policy=asked.policy, terms=terms, bound=bound, by=by) if by else None
        under = "" if draft.record.thread_ts else card_key(asked.job_id)
        record = draft.record.model_copy(
            # What the line's own delivery became is this approval; and its like may be running meanwhile.
            update={"delivery_id": f"approved:{asked.job_id}", "under": under}
        )
        ready = draft.model_copy(update={"record": record, "again": True})
        job_id, duplicate = await self.tickets.issue(
            ready, principal, decision, self.policy.current.sha256, approved
        )
        await self.store.settled(asked.job_id)
        if not duplicate:
            self.accepted(job_id)
        return asked

    def _decide(self, draft: Draft, principal: Principal) -> Allow | NeedsApproval:
        """By the policy in force; raises Denied."""
        record = draft.record
        host = self.hosts.find(record.host)
        if host is None or record.operation is None:
            raise _gone()
        operation = record.operation.model_copy(update={"host_labels": host.labels})
        return decided(self.policy.current.policy, principal, record.channel_id, operation, self.clock())

    async def asked(self, token: str) -> Asked | None:
        """What stands behind a card's button; None when it is too long ago."""
        return await self.store.of_token(token)

    async def _find(self, named: str) -> Asked:
        found = await self.store.of_token(named)
        if found is None:
            found = await self.store.of_job(named.upper())
        if found is None:
            raise _gone()
        return found

    async def _step(
        self, job_id: str, taken: Step, by: Principal | None, *, probed: Probed | None = None
    ) -> tuple[Asked, NotCounted | None]:
        """Takes a step from whatever the newest state is; the state after it, and why it changed nothing."""
        for _ in range(TRIES):
            asked = await self.store.of_job(job_id)
            if asked is None:
                raise _gone()
            after = await taken(asked)
            if isinstance(after, NotCounted):
                return asked, after
            update = {"approval": after, **({"probed": probed} if probed else {})}
            changed = asked.model_copy(update=update)
            if by is None and after.state is State.OPEN:
                more = await self.approvers.to_tell(changed)
                changed = changed.model_copy(update={"told": tuple(dict.fromkeys([*asked.told, *more]))})
            with self.audit.entry(audit_entries.approval_changed(changed, by)) as entry:
                if await self.store.change(changed, entry):
                    return changed, None
            self.audit.unused(entry)
        raise Fault("Others decide this at the same moment.", hint="Look at the card, and click again.")


def _gone() -> ApprovalClosed:
    return ApprovalClosed(
        "There is no such approval, or it is too long ago. Nothing has changed.",
        hint="Send the line again to ask anew.",
    )


def _outcome(approval: Approval) -> str:
    match approval.state:
        case State.OPEN:
            return "others have to agree as well"
        case State.APPROVED:
            return "it is approved and runs now"
        case state:
            return f"it is {state}"
