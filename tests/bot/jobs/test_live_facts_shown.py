"""Listings show what their asker may be shown, and say nothing of the rest."""

from typing import Any

import pytest

from bot.jobs.live_facts import SecondDecision
from handlers.context import segment
from handlers.faults import Denied, EngineFault
from permissions.policy import DenyRule, Flags, Policy, Rule
from permissions.targets import Targets
from permissions.verbs import Verb
from tests.bot.jobs.live_host import (
    CONTAINERS,
    OTHER,
    Host,
    Listing,
    claims,
    container,
    decided,
    image,
    policy,
    row,
)
from tests.fakes.context import FakeContext


def sight(made: Policy, line: str, host: Host):
    return SecondDecision(None, host).sight(made, *claims(line))


def listed(made: Policy, line: str, host: Host | None = None) -> str:
    """What the command prints for whoever has that policy."""
    host = host or Listing()
    ticket, command = claims(line)
    SecondDecision(None, host).check(made, ticket, command)
    output = command.run(FakeContext(sight(made, line, host)))
    return output.stdout


ALL = Rule(commands=("*",))
LINES = {
    'ps --format "{{.Names}}"': ["web", "secret-db", "cart"],
    'images --format "{{.Repository}}"': ["shop/cart", "secret", "<none>"],
    'volume ls --format "{{.Name}}"': ["data", "money"],
    'network ls --format "{{.Name}}"': ["back", "front"],
}
HIDING = {
    "container": {"container": ("secret-*",)},
    "image": {"image": ("secret",)},
    "volume": {"volume": ("money",)},
    "network": {"network": ("back",)},
}


def hiding(*targets: Targets, **more: Any) -> Policy:
    denies = tuple(DenyRule(**{"verbs": (Verb.LIST,), "targets": one, **more}) for one in targets)
    return policy(ALL, deny=denies)


@pytest.mark.parametrize(("line", "names"), LINES.items(), ids=LINES)
def test_a_listing_is_whole_for_whom_nothing_is_hidden(line: str, names: list[str]):
    assert listed(policy(ALL), line).split() == names


LEFT = [["web", "cart"], ["shop/cart", "<none>"], ["data"], ["front"]]


@pytest.mark.parametrize(("line", "left"), list(zip(LINES, LEFT, strict=True)), ids=LINES)
def test_what_a_deny_hides_is_in_no_listing(line: str, left: list[str]):
    everything = hiding(*(Targets(**targets) for targets in HIDING.values()))
    assert listed(everything, line).split() == left


@pytest.mark.parametrize(
    "target",
    ["secret-*", "label:secret", "network:back", "volume:money", "image:secret/*"],
)
def test_a_container_is_hidden_by_whatever_a_rule_goes_by(target: str):
    hidden = row(
        "secret-db", labels={"secret": "1"}, networks=("back",), volumes=("money",), image_id="sha256:s"
    )
    host = Listing(**{"/containers/json": [CONTAINERS[0], hidden]})
    host.answers[f"/images/{segment('sha256:s')}/json"] = image(
        tags=("x",), digests=(f"secret/db@{OTHER}",), id_="i"
    )
    assert listed(hiding(Targets(container=(target,))), 'ps --format "{{.Names}}"', host).split() == ["web"]


def test_who_may_list_some_sees_those_alone():
    some = policy(Rule(verbs=(Verb.LIST,), targets=Targets(container=("label:tier=web", "ca*"))))
    assert listed(some, 'ps --format "{{.Names}}"').split() == ["web", "cart"]
    assert decided(some, "images", Listing()) == "default"
    by_image = policy(Rule(verbs=(Verb.LIST,), targets=Targets(container=("image:shop/*",))))
    assert listed(by_image, 'ps --format "{{.Names}}"').split() == ["web", "cart"]


def test_the_rules_of_another_verb_hide_nothing_from_a_listing():
    made = hiding(Targets(container=("*",)), verbs=(Verb.REVEAL,))
    assert listed(made, 'ps --format "{{.Names}}"').split() == ["web", "secret-db", "cart"]


def test_disk_usage_counts_what_may_be_seen():
    made = hiding(*(Targets(**targets) for targets in HIDING.values()))
    answer = sight(made, "system df", Listing()).get("/system/df")
    names = [one["Names"][-1] for one in answer["Containers"]]
    assert (names, [volume["Name"] for volume in answer["Volumes"]]) == (["/web", "/cart"], ["data"])
    assert [one["RepoTags"][0] for one in answer["Images"]] == ["shop/cart:1", "<none>:<none>"]
    assert answer["LayersSize"] == 7


