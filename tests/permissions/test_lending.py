"""Lent roles: what they reach, and which entries of a policy lend them to whom."""

import pytest
from pydantic import ValidationError

from permissions.borrowing import MOST_WORDS, Glass, Limit, elevations, glass, in_words
from permissions.decide import decide, held_roles
from permissions.decision import Allow, Deny
from permissions.lending import BreakGlass, Elevation
from permissions.operation import Lent, Principal, Standing
from permissions.policy import Binding, Policy, Role, Rule
from permissions.verbs import Verb
from tests.permissions.conftest import read_line

NOW = 1_790_000_000.0
TERMS = {"any": [{"steps": [{"roles": ["lead"]}]}]}
GLASS = {
    "role": "root",
    "users": ["U0ANA"],
    "verbs": ["operate", "destroy"],
    "hosts": ["prod-*"],
    "channels": ["C0OPS"],
    "tell": ["C0SEC"],
    "reviewers": {"roles": ["lead"]},
}
POLICY = Policy.model_validate(
    {
        "version": 1,
        "roles": {
            "root": {
                "description": "Everything",
                "rules": [
                    {"commands": ["*"], "max_danger": "ROOT_EQUIVALENT"},
                    {
                        "verbs": ["operate"],
                        "commands": ["container *"],
                        "targets": {"container": ["a", "b", "c", "d", "e"]},
                        "hosts": ["prod-1"],
                        "approval": TERMS,
                    },
                ],
            },
            "lead": {"inherits": ["reader"]},
            "reader": {"rules": [{"verbs": ["list"]}]},
        },
        "bindings": [{"role": "lead", "users": ["U0LEA"], "channels": ["C0OPS"], "hosts": ["prod-1"]}],
        "deny": [
            {"commands": ["*"], "targets": {"container": ["postgres"]}, "reason": "Never the database."},
            {"commands": ["container kill"], "unless": ["root"]},
        ],
        "elevations": [
            {"role": "root", "roles": ["lead"], "hosts": ["prod-*"], "approval": TERMS},
            {"role": "reader", "groups": ["S0SRE"], "channels": ["C0OPS"], "approval": TERMS},
            {"role": "root", "oncall": ["second"], "approval": TERMS},
        ],
        "break_glass": [GLASS],
        "oncall": {"second": {"start": NOW, "every": 3600.0, "users": ["U0CAL"]}},
    }
)


def changed(**fields) -> Policy:
    return Policy(**{**{name: getattr(POLICY, name) for name in Policy.model_fields}, **fields})


def person(user_id: str = "U0ANA", *lent: Lent, standing: Standing = Standing.MEMBER, groups=()) -> Principal:
    return Principal(
        team_id="T1", user_id=user_id, name="x", standing=standing, groups=groups, as_of=NOW, lent=lent
    )


def lent(**changes) -> Lent:
    return Lent(**{"id": "G-1", "role": "root", "until": NOW + 60, **changes})


REACH = {
    "on the host and verb it was lent for": (lent(hosts=("prod-1",), verbs=(Verb.OPERATE,)), NOW, True),
    "without hosts and verbs anywhere": (lent(), NOW, True),
    "one moment before its end": (lent(), NOW + 59.9, True),
    "not at its end": (lent(), NOW + 60, False),
    "not at an unknown moment": (lent(), None, False),
    "not on another host": (lent(hosts=("prod-2",)), NOW, False),
    "not for another verb": (lent(verbs=(Verb.LIST,)), NOW, False),
    "not a role that there is no more": (lent(role="gone"), NOW, False),
}


@pytest.mark.parametrize(("one", "at", "counts"), REACH.values(), ids=REACH)
def test_a_lent_role_counts(one: Lent, at: float | None, counts: bool):
    roles = held_roles(POLICY, person("U0ANA", one), "C1", read_line("container stop web -H prod-1"), at)
    assert ("root" in roles) is counts


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("broken", [True, False])
def test_a_lent_role_counts_for_every_verb_but_admin(verb: Verb, broken: bool):
    operation = read_line("container stop web").model_copy(update={"verb": verb})
    one = lent(verbs=(verb,), break_glass=broken)
    assert bool(held_roles(POLICY, person("U0ANA", one), "C1", operation, NOW)) is (verb is not Verb.ADMIN)


@pytest.mark.parametrize("broken", [True, False])
def test_no_lent_role_reads_the_audit_though_the_role_itself_may(broken: bool):
    reads = read_line("docktalk audit")
    bound = changed(bindings=(Binding(role="root", users=("U0ANA",)),))
    assert isinstance(decide(bound, person(), "C1", reads, NOW), Allow)
    assert isinstance(decide(POLICY, person("U0ANA", lent(break_glass=broken)), "C1", reads, NOW), Deny)


