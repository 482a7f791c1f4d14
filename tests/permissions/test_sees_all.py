"""A listing that shows everything is one in which no object could be left out."""

import pytest

from permissions.decide import sees, sees_all
from permissions.matching import Match
from permissions.operation import Facts, Operation, Principal, Resource, Standing
from permissions.policy import Policy
from permissions.verbs import Danger, Kind, Verb

LISTING = Operation(command="container ls", verb=Verb.LIST, danger=Danger.SAFE, flags=("all",), host="local")
WIDE = {"roles": {"r": {"rules": [{"verbs": ["list"]}]}}}
WEB = {"container": ["web"]}

CASES = {
    "a rule for all of them": (WIDE, True),
    "a rule for some": ({"roles": {"r": {"rules": [{"verbs": ["list"], "targets": WEB}]}}}, False),
    "a rule for some beside one for all": (
        {"roles": {"r": {"rules": [{"verbs": ["list"], "targets": WEB}, {"verbs": ["list"]}]}}},
        True,
    ),
    "a deny of some": ({**WIDE, "deny": [{"verbs": ["list"], "targets": WEB}]}, False),
    "a deny of another command": ({**WIDE, "deny": [{"commands": ["container rm"]}]}, True),
    "a deny of an option": ({**WIDE, "deny": [{"verbs": ["list"], "flags": ["size"]}]}, False),
    "an option that the rule does not give": (
        {"roles": {"r": {"rules": [{"verbs": ["list"], "flags": {"allow": ["quiet"]}}]}}},
        False,
    ),
    "a rule that asks people first": (
        {
            "roles": {
                "r": {
                    "rules": [{"verbs": ["list"], "approval": {"any": [{"steps": [{"users": ["U0LEAD"]}]}]}}]
                }
            }
        },
        False,
    ),
    "no rule": ({"roles": {"r": {"rules": [{"commands": ["image ls"]}]}}}, False),
}


def member(standing: Standing = Standing.MEMBER) -> Principal:
    return Principal(team_id="T1", user_id="U0ANA", name="ana", standing=standing, as_of=0.0)


def policy_of(text: dict) -> Policy:
    bindings = [{"role": "r", "users": ["U0ANA"]}]
    return Policy.model_validate({"version": 1, "bindings": bindings, **text})


@pytest.mark.parametrize(("text", "all_"), CASES.values(), ids=CASES)
def test_all_is_seen_only_where_nothing_depends_on_the_object(text, all_):
    policy = policy_of(text)
    assert sees_all(policy, member(), "C1", LISTING, 0.0) is all_
    objects = [
        Facts(id="a" * 64, names=(name,), exposures=exposures)
        for name in ("web", "db")
        for exposures in ((), ("privileged",))
    ]
    for facts in objects:
        shown = Resource(kind=Kind.CONTAINER, name=facts.names[0], facts=facts)
        assert not all_ or sees(policy, member(), "C1", LISTING, shown, 0.0)


@pytest.mark.parametrize("standing", [one for one in Standing if one is not Standing.MEMBER])
def test_who_is_no_member_sees_nothing(standing):
    assert not sees_all(policy_of(WIDE), member(standing), "C1", LISTING, 0.0)


def test_a_role_of_another_channel_counts_for_nothing():
    policy = policy_of({**WIDE, "bindings": [{"role": "r", "users": ["U0ANA"], "channels": ["C2"]}]})
    assert not sees_all(policy, member(), "C1", LISTING, 0.0)


LABELLED = {"container": ["* label:tier=web"]}


@pytest.mark.parametrize(
    ("text", "labels", "seen"),
    [
        ({"roles": {"r": {"rules": [{"verbs": ["list"], "targets": LABELLED}]}}}, {"tier": "web"}, True),
        ({"roles": {"r": {"rules": [{"verbs": ["list"], "targets": LABELLED}]}}}, {}, False),
        ({**WIDE, "deny": [{"verbs": ["list"], "targets": LABELLED}]}, {"tier": "web"}, False),
        ({**WIDE, "deny": [{"verbs": ["list"], "targets": LABELLED}]}, {}, True),
        # What asks people first is not shown meanwhile.
        (CASES["a rule that asks people first"][0], {"tier": "web"}, False),
    ],
)
def test_an_object_is_shown_by_what_it_is_now(text, labels, seen):
    shown = Resource(kind=Kind.CONTAINER, name="web", facts=Facts(id="a" * 64, names=("web",), labels=labels))
    assert sees(policy_of(text), member(), "C1", LISTING, shown, 0.0) is seen


def test_what_cannot_be_decided_is_looked_at_one_by_one(monkeypatch):
    def fails(*_):
        raise RuntimeError

    monkeypatch.setattr("permissions.decide.plan", fails)
    assert sees_all(policy_of(WIDE), member(), "C1", LISTING, 0.0) is False


def test_a_rule_whose_options_are_in_doubt_does_not_show_all(monkeypatch):
    monkeypatch.setattr("permissions.decide.allows", lambda *_: Match(None, sure=False))
    assert sees_all(policy_of(WIDE), member(), "C1", LISTING, 0.0) is False
