"""Who may borrow which role: what the policy's entries give to this person, in this channel, on these hosts.

Pure, and as total as :func:`permissions.decide.decide`: what an entry does not say, it does not give.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple, TypeVar

from permissions.decide import decide, held_roles
from permissions.decision import Allow, Deny, NeedsApproval
from permissions.lending import BreakGlass, Elevation, ForPeople
from permissions.matching import covers_host
from permissions.operation import Lent, Operation, Principal, Standing
from permissions.policy import Policy, Rule
from permissions.verbs import Danger, Verb

MOST_WORDS = 8
"""The most lines that say what a role gives."""
_NAMED = 4

_Entry = TypeVar("_Entry", bound=ForPeople)


class Limit(IntEnum):
    """What of an entry keeps it from helping; the later one, the nearer it came."""

    PEOPLE = 0
    CHANNEL = 1
    HOST = 2
    VERB = 3
    RULES = 4


class Glass(NamedTuple):
    """An entry that lets the operation run at once: its label, and what it lends."""

    label: str
    entry: BreakGlass
    lent: Lent
    allow: Allow


class NoGlass(NamedTuple):
    """Why none does: of the entry that came nearest, its limit; ``answer`` of the rules with its role."""

    limit: Limit
    label: str
    entry: BreakGlass | None = None
    answer: Deny | NeedsApproval | None = None


def glass(
    policy: Policy, principal: Principal, channel_id: str, operation: Operation, grant_id: str, at: float
) -> Glass | NoGlass:
    """The first entry with whose role the rules allow the operation, denies and all; ``at`` epoch seconds."""
    nearest = NoGlass(Limit.PEOPLE, "break-glass")
    for label, entry in _labelled(policy.break_glass, "break-glass"):
        limit = _limit(policy, entry, principal, channel_id, operation, at)
        if limit is not None:
            found = NoGlass(limit, label, entry)
        else:
            lent = Lent(
                id=grant_id,
                role=entry.role,
                until=at + entry.most,
                hosts=(operation.host,),
                verbs=entry.verbs,
                break_glass=True,
            )
            holder = principal.model_copy(update={"lent": (*principal.lent, lent)})
            answer = decide(policy, holder, channel_id, operation, at)
            if isinstance(answer, Allow):
                return Glass(label, entry, lent, answer)
            found = NoGlass(Limit.RULES, label, entry, answer)
        nearest = max(nearest, found, key=lambda one: one.limit)
    return nearest


def _limit(
    policy: Policy,
    entry: BreakGlass,
    principal: Principal,
    channel_id: str,
    operation: Operation,
    at: float,
) -> Limit | None:
    member = principal.standing is Standing.MEMBER
    if not member or not _lists(policy, entry, principal, at):
        return Limit.PEOPLE
    if entry.channels and channel_id not in entry.channels:
        return Limit.CHANNEL
    if not covers_host(entry.hosts, operation.host, operation.host_labels):
        return Limit.HOST
    if operation.verb is Verb.ADMIN or operation.verb not in entry.verbs:
        return Limit.VERB
    return None


class Elevated(NamedTuple):
    """An entry by which somebody may ask for its role on ``hosts``: names, in the order they were given."""

    label: str
    entry: Elevation
    hosts: tuple[str, ...]


def elevations(
    policy: Policy, principal: Principal, channel_id: str, hosts: Sequence[Operation], at: float
) -> Iterator[Elevated]:
    """Every entry by which this person may ask for a role here, on at least one of the hosts.

    Each host is an operation there, by which the roles that are held there are known: those that the policy
    binds, so that nobody climbs from one lent role to the next.
    """
    if principal.standing is not Standing.MEMBER:
        return
    bound = principal.model_copy(update={"lent": ()})
    for label, entry in _labelled(policy.elevations, "elevation"):
        if entry.channels and channel_id not in entry.channels:
            continue
        listed = _lists(policy, entry, bound, at)
        found = tuple(
            there.host
            for there in hosts
            if covers_host(entry.hosts, there.host, there.host_labels)
            and (listed or set(entry.roles) & set(held_roles(policy, bound, channel_id, there, at)))
        )
        if found:
            yield Elevated(label, entry, found)


def still_lends(
    policy: Policy, principal: Principal, channel_id: str, lent: Lent, hosts: Sequence[Operation], at: float
) -> bool:
    """Whether an entry of the policy in force would let somebody have what was lent to them, on these hosts.

    A shift that has ended meanwhile ends nothing; who is in the rotation no more has nothing by it.
    """
    bound = principal.model_copy(update={"lent": ()})
    entries: Sequence[Elevation | BreakGlass] = policy.break_glass if lent.break_glass else policy.elevations
    return any(
        entry.role == lent.role
        and (not entry.channels or channel_id in entry.channels)
        and all(covers_host(entry.hosts, there.host, there.host_labels) for there in hosts)
        and (isinstance(entry, Elevation) or set(lent.verbs) <= set(entry.verbs))
        and _is_for(policy, entry, bound, channel_id, hosts, at)
        for entry in entries
    )


def _is_for(
    policy: Policy,
    entry: Elevation | BreakGlass,
    principal: Principal,
    channel_id: str,
    hosts: Sequence[Operation],
    at: float,
) -> bool:
    rotations = (name for name in entry.oncall if name in policy.oncall)
    on_call = {name for name in rotations if principal.user_id in policy.oncall[name].everybody}
    if entry.lists(principal.user_id, principal.groups, on_call):
        return True
    roles = set(entry.roles) if isinstance(entry, Elevation) else set()
    return bool(roles) and all(
        roles & set(held_roles(policy, principal, channel_id, there, at)) for there in hosts
    )


def _lists(policy: Policy, entry: ForPeople, principal: Principal, at: float) -> bool:
    on_call = {name for name, rotation in policy.oncall.items() if principal.user_id in rotation.on_call(at)}
    return entry.lists(principal.user_id, principal.groups, on_call)


def _labelled(entries: Sequence[_Entry], what: str) -> Iterator[tuple[str, _Entry]]:
    for number, entry in enumerate(entries, start=1):
        yield f"{what} {number}{f' ({entry.source})' if entry.source else ''}", entry


_EVEN = {
    Danger.LOSES_DATA: "even where data are lost",
    Danger.ROOT_EQUIVALENT: "even what is as good as root on the host",
}
"""How far a rule goes, where that is further than to interrupt."""


def in_words(policy: Policy, role: str) -> tuple[str, ...]:
    """What a role lets its holder do, a line for each rule; for whoever is asked to agree to it."""
    lines: list[str] = []
    for name in policy.with_inherited[role]:
        lines += [policy.roles[name].description] if policy.roles[name].description else []
        lines += [_rule_in_words(rule) for rule in policy.roles[name].rules]
    left_out = len(lines) - MOST_WORDS
    return (*lines[:MOST_WORDS], *([f"and {left_out} more rules"] if left_out > 0 else []))


def _rule_in_words(rule: Rule) -> str:
    what = _few(rule.commands or tuple(verb.value for verb in rule.verbs))
    if rule.commands and rule.verbs:
        what = f"{what} ({_few(tuple(verb.value for verb in rule.verbs))} only)"
    on = [f"{kind.value} {pattern}" for kind, pattern in rule.targets.each()] if rule.targets else []
    parts = [what if what != "*" else "any command", f"on {_few(on)}" if on else "on anything"]
    if rule.hosts:
        parts.append(f"hosts {_few(rule.hosts)}")
    if rule.max_danger in _EVEN:
        parts.append(_EVEN[rule.max_danger])
    if rule.approval:
        parts.append("once people agree")
    return ", ".join([" ".join(parts[:2]), *parts[2:]])


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
