import pytest
from pydantic import ValidationError

from permissions.operation import Operation, Resource
from permissions.policy import Binding, Policy, Rate, Role
from permissions.rates import counters
from permissions.targets import Targets
from permissions.verbs import Danger, Kind, Verb

C = Kind.CONTAINER


def line(*names: str, command: str = "container restart", host: str = "local", kind: Kind = C) -> Operation:
    return Operation(
        command=command,
        verb=Verb.OPERATE,
        danger=Danger.INTERRUPTS,
        resources=tuple(Resource(kind=kind, name=name) for name in names),
        host=host,
    )


def counted(rate: dict, operation: Operation, principal, channel: str = "C0OPS", known=None):
    policy = Policy(
        version=1,
        roles={"operator": Role(), "viewer": Role(), "lead": Role()},
        bindings=(
            Binding(role="operator", users=("U0ANA",), channels=("C0OPS",)),
            Binding(role="viewer", users=("U0ANA", "U0BEN")),
        ),
        rates=(Rate(**{"limit": 3, "within": 60.0, "commands": ("*",), **rate}, source="policy.yaml:9"),),
    )
    return counters(policy, principal, channel, operation, 0.0, known or {})


def test_a_counter_says_its_limit_and_names_its_rule(member):
    [counter] = counted({"per": "user"}, line("web"), member())
    assert (counter.limit, counter.seconds, counter.about) == (3, 60.0, "you")
    assert counter.rule == "rate 1 (policy.yaml:9)"
    assert len(counter.key) == 64


@pytest.mark.parametrize(
    ("rate", "abouts"),
    [
        ({"per": "user"}, ["you"]),
        ({"per": "target"}, ["`web`", "`db`"]),
        ({"per": "role", "roles": ("operator", "lead", "viewer")}, ["role operator", "role viewer"]),
        ({"per": "role", "roles": ("lead",)}, []),
        ({"per": "user", "roles": ("operator",)}, ["you"]),
        ({"per": "user", "roles": ("lead",)}, []),
        ({"per": "user", "commands": ("container stop",)}, []),
        ({"per": "user", "verbs": (Verb.LIST,)}, []),
        ({"per": "user", "hosts": ("prod",)}, []),
        ({"per": "user", "hosts": ("l*",)}, ["you"]),
        ({"per": "user", "targets": Targets(container=("db",))}, ["you"]),
        ({"per": "user", "targets": Targets(container=("api",))}, ["you"]),
        ({"per": "user", "targets": Targets(volume=("db",))}, []),
    ],
)
def test_what_a_limit_is_about_is_counted(member, rate, abouts: list[str]):
    assert [one.about for one in counted(rate, line("web", "db"), member())] == abouts


def test_a_limit_counts_on_the_hosts_with_its_label(member):
    rate = {"per": "user", "hosts": ("label:env=prod",)}
    assert counted(rate, line("web"), member()) == ()
    there = line("web").model_copy(update={"host_labels": {"env": "prod"}})
    assert len(counted(rate, there, member())) == 1


def test_a_limit_that_does_not_concern_somebody_hides_none_behind_it(member):
    rates = (
        Rate(per="user", limit=1, within=60.0, commands=("*",), roles=("lead",)),
        Rate(per="user", limit=2, within=60.0, commands=("image *",)),
        Rate(per="user", limit=3, within=60.0, verbs=(Verb.OPERATE,)),
    )
    policy = Policy(version=1, roles={"lead": Role()}, rates=rates)
    assert [one.limit for one in counters(policy, member(), "C1", line("web"), 0.0, {})] == [3]


def test_a_role_for_a_time_is_counted_while_it_lasts(member):
    bound = Binding(role="operator", users=("U0ANA",), until=100.0)
    rate = Rate(per="role", limit=1, within=60.0, commands=("*",), roles=("operator",))
    policy = Policy(version=1, roles={"operator": Role()}, bindings=(bound,), rates=(rate,))
    held = [len(counters(policy, member(), "C1", line("web"), at, {})) for at in (0.0, 99.0, 100.0)]
    assert held == [1, 1, 0]


