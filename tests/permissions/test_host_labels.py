"""Hosts by their labels, wherever a policy names hosts: what counts on one host does not on another."""

import pytest

from permissions.borrowing import Glass, Limit, elevations, glass
from permissions.decide import decide, held_roles, sees_all
from permissions.decision import Allow, Deny
from permissions.holds import held
from permissions.operation import Lent, Principal, Standing
from permissions.policy import Policy
from tests.permissions.conftest import read_line

NOW = 1_790_000_000.0
TERMS = {"any": [{"steps": [{"users": ["U0LEA"]}]}]}
ON_PROD = ["label:env=prod"]
ALL = {"rules": [{"commands": ["*"]}]}
LISTS = {"rules": [{"verbs": ["list"]}]}


def there(line: str, env: str):
    return read_line(line).model_copy(update={"host_labels": {"env": env}})


def policy(**more) -> Policy:
    return Policy.model_validate({"version": 1, "roles": {"r": ALL, "lists": LISTS}, **more})


def ana(*lent: Lent) -> Principal:
    return Principal(
        team_id="T1", user_id="U0ANA", name="ana", standing=Standing.MEMBER, as_of=NOW, lent=lent
    )


BOUND = {"role": "r", "users": ["U0ANA"]}
FREEZE = {
    "reason": "books",
    "by": "board",
    "when": [{"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}],
}
GLASS = {
    "role": "r",
    "users": ["U0ANA"],
    "verbs": ["operate"],
    "tell": ["C0SEC"],
    "reviewers": {"users": ["U0LEA"]},
}


def allowed(made: Policy, env: str, *lent: Lent) -> bool:
    return isinstance(decide(made, ana(*lent), "C1", there("container stop web", env), NOW), Allow)


def by_rule(env: str) -> bool:
    role = {"rules": [{"commands": ["*"], "hosts": ON_PROD}]}
    return allowed(policy(roles={"r": role}, bindings=[BOUND]), env)


def by_deny(env: str) -> bool:
    return not allowed(policy(bindings=[BOUND], deny=[{"commands": ["*"], "hosts": ON_PROD}]), env)


def by_binding(env: str) -> bool:
    return allowed(policy(bindings=[{**BOUND, "hosts": ON_PROD}]), env)


def by_lent_role(env: str) -> bool:
    return allowed(policy(), env, Lent(id="G-1", role="r", until=NOW + 60, hosts=tuple(ON_PROD)))


def by_freeze(env: str) -> bool:
    made = policy(freezes={"books": {**FREEZE, "hosts": ON_PROD}})
    return held(made, [], ana(), there("container stop web", env), NOW) is not None


def not_passing_a_freeze(env: str) -> bool:
    passes = [{"commands": ["container stop"], "hosts": ON_PROD}]
    made = policy(freezes={"books": {**FREEZE, "passes": passes}})
    return held(made, [], ana(), there("container stop web", env), NOW) is None


def by_elevation(env: str) -> bool:
    made = policy(elevations=[{"role": "r", "users": ["U0ANA"], "hosts": ON_PROD, "approval": TERMS}])
    return bool([*elevations(made, ana(), "C1", [there("container ls", env)], NOW)])


def by_role_that_may_ask(env: str) -> bool:
    made = policy(
        bindings=[{**BOUND, "role": "lists", "hosts": ON_PROD}],
        elevations=[{"role": "r", "roles": ["lists"], "approval": TERMS}],
    )
    return bool([*elevations(made, ana(), "C1", [there("container ls", env)], NOW)])


def by_glass(env: str) -> bool:
    made = policy(break_glass=[{**GLASS, "hosts": ON_PROD}])
    found = glass(made, ana(), "C1", there("container stop web", env), "G-1", NOW)
    assert isinstance(found, Glass) or found.limit is Limit.HOST
    return isinstance(found, Glass)


@pytest.mark.parametrize(
    "reaches",
    [
        by_rule,
        by_deny,
        by_binding,
        by_lent_role,
        by_freeze,
        not_passing_a_freeze,
        by_elevation,
        by_role_that_may_ask,
        by_glass,
    ],
)
def test_a_label_of_hosts_is_about_those_that_have_it(reaches):
    assert reaches("prod")
    assert not reaches("ci")


def test_a_listing_shows_all_by_a_role_that_is_lent_at_that_moment():
    lent = Lent(id="G-1", role="lists", until=NOW + 60)
    assert sees_all(policy(), ana(lent), "C1", there("container ls", "ci"), NOW)
    assert not sees_all(policy(), ana(lent), "C1", there("container ls", "ci"), NOW + 60)


def test_who_is_on_call_elsewhere_hears_that_it_does_not_count_here():
    made = policy(
        oncall={"first": {"start": NOW, "every": 3600.0, "users": ["U0ANA"]}},
        bindings=[{"role": "r", "oncall": ["first"], "hosts": ON_PROD}],
    )
    line = there("container stop web", "ci")
    denied = decide(made, ana(), "C1", line, NOW)
    assert isinstance(denied, Deny)
    assert denied.reason == "The policy gives you no role in this channel on host `local`."
    assert held_roles(made, ana(), "C1", there("container stop web", "prod"), NOW) == ("r",)
