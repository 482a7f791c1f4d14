"""What somebody may try who wants more than the policy gives."""

import pytest

from permissions.decide import DEFAULT_RULE, FAILURE_RULE, MOST_NAMED, NAME_RULE, decide, offers
from permissions.decision import Allow, Deny
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.policy import DenyRule, Policy
from permissions.verbs import Danger, Kind, Verb

ALL = '- {commands: ["*"], max_danger: ROOT_EQUIVALENT, flags: {allow: ["*", no-redact]}}'


def test_a_user_id_or_role_written_into_the_line_changes_nothing(rules, member, operation):
    line = operation("container restart U0ANA --as")
    forged = line.model_copy(update={"command": "container restart --as U0ANA"})
    stranger = member("U0MALLORY").model_copy(update={"name": "U0ANA"})
    for each in (line, forged):
        decision = decide(rules(ALL), stranger, "C0OPS", each)
        assert isinstance(decision, Deny)
        assert decision.rule == DEFAULT_RULE


def test_a_user_id_is_no_group_id_and_a_group_id_no_user_id(policy_of, member, operation):
    policy = policy_of(
        "version: 1\nroles: {r: {rules: [{verbs: [list]}]}}\n"
        "bindings: [{role: r, groups: [U0ANA], users: [S0OPS]}]\n"
    )
    assert isinstance(decide(policy, member("U0ANA", "S0OPS"), "C1", operation("container ls")), Deny)


@pytest.mark.parametrize(
    "name", ["", " ", "\t", "web\n", "web\x00", "we\u200bb", "web\u202e", "\u00a0", "web\x1b[1m"]
)
@pytest.mark.parametrize("kind", sorted(Kind))
def test_an_empty_or_invisible_name_is_refused_even_for_an_admin(rules, member, kind: Kind, name: str):
    op = Operation(
        command="container rm",
        verb=Verb.DESTROY,
        danger=Danger.LOSES_DATA,
        resources=(Resource(kind=kind, name="web"), Resource(kind=kind, name=name)),
        host="local",
    )
    decision = decide(rules(ALL), member(), "C0OPS", op)
    assert isinstance(decision, Deny)
    assert decision.rule == NAME_RULE
    assert decision.reason == "`container rm` was given a name that is empty or holds invisible characters."
    assert decision.hint == "Type the name anew instead of pasting it."


@pytest.mark.parametrize(
    "name",
    [
        "w\u0435b",
        "\uff57\uff45\uff42",
        "WEB",
        "Web",
        "web.",
        "web-",
        "../web",
        "web/",
        "web/../db",
        "//web",
        "web,db",
        "web db",
        "web*",
        "w?b",
    ],
)
def test_a_look_alike_of_an_allowed_name_is_not_that_name(rules, member, operation, name: str):
    policy = rules("- {verbs: [operate], targets: {container: [web]}}")
    op = operation("container restart x").model_copy(
        update={"resources": (Resource(kind=Kind.CONTAINER, name=name),)}
    )
    assert isinstance(decide(policy, member(), "C0OPS", op), Deny)


@pytest.mark.parametrize(
    "name", ["vault", "/vault", "//vault", "web/vault", "vault:ro", "v\u0430ult", "vault "]
)
def test_no_other_spelling_escapes_a_deny(rules, member, operation, name: str):
    policy = rules('- verbs: [operate]\ndeny:\n- {commands: ["*"], targets: {container: [vault]}}')
    op = operation("container restart x").model_copy(
        update={"resources": (Resource(kind=Kind.CONTAINER, name=name),)}
    )
    decision = decide(policy, member(), "C0OPS", op)
    assert isinstance(decision, Deny)
    assert decision.rule.startswith("deny rule 1")


@pytest.mark.parametrize(
    "image",
    [
        "miner",
        "miner:1",
        "library/miner",
        "docker.io/miner",
        "index.docker.io/library/miner:x",
        "DOCKER.IO/library/miner",
    ],
)
def test_no_other_spelling_of_an_image_escapes_a_deny(rules, member, operation, image: str):
    policy = rules('- commands: ["*"]\ndeny:\n- {commands: ["*"], targets: {image: [miner]}}')
    assert isinstance(decide(policy, member(), "C0OPS", operation(f"container run {image}")), Deny)


