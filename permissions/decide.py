"""The decision: may this person, in this channel, do this operation?

Pure and total: the same answer for the same arguments, and an answer for any. Default deny, deny
wins, whatever fails denies. The order of rules and bindings names the rule that is shown and never
changes the outcome.

It is asked twice: by the bot, which knows only what was written, and by the worker once it has looked at
the targets. Where a rule depends on what the bot cannot see, the first answer is a provisional Allow; at
the second the same doubt denies.
"""

from permissions.approval import Terms, either
from permissions.decision import Allow, Decision, Deny, NeedsApproval
from permissions.matching import Match, Mismatch, Plan, allows, covers_host, denies, plan, ungiven, weighed
from permissions.names import may_be_id
from permissions.operation import Lent, Operation, Principal, Resource, Standing
from permissions.policy import DenyRule, Policy, Rule
from permissions.verbs import Verb

DEFAULT_RULE = "default"
"""No rule allows it."""
STANDING_RULE = "standing rule"
"""The account is not a full member of the workspace; no policy can change that."""
NAME_RULE = "name rule"
"""A name is empty or holds what no name can hold, or there are too many; no policy can change that."""
MOST_NAMED = 300
"""The most objects that one line may name: every rule is asked about every name."""
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


def decide(
    policy: Policy, principal: Principal, channel_id: str, operation: Operation, at: float | None = None
) -> Decision:
    """Decides; never raises. ``at`` is epoch seconds; without it, bindings with times do not count."""
    try:
        return (
            _standing(principal)
            or _names(operation)
            or _by_rules(policy, principal, channel_id, operation, at)
        )
    except Exception:  # noqa: BLE001 - whatever went wrong, nothing may run because of it
        return Deny(
            rule=FAILURE_RULE,
            reason="The decision could not be made, so nothing was run.",
            hint="Tell whoever runs this bot.",
        )


def offers(
    policy: Policy, principal: Principal, channel_id: str, bare: Operation, at: float | None = None
) -> bool:
    """Whether some targets and flags of this command could be allowed; for help and suggestions.

    ``bare`` is the command with its own danger, without options and targets. True where nothing could
    be allowed is possible, False where something could is not. Never raises: a failure offers nothing.
    """
    try:
        if principal.standing is not Standing.MEMBER:
            return False
        roles = held_roles(policy, principal, channel_id, bare, at)
        found = plan(policy, roles, bare)
        hidden = any(rule.targets is None and denies(rule, bare).miss is None for _, rule in found.denies)
        misses = [allows(policy, rule, bare).miss for _, rule in found.allows]
        return not hidden and any(miss in {None, Mismatch.TARGETS} for miss in misses)
    except Exception:  # noqa: BLE001 - help must not show what could not be decided
        return False


def sees(
    policy: Policy, principal: Principal, channel_id: str, listing: Operation, shown: Resource, at: float
) -> bool:
    """Whether a listing may show this object: it may where the same line could name it. Never raises."""
    operation = listing.model_copy(update={"resources": (shown,), "live": True})
    return isinstance(decide(policy, principal, channel_id, operation, at), Allow)


def sees_all(policy: Policy, principal: Principal, channel_id: str, listing: Operation, at: float) -> bool:
    """Whether a listing may show whatever there is, so that no object has to be looked at. Never raises."""
    try:
        if principal.standing is not Standing.MEMBER:
            return False
        here = plan(policy, held_roles(policy, principal, channel_id, listing, at), listing)
        bare = listing.model_copy(update={"resources": ()})
        wide = (rule for _, rule in here.allows if rule.targets is None and rule.approval is None)
        sure = Match(None, sure=True)
        return not here.denies and any(allows(policy, rule, bare) == sure for rule in wide)
    except Exception:  # noqa: BLE001 - what could not be decided is looked at one by one
        return False


def held_roles(
    policy: Policy, principal: Principal, channel_id: str, operation: Operation, at: float | None
) -> tuple[str, ...]:
    """The roles this person holds in this channel on this host: in the order of the bindings, then the lent.

    What was lent counts only for what it was lent for.
    """
    bound = (
        binding.role
        for binding in policy.bindings_of(principal.user_id, principal.groups, at)
        if (not binding.channels or channel_id in binding.channels)
        and covers_host(binding.hosts, operation.host, operation.host_labels)
    )
    lent = (one.role for one in principal.lent if one.role in policy.roles and _lends(one, operation, at))
    return tuple(dict.fromkeys(role for name in (*bound, *lent) for role in policy.with_inherited[name]))


def _lends(lent: Lent, operation: Operation, at: float | None) -> bool:
    """Whether a role that was lent counts for this operation at that moment; never at an unknown one."""
    return (
        at is not None
        and at < lent.until
        and operation.verb is not Verb.ADMIN
        and (not lent.verbs or operation.verb in lent.verbs)
        and covers_host(lent.hosts, operation.host, operation.host_labels)
    )


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
    if len(operation.resources) > MOST_NAMED and not operation.live:
        return Deny(
            rule=NAME_RULE,
            reason=f"`{operation.command}` was given more than {MOST_NAMED} names, the most for one line.",
            hint="Split it into several lines.",
        )
    if all(resource.name.strip() and resource.name.isprintable() for resource in operation.resources):
        return None
    return Deny(
        rule=NAME_RULE,
        reason=f"`{operation.command}` was given a name that is empty or holds invisible characters.",
        hint="Type the name anew instead of pasting it.",
    )


