"""What somebody is told: the rule that decided, why, and what to do."""

import pytest

from permissions.decide import DEFAULT_RULE, decide
from permissions.decision import Allow, Deny, NeedsApproval

POLICY = """\
version: 1
contact: "#ops-help"
roles:
  viewer:
    rules:
      - verbs: [list]
  operator:
    rules:
      - verbs: [list]
      - verbs: [operate]
        targets: {container: [web]}
        flags: {deny: [signal]}
      - verbs: [reveal]
        hosts: [ci]
bindings:
  - {role: viewer, users: [U0ANA], channels: [C0OPS]}
  - {role: operator, users: [U0ANA], channels: [C0OPS]}
deny:
  - commands: [container kill]
  - commands: [container start]
    reason: It starts by itself.
  - verbs: [reveal]
    targets: {container: [vault]}
"""
ASK = "Ask #ops-help."


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("container ls", "role viewer, rule 1 (policy.yaml:6)"),
        ("container stop web", "role operator, rule 2 (policy.yaml:10)"),
        ("container logs web -H ci", "role operator, rule 3 (policy.yaml:13)"),
    ],
)
def test_an_allow_names_its_rule_and_the_line_it_stands_in(
    policy_of, member, operation, line: str, rule: str
):
    assert decide(policy_of(POLICY), member(), "C0OPS", operation(line)) == Allow(rule=rule)


PEOPLE = "approval: {any: [{steps: [{users: [U0LEA]}]}]}"
OTHERS = "approval: {any: [{steps: [{users: [U0MAX]}]}], expires: 5m}"
SURE, UNSURE = "targets: {container: [web]}", "targets: {container: ['* label:tier=web']}"


@pytest.mark.parametrize(
    ("text", "ways", "provisional"),
    [
        (f"- {{verbs: [operate], {SURE}, {PEOPLE}}}", ["U0LEA"], False),
        (f"- {{verbs: [operate], {UNSURE}, {PEOPLE}}}", ["U0LEA"], True),
        (
            f"- {{verbs: [operate], {SURE}, {PEOPLE}}}\n- {{verbs: [operate], {SURE}, {OTHERS}}}",
            ["U0LEA", "U0MAX"],
            False,
        ),
        (
            f"- {{verbs: [operate], {UNSURE}, {PEOPLE}}}\n- {{verbs: [operate], {SURE}, {OTHERS}}}",
            ["U0LEA", "U0MAX"],
            True,
        ),
        # Another rule may allow it without anybody: the worker's look settles that.
        (f"- {{verbs: [operate], {SURE}, {PEOPLE}}}\n- {{verbs: [operate], {UNSURE}}}", ["U0LEA"], True),
        (
            f"- {{verbs: [operate], {SURE}, {PEOPLE}}}\ndeny:\n  - {{verbs: [operate], {UNSURE}}}",
            ["U0LEA"],
            True,
        ),
    ],
)
def test_what_needs_people_names_its_rule_whom_and_whether_a_look_may_change_it(
    rules, member, operation, text: str, ways: list[str], provisional: bool
):
    answer = decide(rules(text), member(), "C1", operation("container stop web"))
    assert isinstance(answer, NeedsApproval)
    assert answer.rule == "role operator, rule 1 (policy.yaml:5)"
    assert [way.steps[0].users for way in answer.terms.any] == [(one,) for one in ways]
    assert answer.terms.expires == (300.0 if "U0MAX" in ways else 900.0)
    assert answer.provisional is provisional


