"""Not now: locks that people set and freezes of the calendar, which hold back what the policy allows.

A decision says that somebody may; a hold says that it has to wait. It is asked after the decision: by the
bot, which lets pass what only the worker can settle, and by the worker once it has looked at the targets,
where doubt holds.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from itertools import product

from permissions.approval import Terms, Threshold
from permissions.criteria import Criteria
from permissions.decision import Allow, NeedsApproval
from permissions.facts import Fit
from permissions.freezes import Freeze
from permissions.matching import all_inside, covers_host, denies
from permissions.model import Record
from permissions.operation import Operation, Principal
from permissions.policy import DenyRule, Policy
from permissions.targets import Targets
from permissions.verbs import Kind, Verb

MOST_STEPS = 5
"""As many as a threshold can have."""


class Lock(Record):
    """Stops everybody but its owner from changing a container, a host, or anything.

    ``host`` is a host's name or a pattern, "" for every host; ``container`` a name, "" for all there is.
    ``container_id`` is what has that name, where that was known: the lock stays with it under another one.
    ``until`` is 0 for no end. Times are epoch seconds.
    """

    id: str
    owner_id: str
    owner_name: str
    reason: str
    set_at: float
    until: float = 0.0
    host: str = ""
    container: str = ""
    container_id: str = ""

    def lasts(self, at: float) -> bool:
        """Whether it is in force at a moment (epoch seconds)."""
        return not self.until or at < self.until

    @property
    def about(self) -> str:
        """What is locked, for people: ``prod-1/web``."""
        return f"{self.host}/{self.container}" if self.container else self.host or "everything"

    @cached_property
    def rule(self) -> DenyRule:
        """What it stops, as a rule that denies."""
        return DenyRule(
            commands=("*",),
            hosts=(self.host,) if self.host else (),
            targets=Targets(container=(self.container,)) if self.container else None,
        )


class Hold(Record):
    """Why something has to wait: for the end of a lock or a freeze, whose id or name is given.

    ``sentence`` says so to people, ``hint`` what they can do. ``until`` is epoch seconds, 0 where nobody
    knows. ``exception`` is who can agree that a freeze is passed all the same.
    """

    lock: str = ""
    freeze: str = ""
    sentence: str
    hint: str
    until: float = 0.0
    exception: Terms | None = None


def can_be_held(operation: Operation) -> bool:
    """Whether it changes anything here: looking does not, nor does talking to a registry."""
    return not operation.verb.reads and operation.verb is not Verb.REGISTRY


def held(
    policy: Policy,
    locks: Iterable[Lock],
    principal: Principal,
    operation: Operation,
    at: float,
    excepted: Iterable[str] = (),
) -> Hold | None:
    """What it has to wait for at a moment (epoch seconds), None for nothing.

    ``excepted`` are the freezes that people agreed to pass with it.
    """
    if not can_be_held(operation):
        return None
    for lock in locks:
        if lock.lasts(at) and lock.owner_id != principal.user_id and _reaches(lock, operation):
            return by_lock(lock, at)
    frozen = [name for name in frozen_by(policy, operation, at) if name not in set(excepted)]
    # One that nobody can agree to pass says more than one that somebody can.
    frozen.sort(key=lambda name: policy.freezes[name].exception is not None)
    return by_freeze(frozen[0], policy.freezes[frozen[0]], at) if frozen else None


def frozen_by(policy: Policy, operation: Operation, at: float) -> Iterator[str]:
    """The names of the freezes that hold it."""
    for name, freeze in policy.freezes.items():
        if not covers_host(freeze.hosts, operation.host, operation.host_labels):
            continue
        under_incident = bool(operation.incident) and operation.verb in freeze.incident_verbs
        passes = under_incident or any(_fits(one, operation) for one in freeze.passes)
        if not passes and freeze.ends(at) is not None:
            yield name


def excepting(
    policy: Policy, decision: Allow | NeedsApproval, operation: Operation, at: float
) -> NeedsApproval | None:
    """What has to be agreed to so that it passes every freeze that holds it; None where nobody can agree.

    What the decision itself asks for has to be met as well, by different people.
    """
    return asked_for(policy, decision, frozen_by(policy, operation, at)) if can_be_held(operation) else None


def asked_for(policy: Policy, decision: Allow | NeedsApproval, names: Iterable[str]) -> NeedsApproval | None:
    """The same for freezes by name; None for none, one that has no exception, or is not there any more."""
    excepted = tuple(names)
    if not excepted:
        return None
    terms = [policy.freezes[name].exception if name in policy.freezes else None for name in excepted]
    if isinstance(decision, NeedsApproval):
        terms.insert(0, decision.terms)
    known = [one for one in terms if one is not None]
    if not known or len(known) < len(terms):
        return None
    joined: Terms | None = known[0]
    for one in known[1:]:
        joined = _both(joined, one)
    if joined is None:
        return None
    rule = f"{decision.rule}, freeze {', '.join(excepted)}"
    return NeedsApproval(rule=rule, terms=joined, provisional=decision.provisional, excepted=excepted)


def _both(one: Terms | None, other: Terms) -> Terms | None:
    """Terms that are met where both are; None where no threshold could say that."""
    if one is None:
        return None
    pairs = (_joined(*pair) for pair in product(one.any, other.any))
    thresholds = tuple(dict.fromkeys(pair for pair in pairs if pair is not None))
    if not thresholds:
        return None
    return Terms(
        any=thresholds,
        denials=min(one.denials, other.denials),
        expires=min(one.expires, other.expires),
        remind=min(one.remind, other.remind),
    )


def _joined(one: Threshold, other: Threshold) -> Threshold | None:
    steps = (*one.steps, *other.steps)
    # Two patterns cannot be asked of one reason.
    if len(steps) > MOST_STEPS or (one.reason and other.reason and one.reason != other.reason):
        return None
    return Threshold(
        steps=steps,
        reason=one.reason or other.reason,
        incident=one.incident or other.incident,
        after=max(one.after, other.after),
    )


def _reaches(lock: Lock, operation: Operation) -> bool:
    here = covers_host(lock.rule.hosts, operation.host, operation.host_labels)
    if here and lock.container_id and any(_is(lock.container_id, operation)):
        return True
    found = denies(lock.rule, operation)  # which is always sure of what is live
    return here and found.miss is None and found.sure


def _is(container_id: str, operation: Operation) -> Iterator[bool]:
    for resource in operation.resources:
        if resource.kind is Kind.CONTAINER and resource.facts is not None:
            yield resource.facts.id == container_id


def _fits(criteria: Criteria, operation: Operation) -> bool:
    """Whether it is what passes a freeze; the bot lets pass what may turn out to be."""
    if not criteria.is_about(operation.command, operation.verb):
        return False
    if not covers_host(criteria.hosts, operation.host, operation.host_labels):
        return False
    found = Fit.YES if criteria.targets is None else all_inside(criteria.targets, operation)
    return found is Fit.YES or (found is Fit.MAYBE and not operation.live)


def by_lock(lock: Lock, at: float) -> Hold:
    """A lock, for people."""
    until = f" until {_utc(lock.until, at)}" if lock.until else ""
    since = f"{lock.owner_name} since {_utc(lock.set_at, at)}"
    return Hold(
        lock=lock.id,
        sentence=f"{lock.about} is locked by {since}{until} ({lock.id}): {lock.reason}",
        hint=f"Ask {lock.owner_name}; `/docktalk unlock {lock.id}` releases it, if you may.",
        until=lock.until,
    )


def by_freeze(name: str, freeze: Freeze, at: float) -> Hold:
    """A freeze, for people."""
    until = freeze.ends(at) or at
    hint = f"{_passing(freeze)}."
    if freeze.exception is not None:
        hint += " People can agree to an exception."
    return Hold(
        freeze=name,
        sentence=f"Frozen until {freeze.spoken(until, at)} by {freeze.by} ({name}): {freeze.reason}",
        hint=hint,
        until=until,
        exception=freeze.exception,
    )


def _passing(freeze: Freeze) -> str:
    parts = ["Reads"]
    for one in freeze.passes:
        what = [f"`{command}`" for command in one.commands] or [verb.value for verb in one.verbs]
        parts += what
    passing = f"{', '.join(dict.fromkeys(parts))} still pass"
    if not freeze.incident_verbs:
        return passing
    also = ", ".join(verb.value for verb in freeze.incident_verbs)
    return f"{passing}; in an incident (`/docktalk incident open INC-12`) also {also}"


def _utc(moment: float, now: float) -> str:
    said = datetime.fromtimestamp(moment, UTC)
    same_day = said.date() == datetime.fromtimestamp(now, UTC).date()
    return f"{said:%H:%M UTC}" if same_day else f"{said:%Y-%m-%d %H:%M UTC}"
