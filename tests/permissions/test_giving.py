"""Names and labels that rules go by are given only by those whom a rule lets."""

import pytest

from permissions.decide import DEFAULT_RULE, decide
from permissions.decision import Allow, Deny
from permissions.operation import Facts, Operation, Resource
from permissions.verbs import Danger, Kind, Verb

TARGETS = """\
- verbs: [operate]
  targets:
    container: [web, "api-*", "label:tier=web", "* image:shop network:front volume:data"]
    image: ["tag:base"]
"""
C, M, N, V = Kind.CONTAINER, Kind.IMAGE, Kind.NETWORK, Kind.VOLUME


def given(command: str, *names: tuple[Kind, str], labels: tuple[str, ...] = (), **fields) -> Operation:
    new = tuple(Resource(kind=kind, name=name, new=True) for kind, name in names)
    verb = Verb.CHANGE if command.endswith(("rename", "tag")) else Verb.CREATE
    return Operation(
        command=command,
        verb=verb,
        danger=Danger.SAFE,
        resources=(Resource(kind=M, name="nginx"), *new),
        values={"label": labels} if labels else {},
        host="local",
        **{"image_labels": {}, **fields},
    )


@pytest.mark.parametrize(
    ("rule", "line", "lacking"),
    [
        ("- verbs: [create]", given("container run", (C, "tmp")), None),
        ("- verbs: [create]", given("container run", (C, "web")), "`web`"),
        ("- verbs: [create]", given("container run", (C, "/api-1")), "`/api-1`"),
        ("- verbs: [create]", given("container run", (C, "web/x")), "`web/x`"),
        ("- verbs: [change]", given("container rename", (C, "web")), "`web`"),
        ("- verbs: [change]", given("image tag", (M, "shop:1")), "`shop:1`"),
        ("- verbs: [change]", given("image tag", (M, "base")), "`base`"),
        ("- verbs: [create]", given("network create", (N, "front")), "`front`"),
        ("- verbs: [create]", given("volume create", (V, "data")), "`data`"),
        ("- verbs: [create]", given("volume create", (V, "web")), None),
        ('- {verbs: [create], gives: ["*"]}', given("container run", (C, "web")), None),
        ("- {verbs: [create], gives: [web]}", given("container run", (C, "web")), None),
        ("- {verbs: [create], gives: [web]}", given("container run", (C, "api-1")), "`api-1`"),
        (
            '- {verbs: [create], targets: {container: ["w*"], image: ["*"]}}',
            given("container run", (C, "web")),
            None,
        ),
        (
            '- {verbs: [create], targets: {container: ["*"], image: ["*"]}}',
            given("container run", (C, "web")),
            None,
        ),
        ("- verbs: [create]", given("container run", labels=("tier=web",)), "`tier=web`"),
        ("- verbs: [create]", given("network create", labels=("tier=web",)), "`tier=web`"),
        ("- verbs: [create]", given("container run", labels=("tier=db", "tier")), None),
        ("- verbs: [create]", given("container run", labels=("team=web",)), None),
        ('- {verbs: [create], gives: ["tier=*"]}', given("container run", labels=("tier=web",)), None),
        ('- {verbs: [create], gives: ["*"]}', given("container run", labels=("tier=web",)), None),
        ("- {verbs: [create], gives: [tier]}", given("container run", labels=("tier=web",)), "`tier=web`"),
        (
            "- verbs: [create]",
            given("container run", image_labels={"tier": "web"}, labels=("tier=db",)),
            None,
        ),
        ("- verbs: [create]", given("container run", image_labels={"tier": "web"}), "`tier=web`"),
        (
            "- verbs: [create]",
            given("container run", image_labels=None, live=True),
            "`labels that its image may bring`",
        ),
        ('- {verbs: [create], gives: ["*"]}', given("container run", image_labels=None, live=True), None),
        ("- verbs: [create]", given("volume create", image_labels=None, live=True), None),
    ],
)
def test_a_name_or_label_that_rules_go_by_is_something_to_be_given(rules, member, rule, line, lacking):
    decision = decide(rules(TARGETS + rule), member(), "C0OPS", line)
    if lacking is None:
        assert decision == Allow(rule="role operator, rule 2 (policy.yaml:9)")
    else:
        assert isinstance(decision, Deny)
        assert decision.rule == DEFAULT_RULE
        assert decision.reason == (
            f"None of your roles here allows `{line.command}` giving {lacking}, which rules go by."
        )


def test_what_labels_an_image_brings_is_for_the_worker_to_see(rules, member):
    policy = rules(TARGETS + "- verbs: [create]")
    line = given("container run", image_labels=None)
    assert decide(policy, member(), "C0OPS", line) == Allow(
        rule="role operator, rule 2 (policy.yaml:9)", provisional=True
    )
    plain = rules("- verbs: [create]\n- {verbs: [operate], targets: {container: [web]}}")
    assert not decide(plain, member(), "C0OPS", line).provisional


def test_a_rule_whose_targets_ask_for_a_label_lets_it_be_given(rules, member):
    policy = rules(
        TARGETS + '- {verbs: [create], targets: {container: ["label:tier=web"], image: ["*"]}}\n'
        "- {verbs: [create], targets: {image: [other]}}"
    )
    for labels, passes in ((("tier=web",), True), ((), False), (("tier=db",), False)):
        line = given("container run", (C, "x"), labels=labels)
        assert isinstance(decide(policy, member(), "C0OPS", line), Allow) is passes


def test_a_name_in_a_rules_targets_lets_no_label_of_that_name_be_given(rules, member):
    policy = rules(TARGETS + '- {verbs: [create], targets: {container: [tier], image: ["*"]}}')
    line = given("container run", labels=("tier=web",))
    assert isinstance(decide(policy, member(), "C0OPS", line), Deny)


def test_names_of_denies_alone_are_free_to_be_given(rules, member):
    policy = rules(
        '- verbs: [create]\ndeny:\n- {verbs: [operate], targets: {container: ["vault", "label:x=1"]}}'
    )
    assert isinstance(decide(policy, member(), "C0OPS", given("container run", (C, "vault"))), Allow)
    assert isinstance(decide(policy, member(), "C0OPS", given("container run", labels=("x=1",))), Allow)


def test_a_renamed_container_is_still_what_it_was(rules, member):
    policy = rules("- verbs: [change]\ndeny:\n- {commands: ['*'], targets: {container: [vault]}}")
    facts = Facts(id="1", names=("vault",), labels={})
    line = Operation(
        command="container rename",
        verb=Verb.CHANGE,
        danger=Danger.INTERRUPTS,
        resources=(Resource(kind=C, name="3f2a", facts=facts), Resource(kind=C, name="x", new=True)),
        host="local",
        live=True,
    )
    assert isinstance(decide(policy, member(), "C0OPS", line), Deny)