def test_where_a_limit_stands_in_the_file_begins_no_new_count(member):
    rate = {"limit": 3, "within": 60.0, "commands": ("*",), "per": "user"}
    keys = {
        counters(
            Policy(version=1, rates=(Rate(**rate, source=place),)), member(), "C1", line("web"), 0.0, {}
        )[0].key
        for place in ("policy.yaml:9", "policy.yaml:10")
    }
    assert len(keys) == 1


def test_a_target_is_told_of_in_its_first_letters_and_counted_whatever_letters_it_has(member):
    long = counted({"per": "target"}, line("w" * 70), member())
    assert [one.about for one in long] == [f"`{'w' * 64}`"]
    assert len(counted({"per": "target"}, line("\ud800"), member())) == 1


def test_a_role_that_is_not_held_here_is_not_counted(member):
    rate = {"per": "role", "roles": ("operator", "viewer")}
    assert [one.about for one in counted(rate, line("web"), member(), "C0X")] == ["role viewer"]


def key(rate: dict, operation: Operation, principal) -> str:
    [counter] = counted(rate, operation, principal)
    return counter.key


def test_a_user_has_one_counter_for_everything_and_another_user_another(member):
    user = {"per": "user"}
    ana = key(user, line("web"), member())
    assert ana == key(user, line("db", command="container stop", host="prod"), member("U0ANA", "S1"))
    assert ana != key(user, line("web"), member("U0BEN"))
    assert ana != key({"per": "user", "limit": 4}, line("web"), member())


def test_the_holders_of_a_role_share_its_counter(member):
    rate = {"per": "role", "roles": ("viewer",)}
    assert key(rate, line("web"), member()) == key(rate, line("db"), member("U0BEN"))


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (line("web"), line("/web"), True),
        (line("web"), line("db-1"), False),
        (line("web"), line("web", host="prod"), False),
        (line("web"), line("web", kind=Kind.VOLUME), False),
        (line("web"), line("web", command="container stop"), True),
        (line("3f2a"), line("cafe"), True),
        (line("3f2a"), line("web"), False),
        (line("nginx:1", kind=Kind.IMAGE), line("NGINX:1", kind=Kind.IMAGE), True),
    ],
)
def test_a_target_has_one_counter_however_it_is_spelled_and_ids_have_one_together(
    member, left: Operation, right: Operation, same: bool
):
    target = {"per": "target"}
    assert (key(target, left, member()) == key(target, right, member("U0BEN"))) is same


WEB = ("c" * 64, "web")
KNOWN = {(C, "web"): WEB, (C, "/web"): WEB, (C, "ccc"): WEB, (C, "other"): ("d" * 64, "other")}


def test_a_known_object_has_the_counters_of_its_id_and_its_name_however_it_is_written(member):
    def keys(name: str, known=KNOWN) -> set[str]:
        return {one.key for one in counted({"per": "target"}, line(name), member(), known=known)}

    assert len(keys("web")) == 2
    assert keys("web") == keys("/web") == keys("ccc")
    assert not keys("web") & keys("other")
    made_anew = {(C, "web"): ("e" * 64, "web")}
    renamed = {(C, "shop"): ("c" * 64, "shop")}
    assert len(keys("web") & keys("web", made_anew)) == 1
    assert len(keys("web") & keys("shop", renamed)) == 1
    assert keys("web", {}) < keys("web")


def test_a_counter_of_a_known_object_is_told_by_what_was_written(member):
    abouts = [one.about for one in counted({"per": "target"}, line("ccc"), member(), known=KNOWN)]
    assert abouts == ["`ccc`", "`ccc`"]


def test_a_name_that_is_given_twice_is_counted_once(member):
    assert len(counted({"per": "target"}, line("web", "/web"), member())) == 1


def test_a_policy_without_limits_counts_nothing(member):
    assert counters(Policy(version=1), member(), "C1", line("web"), 0.0, {}) == ()


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"within": "0s"}, {"per": "host"}, {"commands": ()}])
def test_a_limit_that_limits_nothing_is_refused(wrong):
    with pytest.raises(ValidationError):
        Rate(**{"per": "user", "limit": 1, "within": "1m", "commands": ("*",), **wrong})
