import pytest

from permissions.criteria import is_command
from permissions.decide import DEFAULT_RULE, STANDING_RULE, decide
from permissions.decision import Allow, Deny
from permissions.operation import Standing
from permissions.policy import Policy

# What the rules say; then lines that pass, lines that do not, and lines that the worker settles.
RULES = {
    "a verb": ("- verbs: [list]", ["container ls", "version"], ["container logs web", "container stop web"]),
    "two verbs": (
        "- verbs: [list, operate]",
        ["container ls", "container restart web db"],
        ["container logs web", "container rm web"],
    ),
    "a command": (
        "- commands: [container restart]",
        ["container restart web"],
        ["container stop web", "container ls"],
    ),
    "every command of a noun": (
        '- {commands: ["container *"], max_danger: LOSES_DATA}',
        ["container ls", "container rm web"],
        ["image ls", "version", "inspect web"],
    ),
    "a verb and a command, both": (
        '- {verbs: [list], commands: ["container *"]}',
        ["container ls"],
        ["image ls", "container stop web"],
    ),
    "everything, but not the great dangers": (
        '- commands: ["*"]',
        ["container ls", "container stop web", "container run nginx", "docktalk audit"],
        ["container rm web", "container run nginx --privileged", "system prune"],
    ),
    "losing data by name": (
        '- {commands: ["*"], max_danger: LOSES_DATA}',
        ["container rm web", "system prune"],
        ["container run nginx --volume"],
    ),
    "root by name": (
        '- {commands: ["*"], max_danger: ROOT_EQUIVALENT}',
        ["container rm web", "container run nginx --privileged --volume"],
        ["container logs web --no-redact"],
    ),
    "only what is safe": (
        "- {verbs: [operate], max_danger: SAFE}",
        ["container start web"],
        ["container stop web"],
    ),
    "a target": (
        "- {verbs: [operate], targets: {container: [web, api-*]}}",
        ["container restart web", "container restart api-1 web", "container restart /web"],
        ["container restart cart", "container restart web cart", "container restart webx"],
        ["container restart db", "container restart web db", "container restart 3f2a"],
    ),
    "targets keep out what names none": (
        "- {verbs: [destroy, list], targets: {container: [web]}, max_danger: LOSES_DATA}",
        ["container rm web"],
        ["container prune", "system prune", "image ls", "version"],
    ),
    "a list of what there is passes where targets cover some of it": (
        "- {verbs: [list], targets: {container: [web]}}",
        ["container ls"],
        ["image ls", "container prune", "version"],
    ),
    "targets of one kind keep out the others": (
        '- {verbs: [destroy], targets: {container: ["*"]}, max_danger: LOSES_DATA}',
        ["container rm web", "container rm 3f2a"],
        ["volume rm web", "image rm web", "network rm web"],
    ),
    "targets of two kinds": (
        "- {verbs: [destroy], targets: {container: [tmp-*], volume: [tmp-*]}, max_danger: LOSES_DATA}",
        ["container rm tmp-1", "volume rm tmp-1"],
        ["image rm tmp-1", "volume rm data"],
    ),
    "what may be of any kind is outside": (
        '- {verbs: [reveal], targets: {container: ["*"], image: ["*"]}}',
        ["container inspect web"],
        [],
        ["inspect web"],
    ),
    "a host": (
        "- {verbs: [list], hosts: [prod-*, ci]}",
        ["container ls -H prod-1", "container ls -H ci"],
        ["container ls", "container ls -H ci2", "container ls -H PROD-1"],
    ),
    "some flags only": (
        "- {verbs: [operate], flags: {allow: [time]}}",
        ["container stop web", "container stop web --time"],
        ["container stop web --signal", "container stop web --time --signal"],
    ),
    "no flag at all": (
        "- {verbs: [operate], flags: {allow: []}}",
        ["container stop web"],
        ["container stop web --time"],
    ),
    "all flags but one": (
        "- {verbs: [operate], flags: {deny: [signal]}}",
        ["container stop web --time"],
        ["container stop web --signal", "container stop web --no-redact"],
    ),
    "unmasked only by name": (
        '- {verbs: [reveal], flags: {allow: ["*", no-redact]}}',
        ["container logs web --tail", "container logs web --no-redact --tail"],
        [],
    ),
    "a star does not unmask": (
        '- {verbs: [reveal], flags: {allow: ["*"]}}',
        ["container logs web --tail"],
        ["container logs web --no-redact"],
    ),
    "a deny wins": (
        "- verbs: [operate]\ndeny:\n- {commands: [container kill]}",
        ["container stop web"],
        ["container kill web"],
    ),
    "a deny spares the roles it names, where they are held": (
        "- verbs: [operate]\ndeny:\n- {verbs: [operate], unless: [operator]}\n- {commands: [container kill]}",
        ["container stop web"],
        ["container kill web"],
    ),
    "a deny on a target hits any one of several, an id and an alias": (
        '- verbs: [operate]\ndeny:\n- {commands: ["*"], targets: {container: [db-*]}}',
        ["container stop web", "container stop dbx"],
        ["container stop db-1", "container stop web db-1", "container stop web/x"],
        ["container stop 3f2a"],
    ),
    "a deny on a target hits what may reach it unnamed": (
        '- {commands: ["*"], max_danger: LOSES_DATA}\ndeny:\n- {commands: ["*"], targets: {container: [db]}}',
        ["container ls", "image prune", "image load", "volume rm db", "login reg.example.com", "inspect web"],
        ["container prune", "system prune"],
        ["inspect db"],
    ),
    "a deny on an image hits its other spellings and what is loaded": (
        '- commands: ["*"]\ndeny:\n- {commands: ["*"], targets: {image: [nginx]}}',
        ["container run httpd:2", "container stop nginx"],
        ["container run docker.io/library/nginx", "image pull nginx:1", "image load"],
        ["container run cafe"],
    ),
    "a deny on names of which one letter is open": (
        '- {commands: ["*"]}\ndeny:\n- {commands: ["*"], targets: {container: ["db-?", "vault"]}}',
        ["container stop web", "container stop db-10"],
        ["container stop db-1", "container stop vault", "container stop web db-2"],
    ),
    "a deny begins at a danger": (
        '- {commands: ["*"], max_danger: LOSES_DATA}\ndeny:\n- {commands: ["*"], min_danger: LOSES_DATA}',
        ["container stop web"],
        ["container rm web", "system prune"],
    ),
    "a deny without a danger begins at none": (
        '- commands: ["*"]\ndeny:\n- {verbs: [list]}',
        ["container stop web"],
        ["container ls"],
    ),
    "a deny on flags": (
        "- {verbs: [create], max_danger: ROOT_EQUIVALENT}\ndeny:\n- {verbs: [create], flags: [volume]}",
        ["container run nginx", "container run nginx --mount"],
        ["container run nginx --volume", "container run nginx --mount --volume"],
    ),
    "a deny on a host": (
        '- commands: ["*"]\ndeny:\n- {verbs: [operate], hosts: [prod-*]}',
        ["container stop web", "container ls -H prod-1"],
        ["container stop web -H prod-1"],
    ),
}
CASES = [
    (text, line, said)
    for text, *groups in RULES.values()
    for said, lines in zip(("passes", "fails", "is settled by the worker"), groups, strict=False)
    for line in lines
]


