"""Why a decision came out as it did: every rule that concerns the person here, and what became of it."""

from typing import Literal

from permissions.decide import decide, held_roles
from permissions.decision import Decision, Deny
from permissions.matching import Match, Mismatch, match, ungiven, weighed
from permissions.model import Record
from permissions.operation import Operation, Principal, Standing
from permissions.policy import DenyRule, Policy, Rule


class Considered(Record):
    """One rule: its label, what it would do, whether it matched, and why (not)."""

    rule: str
    effect: Literal["allow", "deny"]
    matched: bool
    because: str


class Explanation(Record):
    """The decision; the denies, then the rules of the roles held, in the order of the file."""

    decision: Decision
    considered: tuple[Considered, ...]


def explain(
    policy: Policy, principal: Principal, channel_id: str, operation: Operation, at: float | None = None
) -> Explanation:
    """Decides, and says what every rule had to do with it. For those who keep the policy."""
    operation = weighed(policy, operation)
    roles = held_roles(policy, principal, channel_id, operation, at)
    denies = [pair for pair in policy.labelled_denies if not set(pair[1].unless) & set(roles)]
    allows = [pair for role in roles for pair in policy.labelled_rules[role]]
    considered = [
        *(_considered(policy, label, deny, operation) for label, deny in denies),
        *(_considered(policy, label, rule, operation) for label, rule in allows),
    ]
    decision = decide(policy, principal, channel_id, operation, at)
    return Explanation(decision=decision, considered=tuple(considered))


MOST_HOLDERS = 200
"""How many people and groups are looked at for :func:`holders`."""


def holders(policy: Policy, channel_id: str, operation: Operation, at: float) -> tuple[str, ...]:
    """Who could do this here, by a role they hold alone: ids of users and of groups, in the policy's order.

    Whoever is on call stands there as a user. A person in several groups may be able to do more.
    """
    found: dict[str, None] = {}
    for binding in policy.bindings:
        if not binding.counts(at) or (binding.channels and channel_id not in binding.channels):
            continue
        on_call = (user for name in binding.oncall for user in policy.oncall[name].on_call(at))
        found |= dict.fromkeys((*binding.users, *binding.groups, *on_call))
    looked_at = list(found)[:MOST_HOLDERS]
    return tuple(one for one in looked_at if _could(policy, one, channel_id, operation, at))


def _could(policy: Policy, holder: str, channel_id: str, operation: Operation, at: float) -> bool:
    # No id is that of a user and of a group.
    who = Principal(team_id="", user_id=holder, name="", standing=Standing.MEMBER, groups=(holder,), as_of=at)
    return not isinstance(decide(policy, who, channel_id, operation, at), Deny)


def _considered(policy: Policy, label: str, rule: Rule | DenyRule, operation: Operation) -> Considered:
    found = match(policy, rule, operation)
    return Considered(
        rule=label,
        effect="allow" if isinstance(rule, Rule) else "deny",
        matched=found.miss is None,
        because=_because(policy, found, rule, operation),
    )


def _because(policy: Policy, found: Match, rule: Rule | DenyRule, operation: Operation) -> str:
    if found.miss is None:
        return "everything it says holds" if found.sure else "it may match; the worker sees the target"
    if isinstance(rule, Rule):
        danger = f"it goes up to {rule.max_danger.name}, and this is {operation.danger.name}"
        unfit = rule.flags.unfit(operation.flags, operation.values)
        flags = "it does not cover " + ", ".join(f"--{flag}" for flag in unfit)
        targets = "a name is outside its targets" if operation.resources else "nothing is named"
        gives = "it does not let anybody give " + ", ".join(ungiven(policy, rule, operation))
    else:
        danger = f"it begins at {rule.min_danger.name}, and this is {operation.danger.name}"
        flags = "none of its flags is given"
        targets = "nothing it is about is among its targets"
        gives = ""
    return {
        Mismatch.COMMAND: f"it is not about `{operation.command}` ({operation.verb})",
        Mismatch.HOST: f"it is not about host `{operation.host}`",
        Mismatch.DANGER: danger,
        Mismatch.FLAGS: flags,
        Mismatch.TARGETS: targets,
        Mismatch.GIVES: gives,
    }[found.miss]
