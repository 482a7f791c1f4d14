"""The decision: may this person, in this channel, do this operation?

Pure and total: the same answer for the same arguments, and an answer for any. Default deny, deny
wins, whatever fails denies. The order of rules and bindings names the rule that is shown and never
changes the outcome.
"""

from collections.abc import Collection, Iterable
from enum import IntEnum
from fnmatch import fnmatchcase

from permissions.decision import Allow, Decision, Deny
from permissions.names import may_be_id, maybe, surely
from permissions.operation import Operation, Principal, Standing
from permissions.policy import DenyRule, Policy, Rule, Targets
from permissions.verbs import Danger, Kind, Verb

DEFAULT_RULE = "default"
"""No rule allows it."""
STANDING_RULE = "standing rule"
"""The account is not a full member of the workspace; no policy can change that."""
NAME_RULE = "name rule"
"""A target's name is empty or holds what no name can hold; no policy can change that."""
FAILURE_RULE = "failure"
"""The decision itself failed."""

_NAMES_SHOWN = 3
_NAME_LETTERS = 64

_STANDINGS = {
    Standing.DELETED: "Your Slack account is deactivated, so nothing is run for it.",
    Standing.BOT: "Bots and apps may not run commands.",
    Standing.GUEST: "Guests of this workspace may not run commands.",
    Standing.EXTERNAL: "People of another organisation may not run commands.",
}


class Mismatch(IntEnum):
    """Why a rule does not match; the greater, the nearer it came."""

    COMMAND = 1
    HOST = 2
    DANGER = 3
    FLAGS = 4
    TARGETS = 5


def decide(policy: Policy, principal: Principal, channel_id: str, operation: Operation) -> Decision:
    """Decides; never raises."""
    try:
        return (
            _standing(principal) or _names(operation) or _by_rules(policy, principal, channel_id, operation)
        )
    except Exception:  # noqa: BLE001 - whatever went wrong, nothing may run because of it
        return Deny(
            rule=FAILURE_RULE,
            reason="The decision could not be made, so nothing was run.",
            hint="Tell whoever runs this bot.",
        )


def offers(
    policy: Policy,
    principal: Principal,
    channel_id: str,
    *,
    command: str,
    verb: Verb,
    danger: Danger,
    host: str,
) -> bool:
    """Whether some targets and flags of this command could be allowed; for help and suggestions.

    ``danger`` is the command's own, without options. True where nothing could be allowed is
    possible, False where something could is not. Never raises: a failure offers nothing.
    """
    try:
        if principal.standing is not Standing.MEMBER:
            return False
        bare = Operation(command=command, verb=verb, danger=danger, host=host)
        roles = held_roles(policy, principal, channel_id, host)
        hidden = any(
            rule.targets is None and mismatch(rule, bare) is None for _, rule in denies_for(policy, roles)
        )
        misses = [mismatch(rule, bare) for _, rule in allows_of(policy, roles)]
        return not hidden and any(miss in {None, Mismatch.TARGETS} for miss in misses)
    except Exception:  # noqa: BLE001 - help must not show what could not be decided
        return False


def held_roles(policy: Policy, principal: Principal, channel_id: str, host: str) -> list[str]:
    """The roles this person holds in this channel on this host, in the order of the bindings."""
    return list(
        dict.fromkeys(
            binding.role
            for binding in policy.bindings_of(principal.user_id, principal.groups)
            if (not binding.channels or channel_id in binding.channels) and _covers(binding.hosts, host)
        )
    )


def allows_of(policy: Policy, roles: Iterable[str]) -> list[tuple[str, Rule]]:
    """The rules of these roles with their labels, in order."""
    return [labelled for role in roles for labelled in policy.labelled_rules[role]]


def denies_for(policy: Policy, roles: Collection[str]) -> list[tuple[str, DenyRule]]:
    """The denies that concern a holder of these roles with their labels, in order."""
    return [
        (label, rule)
        for label, rule in policy.labelled_denies
        if not any(role in roles for role in rule.unless)
    ]


def mismatch(rule: Rule | DenyRule, operation: Operation) -> Mismatch | None:
    """The first thing the rule says that does not hold for the operation, or None: the rule matches."""
    named = not rule.commands or any(is_command(pattern, operation.command) for pattern in rule.commands)
    if not named or (rule.verbs and operation.verb not in rule.verbs):
        return Mismatch.COMMAND
    if not _covers(rule.hosts, operation.host):
        return Mismatch.HOST
    return _allow_mismatch(rule, operation) if isinstance(rule, Rule) else _deny_mismatch(rule, operation)


def _allow_mismatch(rule: Rule, operation: Operation) -> Mismatch | None:
    if operation.danger > rule.max_danger:
        return Mismatch.DANGER
    if rule.flags.unfit(operation.flags):
        return Mismatch.FLAGS
    inside = rule.targets is None or _all_inside(rule.targets, operation)
    return None if inside else Mismatch.TARGETS


def _deny_mismatch(rule: DenyRule, operation: Operation) -> Mismatch | None:
    if operation.danger < rule.min_danger:
        return Mismatch.DANGER
    if rule.flags and not any(flag in rule.flags for flag in operation.flags):
        return Mismatch.FLAGS
    inside = rule.targets is None or _some_inside(rule.targets, operation)
    return None if inside else Mismatch.TARGETS


