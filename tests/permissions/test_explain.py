from permissions.decide import decide
from permissions.explain import Considered, explain

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