@pytest.mark.parametrize(("text", "line", "said"), CASES)
def test_a_rule_matches_when_everything_it_says_holds(
    rules, member, operation, text: str, line: str, said: str
):
    decision = decide(rules(text), member(), "C0OPS", operation(line))
    verdict = "fails" if isinstance(decision, Deny) else "passes"
    if isinstance(decision, Allow) and decision.provisional:
        verdict = "is settled by the worker"
    assert verdict == said, decision


BINDINGS = {
    "a user": ("{role: r, users: [U0ANA]}", [("U0ANA", (), "C1", "local")], [("U0BEN", (), "C1", "local")]),
    "a group": (
        "{role: r, groups: [S0OPS]}",
        [("U0ANA", ("S1", "S0OPS"), "C1", "local")],
        [("U0ANA", ("S1",), "C1", "local"), ("U0ANA", (), "C1", "local"), ("S0OPS", (), "C1", "local")],
    ),
    "a user or a group": (
        "{role: r, users: [U0ANA], groups: [S0OPS]}",
        [("U0ANA", (), "C1", "local"), ("U0BEN", ("S0OPS",), "C1", "local")],
        [("U0BEN", ("U0ANA",), "C1", "local")],
    ),
    "a channel too": (
        "{role: r, users: [U0ANA], channels: [C0OPS, C0DEV]}",
        [("U0ANA", (), "C0OPS", "local"), ("U0ANA", (), "C0DEV", "local")],
        [("U0ANA", (), "C1", "local"), ("U0ANA", (), "", "local"), ("U0BEN", (), "C0OPS", "local")],
    ),
    "a host too": (
        "{role: r, users: [U0ANA], hosts: [ci-*]}",
        [("U0ANA", (), "C1", "ci-1")],
        [("U0ANA", (), "C1", "local")],
    ),
}
BOUND = [(text, *who, True) for text, passing, _ in BINDINGS.values() for who in passing] + [
    (text, *who, False) for text, _, failing in BINDINGS.values() for who in failing
]


