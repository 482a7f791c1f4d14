"""Every dimension of a rule and of a binding, each together with every value of each other one."""

from itertools import product

import pytest

from permissions.decide import decide
from permissions.decision import Allow, Deny
from permissions.operation import Facts, Operation, Principal, Resource, Standing
from permissions.policy import Binding, DenyRule, Flags, Policy, Rate, Role, Rule
from permissions.targets import Targets
from permissions.verbs import Danger, Kind, Verb

NOW = 1_750_000_000.0
DAY = 86400.0

# What a rule or a binding says, and whether that holds for LINE asked by ANA; "" says nothing.
COMMANDS = {
    "its verb": ({"verbs": (Verb.LIST, Verb.OPERATE)}, True),
    "its command": ({"commands": ("container stop",)}, True),
    "its noun": ({"commands": ("container *",)}, True),
    "both": ({"verbs": (Verb.OPERATE,), "commands": ("*",)}, True),
    "another verb": ({"verbs": (Verb.LIST,), "commands": ("container stop",)}, False),
    "another command": ({"verbs": (Verb.OPERATE,), "commands": ("container start",)}, False),
}
HOSTS = {
    "any": ({}, True),
    "its name": ({"hosts": ("prod-*",)}, True),
    "its label": ({"hosts": ("other", "label:env=prod")}, True),
    "another label": ({"hosts": ("label:env=test", "label:region")}, False),
    "another": ({"hosts": ("test-*",)}, False),
}
TARGETS = {
    "any": ({}, True),
    "its name": ({"targets": Targets(container=("db", "web"))}, True),
    "its label": ({"targets": Targets(container=("label:tier=web",))}, True),
    "its image": ({"targets": Targets(container=("w* image:shop/*",))}, True),
    "another label": ({"targets": Targets(container=("web label:tier=db",))}, False),
    "another kind": ({"targets": Targets(volume=("web",))}, False),
}
DANGERS = {"more": ({"max_danger": Danger.LOSES_DATA}, True), "less": ({"max_danger": Danger.SAFE}, False)}
FLAGS = {
    "any": ({}, True),
    "those": ({"flags": Flags(allow=("timeout", "signal=TERM"))}, True),
    "not that": ({"flags": Flags(deny=("force", "signal=KILL"))}, True),
    "another value": ({"flags": Flags(allow=("timeout", "signal=KILL"))}, False),
    "denied": ({"flags": Flags(deny=("signal=T*",))}, False),
}
HELD = {
    "by user": ({"users": ("U0ANA",)}, True),
    "by group": ({"users": ("U0X",), "groups": ("S0OPS",)}, True),
    "on call": ({"oncall": ("platform",)}, True),
    "by another": ({"users": ("U0X",), "groups": ("S0X",), "oncall": ("empty",)}, False),
}
TIMES = {
    "always": ({}, True),
    "now": ({"from_": NOW, "until": NOW + DAY}, True),
    "ended": ({"until": NOW}, False),
    "not yet": ({"from_": NOW + 1}, False),
}
PLACES = {
    "anywhere": ({}, True),
    "here": ({"channels": ("C0OPS",), "hosts": ("prod-1",)}, True),
    "another channel": ({"channels": ("C0X",)}, False),
    "another host": ({"hosts": ("label:env=test",)}, False),
}
ONCALL = {
    "platform": {"start": NOW - DAY, "every": DAY, "users": ("U0X", "U0ANA")},
    "empty": {"start": NOW + 1, "every": DAY, "users": ("U0ANA",)},
}
ANA = Principal(
    team_id="T", user_id="U0ANA", name="", standing=Standing.MEMBER, groups=("S0OPS", "S0Y"), as_of=NOW
)
WEB = Facts(id="1" * 64, names=("web",), labels={"tier": "web"}, origins=("shop/cart@sha256:" + "1" * 64,))
LINE = Operation(
    command="container stop",
    verb=Verb.OPERATE,
    danger=Danger.INTERRUPTS,
    resources=(Resource(kind=Kind.CONTAINER, name="1111", facts=WEB),),
    flags=("signal", "timeout"),
    values={"signal": ("TERM",), "timeout": ("2",)},
    host="prod-1",
    host_labels={"env": "prod"},
    live=True,
)


def combined(*dimensions):
    """Every pair of values of two dimensions, the others holding; and every value of all against one."""
    first = [next(iter(dimension.items())) for dimension in dimensions]
    seen = {}
    for one, other in product(range(len(dimensions)), repeat=2):
        if one >= other:
            continue
        for left, right in product(dimensions[one].items(), dimensions[other].items()):
            chosen = list(first)
            chosen[one], chosen[other] = left, right
            said, holds = {}, True
            for _, (fields, each) in chosen:
                said |= fields
                holds = holds and each
            seen[" · ".join(name for name, _ in chosen)] = (said, holds)
    return [pytest.param(*case, id=name) for name, case in seen.items()]