@pytest.mark.parametrize(
    ("line", "rule", "reason", "hint"),
    [
        ("image pull a", "default", "None of your roles here allows `image pull`.", ASK),
        (
            "container logs web",
            "default",
            "None of your roles here allows `container logs` on host `local`.",
            ASK,
        ),
        (
            "container stop web --privileged",
            "default",
            "None of your roles here allows `container stop` where it is ROOT_EQUIVALENT.",
            ASK,
        ),
        (
            "container stop web --signal --no-redact",
            "default",
            "None of your roles here allows `container stop` with --no-redact, --signal.",
            ASK,
        ),
        ("container stop db1x", "default", "None of your roles here allows `container stop` on `db1x`.", ASK),
        (
            "container stop",
            "default",
            "None of your roles here allows `container stop` without naming what it is for.",
            ASK,
        ),
        (
            "container stop web w2 w3 w4 w5",
            "default",
            "None of your roles here allows `container stop` on `web`, `w2`, `w3` and 2 more.",
            ASK,
        ),
        (
            "container stop w1 w2 w3",
            "default",
            "None of your roles here allows `container stop` on `w1`, `w2`, `w3`.",
            ASK,
        ),
        (
            "container stop w1 w2 w3 w4",
            "default",
            "None of your roles here allows `container stop` on `w1`, `w2`, `w3` and 1 more.",
            ASK,
        ),
        (
            "container stop " + "w" * 64,
            "default",
            f"None of your roles here allows `container stop` on `{'w' * 64}`.",
            ASK,
        ),
        (
            "container stop " + "w" * 65,
            "default",
            f"None of your roles here allows `container stop` on `{'w' * 64}…`.",
            ASK,
        ),
        ("container kill 3f2a", "deny rule 1 (policy.yaml:19)", "A rule forbids `container kill`.", ASK),
        (
            "container kill web",
            "deny rule 1 (policy.yaml:19)",
            "A rule forbids `container kill`.",
            ASK,
        ),
        ("container start web", "deny rule 2 (policy.yaml:20)", "It starts by itself.", ASK),
        (
            "container logs vault -H ci",
            "deny rule 3 (policy.yaml:22)",
            "A rule forbids `container logs` on `vault`.",
            ASK,
        ),
    ],
)
def test_a_deny_says_which_rule_why_and_what_to_do(policy_of, member, operation, line, rule, reason, hint):
    decision = decide(policy_of(POLICY), member(), "C0OPS", operation(line))
    assert decision == Deny(rule=rule, reason=reason, hint=hint)


@pytest.mark.parametrize(
    ("line", "rule", "on"),
    [
        (
            "container stop web 3f2a",
            "default",
            "None of your roles here allows `container stop` on `web`, `3f2a`.",
        ),
        (
            "container logs 3f2a -H ci",
            "deny rule 3 (policy.yaml:22)",
            "A rule forbids `container logs` on `3f2a`.",
        ),
    ],
)
def test_an_id_that_nothing_has_on_the_host_is_decided_against_the_asker(
    policy_of, member, operation, line: str, rule: str, on: str
):
    found = operation(line).model_copy(update={"live": True})
    decision = decide(policy_of(POLICY), member(), "C0OPS", found)
    assert decision == Deny(rule=rule, reason=on, hint=ASK)


def test_a_deny_spares_a_role_only_in_the_channels_where_it_is_held(rules, member, operation):
    policy = rules("- verbs: [operate]\ndeny:\n- {commands: [container kill], unless: [chief]}")
    line = operation("container kill web")
    assert isinstance(decide(policy, member(), "C0HQ", line), Allow)
    assert isinstance(decide(policy, member(), "C0OPS", line), Deny)


def test_somebody_without_a_role_is_told_so_before_any_deny(policy_of, member, operation):
    decision = decide(policy_of(POLICY), member("U0BEN"), "C0OPS", operation("container kill web"))
    assert decision == Deny(rule=DEFAULT_RULE, reason="The policy gives you no role.", hint=ASK)


def test_somebody_with_a_role_elsewhere_hears_that_it_does_not_count_here(policy_of, member, operation):
    decision = decide(policy_of(POLICY), member(), "C1", operation("container ls"))
    assert decision == Deny(
        rule=DEFAULT_RULE, reason="The policy gives you no role in this channel on host `local`.", hint=ASK
    )