def _by_rules(
    policy: Policy, principal: Principal, channel_id: str, operation: Operation, at: float | None
) -> Decision:
    roles = held_roles(policy, principal, channel_id, operation, at)
    if not roles:
        bound = policy.bindings_of(principal.user_id, principal.groups, at)
        where = f" in this channel on host `{operation.host}`" if bound else ""
        return Deny(rule=DEFAULT_RULE, reason=f"The policy gives you no role{where}.", hint=_ask(policy))
    here = plan(policy, roles, operation)
    operation = weighed(policy, operation)
    doubted = False
    for label, deny in here.denies:
        found = denies(deny, operation)
        if found.miss is None and found.sure:
            return _denied(policy, label, deny, operation)
        doubted = doubted or found.miss is None
    answer, nearest = _allowed(policy, here, operation, doubted=doubted)
    if answer is not None:
        return answer
    elsewhere = f" on host `{operation.host}`" if here.elsewhere else ""
    lacking = _lacking(policy, *nearest, operation) if nearest else elsewhere
    return Deny(
        rule=DEFAULT_RULE,
        reason=f"None of your roles here allows `{operation.command}`{lacking}.",
        hint=_hint(policy, operation) if nearest and nearest[0] is Mismatch.TARGETS else _ask(policy),
    )


def _allowed(
    policy: Policy, here: Plan, operation: Operation, *, doubted: bool
) -> tuple[Allow | NeedsApproval | None, tuple[Mismatch, Rule] | None]:
    """What the rules give, else the one that came nearest. An Allow goes before an approval."""
    nearest: tuple[Mismatch, Rule] | None = None
    possible = ""
    asking: list[tuple[str, Terms]] = []
    for label, rule in here.allows:
        found = allows(policy, rule, operation)
        if found.miss is None and rule.approval is not None:
            asking.append((label, rule.approval))
            doubted = doubted or not found.sure
        elif found.miss is None and found.sure:
            return Allow(rule=label, provisional=doubted), None
        elif found.miss is None:
            possible = possible or label
        elif nearest is None or found.miss > nearest[0]:
            nearest = found.miss, rule
    if asking:
        terms = either(terms for _, terms in asking)
        provisional = doubted or bool(possible)
        return NeedsApproval(rule=asking[0][0], terms=terms, provisional=provisional), None
    if possible:
        return Allow(rule=possible, provisional=True), None
    return None, nearest


def _denied(policy: Policy, label: str, rule: DenyRule, operation: Operation) -> Deny:
    on_names = rule.targets is not None and bool(operation.resources)
    what = f" on {_shown(operation)}" if on_names else ""
    return Deny(
        rule=label,
        reason=rule.reason or f"A rule forbids `{operation.command}`{what}.",
        hint=_hint(policy, operation) if on_names else _ask(policy),
    )


def _lacking(policy: Policy, miss: Mismatch, rule: Rule, operation: Operation) -> str:
    """What kept the nearest rule from matching, to stand behind "allows `…`"."""
    if miss is Mismatch.DANGER:
        return f" where it is {operation.danger.name}{_exposed(operation)}"
    if miss is Mismatch.FLAGS:
        return " with " + ", ".join(
            f"--{flag}" for flag in rule.flags.unfit(operation.flags, operation.values)
        )
    if miss is Mismatch.GIVES:
        given = ", ".join(f"`{_clipped(text)}`" for text in ungiven(policy, rule, operation)[:_NAMES_SHOWN])
        return f" giving {given}, which rules go by"
    return f" on {_shown(operation)}" if operation.resources else " without naming what it is for"


def _exposed(operation: Operation) -> str:
    """What makes it as bad as root: what a target has, or a path of the host."""
    found = (resource for resource in operation.resources if resource.facts and resource.facts.exposures)
    resource = next(found, None)
    if resource is not None and resource.facts is not None:
        return f" (`{_clipped(resource.name)}` has: {', '.join(resource.facts.exposures)})"
    paths = [f"`{_clipped(bind.path)}`" for bind in operation.binds[:_NAMES_SHOWN]]
    return f" (it reaches {', '.join(paths)} of the host)" if paths else ""


def _shown(operation: Operation) -> str:
    names = [resource.name for resource in operation.resources]
    shown = [f"`{_clipped(name)}`" for name in names[:_NAMES_SHOWN]]
    more = len(names) - _NAMES_SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _clipped(name: str) -> str:
    return f"{name[:_NAME_LETTERS]}…" if len(name) > _NAME_LETTERS else name


def _hint(policy: Policy, operation: Operation) -> str:
    ids = [resource.name for resource in operation.resources if may_be_id(resource.kind, resource.name)]
    if not ids or operation.live:  # there, a hint would tell whether the id is one of something
        return _ask(policy)
    return (
        f"`{ids[0][:_NAME_LETTERS]}` can be read as an id, and the rules go by names: give the full name. "
        + _ask(policy)
    )


def _ask(policy: Policy) -> str:
    return f"Ask {policy.contact or 'whoever keeps the policy'}."