def is_command(pattern: str, command: str) -> bool:
    """Word by word; a star at the end stands for one word or more."""
    wanted, words = pattern.split(" "), command.split(" ")
    if wanted[-1] != "*":
        return wanted == words
    fixed = wanted[:-1]
    return len(words) > len(fixed) and words[: len(fixed)] == fixed


def _all_inside(targets: Targets, operation: Operation) -> bool:
    """For an allow: the operation names something, and nothing that is not surely covered."""
    return bool(operation.resources) and all(
        any(surely(resource.kind, pattern, resource.name) for pattern in targets.patterns(resource.kind))
        for resource in operation.resources
    )


def _some_inside(targets: Targets, operation: Operation) -> bool:
    """For a deny: something it names may be covered, or it changes things without naming any."""
    if not operation.resources:
        return _reaches_unnamed(targets, operation)
    return any(
        # A resource without a kind of its own (`inspect NAME`) may be of any kind.
        resource.kind in {kind, Kind.SYSTEM} and maybe(kind, pattern, resource.name)
        for resource in operation.resources
        for kind, pattern in targets.each()
    )


def _reaches_unnamed(targets: Targets, operation: Operation) -> bool:
    """Whether a change that names nothing (prune, load) may reach what the targets cover."""
    if operation.verb.reads:
        return False
    noun = operation.command.split(" ")[0]
    if noun in Targets.model_fields:
        return bool(targets.patterns(Kind(noun)))
    return operation.verb is Verb.DESTROY


def _covers(patterns: tuple[str, ...], host: str) -> bool:
    return not patterns or any(fnmatchcase(host, pattern) for pattern in patterns)


def _standing(principal: Principal) -> Deny | None:
    if principal.standing is Standing.MEMBER:
        return None
    if principal.standing is Standing.UNKNOWN:
        reason, hint = "Slack could not be asked who you are, so nothing was run.", "Try again in a minute."
    else:
        reason = _STANDINGS[principal.standing]
        hint = "Only full members of this workspace can; ask one of them."
    return Deny(rule=STANDING_RULE, reason=reason, hint=hint)


def _names(operation: Operation) -> Deny | None:
    if all(resource.name.strip() and resource.name.isprintable() for resource in operation.resources):
        return None
    return Deny(
        rule=NAME_RULE,
        reason=f"`{operation.command}` was given a name that is empty or holds invisible characters.",
        hint="Type the name anew instead of pasting it.",
    )


def _by_rules(policy: Policy, principal: Principal, channel_id: str, operation: Operation) -> Decision:
    roles = held_roles(policy, principal, channel_id, operation.host)
    if not roles:
        elsewhere = policy.bindings_of(principal.user_id, principal.groups)
        here = f" in this channel on host `{operation.host}`" if elsewhere else ""
        return Deny(rule=DEFAULT_RULE, reason=f"The policy gives you no role{here}.", hint=_ask(policy))
    for label, deny in denies_for(policy, roles):
        if mismatch(deny, operation) is None:
            return _denied(policy, label, deny, operation)
    nearest: tuple[Mismatch, Rule] | None = None
    for label, rule in allows_of(policy, roles):
        miss = mismatch(rule, operation)
        if miss is None:
            return Allow(rule=label)
        if nearest is None or miss > nearest[0]:
            nearest = miss, rule
    lacking = _lacking(*nearest, operation) if nearest else ""
    return Deny(
        rule=DEFAULT_RULE,
        reason=f"None of your roles here allows `{operation.command}`{lacking}.",
        hint=_hint(policy, operation) if nearest and nearest[0] is Mismatch.TARGETS else _ask(policy),
    )


def _denied(policy: Policy, label: str, rule: DenyRule, operation: Operation) -> Deny:
    on_names = rule.targets is not None and bool(operation.resources)
    what = f" on {_shown(operation)}" if on_names else ""
    return Deny(
        rule=label,
        reason=rule.reason or f"A rule forbids `{operation.command}`{what}.",
        hint=_hint(policy, operation) if on_names else _ask(policy),
    )


def _lacking(miss: Mismatch, rule: Rule, operation: Operation) -> str:
    """What kept the nearest rule from matching, to stand behind "allows `…`"."""
    flags = ", ".join(f"--{flag}" for flag in rule.flags.unfit(operation.flags))
    on_names = f" on {_shown(operation)}" if operation.resources else " without naming what it is for"
    return {
        Mismatch.COMMAND: "",
        Mismatch.HOST: f" on host `{operation.host}`",
        Mismatch.DANGER: f" where it is {operation.danger.name}",
        Mismatch.FLAGS: f" with {flags}",
        Mismatch.TARGETS: on_names,
    }[miss]


def _shown(operation: Operation) -> str:
    names = [resource.name for resource in operation.resources]
    shown = [f"`{n[:_NAME_LETTERS]}…`" if len(n) > _NAME_LETTERS else f"`{n}`" for n in names[:_NAMES_SHOWN]]
    more = len(names) - _NAMES_SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _hint(policy: Policy, operation: Operation) -> str:
    ids = [resource.name for resource in operation.resources if may_be_id(resource.kind, resource.name)]
    if not ids:
        return _ask(policy)
    return (
        f"`{ids[0][:_NAME_LETTERS]}` can be read as an id, and the rules go by names: give the full name. "
        + _ask(policy)
    )


def _ask(policy: Policy) -> str:
    return f"Ask {policy.contact or 'whoever keeps the policy'}."