def test_a_guest_is_lent_nothing():
    guest = person("U0ANA", lent(), standing=Standing.GUEST)
    assert isinstance(decide(POLICY, guest, "C1", read_line("container stop web"), NOW), Deny)


LINE = "container stop web -H prod-1"


def test_a_glass_lends_its_role_for_its_verbs_on_the_one_host_of_the_line():
    found = glass(POLICY, person(), "C0OPS", read_line(LINE), "G-7", NOW)
    assert isinstance(found, Glass)
    assert found.lent == Lent(
        id="G-7",
        role="root",
        until=NOW + 3600,
        hosts=("prod-1",),
        verbs=(Verb.OPERATE, Verb.DESTROY),
        break_glass=True,
    )
    assert (found.label, found.entry, found.allow) == (
        "break-glass 1",
        POLICY.break_glass[0],
        Allow(rule="role root, rule 1"),
    )


def test_no_glass_says_which_entry_came_nearest_and_what_its_rules_answered():
    entries = [
        GLASS | {"source": "policy.yaml:7"},
        GLASS | {"channels": []},
        GLASS | {"users": ["U0BEN"]},
    ]
    policy = changed(break_glass=tuple(BreakGlass.model_validate(entry) for entry in entries))
    line = read_line("container stop postgres -H prod-1")
    anywhere = glass(policy, person(), "C0ANY", line, "G-1", NOW)
    assert (anywhere.limit, anywhere.label, anywhere.entry) == (
        Limit.RULES,
        "break-glass 2",
        policy.break_glass[1],
    )
    assert isinstance(anywhere.answer, Deny)
    assert anywhere.answer.reason == "Never the database."
    of_its_channel = glass(changed(), person(), "C0ANY", line, "G-1", NOW)
    assert (of_its_channel.limit, of_its_channel.entry, of_its_channel.answer) == (
        Limit.CHANNEL,
        POLICY.break_glass[0],
        None,
    )
    assert glass(policy, person(), "C0OPS", line, "G-1", NOW).label == "break-glass 1 (policy.yaml:7)"


LIMITS = {
    "its people": ("U0BEN", "C0OPS", LINE, Limit.PEOPLE),
    "its channel": ("U0ANA", "C0ANY", LINE, Limit.CHANNEL),
    "its hosts": ("U0ANA", "C0OPS", "container stop web", Limit.HOST),
    "its verbs": ("U0ANA", "C0OPS", "image pull nginx -H prod-1", Limit.VERB),
    "the verb admin": ("U0ANA", "C0OPS", "docktalk audit -H prod-1", Limit.VERB),
    "what a deny forbids": ("U0ANA", "C0OPS", "container stop postgres -H prod-1", Limit.RULES),
}


@pytest.mark.parametrize(("user_id", "channel", "line", "limit"), LIMITS.values(), ids=LIMITS)
def test_no_glass_reaches_beyond(user_id: str, channel: str, line: str, limit: Limit):
    found = glass(POLICY, person(user_id), channel, read_line(line), "G-1", NOW)
    assert not isinstance(found, Glass)
    assert found.limit is limit


def test_no_glass_is_there_for_a_guest():
    found = glass(POLICY, person(standing=Standing.GUEST), "C0OPS", read_line(LINE), "G-1", NOW)
    assert not isinstance(found, Glass)


def test_a_deny_that_spares_the_role_is_no_limit():
    kill = read_line("container kill web -H prod-1")
    assert isinstance(glass(POLICY, person(), "C0OPS", kill, "G-1", NOW), Glass)


def test_a_role_that_itself_needs_an_approval_is_no_way_around_it():
    asks = Role(rules=(Rule.model_validate({"verbs": ["operate"], "approval": TERMS}),))
    policy = changed(roles={**POLICY.roles, "root": asks})
    found = glass(policy, person(), "C0OPS", read_line(LINE), "G-1", NOW)
    assert not isinstance(found, Glass)
    assert found.limit is Limit.RULES


def asked(user_id: str, channel: str = "C0OPS", at: float = NOW, **who) -> list[tuple[str, tuple[str, ...]]]:
    hosts = [read_line(f"version -H {name}") for name in ("prod-1", "prod-2", "test-1")]
    found = elevations(POLICY, person(user_id, **who), channel, hosts, at)
    return [(one.entry.role, one.hosts) for one in found]


def test_an_entry_that_is_asked_by_is_known_by_its_number():
    hosts = [read_line("version -H prod-1")]
    # The second entry is for another channel.
    found = [one.label for one in elevations(POLICY, person("U0CAL"), "C0ANY", hosts, NOW)]
    assert found == ["elevation 3"]


