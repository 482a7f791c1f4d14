"""What the path would make of a line at this moment, in words for whoever asks."""

from dataclasses import dataclass

from bot.store.budgets import Budget
from bot.times import clock_time
from handlers.faults import Denied
from permissions.approval import Terms
from permissions.decision import Allow, NeedsApproval
from permissions.explain import explain
from permissions.operation import Operation, Principal
from permissions.policy import Policy

_RULES_SHOWN = 12


@dataclass(frozen=True)
class Weighed:
    """``decision`` is the path's, or it is refused with ``no``; ``not_now`` is what holds back a yes.

    ``who`` has what was lent to them, where that is needed; ``breaks``: by a glass that the line breaks.
    ``budget`` covers it; ``at_once``: a glass could be broken for it. ``took`` says what its thread's target
    gave it, and what follows.
    """

    operation: Operation
    who: Principal
    decision: Allow | NeedsApproval | None = None
    no: Denied | None = None
    not_now: Denied | None = None
    breaks: bool = False
    budget: Budget | None = None
    at_once: bool = False
    took: str = ""


def told(weighed: Weighed, policy: Policy, channel_id: str, whom: str, at: float) -> str:
    """What would become of it, and what every rule about that command had to do with it.

    ``whom`` is who would send it, "you" or a name; ``at`` is epoch seconds.
    """
    decision, budget = weighed.decision, weighed.budget
    lines = [_first(weighed), f"By: {_rule(weighed)}"]
    if budget is not None:
        left = f"{budget.most - budget.used} of {budget.most} left until {clock_time(budget.until)}"
        lines.append(f"Covered by the budget {budget.id} for {budget.incident}: {left}.")
    lines += _lent(weighed, whom)
    lines += [weighed.took] if weighed.took else []
    if weighed.not_now is not None:
        lines.append(f"Not now: {_sentence(weighed.not_now)}")
    elif weighed.at_once:
        lines.append(f'If it cannot wait: --break-glass "REASON" lends {whom} a role, and all hear of it.')
    if isinstance(decision, NeedsApproval) and budget is None:
        lines += ["", *_agreed(decision.terms)]
    considered = explain(policy, weighed.who, channel_id, weighed.operation, at).considered
    near = [one for one in considered if not one.because.startswith("it is not about `")]
    rules = [f"{one.effect:<5}  {one.rule}: {one.because}" for one in near[:_RULES_SHOWN]]
    more = [f"and {len(near) - _RULES_SHOWN} more rules"] if len(near) > _RULES_SHOWN else []
    return "\n".join([*lines, *(["", *rules] if rules else []), *more, ""])


def _first(weighed: Weighed) -> str:
    decision = weighed.decision
    if weighed.no is not None:
        return f"No. {_sentence(weighed.no)}"
    if isinstance(decision, NeedsApproval) and weighed.budget is None:
        frozen = f" to an exception, for it is frozen ({', '.join(decision.excepted)})"
        return f"Only once people have agreed{frozen if decision.excepted else ''}."
    if isinstance(decision, Allow) and decision.provisional:
        return "Perhaps: the worker decides once it has seen the target."
    return "Yes, unless the worker finds that the target gives away its host."


def _rule(weighed: Weighed) -> str:
    found = weighed.no or weighed.decision
    return found.rule if found is not None else ""


def _lent(weighed: Weighed, whom: str) -> list[str]:
    if weighed.breaks:
        return [
            f"With the role {one.role}, which the broken glass lends {whom} until {clock_time(one.until)}; "
            "all hear of it, and a review stays open."
            for one in weighed.who.lent
        ]
    return [
        f"With the role {one.role}, lent to {whom} until {clock_time(one.until)} ({one.id})."
        for one in weighed.who.lent
    ]


def _sentence(denied: Denied) -> str:
    return f"{denied.message.removesuffix('.')}. {denied.hint}".rstrip()


def _agreed(terms: Terms) -> list[str]:
    """Who could agree, a line for each threshold."""
    lines = []
    for threshold in terms.any:
        steps = []
        for step in threshold.steps:
            named = [*step.users, *step.groups, *(f"role {role}" for role in step.roles)]
            steps.append(f"{step.people} of {', '.join(named)}")
        after = f", {threshold.after:g} s after it was asked for" if threshold.after else ""
        reason = f", where the reason fits `{threshold.reason}`" if threshold.reason else ""
        tagged = ", in an open incident" if threshold.incident else ""
        lines.append(f"agree   {' and '.join(steps)}{after}{reason}{tagged}")
    return lines
