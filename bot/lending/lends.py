"""What a decision takes of what was lent: the least that changes it, and the words for it."""

from dataclasses import dataclass

from bot.store.grants import Grant
from bot.store.records import Draft
from bot.times import clock_time
from handlers.faults import Denied
from permissions.borrowing import Glass, Limit, NoGlass
from permissions.decide import decide
from permissions.decision import Allow, Deny, NeedsApproval
from permissions.operation import Operation, Principal
from permissions.policy import Policy


@dataclass(frozen=True)
class Breaking:
    """A glass that is about to be broken: by which entry, what it lends, and why."""

    glass: Glass
    reason: str


@dataclass(frozen=True)
class Lends:
    """A decision with the roles that it took: ``principal`` has those lent that were needed, and no others.

    ``breaking`` is a glass that has to be broken before anything runs, ``notes`` what its asker is to know.
    """

    principal: Principal
    decision: Allow | NeedsApproval
    breaking: Breaking | None = None
    notes: tuple[str, ...] = ()

    def noted(self, draft: Draft) -> Draft:
        """The draft whose job says under what it runs."""
        notes = tuple(one for one in self.notes if one not in draft.record.notes)
        record = draft.record.model_copy(update={"notes": (*draft.record.notes, *notes)})
        return draft.model_copy(update={"record": record})

    def lifts_no_freeze(self, decision: Allow | NeedsApproval) -> None:
        """Raises Denied where a glass would be broken, and people have to agree all the same: to a freeze."""
        if self.breaking is not None and isinstance(decision, NeedsApproval):
            raise Denied(
                "breaking the glass lifts no freeze: people have to agree to an exception",
                rule=decision.rule,
                hint="Nothing was run and no glass was broken. Without --break-glass they are asked.",
            )


def least(
    policy: Policy,
    principal: Principal,
    channel_id: str,
    operation: Operation,
    plain: Allow | Deny | NeedsApproval,
    grants: tuple[Grant, ...],
    now: float,
) -> Lends | None:
    """The least of the grants that changes the decision: one of them, else all; None where none does."""
    asks: Lends | None = None
    alone = [(one,) for one in grants]
    for some in (*alone, *([grants] if len(grants) > 1 else [])):
        holder = with_lent(principal, some)
        answer = decide(policy, holder, channel_id, operation, now)
        better = sure(answer) or (isinstance(answer, Allow) and not isinstance(plain, Allow))
        if isinstance(answer, Allow) and better:
            return Lends(holder, answer, notes=tuple(map(under, some)))
        elevated = all(one.what == "elevation" for one in some)
        if isinstance(answer, NeedsApproval) and isinstance(plain, Deny) and elevated:
            asks = asks or Lends(holder, answer, notes=tuple(map(under, some)))
    return asks


def with_lent(principal: Principal, grants: tuple[Grant, ...]) -> Principal:
    """The person with what these lend, and nothing else that anybody may claim."""
    return principal.model_copy(update={"lent": tuple(one.lent for one in grants)})


def sure(decision: Allow | Deny | NeedsApproval) -> bool:
    """Whether it runs, whatever the host's worker finds."""
    return isinstance(decision, Allow) and not decision.provisional


def yes(decision: Allow | Deny | NeedsApproval) -> Allow | NeedsApproval:
    """The decision where it is known to be no Deny."""
    if isinstance(decision, Deny):
        raise TypeError("a no is not a yes")
    return decision


def under(grant: Grant) -> str:
    """The note on a job that runs by what this lends."""
    what = "break-glass" if grant.what == "break_glass" else "elevation"
    return f"under {what} {grant.id} until {clock_time(grant.until)}"


def not_broken(breaks: str | None, why: str) -> tuple[str, ...]:
    """What somebody is told who asked to break a glass without need."""
    return () if breaks is None else (f"the glass was not broken: {why}",)


def no_glass(found: NoGlass, operation: Operation) -> Denied:
    """Which limit of break-glass refuses it."""
    entry, answer = found.entry, found.answer
    hint = "No glass was broken. Without --break-glass people may be asked, where the policy has an approval."
    match found.limit:
        case Limit.PEOPLE:
            sentence = "no entry of the policy lets you break the glass"
        case Limit.CHANNEL:
            sentence = "you cannot break the glass in this channel"
        case Limit.HOST:
            sentence = f"you cannot break the glass on host {operation.host}"
        case Limit.VERB:
            verbs = ", ".join(entry.verbs) if entry else ""
            sentence = f"breaking the glass is for {verbs}, and {operation.command} is {operation.verb}"
        case Limit.RULES:
            role = entry.role if entry else ""
            why = answer.reason if isinstance(answer, Deny) else "Even then people have to agree to it."
            sentence = f"breaking the glass would lend you the role {role}, and that does not help: {why}"
            rule = f"{found.label}, {answer.rule}" if answer else found.label
            return Denied(sentence, rule=rule, hint=hint)
    return Denied(sentence, rule=found.label, hint=hint)
