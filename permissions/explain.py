"""Why a decision came out as it did: every rule that concerns the person here, and what became of it."""

from typing import Literal

from permissions.decide import Mismatch, allows_of, decide, denies_for, held_roles, mismatch
from permissions.decision import Decision
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


def explain(policy: Policy, principal: Principal, channel_id: str, operation: Operation) -> Explanation:
    """Decides, and says what every rule had to do with it. For those who keep the policy."""
    roles = held_roles(policy, principal, channel_id, operation.host)
    considered = [
        *(_considered(label, deny, operation) for label, deny in denies_for(policy, roles)),
        *(_considered(label, rule, operation) for label, rule in allows_of(policy, roles)),
    ]
    decision = decide(policy, principal, channel_id, operation)
    return Explanation(decision=decision, considered=tuple(considered))


def _considered(label: str, rule: Rule | DenyRule, operation: Operation) -> Considered:
    miss = mismatch(rule, operation)
    if isinstance(rule, Rule):
        effect: Literal["allow", "deny"] = "allow"
        danger = f"it goes up to {rule.max_danger.name}, and this is {operation.danger.name}"
        flags = "it does not cover " + ", ".join(f"--{flag}" for flag in rule.flags.unfit(operation.flags))
        targets = "a name is outside its targets" if operation.resources else "nothing is named"
    else:
        effect = "deny"
        danger = f"it begins at {rule.min_danger.name}, and this is {operation.danger.name}"
        flags = "none of its flags is given"
        targets = "nothing it is about is among its targets"
    because = {
        None: "everything it says holds",
        Mismatch.COMMAND: f"it is not about `{operation.command}` ({operation.verb})",
        Mismatch.HOST: f"it is not about host `{operation.host}`",
        Mismatch.DANGER: danger,
        Mismatch.FLAGS: flags,
        Mismatch.TARGETS: targets,
    }
    return Considered(rule=label, effect=effect, matched=miss is None, because=because[miss])
