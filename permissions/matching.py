"""What a rule says of an operation: that it matches, that it may, or what keeps it from matching."""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from permissions.facts import Condition, Fit, conditions, has_label, hold
from permissions.names import is_given, matches, may_be_id, meant, readable
from permissions.operation import Operation, Resource
from permissions.patterns import HOST_LABEL
from permissions.policy import DenyRule, Policy, Rule, says
from permissions.targets import Targets
from permissions.verbs import Kind, Verb

MAKES_CONTAINERS = frozenset({"container run", "container create"})
BY_SPELLING = frozenset({"image pull", "image push"})
"""Commands whose image is the registry's of that name, whatever lies on the host under it."""

SHOWS: dict[str, frozenset[Kind]] = {
    "container ls": frozenset({Kind.CONTAINER}),
    "container stats": frozenset({Kind.CONTAINER}),
    "image ls": frozenset({Kind.IMAGE}),
    "network ls": frozenset({Kind.NETWORK}),
    "volume ls": frozenset({Kind.VOLUME}),
    "system df": frozenset({Kind.CONTAINER, Kind.IMAGE, Kind.VOLUME}),
}
"""Commands that show what there is where they name nothing: every object is decided on by itself."""


class Mismatch(IntEnum):
    """Why a rule does not match; the greater, the nearer it came."""

    COMMAND = 1
    HOST = 2
    DANGER = 3
    FLAGS = 4
    TARGETS = 5
    GIVES = 6


_PLANS = 10_000


class Match(NamedTuple):
    """``miss`` None is a match, ``sure`` or one that only facts can settle."""

    miss: Mismatch | None
    sure: bool = True


def weighed(policy: Policy, operation: Operation) -> Operation:
    """The operation with its danger under this policy: the host's paths that it lists count for nothing."""
    if not operation.binds or operation.otherwise is None:
        return operation
    host, labels = operation.host, operation.host_labels
    listed = [one for one in policy.host_paths if covers_host(one.hosts, host, labels)]
    if not all(any(one.covers(bind) for one in listed) for bind in operation.binds):
        return operation
    return operation.model_copy(update={"danger": operation.otherwise})


def match(policy: Policy, rule: Rule | DenyRule, operation: Operation) -> Match:
    """Whether everything the rule says holds. Where the operation is live, doubt counts against the asker."""
    if not rule.is_about(operation.command, operation.verb):
        return Match(Mismatch.COMMAND)
    if not covers_host(rule.hosts, operation.host, operation.host_labels):
        return Match(Mismatch.HOST)
    return allows(policy, rule, operation) if isinstance(rule, Rule) else denies(rule, operation)


class Plan(NamedTuple):
    """The rules that can decide about a command on a host for the holders of some roles, with their labels.

    ``elsewhere``: there are rules that would allow the command on another host.
    """

    denies: tuple[tuple[str, DenyRule], ...]
    allows: tuple[tuple[str, Rule], ...]
    elsewhere: bool


def plan(policy: Policy, roles: tuple[str, ...], operation: Operation) -> Plan:
    """The plan for these roles, kept for the next operation of its like."""
    command, verb, host, labels = operation.command, operation.verb, operation.host, operation.host_labels
    key = (roles, command, verb, host, tuple(sorted(labels.items())))
    kept: Plan | None = policy.plans.get(key)
    if kept is not None:
        return kept
    about = [pair for role in roles for pair in policy.rules_about(role, command, verb)]
    here = tuple(pair for pair in about if covers_host(pair[1].hosts, host, labels))
    denies = tuple(
        (label, rule)
        for label, rule in policy.denies_about(command, verb)
        if covers_host(rule.hosts, host, labels) and not any(role in roles for role in rule.unless)
    )
    made = Plan(denies, here, elsewhere=len(about) > len(here))
    if len(policy.plans) >= _PLANS:
        policy.plans.clear()
    policy.plans[key] = made
    return made


def allows(policy: Policy, rule: Rule, operation: Operation) -> Match:
    """Whether a rule of the plan allows it."""
    too_bad = operation.danger > rule.max_danger
    # What a target is found to have is told to nobody whom the rule would not let near it.
    if too_bad and not operation.live:
        return Match(Mismatch.DANGER)
    if rule.flags.unfit(operation.flags, operation.values):
        return Match(Mismatch.FLAGS)
    found = Fit.YES if rule.targets is None else all_inside(rule.targets, operation)
    if found is Fit.NO:
        return Match(Mismatch.TARGETS)
    if too_bad:
        return Match(Mismatch.DANGER)
    if ungiven(policy, rule, operation):
        return Match(Mismatch.GIVES)
    return Match(None, found is Fit.YES and not labels_unknown(policy, rule, operation))


def denies(rule: DenyRule, operation: Operation) -> Match:
    """Whether a deny of the plan denies it."""
    if operation.danger < rule.min_danger:
        return Match(Mismatch.DANGER)
    given = ((flag, operation.values.get(flag, ())) for flag in operation.flags)
    if rule.flags and not any(says(pattern, *one) for one in given for pattern in rule.flags):
        return Match(Mismatch.FLAGS)
    found = Fit.YES if rule.targets is None else some_inside(rule.targets, operation)
    if found is Fit.NO:
        return Match(Mismatch.TARGETS)
    return Match(None, found is Fit.YES)