def policy(rule: dict, binding: dict, *, inherited: bool = False, **more) -> Policy:
    roles = {"r": Role(rules=(Rule(**rule),))}
    if inherited:
        roles |= {"middle": Role(inherits=("r",)), "top": Role(inherits=("middle",))}
    bound = Binding(role="top" if inherited else "r", **binding)
    return Policy.model_validate(
        {"version": 1, "roles": roles, "bindings": (bound,), "oncall": ONCALL, **more}
    )


@pytest.mark.parametrize(("rule", "holds"), combined(COMMANDS, HOSTS, TARGETS, DANGERS, FLAGS))
def test_a_rule_allows_when_all_that_it_says_holds(rule, holds: bool):
    decision = decide(policy(rule, {"users": ("U0ANA",)}), ANA, "C0OPS", LINE, NOW)
    assert isinstance(decision, Allow if holds else Deny), decision


@pytest.mark.parametrize(("binding", "holds"), combined(HELD, TIMES, PLACES))
@pytest.mark.parametrize("inherited", [False, True])
def test_a_binding_gives_its_role_and_what_that_inherits_when_all_that_it_says_holds(
    binding, holds: bool, inherited: bool
):
    made = policy({"commands": ("*",)}, binding, inherited=inherited)
    assert isinstance(decide(made, ANA, "C0OPS", LINE, NOW), Allow if holds else Deny)


DENY_DANGERS = {
    "from here": ({"min_danger": Danger.INTERRUPTS}, True),
    "beyond": ({"min_danger": Danger.LOSES_DATA}, False),
}
DENY_FLAGS = {
    "any": ({}, True),
    "one": ({"flags": ("force", "timeout")}, True),
    "a value": ({"flags": ("signal=T*",)}, True),
    "another value": ({"flags": ("signal=KILL",)}, False),
    "another": ({"flags": ("force",)}, False),
}
UNLESS = {
    "nobody": ({}, True),
    "another role": ({"unless": ("other",)}, True),
    "a role that is held": ({"unless": ("r",)}, False),
}


@pytest.mark.parametrize(
    ("deny", "holds"), combined(COMMANDS, HOSTS, TARGETS, DENY_DANGERS, DENY_FLAGS, UNLESS)
)
def test_a_deny_denies_when_all_that_it_says_holds(deny, holds: bool):
    roles = {"r": Role(rules=(Rule(commands=("*",)),)), "other": Role()}
    bound = Binding(role="r", users=("U0ANA",))
    made = Policy(version=1, roles=roles, bindings=(bound,), deny=(DenyRule(**deny),))
    assert isinstance(decide(made, ANA, "C0OPS", LINE, NOW), Deny if holds else Allow)


def test_bindings_with_times_and_rotations_count_at_no_unknown_moment():
    for binding in ({"users": ("U0ANA",), "from_": 0.0}, {"oncall": ("platform",)}):
        assert isinstance(decide(policy({"commands": ("*",)}, binding), ANA, "C0OPS", LINE), Deny)


def test_a_role_that_inherits_spares_from_denies_what_it_inherits_from():
    made = policy(
        {"commands": ("*",)},
        {"users": ("U0ANA",)},
        inherited=True,
        deny=(DenyRule(commands=("*",), unless=("r",)),),
    )
    assert isinstance(decide(made, ANA, "C0OPS", LINE, NOW), Allow)


@pytest.mark.parametrize(
    ("flags", "given", "values", "unfit"),
    [
        (Flags(allow=("a=1", "a=2")), ("a",), {"a": ("1", "2")}, []),
        (Flags(allow=("a=1",)), ("a",), {"a": ("1", "2")}, ["a"]),
        (Flags(allow=("a=1",)), ("a",), {}, ["a"]),
        (Flags(allow=("a=1", "a")), ("a",), {"a": ("9",)}, []),
        (Flags(allow=("a=",)), ("a",), {"a": ("",)}, []),
        (Flags(deny=("a=1",)), ("a",), {}, ["a"]),
        (Flags(deny=("a=1",)), ("a",), {"a": ("2",)}, []),
        (Flags(deny=("a=1",)), ("a",), {"a": ("2", "1")}, ["a"]),
        (Flags(allow=("*",), deny=("a=1",)), ("a", "b"), {"a": ("1",)}, ["a"]),
        (Flags(allow=("*", "no-redact")), ("b", "no-redact"), {}, []),
        (Flags(allow=("*",)), ("b", "no-redact"), {}, ["no-redact"]),
        (Flags(allow=("ab=1",)), ("a",), {"a": ("1",)}, ["a"]),
    ],
)
def test_a_value_fits_when_it_is_known_and_listed(flags: Flags, given, values, unfit):
    assert flags.unfit(given, values) == unfit


def test_a_limit_needs_what_it_counts():
    with pytest.raises(ValueError, match="lists its `roles`"):
        Rate(per="role", limit=1, within=60.0, commands=("*",))