@pytest.mark.parametrize(
    "command",
    [
        "containerx",
        "containerx rm",
        "container",
        "container ",
        " container rm",
        "Container rm",
        "container\trm",
    ],
)
def test_a_command_that_only_begins_alike_is_another_command(rules, member, operation, command: str):
    policy = rules('- {commands: ["container *"], max_danger: ROOT_EQUIVALENT}')
    op = operation("version").model_copy(update={"command": command})
    assert isinstance(decide(policy, member(), "C0OPS", op), Deny)


def test_one_outsider_among_many_targets_stops_the_whole_line(rules, member, operation):
    policy = rules('- {verbs: [operate], targets: {container: ["web-*"]}}')
    names = " ".join(f"web-{number}" for number in range(50))
    assert isinstance(decide(policy, member(), "C0OPS", operation(f"container stop {names}")), Allow)
    assert isinstance(decide(policy, member(), "C0OPS", operation(f"container stop {names} vault")), Deny)


def test_a_group_that_slack_did_not_tell_of_lifts_no_deny(policy_of, member, operation):
    policy = policy_of(
        "version: 1\nroles: {r: {rules: [{verbs: [operate]}]}, lead: {}}\n"
        "bindings: [{role: r, users: [U0ANA]}, {role: lead, groups: [S0LEADS]}]\n"
        "deny: [{commands: [container kill], unless: [lead]}]\n"
    )
    line = operation("container kill web")
    assert isinstance(decide(policy, member("U0ANA", "S0LEADS"), "C1", line), Allow)
    assert isinstance(decide(policy, member("U0ANA"), "C1", line), Deny)


def test_two_rules_do_not_add_up_to_one(rules, member, operation):
    policy = rules(
        "- {verbs: [operate], targets: {container: [web]}}\n"
        "- {verbs: [operate], targets: {container: [api]}}\n"
        "- {commands: [container rm], targets: {container: [tmp]}, max_danger: LOSES_DATA}"
    )
    for line in ("container stop web api", "container rm web"):
        assert isinstance(decide(policy, member(), "C0OPS", operation(line)), Deny)


BROKEN = [
    None,
    "text",
    7,
    Principal.model_construct(),
    Principal.model_construct(standing="member", user_id=["U0ANA"], groups=None),
    Principal.model_construct(standing=Standing.MEMBER, user_id={}, groups=7),
]


@pytest.mark.parametrize("principal", BROKEN)
def test_a_broken_principal_is_denied_and_never_an_error(rules, operation, principal):
    assert isinstance(decide(rules(ALL), principal, "C0OPS", operation("container ls")), Deny)


@pytest.mark.parametrize(
    "op", [None, "container ls", Operation.model_construct(), Operation.model_construct(resources=7)]
)
def test_a_broken_operation_is_denied_by_the_failure_rule(rules, member, op):
    decision = decide(rules(ALL), member(), "C0OPS", op)
    assert decision == Deny(
        rule=FAILURE_RULE,
        reason="The decision could not be made, so nothing was run.",
        hint="Tell whoever runs this bot.",
    )


@pytest.mark.parametrize(
    "policy", [None, {}, Policy.model_construct(), Policy.model_construct(bindings=7, roles=None)]
)
def test_a_broken_policy_denies_and_offers_nothing(member, operation, policy):
    assert isinstance(decide(policy, member(), "C0OPS", operation("container ls")), Deny)
    assert not offers(policy, member(), "C0OPS", operation("container ls"))


def test_a_rule_that_breaks_beside_one_that_allows_denies(rules, member, operation):
    policy = rules(ALL)
    worse = policy.model_copy(update={"deny": (DenyRule.model_construct(verbs=7),)})
    decision = decide(worse, member(), "C0OPS", operation("container ls"))
    assert isinstance(decision, Deny)
    assert decision.rule == FAILURE_RULE


def test_a_line_of_more_names_than_anybody_reads_is_not_decided_name_by_name(rules, member, operation):
    """Every rule is asked about every name, and all others wait meanwhile."""
    names = tuple(Resource(kind=Kind.CONTAINER, name=f"{number:03x}") for number in range(MOST_NAMED + 1))
    many = operation("container restart").model_copy(update={"resources": names})
    decision = decide(rules(ALL), member(), "C0OPS", many)
    assert isinstance(decision, Deny)
    assert (decision.rule, decision.hint) == (NAME_RULE, "Split it into several lines.")
    few = many.model_copy(update={"resources": names[1:]})
    assert isinstance(decide(rules(ALL), member(), "C0OPS", few), Allow)
    # What was looked at may be more than was named: one name, of four kinds.
    assert isinstance(decide(rules(ALL), member(), "C0OPS", many.model_copy(update={"live": True})), Allow)
