"""Budgets: people agreed once, and the very same line runs again for the same incident without asking.

A use is counted first, by compare-and-set, and runs under a number that follows from the count: whoever sets
the count back in the store makes a number that the host's worker has seen. The policy decides every use as if
there were no budget; a deny, a lock, a freeze or other terms are what they are, and the worker looks whether
the targets are still the very same.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog

from bot.approvals.approvers import Approvers
from bot.approvals.budget_lines import Budgets
from bot.clockwork import for_ever, look_after
from bot.jobs.lanes import digest_of
from bot.own.said import Said
from bot.reply import Help, Told
from bot.request import Request
from bot.store.approvals import Approvals, Asked, card_key
from bot.store.budgets import Budget, budget_id, budget_secret
from bot.store.in_force import InForce
from bot.store.incidents import Incident
from bot.store.records import Draft, RequestRecord
from bot.times import clock_time
from handlers.faults import ApprovalClosed, Fault, Reason, UsageFault
from handlers.grammar.command import Command
from handlers.grammar.parser import Parsed
from permissions.audit import InForceChanged
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Operation, Principal
from permissions.ticket import Approved, CommandWire, Mode

log = structlog.get_logger(__name__)

CLOCK_SECONDS = 1.0
TRIES = 25
"""How often a use is counted anew because somebody else was first: more than a budget has uses."""

_ENDS = {
    Reason.MOVED: "what was agreed to is not what is there any more",
    Reason.DENIED: "the policy lets it run no more without asking",
}
"""How a use may end so that the next one would not do better."""


class Incidents(Protocol):
    """Which incidents are open."""

    async def open(self, name: str) -> Incident | None:
        """The one of that name that is open now; raises StoreDown."""
        ...


@dataclass(frozen=True)
class BudgetDesk:
    """``show`` brings the card of an approval up to date, ``clock`` is epoch seconds. Methods raise Fault."""

    store: InForce[Budget]
    asked: Approvals
    approvers: Approvers
    incidents: Incidents
    show: Callable[[Asked, Budget], Awaitable[None]]
    clock: Callable[[], float]
    _shown: dict[str, int] = field(default_factory=dict)
    """The revision of each that this bot has shown."""

    lines = (Budgets,)

    async def answer(self, line: Command, said: Said) -> Help:
        """Lists those in force that were given here, or belong to whoever asks."""
        if not isinstance(line, Budgets):
            raise TypeError(f"{line.path} is no line about budgets")
        now, who, here = self.clock(), said.principal, said.request.channel_id
        rows = [
            f"{one.id}  {one.spoken}, until {clock_time(one.until)}, {one.incident}, by {one.user_name} on "
            f"{one.host}: {one.shown}\n"
            for one in await self.store.all()
            if one.good(now)
            and one.team_id == who.team_id
            and (one.channel_id == here or who.user_id in {one.user_id, *one.by})
        ]
        return Help(text="".join(rows) or "Nothing may run again here without asking.\n")

    async def begin(
        self, asked: Asked, approved: Approved | None, decision: Allow | NeedsApproval
    ) -> Budget | None:
        """The budget that an approval gives, from its last yes on, once; None where it gives none.

        Raises ApprovalClosed when the incident that it was asked for is over.
        """
        draft, approval = asked.draft, asked.approval
        if not isinstance(draft, Draft) or draft.times < 2 or approved is None or not approved.by:
            return None
        until = approval.ended_at + draft.within
        if self.clock() >= until:
            return None
        known = await self.store.get(budget_id(asked.job_id))
        if known is not None:
            return known
        name = asked.operation.incident
        incident = await self.incidents.open(name)
        if incident is None or incident.opened_at > approval.asked_at:
            raise ApprovalClosed(f"{name or 'Its incident'} is closed, and it was asked for that alone.")
        record = draft.record
        budget = Budget(
            id=budget_id(asked.job_id),
            job_id=asked.job_id,
            team_id=record.team_id,
            user_id=record.user_id,
            user_name=record.user_name,
            host=record.host,
            shown=record.shown,
            digest=digest_of(draft.command),
            asked=decision.terms if isinstance(decision, NeedsApproval) else approved.terms,
            terms=approved.terms,
            bound=approved.bound,
            by=approved.by,
            most=draft.times,
            until=until,
            incident=incident.name,
            incident_id=incident.id,
            channel_id=record.channel_id,
            thread_ts=record.thread_ts,
            secret=budget_secret(asked),
        )
        agreed = InForceChanged.model_validate(
            {**_changed(budget, "began", None).model_dump(), "reason": f"agreed to by {', '.join(budget.by)}"}
        )
        await self.store.begin(budget, agreed)
        log.info("budget began", budget=budget.id, most=budget.most, incident=budget.incident)
        return budget

    async def spend(
        self, draft: Draft, principal: Principal, decision: Allow | NeedsApproval, policy: str
    ) -> tuple[Draft, Approved | None]:
        """Counts a use of the budget that covers the line: the draft of that use, and what people agreed to.

        Where there is none, or none is needed, the draft as it is. ``policy`` is the SHA-256 of the one in
        force.
        """
        if not isinstance(decision, NeedsApproval) or draft.mode is not Mode.RUN:
            return draft, None
        delivery = draft.record.delivery_id
        for _ in range(TRIES):
            budget = await self.covering(
                draft.record, draft.record.host, draft.operation, draft.command, principal, decision
            )
            if budget is None:
                return draft, None
            if delivery in budget.deliveries:  # it was counted before it was delivered again
                number = budget.deliveries.index(delivery) + 2
                return _use(budget, draft, number), budget.approved(policy)
            number = budget.used + 1
            after = budget.model_copy(
                update={"used": number, "deliveries": (*budget.deliveries, delivery)[: budget.most]}
            )
            if await self.store.change(after, _changed(after, "used", principal)):
                await self._told(after.model_copy(update={"revision": after.revision + 1}))
                return _use(after, draft, number), after.approved(policy)
        raise _busy()

    async def covering(
        self,
        place: Request | RequestRecord,
        host: str,
        operation: Operation,
        command: CommandWire,
        principal: Principal,
        decision: NeedsApproval,
    ) -> Budget | None:
        """The one by which a line runs without asking, if any; an exception to a freeze is asked for."""
        now = self.clock()
        if not operation.incident or decision.excepted:
            return None
        line = (
            principal.team_id,
            principal.user_id,
            host,
            digest_of(command),
            place.channel_id,
            place.thread_ts,
            operation.incident,
            decision.terms,
        )
        for one in await self.store.all():
            of_line = (one.team_id, one.user_id, one.host, one.digest, one.channel_id, one.thread_ts)
            left = one.used < one.most or place.delivery_id in one.deliveries
            if left and one.good(now) and (*of_line, one.incident, one.asked) == line:
                found = await self.incidents.open(one.incident)
                if found is not None and found.id == one.incident_id:
                    return one
        return None

    async def refused(self, record_id: str, reason: str) -> None:
        """A use has ended: with what the next one would meet as well, the budget is over."""
        why = next((text for known, text in _ENDS.items() if known == reason), "")
        if why:
            await self._end(record_id, why, None)

    async def revoke(self, record_id: str, said: Said) -> Told:
        """Ends it for its asker, those who agreed, and whoever could agree now."""
        budget, who = await self.store.get(record_id), said.principal
        if budget is None or not budget.good(self.clock()) or budget.team_id != who.team_id:
            raise _gone(record_id)
        asked = await self.asked.of_job(budget.job_id)
        theirs = who.user_id in {budget.user_id, *budget.by}
        if not theirs and not (asked is not None and self.approvers.could(asked, who)):
            raise ApprovalClosed(
                f"{record_id} is ended by its asker, by those who agreed, or by whoever could. It goes on.",
                hint="Ask one of them.",
            )
        if not await self._end(record_id, f"revoked by {who.name}", who):
            raise _gone(record_id)
        return Told(text=f"{record_id} is over, {budget.spoken}. What is queued already runs.\n")

    async def run(self) -> None:
        """The clock: ends what is over, and shows what a restart left unsaid, for ever."""
        await for_ever("budgets", self.tick, CLOCK_SECONDS)

    async def tick(self) -> None:
        """Does what is due now; one that fails keeps no other waiting. Raises StoreDown."""
        budgets = await self.store.all()
        for gone in self._shown.keys() - {one.id for one in budgets}:
            del self._shown[gone]
        for one in budgets:
            await look_after("budget", self._due(one), budget=one.id)

    async def _due(self, budget: Budget) -> None:
        if self._shown.get(budget.id, -1) < budget.revision:
            await self._told(budget)
        if not budget.over:
            why = await self._why_over(budget)
            if why:
                await self._end(budget.id, why, None)
        elif self.clock() >= budget.until:
            await self.store.end(budget, _changed(budget, "cleared", None))

    async def _why_over(self, budget: Budget) -> str:
        if budget.used >= budget.most:
            return "all of it is used"
        if self.clock() >= budget.until:
            return "its time is over"
        incident = await self.incidents.open(budget.incident)
        closed = incident is None or incident.id != budget.incident_id
        return f"{budget.incident} is closed" if closed else ""

    async def _end(self, record_id: str, why: str, by: Principal | None) -> bool:
        """Ends it and says so; False when it is over already."""
        for _ in range(TRIES):
            budget = await self.store.get(record_id)
            if budget is None or budget.over:
                return False
            after = budget.model_copy(update={"over": why})
            if await self.store.change(after, _changed(after, "ended", by)):
                log.info("budget ended", budget=budget.id, used=budget.used, why=why)
                await self._told(after.model_copy(update={"revision": after.revision + 1}))
                return True
        raise _busy()

    async def _told(self, budget: Budget) -> None:
        asked = await self.asked.of_job(budget.job_id)
        if asked is not None:
            await self.show(asked, budget)
        self._shown[budget.id] = budget.revision


def times_checked(parsed: Parsed, operation: Operation, decision: Allow | NeedsApproval) -> Parsed:
    """The line, if a budget may be asked for with it as it asks; raises UsageFault."""
    if parsed.times == 1 or parsed.dry_run:
        return parsed
    if isinstance(decision, Allow):
        note = "--times was not needed: this is allowed here as often as you like"
        return replace(parsed, times=1, warnings=(*parsed.warnings, note))
    if decision.excepted:
        raise UsageFault(
            f"--times does not pass a freeze ({', '.join(decision.excepted)}). Nothing was asked.",
            reason=Reason.BAD_VALUE,
            hint="Ask for each run by itself, without --times.",
        )
    if not operation.incident:
        raise UsageFault(
            "--times is for an open incident, and none is open here. Nothing was asked.",
            reason=Reason.BAD_VALUE,
            hint="`/docktalk incident open INC-12` opens one; or send the line without --times.",
        )
    return parsed


def _use(budget: Budget, draft: Draft, number: int) -> Draft:
    record = draft.record
    note = f"use {number} of {budget.most} of {budget.id}, until {clock_time(budget.until)}"
    update: dict[str, Any] = {
        "budget": budget.id,
        "notes": (*record.notes, note),
        "under": "" if record.thread_ts else card_key(budget.job_id),
    }
    used = record.model_copy(update=update)
    # As after an approval of its own: its like may be running, and it waits for its targets.
    return draft.model_copy(update={"record": used, "nonce": budget.nonce(number), "again": True})


def _changed(budget: Budget, change: str, who: Principal | None) -> InForceChanged:
    return InForceChanged(
        what="budget",
        id=budget.id,
        change=change,
        who=who,
        of=budget.user_id,
        about=f"{budget.shown} on {budget.host}, {budget.spoken}",
        reason=budget.over,
        until=budget.until,
        incident=budget.incident,
        channel_id=budget.channel_id,
        thread_ts=budget.thread_ts,
    )


def _gone(record_id: str) -> Fault:
    return Fault(
        f"There is no {record_id}, or it is over. Nothing has changed.",
        hint="`/docktalk budgets` lists what may run again here without asking.",
        reason=Reason.NOT_FOUND,
    )


def _busy() -> Fault:
    return Fault(
        "Others use this budget at the same moment. Nothing was run.",
        hint="Send the line again.",
        reason=Reason.CONFLICT,
    )
