import pytest

from permissions.decide import offers, sees
from permissions.operation import Facts, Resource, Standing
from permissions.verbs import Kind

CASES = {
    "an allow for its verb": ("- verbs: [operate]", {"container stop"}),
    "an allow for some targets": ("- {verbs: [operate], targets: {container: [web]}}", {"container stop"}),
    "an allow without flags": ("- {verbs: [operate], flags: {allow: []}}", {"container stop"}),
    "an allow up to its danger": ('- commands: ["*"]', {"container stop", "container ls"}),
    "an allow that goes further": (
        '- {commands: ["*"], max_danger: LOSES_DATA}',
        {"container stop", "container ls", "container rm"},
    ),
    "an allow on another host": ("- {verbs: [operate], hosts: [prod]}", set()),
    "a deny hides": ('- commands: ["*"]\ndeny:\n- {verbs: [operate]}', {"container ls"}),
    "a deny that spares a role held here hides nothing": (
        '- commands: ["*"]\ndeny:\n- {verbs: [operate], unless: [operator]}',
        {"container ls", "container stop"},
    ),
    "a deny on targets hides nothing": (
        '- verbs: [operate]\ndeny:\n- {verbs: [operate], targets: {container: ["web"]}}',
        {"container stop"},
    ),
    "a deny on flags hides nothing": (
        "- verbs: [operate]\ndeny:\n- {verbs: [operate], flags: [time]}",
        {"container stop"},
    ),
    "a deny from a higher danger hides nothing": (
        "- verbs: [operate]\ndeny:\n- {verbs: [operate], min_danger: LOSES_DATA}",
        {"container stop"},
    ),
    "a deny on another host hides nothing": (
        "- verbs: [operate]\ndeny:\n- {verbs: [operate], hosts: [prod]}",
        {"container stop"},
    ),
    "a deny alone offers nothing": ("deny:\n- {verbs: [exec]}", set()),
}


@pytest.mark.parametrize(("text", "offered"), CASES.values(), ids=CASES)
def test_help_offers_what_some_targets_and_flags_could_pass(rules, member, operation, text, offered):
    policy = rules(text)

    def is_offered(line: str, **who) -> bool:
        return offers(policy, member(**who), "C0OPS", operation(line))

    lines = ["container stop", "container ls", "container rm"]
    assert {line for line in lines if is_offered(line)} == offered
    assert not any(is_offered(line, user_id="U0BEN") for line in lines)
    assert not any(is_offered(line, standing=Standing.GUEST) for line in lines)


def test_help_offers_what_a_role_held_in_this_channel_on_this_host_gives(policy_of, member, operation):
    policy = policy_of(
        "version: 1\nroles: {r: {rules: [{verbs: [list]}]}}\n"
        "bindings: [{role: r, users: [U0ANA], channels: [C0OPS], hosts: [prod]}]\n"
    )

    def is_offered(channel: str, host: str) -> bool:
        return offers(policy, member(), channel, operation(f"container ls -H {host}"))

    places = [(channel, host) for channel in ("C0OPS", "C1") for host in ("prod", "ci")]
    assert [place for place in places if is_offered(*place)] == [("C0OPS", "prod")]


def test_a_listing_shows_what_the_same_line_could_name(rules, member, operation):
    policy = rules(
        "- {verbs: [list], targets: {container: [web, 'label:tier=web']}}\n"
        "deny:\n- {verbs: [list], targets: {container: ['label:secret']}}"
    )

    def seen(name: str, user: str = "U0ANA", standing: Standing = Standing.MEMBER, **labels: str) -> bool:
        facts = Facts(id=name, names=(name,), labels=labels)
        shown = Resource(kind=Kind.CONTAINER, name=name, facts=facts)
        who = member(user, standing=standing)
        return sees(policy, who, "C0OPS", operation("container ls"), shown, 0.0)

    assert (seen("web"), seen("api", tier="web"), seen("db")) == (True, True, False)
    assert (seen("web", secret="1"), seen("api", tier="web", secret="")) == (False, False)
    assert (seen("web", "U0BEN"), seen("web", standing=Standing.GUEST), seen("")) == (False, False, False)


def test_a_role_for_a_time_is_offered_and_shows_things_while_it_lasts(policy_of, member, operation):
    policy = policy_of(
        "version: 1\nroles: {r: {rules: [{verbs: [list]}]}}\n"
        "bindings: [{role: r, users: [U0ANA], until: 1970-01-01T00:01:40Z}]\n"
    )
    listing, web = operation("container ls"), Resource(kind=Kind.CONTAINER, name="web")
    for at, is_on in ((99.0, True), (100.0, False)):
        assert offers(policy, member(), "C0OPS", listing, at) is is_on
        assert sees(policy, member(), "C0OPS", listing, web, at) is is_on