def test_a_role_is_asked_for_where_the_role_that_lets_one_ask_is_held():
    assert asked("U0LEA") == [("root", ("prod-1",))]
    assert asked("U0LEA", "C0ANY") == []


def test_a_role_is_asked_for_by_a_group_in_the_channels_of_the_entry():
    assert asked("U0BEN", groups=("S0SRE",)) == [("reader", ("prod-1", "prod-2", "test-1"))]
    assert asked("U0BEN", "C0ANY", groups=("S0SRE",)) == []


def test_a_role_is_asked_for_by_who_is_on_call_at_that_moment():
    assert asked("U0CAL") == [("root", ("prod-1", "prod-2", "test-1"))]
    assert asked("U0CAL", at=NOW - 1) == []


def test_who_holds_the_role_that_lets_one_ask_for_a_time_asks_in_that_time():
    bound = Binding.model_validate({"role": "lead", "users": ["U0TMP"], "until": NOW + 60})
    hosts = [read_line("version -H prod-1")]
    policy = changed(bindings=(bound,))
    assert [*elevations(policy, person("U0TMP"), "C0OPS", hosts, NOW)]
    assert not [*elevations(policy, person("U0TMP"), "C0OPS", hosts, NOW + 60)]


def test_nobody_climbs_from_one_lent_role_to_the_next():
    one = lent(role="lead")
    hosts = [read_line("version -H prod-1")]
    assert list(elevations(POLICY, person("U0BEN", one), "C0OPS", hosts, NOW)) == []


def test_a_guest_asks_for_nothing():
    assert asked("U0LEA", standing=Standing.GUEST) == []


WRONG = {
    "for nobody": (BreakGlass, {"users": []}, "nobody may break this glass"),
    "without verbs": (BreakGlass, {"verbs": []}, "for some `verbs`"),
    "with the verb admin": (BreakGlass, {"verbs": ["operate", "admin"]}, "lent to nobody"),
    "without hosts": (BreakGlass, {"hosts": []}, "for some `verbs`"),
    "that tells nobody": (BreakGlass, {"tell": []}, "for some `verbs`"),
    "without reviewers": (BreakGlass, {"reviewers": {}}, "nobody could review it"),
    "that two would have to review": (
        BreakGlass,
        {"reviewers": {"people": 2, "roles": ["lead"]}},
        "one person",
    ),
    "for two days": (BreakGlass, {"most": "2d"}, "24h at most"),
}


@pytest.mark.parametrize(("model", "changes", "sentence"), WRONG.values(), ids=WRONG)
def test_no_glass(model, changes: dict, sentence: str):
    with pytest.raises(ValidationError, match=sentence):
        model.model_validate({**GLASS, **changes})


def test_no_elevation_for_nobody_or_for_weeks():
    with pytest.raises(ValidationError, match="nobody may ask"):
        Elevation.model_validate({"role": "root", "approval": TERMS})
    with pytest.raises(ValidationError, match="7d at most"):
        Elevation.model_validate({"role": "root", "users": ["U0ANA"], "most": "2w", "approval": TERMS})


@pytest.mark.parametrize(
    "entry",
    [
        {"break_glass": [{**GLASS, "role": "gone"}]},
        {"break_glass": [{**GLASS, "reviewers": {"roles": ["gone"]}}]},
        {"elevations": [{"role": "gone", "users": ["U0ANA"], "approval": TERMS}]},
        {"elevations": [{"role": "root", "roles": ["gone"], "approval": TERMS}]},
        {"break_glass": [{**GLASS, "oncall": ["gone"]}]},
    ],
)
def test_every_role_and_rotation_that_is_named_exists(entry: dict):
    with pytest.raises(ValidationError, match="not defined"):
        Policy.model_validate({**POLICY.model_dump(mode="json", by_alias=True), **entry})


def test_a_policy_with_entries_is_the_same_after_its_way_to_a_worker():
    assert Policy.model_validate_json(POLICY.model_dump_json(by_alias=True)) == POLICY


def test_a_role_says_in_words_what_it_gives():
    targets = "container a, container b, container c, container d and 1 more"
    assert in_words(POLICY, "root") == (
        "Everything",
        "any command on anything, even what is as good as root on the host",
        f"container * (operate only) on {targets}, hosts prod-1, once people agree",
    )
    assert in_words(POLICY, "lead") == ("list on anything",)
    many = Role(rules=tuple(Rule(verbs=(Verb.LIST,)) for _ in range(20)))
    policy = changed(roles={**POLICY.roles, "root": many})
    assert in_words(policy, "root")[MOST_WORDS:] == ("and 12 more rules",)