def all_inside(targets: Targets, operation: Operation) -> Fit:
    """For an allow: it names something, and nothing that is not covered; or it shows what is covered."""
    if not operation.resources:
        shown = SHOWS.get(operation.command, ())
        return Fit.YES if any(targets.patterns(kind) for kind in shown) else Fit.NO
    least = Fit.YES
    for resource in operation.resources:
        least = min(least, _inside(targets, resource, operation, doubt=Fit.NO))
        if least is Fit.NO:
            break
    return least


def some_inside(targets: Targets, operation: Operation) -> Fit:
    """For a deny: something it names is covered, or it changes things without naming any."""
    if not operation.resources:
        return Fit.YES if _reaches_unnamed(targets, operation) else Fit.NO
    return max(_inside(targets, resource, operation, doubt=Fit.YES) for resource in operation.resources)


def may_pull(operation: Operation, image: str) -> bool:
    """Whether the engine may fetch the image of that name for a new container."""
    pull = operation.values.get("pull", ("missing",))[-1]
    makes = operation.command in MAKES_CONTAINERS
    return makes and pull != "never" and (pull == "always" or not may_be_id(Kind.IMAGE, image))


def _can_be_settled(resource: Resource, operation: Operation) -> bool:
    """Whether looking at the host can tell what the bot cannot."""
    kind, name = resource.kind, resource.name
    if operation.live or kind is Kind.REGISTRY or not readable(kind, name):
        return False
    fetched = operation.command in BY_SPELLING or may_pull(operation, name)
    return not (kind is Kind.IMAGE and (resource.new or fetched))


def _inside(targets: Targets, resource: Resource, operation: Operation, *, doubt: Fit) -> Fit:
    """``doubt`` is what holds where nobody will ever know."""
    found = _looked_at(targets, resource, operation)
    return doubt if found is Fit.MAYBE and not _can_be_settled(resource, operation) else found


def _looked_at(targets: Targets, resource: Resource, operation: Operation) -> Fit:
    kind, facts = resource.kind, resource.facts
    quick = targets.quick.get(kind)
    if quick is not None:
        name = facts.names[0] if facts else meant(kind, resource.name, new=resource.new)
        if name is not None:
            return Fit.YES if quick.cover(name) else _any(quick.others, resource, operation)
    if kind is not Kind.SYSTEM:
        return _any_of(targets, resource, operation)
    # A name without a kind of its own (`inspect NAME`) may be of any kind until it is looked up.
    kinds = (resource.model_copy(update={"kind": kind}) for kind in Kind if targets.patterns(kind))
    best = max((_any_of(targets, one, operation) for one in kinds), default=Fit.NO)
    return min(best, Fit.MAYBE)


def _any_of(targets: Targets, resource: Resource, operation: Operation) -> Fit:
    kind = resource.kind
    return _any((conditions(kind, pattern) for pattern in targets.patterns(kind)), resource, operation)


def _any(several: Iterable[tuple[Condition, ...]], resource: Resource, operation: Operation) -> Fit:
    best = Fit.NO
    for parts in several:
        found = hold(parts, resource, operation)
        if found is Fit.YES:
            return found
        best = max(best, found)
    return best


def _reaches_unnamed(targets: Targets, operation: Operation) -> bool:
    """Whether a change that names nothing (prune, load) may reach what the targets cover."""
    if operation.verb.reads:
        return False
    noun = operation.command.split(" ")[0]
    if noun in Targets.model_fields:
        return bool(targets.patterns(Kind(noun)))
    return operation.verb is Verb.DESTROY


def ungiven(policy: Policy, rule: Rule, operation: Operation) -> list[str]:
    """The names and labels it gives that rules go by, and that this rule does not let anybody give."""
    names = [
        resource.name
        for resource in operation.resources
        if resource.new
        and _goes_by(policy, resource)
        and not (rule.targets and rule.targets.patterns(resource.kind))
        and not rule.may_give_name(resource.kind, resource.name)
    ]
    labels = {**(operation.image_labels or {}), **operation.labels}
    texts = [
        f"{key}={value}"
        for key, value in labels.items()
        if any(has_label({key: value}, text) for text in policy.goes_by_labels)
        and not rule.may_give_label(key, value)
        and not any(has_label({key: value}, text) for text in _own_labels(rule))
    ]
    unknown = ["labels that its image may bring"] if _labels_lack(policy, rule, operation) else []
    return names + texts + (unknown if operation.live else [])


def labels_unknown(policy: Policy, rule: Rule, operation: Operation) -> bool:
    """Whether its image may bring labels that rules go by, which only the worker can see."""
    return not operation.live and _labels_lack(policy, rule, operation)


def _labels_lack(policy: Policy, rule: Rule, operation: Operation) -> bool:
    makes = operation.command in MAKES_CONTAINERS and operation.image_labels is None
    return makes and bool(policy.goes_by_labels) and "*" not in rule.gives


def _goes_by(policy: Policy, resource: Resource) -> bool:
    kind, name = resource.kind, resource.name
    return any(is_given(kind, pattern, name) is not False for pattern in policy.goes_by[kind])


def _own_labels(rule: Rule) -> list[str]:
    each = rule.targets.each() if rule.targets else ()
    return [text for kind, pattern in each for about, text in conditions(kind, pattern) if about == "label"]


def covers_host(patterns: tuple[str, ...], host: str, labels: dict[str, str]) -> bool:
    """Whether one of the patterns, names or ``label:KEY=VALUE``, is about the host; none means any host."""
    return not patterns or any(
        has_label(labels, pattern.removeprefix(HOST_LABEL))
        if pattern.startswith(HOST_LABEL)
        else matches(pattern, host)
        for pattern in patterns
    )