@pytest.mark.parametrize(
    "broken",
    [{"Names": None}, {"NetworkSettings": None}, {"Labels": {"a": 1}}, {"Mounts": [{}]}, {"Id": None}],
)
def test_a_row_that_cannot_be_read_is_left_out(broken: dict[str, Any]):
    host = Listing(**{"/containers/json": [{**CONTAINERS[0], **broken}, CONTAINERS[2]]})
    engine = sight(hiding(Targets(container=("x",))), "ps", host)
    assert engine.get("/containers/json") == [CONTAINERS[2]]


def test_an_engine_without_anything_is_listed_as_such():
    host = Listing(**{"/containers/json": None, "/volumes": {"Volumes": None}})
    engine = sight(hiding(Targets(container=("x",))), "ps", host)
    assert engine.get("/containers/json") == []
    assert engine.get("/volumes") == {"Volumes": []}
    assert engine.api_version == (1, 41)
    host.answers["/containers/json"] = EngineFault("down")
    with pytest.raises(EngineFault):
        engine.get("/containers/json")


def test_statistics_follow_nothing_that_is_hidden():
    host = Listing()
    host.answers |= {
        f"/containers/{name}/json": answer
        for name, answer in {
            "w": {**container("web"), "Id": "w"},
            "s": {**container("secret-db"), "Id": "s"},
        }.items()
    }
    host.events = [{"Action": action, "Actor": {"ID": name}} for action in ("start", "die") for name in "wsg"]
    engine = sight(hiding(Targets(container=("secret-*",))), "stats", host)
    stream = engine.watch("/events")
    heard = [(event["Action"], event["Actor"]["ID"]) for event in stream]
    stream.close()
    assert heard == [("start", "w"), ("die", "w"), ("die", "s"), ("die", "g")]
    host.events = [{"read": "now"}]
    assert list(engine.watch("/containers/w/stats")) == host.events


@pytest.mark.parametrize("line", ["network inspect front", "inspect front"])
def test_a_network_tells_only_of_members_that_may_be_seen(line: str):
    members = {"w": {"Name": "web"}, "s": {"Name": "secret-db"}, "gone": {"Name": "gone"}}
    front = {"Name": "front", "Id": "f" * 64, "Driver": "bridge", "Labels": {}, "Containers": members}
    host = Host(
        containers={"w": container("web"), "s": container("secret-db")},
        networks={"front": front, "bare": {**front, "Containers": None}},
    )
    made = hiding(Targets(container=("secret-*",)), verbs=(Verb.REVEAL,))
    engine = sight(made, line, host)
    assert engine.get("/networks/front")["Containers"] == {"w": {"Name": "web"}}
    assert engine.get("/networks/bare")["Containers"] == {}
    assert engine.get("/containers/w/json") == container("web")
    # Where nothing depends on what a member is, none of them is looked at.
    assert sight(policy(ALL), line, host) is host


@pytest.mark.parametrize("line", ["stop web", "port web", "container prune -f", "stats web", "version"])
def test_what_lists_nothing_gets_the_engine_itself(line: str):
    host = Listing()
    assert sight(policy(ALL), line, host) is host


def test_looking_is_refused_where_no_rule_lets_anything_be_listed():
    with pytest.raises(Denied):
        listed(policy(Rule(verbs=(Verb.OPERATE,))), "ps")


def refused(made: Policy, line: str, host: Host) -> tuple[str, str, str]:
    with pytest.raises(Denied) as caught:
        SecondDecision(None, host).check(made, *claims(line))
    return caught.value.message, caught.value.hint, caught.value.rule


ONE_TEAM = Rule(commands=("*",), targets=Targets(container=("label:tier=web",)))
WITHOUT_FLAGS = Rule(
    commands=("*",), targets=Targets(container=("label:tier=web",)), flags=Flags(allow=("signal",))
)


@pytest.mark.parametrize(
    "line", ["exec db sh", "logs -n 3 db", "restart -t 3 db", "inspect db", "cp db:/x -"]
)
@pytest.mark.parametrize("rules", [(ONE_TEAM,), (WITHOUT_FLAGS,), (WITHOUT_FLAGS, ONE_TEAM)])
@pytest.mark.parametrize(
    "there",
    [container("db"), container("db", Privileged=True), container("db", Binds=["/etc:/in"])],
    ids=["plain", "privileged", "with a path of the host"],
)
def test_a_refusal_is_the_same_whether_the_object_is_there_or_not(line: str, rules, there: dict[str, Any]):
    made = policy(*rules)
    for name in ("db", "c" * 12):
        named = line.replace("db", name)
        assert refused(made, named, Host(containers={name: there})) == refused(made, named, Host())


def test_what_a_target_has_is_told_to_whom_a_rule_lets_near_it():
    host = Host(containers={"web": container("web", labels={"tier": "web"}, Privileged=True)})
    said, _, _ = refused(policy(ONE_TEAM), "exec web sh", host)
    assert "`web` has: privileged" in said
