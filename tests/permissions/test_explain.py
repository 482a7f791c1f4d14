import pytest

from permissions.decide import decide
from permissions.explain import MOST_HOLDERS, Considered, explain, holders
from permissions.operation import Operation, Resource
from permissions.policy import Binding, Policy, Role, Rule
from permissions.verbs import Danger, Kind, Verb

RULES = """\
- verbs: [list]
- {verbs: [operate], hosts: [prod]}
- {verbs: [operate], max_danger: SAFE}
- {verbs: [operate], flags: {deny: [time]}}
- {verbs: [operate], targets: {container: [api]}}
- verbs: [operate]
deny:
- {verbs: [operate], min_danger: LOSES_DATA}
- {verbs: [operate], flags: [signal]}
- {verbs: [operate], targets: {container: [vault]}}
- {verbs: [operate], unless: [operator]}
"""


def test_every_rule_held_here_says_what_became_of_it(rules, member, operation):
    policy, who, line = rules(RULES), member(), operation("container stop web --time")
    explanation = explain(policy, who, "C0OPS", line)
    assert explanation.decision == decide(policy, who, "C0OPS", line)
    assert [(c.effect, c.matched, c.because) for c in explanation.considered] == [
        ("deny", False, "it begins at LOSES_DATA, and this is INTERRUPTS"),
        ("deny", False, "none of its flags is given"),
        ("deny", False, "nothing it is about is among its targets"),
        ("allow", False, "it is not about `container stop` (operate)"),
        ("allow", False, "it is not about host `local`"),
        ("allow", False, "it goes up to SAFE, and this is INTERRUPTS"),
        ("allow", False, "it does not cover --time"),
        ("allow", False, "a name is outside its targets"),
        ("allow", True, "everything it says holds"),
    ]
    assert explanation.considered[0].rule == "deny rule 1 (policy.yaml:16)"
    assert explanation.considered[3].rule == "role operator, rule 1 (policy.yaml:5)"


def test_a_line_that_names_nothing_is_told_so(rules, member, operation):
    policy = rules("- {verbs: [operate], targets: {container: [api]}}")
    assert explain(policy, member(), "C0OPS", operation("container stop")).considered == (
        Considered(
            rule="role operator, rule 1 (policy.yaml:5)",
            effect="allow",
            matched=False,
            because="nothing is named",
        ),
    )


def test_somebody_without_a_role_has_only_denies_to_consider(rules, member, operation):
    considered = explain(rules(RULES), member("U0BEN"), "C0OPS", operation("version")).considered
    assert [c.effect for c in considered] == ["deny"] * 4


def test_a_deny_that_spares_a_role_is_considered_where_the_role_is_not_held(rules, member, operation):
    policy = rules("- {verbs: [operate], flags: {allow: []}}\ndeny:\n- {verbs: [operate], unless: [chief]}")
    line = operation("container stop web --time --signal")
    refused = ("allow", "it does not cover --signal, --time")
    in_ops, in_hq = (
        [(c.effect, c.because) for c in explain(policy, member(), channel, line).considered]
        for channel in ("C0OPS", "C0HQ")
    )
    assert in_ops == [("deny", "everything it says holds"), refused]
    assert in_hq == [refused]


HOLDING = """\
version: 1
roles:
  viewer: {rules: [{verbs: [list]}]}
  operator: {inherits: [viewer], rules: [{verbs: [operate]}]}
bindings:
  - {role: viewer, users: [U0VIEW]}
  - {role: operator, users: [U0ANA, U0BEN], groups: [S0OPS]}
  - {role: operator, users: [U0BEN, U0HERE], channels: [C0OPS]}
  - {role: operator, users: [U0PROD], hosts: [prod]}
  - {role: operator, users: [U0PAST], until: 2024-01-01T00:00:00Z}
  - {role: operator, oncall: [night]}
oncall:
  night: {start: 2024-01-01T00:00:00Z, every: 1d, users: [U0NOW, U0NEXT]}
deny:
  - {commands: [container kill], unless: [viewer]}
"""
AT = 1704067200.0


@pytest.mark.parametrize(
    ("line", "channel", "who"),
    [
        ("container stop web", "C1", ["U0ANA", "U0BEN", "S0OPS", "U0NOW"]),
        ("container stop web", "C0OPS", ["U0ANA", "U0BEN", "S0OPS", "U0HERE", "U0NOW"]),
        ("container ls", "C1", ["U0VIEW", "U0ANA", "U0BEN", "S0OPS", "U0NOW"]),
        ("container stop web -H prod", "C1", ["U0ANA", "U0BEN", "S0OPS", "U0PROD", "U0NOW"]),
        ("container rm web", "C1", []),
    ],
)
def test_whoever_could_do_it_here_by_a_binding_that_counts_is_named(
    policy_of, operation, line: str, channel: str, who: list[str]
):
    assert list(holders(policy_of(HOLDING), channel, operation(line), AT)) == who


def test_only_so_many_are_looked_at():
    many = tuple(f"U{number:04}" for number in range(MOST_HOLDERS + 50))
    role = Role(rules=(Rule(commands=("*",)),))
    crowd = Policy(version=1, roles={"r": role}, bindings=(Binding(role="r", users=many),))
    listing = Operation(command="version", verb=Verb.LIST, danger=Danger.SAFE, host="local")
    assert holders(crowd, "C1", listing, AT) == many[:MOST_HOLDERS]
    elsewhere = Binding(role="r", users=many, channels=("C2",))
    over = Binding(role="r", users=many, until=AT)
    here = Binding(role="r", users=("U0LAST",), channels=("C1",))
    others = Policy(version=1, roles={"r": role}, bindings=(elsewhere, over, here))
    assert holders(others, "C1", listing, AT) == ("U0LAST",)


def test_a_role_for_a_time_is_explained_while_it_lasts(policy_of, member, operation):
    text = HOLDING.replace(
        "2024-01-01T00:00:00Z}\n  - {role: operator, oncall",
        "2024-02-01T00:00:00Z}\n  - {role: operator, oncall",
    )
    policy, line = policy_of(text), operation("container stop web")
    then = explain(policy, member("U0PAST"), "C1", line, AT)
    assert (then.decision.outcome, [one.matched for one in then.considered]) == ("allow", [True, False])
    later = explain(policy, member("U0PAST"), "C1", line, AT + 40 * 86400)
    assert (later.decision.outcome, len(later.considered)) == ("deny", 1)
    assert explain(policy, member("U0PAST"), "C1", line).decision.outcome == "deny"


def test_what_only_the_worker_sees_and_what_may_not_be_given_is_said(rules, member, operation):
    policy = rules(
        "- {verbs: [operate], targets: {container: [web]}}\n- {commands: [container rename]}\n"
        "deny:\n- {verbs: [operate], targets: {container: [db-1]}}"
    )
    said = [
        one.because for one in explain(policy, member(), "C0OPS", operation("container stop 3f2a")).considered
    ]
    assert said[:2] == ["it may match; the worker sees the target"] * 2
    named = [Resource(kind=Kind.CONTAINER, name=name, new=name != "api") for name in ("api", "web", "web2")]
    rename = operation("container rename").model_copy(update={"resources": (*named[:2], named[1])})
    said = [one.because for one in explain(policy, member(), "C0OPS", rename).considered]
    assert said[-1] == "it does not let anybody give web, web"
