"""Why a decision came out as it did: every rule that concerns the person here, and what became of it."""

from typing import Literal

from permissions.decide import decide, held_roles
from permissions.decision import Decision
from permissions.matching import Match, Mismatch, match, ungiven
from permissions.model import Record
from permissions.operation import Operation, Principal
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
    roles = held_roles(policy, principal, channel_id, operation, at)
    denies = [pair for pair in policy.labelled_denies if not set(pair[1].unless) & set(roles)]
    allows = [pair for role in roles for pair in policy.labelled_rules[role]]
    considered = [
        *(_considered(policy, label, deny, operation) for label, deny in denies),
        *(_considered(policy, label, rule, operation) for label, rule in allows),
    ]
    decision = decide(policy, principal, channel_id, operation, at)
    return Explanation(decision=decision, considered=tuple(considered))


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