@pytest.mark.parametrize(("binding", "user", "groups", "channel", "host", "passes"), BOUND)
def test_a_binding_is_for_its_people_in_its_channels_on_its_hosts(
    policy_of, member, operation, binding, user, groups, channel, host, passes
):
    policy = policy_of(f"version: 1\nroles: {{r: {{rules: [{{verbs: [list]}}]}}}}\nbindings: [{binding}]\n")
    decision = decide(policy, member(user, *groups), channel, operation(f"container ls -H {host}"))
    assert isinstance(decision, Allow if passes else Deny)


REFUSED = {
    Standing.DELETED: "Your Slack account is deactivated, so nothing is run for it.",
    Standing.BOT: "Bots and apps may not run commands.",
    Standing.GUEST: "Guests of this workspace may not run commands.",
    Standing.EXTERNAL: "People of another organisation may not run commands.",
    Standing.UNKNOWN: "Slack could not be asked who you are, so nothing was run.",
}


@pytest.mark.parametrize("standing", sorted(set(Standing) - {Standing.MEMBER}))
def test_only_a_full_member_passes_whatever_the_policy_says(rules, member, operation, standing: Standing):
    policy = rules('- {commands: ["*"], max_danger: ROOT_EQUIVALENT}')
    unknown = standing is Standing.UNKNOWN
    assert decide(policy, member(standing=standing), "C0OPS", operation("container ls")) == Deny(
        rule=STANDING_RULE,
        reason=REFUSED[standing],
        hint="Try again in a minute."
        if unknown
        else "Only full members of this workspace can; ask one of them.",
    )


def test_a_role_without_rules_allows_nothing(policy_of, member, operation):
    policy = policy_of("version: 1\nroles: {r: {}}\nbindings: [{role: r, users: [U0ANA]}]\n")
    decision = decide(policy, member(), "C0OPS", operation("version"))
    assert decision.reason == "None of your roles here allows `version`."


def test_an_empty_policy_denies_everything(member, operation):
    decision = decide(Policy(version=1), member(), "C0OPS", operation("container ls"))
    assert decision == Deny(
        rule=DEFAULT_RULE,
        reason="The policy gives you no role.",
        hint="Ask whoever keeps the policy.",
    )


@pytest.mark.parametrize(
    ("pattern", "command", "matches"),
    [
        ("*", "version", True),
        ("*", "container ls", True),
        ("container *", "container ls", True),
        ("container *", "container", False),
        ("container *", "containerx ls", False),
        ("container *", "containerx", False),
        ("container *", "x container ls", False),
        ("container ls", "container ls", True),
        ("container ls", "container lsx", False),
        ("container ls", "container ls x", False),
        ("container ls", "Container ls", False),
        ("container", "container ls", False),
        ("docktalk *", "docktalk audit verify", True),
        ("docktalk audit *", "docktalk audit", False),
    ],
)
def test_a_command_pattern_goes_word_by_word(pattern: str, command: str, matches: bool):
    assert is_command(pattern, command) is matches
