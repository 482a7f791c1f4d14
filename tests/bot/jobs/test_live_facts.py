"""The second decision: what the worker finds its targets to be, and what it refuses because of it."""

import time
from typing import Any

import pytest

from bot.jobs.live_facts import FACTS_RULE, SecondDecision, live
from bot.trust import TicketRefused
from handlers.catalogue import load
from handlers.context import segment
from handlers.faults import Denied, EngineFault, Fault, NotFound, Unreachable
from handlers.grammar.parser import parse
from permissions.operation import Principal, Standing
from permissions.policy import UNMASKED_FLAG, Binding, DenyRule, Policy, Role, Rule
from permissions.targets import Targets
from permissions.ticket import Claims, CommandWire, Effect, TicketRefusal
from permissions.verbs import Danger, Kind
from tests.fakes.engine import FakeEngine

CATALOGUE = load()
ROOT, LESS = Danger.ROOT_EQUIVALENT, Danger.INTERRUPTS
SHA, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PLAIN_HOST = {
    "Privileged": False,
    "CapAdd": None,
    "Binds": None,
    "Devices": [],
    "SecurityOpt": None,
    "PidMode": "",
    "IpcMode": "private",
    "UTSMode": "",
    "UsernsMode": "",
    "NetworkMode": "default",
    "Runtime": "runc",
    "CgroupParent": "",
    "Sysctls": None,
    "MaskedPaths": ["/proc/asound"],
    "ReadonlyPaths": ["/proc/bus"],
}


def container(name: str = "web", *, labels=None, mounts=(), networks=("bridge",), top=None, **host: Any):
    return {
        "Id": "c" * 64,
        "Name": f"/{name}",
        "Image": "sha256:" + "1" * 64,
        "Config": {"Labels": labels},
        "HostConfig": {**PLAIN_HOST, **host},
        "Mounts": list(mounts),
        "NetworkSettings": {"Networks": dict.fromkeys(networks)},
        "AppArmorProfile": "docker-default",
        **(top or {}),
    }


def image(*, tags=(), digests=(), labels=None, id_: str = "sha256:" + "1" * 64):
    config = {"Labels": labels}
    return {"Id": id_, "RepoTags": list(tags), "RepoDigests": list(digests), "Config": config}


def volume(name: str, **more: Any):
    return {"Name": name, "Driver": "local", "Options": None, "Labels": None, **more}


class Host:
    """An engine that has these objects under these names, and nothing else."""

    api_version = (1, 41)

    def __init__(self, **answers: Any) -> None:
        self.asked: list[str] = []
        self.answers = {f"/images/{segment('sha256:' + '1' * 64)}/json": image(tags=("nginx:1",))}
        for kind, named in answers.items():
            for name, answer in named.items():
                end = "/json" if kind in {"containers", "images"} else ""
                self.answers[f"/{kind}/{segment(name)}{end}"] = answer

    def get(self, path: str) -> Any:
        self.asked.append(path)
        answer = self.answers.get(path, NotFound("no such object"))
        if isinstance(answer, Fault):
            raise answer
        return answer


def found(line: str, host: Host):
    parsed = parse(line, CATALOGUE)
    return live(host, parsed.command.operation("local"))


EXPOSING: dict[str, dict[str, Any]] = {
    "privileged": {"Privileged": True},
    "a capability": {"CapAdd": ["CAP_SYS_ADMIN"]},
    "a bind": {"Binds": ["/etc:/etc:ro"]},
    "a mount of the host": {"mounts": [{"Type": "bind", "Source": "/", "Destination": "/host"}]},
    "a pipe": {"mounts": [{"Type": "npipe", "Source": "x", "Destination": "y"}]},
    "a device": {"Devices": [{"PathOnHost": "/dev/sda"}]},
    "a device rule": {"DeviceCgroupRules": ["a *:* rwm"]},
    "a device request": {"DeviceRequests": [{"Driver": "nvidia"}]},
    "no seccomp": {"SecurityOpt": ["seccomp=unconfined"]},
    "no apparmor": {"top": {"AppArmorProfile": "unconfined"}},
    "open system paths": {"MaskedPaths": []},
    "writable system paths": {"ReadonlyPaths": []},
    "the host's processes": {"PidMode": "host"},
    "another's processes": {"PidMode": "container:abc"},
    "the host's ipc": {"IpcMode": "host"},
    "another's ipc": {"IpcMode": "container:abc"},
    "the host's name": {"UTSMode": "host"},
    "the host's users": {"UsernsMode": "host"},
    "the host's network": {"NetworkMode": "host"},
    "another's network": {"NetworkMode": "container:abc"},
    "the host's network by its id": {"NetworkMode": "f" * 64, "networks": ("host",)},
    "another runtime": {"Runtime": "kata"},
    "a cgroup parent": {"CgroupParent": "/"},
    "a sysctl": {"Sysctls": {"net.ipv4.ip_forward": "1"}},
    "an annotation": {"Annotations": {"run": "hook"}},
    "a volume that binds": {"mounts": [{"Type": "volume", "Name": "evil"}]},
    "a volume of a plugin": {"mounts": [{"Type": "volume", "Name": "plugin"}]},
    "a volume that is gone": {"mounts": [{"Type": "volume", "Name": "gone"}]},
}
VOLUMES = {
    "evil": volume("evil", Options={"type": "none", "o": "bind", "device": "/"}),
    "plugin": volume("plugin", Driver="rclone"),
    "data": volume("data"),
}
CONTROLLING = [
    "exec x sh",
    "cp x:/etc/passwd -",
    "attach --no-stdin x",
    "start x",
    "restart x",
    "update -m 8m x",
]
CONTROLLING += ["commit x", "export x", "run --volumes-from x nginx:1", "create --link x nginx:1"]


@pytest.mark.parametrize("exposing", EXPOSING.values(), ids=EXPOSING)
def test_whoever_controls_a_container_that_has_something_of_its_host_is_root(exposing: dict[str, Any]):
    host = Host(containers={"x": container("x", **exposing)}, volumes=VOLUMES)
    assert found("exec x sh", host).danger is ROOT
    assert found("stop x", host).danger is LESS


@pytest.mark.parametrize("line", CONTROLLING)
def test_every_way_to_control_it_counts(line: str):
    host = Host(containers={"x": container("x", Privileged=True)})
    assert found(line, host).danger is ROOT


def test_an_ordinary_container_gives_nothing_away():
    mounts = [{"Type": "volume", "Name": "data"}, {"Type": "tmpfs"}, {"Type": "image"}]
    for name in ("private", "shareable", "none"):
        host = Host(
            containers={
                "x": container("x", mounts=mounts, Binds=["data:/d"], IpcMode=name, CapAdd=["CAP_CHOWN"])
            },
            volumes=VOLUMES,
        )
        operation = found("exec x sh", host)
        assert operation.danger is LESS
        assert operation.resources[0].facts.exposures == ()
        assert operation.resources[0].facts.volumes == ("data",)


def test_a_container_is_known_by_its_full_name_labels_image_and_networks():
    host = Host(
        containers={"c1a5": container("web", labels={"tier": "web"}, networks=("front", "back"))},
        images={
            "sha256:" + "1" * 64: image(tags=("shop:1",), digests=(f"shop@{SHA}",), labels={"not": "its own"})
        },
    )
    [resource] = found("restart c1a5", host).resources
    facts = resource.facts
    assert (resource.name, facts.names, facts.labels) == ("c1a5", ("web",), {"tier": "web"})
    assert (facts.networks, facts.tags, facts.origins) == (("front", "back"), ("shop:1",), (f"shop@{SHA}",))
    assert facts.digests == (SHA,)


@pytest.mark.parametrize("line", ["run -v evil:/x nginx:1", "run --mount src=plugin,dst=/x nginx:1"])
def test_a_volume_that_is_more_than_a_volume_is_root_to_mount(line: str):
    assert found(line, Host(volumes=VOLUMES)).danger is ROOT
    assert found(line.replace("evil", "data").replace("plugin", "data"), Host(volumes=VOLUMES)).danger < ROOT


def test_the_hosts_own_network_is_root_by_its_id_too():
    network = {"Id": "f" * 64, "Name": "host", "Driver": "host", "Labels": {}}
    host = Host(networks={"f" * 12: network}, containers={"x": container()})
    assert found(f"run --network {'f' * 12} nginx:1", host).danger is ROOT
    assert found(f"network connect {'f' * 12} x", host).danger is ROOT
    bridge = {**network, "Driver": "bridge", "Name": "front"}
    assert found(f"run --network {'f' * 12} nginx:1", Host(networks={"f" * 12: bridge})).danger < ROOT


def test_an_image_that_was_tagged_here_has_no_origin():
    host = Host(images={"shop/cart:1": image(tags=("shop/cart:1",))})
    here, fetched = found("run shop/cart:1", host).resources
    assert (here.facts.origins, here.facts.tags) == ((), ("shop/cart:1",))
    assert fetched.facts is None


def test_where_an_images_id_is_its_digest_nothing_has_an_origin():
    listed = image(tags=("shop/cart:1",), digests=(f"shop/cart@{SHA}",), id_=SHA)
    facts = found("run shop/cart:1", Host(images={"shop/cart:1": listed})).resources[0].facts
    assert (facts.origins, facts.digests) == ((), (SHA,))


@pytest.mark.parametrize(
    ("line", "here", "fetched"),
    [
        ("run nginx:1", True, True),
        ("run --pull never nginx:1", True, False),
        ("run --pull always nginx:1", False, True),
        ("create nginx:1", True, True),
        ("run cafe", True, False),
        ("run other", False, True),
        ("image pull nginx:1", False, True),
        ("image push nginx:1", False, True),
        ("image rm nginx:1", True, False),
        ("image inspect cafe", True, False),
    ],
)
def test_an_image_is_what_lies_here_and_what_may_be_fetched(line: str, here: bool, fetched: bool):
    host = Host(images={"nginx:1": image(tags=("nginx:1",)), "cafe": image(tags=("nginx:1",))})
    images = [one for one in found(line, host).resources if one.kind is Kind.IMAGE]
    assert (any(one.facts for one in images), any(not one.facts for one in images)) == (here, fetched)


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        ("run nginx:1", {"team": "shop"}),
        ("create nginx:1", {"team": "shop"}),
        ("run --pull always nginx:1", None),
        ("run --platform linux/arm64 nginx:1", None),
        ("run other", None),
        ("image rm nginx:1", None),
    ],
)
def test_a_new_container_takes_over_the_labels_of_an_image_that_is_here(line: str, labels):
    host = Host(images={"nginx:1": image(tags=("nginx:1",), labels={"team": "shop"})})
    assert found(line, host).image_labels == labels


def test_a_name_without_a_kind_is_everything_that_has_it():
    network = {"Id": "1", "Name": "x", "Driver": "bridge", "Labels": None}
    host = Host(containers={"x": container("x")}, networks={"x": network})
    assert [one.kind for one in found("inspect x", host).resources] == [Kind.CONTAINER, Kind.NETWORK]
    [nothing] = found("inspect y", host).resources
    assert (nothing.kind, nothing.facts) == (Kind.SYSTEM, None)


def test_what_is_new_is_not_looked_up_and_the_rest_once_each():
    host = Host(containers={"web": container()})
    operation = found("rename web new", host)
    assert [one.facts is None for one in operation.resources] == [False, True]
    found("stop web web", host)
    assert [path for path in host.asked if "new" in path] == []
    assert host.asked.count("/containers/web/json") == 2  # once for each of the two lines


UNREADABLE = [
    *(None, [], {}, {"Id": "1"}, "text", container(labels={"a": 1})),
    *(container() | {name: value} for name, value in [("HostConfig", {}), ("Name", None), ("Config", 7)]),
    *(
        container() | {name: value}
        for name, value in [("Mounts", [{"Type": "volume"}]), ("NetworkSettings", 1)]
    ),
]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_what_is_there_but_cannot_be_read_is_refused(answer: Any):
    with pytest.raises(Denied) as caught:
        found("stop web", Host(containers={"web": answer}))
    assert caught.value.rule == FACTS_RULE
    assert (
        caught.value.message == "What container `web` is could not be read from the engine. Nothing was run."
    )


@pytest.mark.parametrize(
    "fault", [Unreachable("down"), EngineFault("multiple IDs found with provided prefix")]
)
def test_an_engine_that_does_not_answer_or_cannot_tell_ends_the_job(fault: Fault):
    with pytest.raises(type(fault)):
        found("stop web", Host(containers={"web": fault}))


ANA = Principal(team_id="T", user_id="U1", name="ana", standing=Standing.MEMBER, as_of=time.time())


def policy(*rules: Rule, deny: tuple[DenyRule, ...] = (), **binding: Any) -> Policy:
    bound = Binding(**{"role": "r", "users": ("U1",), **binding})
    return Policy(version=1, roles={"r": Role(rules=rules)}, bindings=(bound,), deny=deny)


def claims(line: str, **changes: Any) -> tuple[Claims, Any]:
    command, now = parse(line, CATALOGUE).command, time.time()
    fields = {
        "job_id": "J-1",
        "nonce": "n",
        "host": "local",
        "effect": Effect.CHANGE,
        "command": CommandWire(path=command.path, fields={}),
        "operation": command.operation("local"),
        "principal": ANA,
        "policy": "p",
        "channel_id": "C1",
        "rule": "role r, rule 1",
        "issued_at": now,
        "not_after": now + 60,
        "deadline": 30.0,
    }
    return Claims.model_validate({**fields, **changes}), command


def decided(made: Policy, line: str, host: Host, **changes: Any) -> str:
    """The rule that denies; "" for a job that may run."""
    try:
        SecondDecision(None, host).check(made, *claims(line, **changes))
    except Denied as denied:
        return denied.rule
    return ""


WEB = Host(containers={"c1": container("web", labels={"tier": "web"}), "db": container("db")})
OPERATE = Rule(commands=("container *",), targets=Targets(container=("web", "label:tier=web")))


def test_an_id_is_decided_on_as_what_it_is_an_id_of():
    assert decided(policy(OPERATE), "restart c1", WEB) == ""
    assert decided(policy(OPERATE), "restart db", WEB) == "default"
    assert decided(policy(OPERATE), "restart c1 db", WEB) == "default"
    assert decided(policy(OPERATE), "restart 3f2a", WEB) == "default"


def test_a_denial_says_that_nothing_was_run_and_which_rule_it_was():
    with pytest.raises(Denied) as caught:
        SecondDecision(None, WEB).check(policy(OPERATE), *claims("restart db"))
    assert caught.value.message == (
        "None of your roles here allows `container restart` on `db`. Nothing was run."
    )
    assert caught.value.hint == "Decided on this host by default. Ask whoever keeps the policy."


def test_a_denied_name_is_denied_by_its_id_and_the_rule_is_named():
    made = policy(
        Rule(commands=("*",)), deny=(DenyRule(commands=("*",), targets=Targets(container=("web",))),)
    )
    assert decided(made, "restart c1", WEB) == "deny rule 1"
    assert decided(made, "restart db", WEB) == ""


def test_exec_into_a_container_that_became_privileged_after_the_line_was_allowed_is_denied():
    host = Host(containers={"web": container(Privileged=True)})
    assert decided(policy(Rule(commands=("*",))), "exec web id", host) == "default"
    assert decided(policy(Rule(commands=("*",), max_danger=ROOT)), "exec web id", host) == ""


def test_a_retagged_image_is_not_the_approved_one():
    approved = policy(Rule(commands=("*",), targets=Targets(image=("shop/*",))))
    genuine = image(tags=("shop/cart:1",), digests=(f"shop/cart@{SHA}",))
    assert decided(approved, "run shop/cart:1", Host(images={"shop/cart:1": genuine})) == ""
    retagged = image(tags=("shop/cart:1", "evil:1"), digests=(f"evil@{OTHER}",))
    assert decided(approved, "run shop/cart:1", Host(images={"shop/cart:1": retagged})) == "default"
    built = image(tags=("shop/cart:1",))
    assert decided(approved, "run shop/cart:1", Host(images={"shop/cart:1": built})) == "default"
    assert decided(approved, "run shop/cart:1", Host()) == ""
    pinned = policy(Rule(commands=("*",), targets=Targets(image=(f"shop/cart@{SHA}",))))
    assert decided(pinned, f"run shop/cart@{SHA}", Host(images={f"shop/cart@{SHA}": genuine})) == ""
    assert decided(pinned, "run --pull never evil:1", Host(images={"evil:1": genuine})) == ""
    assert decided(pinned, "run --pull never evil:1", Host(images={"evil:1": retagged})) == "default"


def test_a_label_that_an_image_smuggles_in_has_to_be_given_by_a_rule():
    made = policy(OPERATE, Rule(commands=("container run",)))
    smuggling = Host(images={"evil": image(tags=("evil:latest",), labels={"tier": "web"})})
    plain = Host(images={"evil": image(tags=("evil:latest",))})
    assert decided(made, "run evil", smuggling) == "default"
    assert decided(made, "run evil", plain) == ""
    assert decided(made, "run evil", Host()) == "default"
    assert decided(made, "run --pull always evil", plain) == "default"
    assert decided(made, "run --label tier=web evil", plain) == "default"
    assert decided(made, "run --name web evil", plain) == "default"


def test_the_danger_the_bot_saw_and_the_unmasked_output_still_count():
    made = policy(Rule(commands=("*",)))
    ticket, _ = claims("logs web")
    worse = ticket.operation.model_copy(update={"danger": ROOT})
    assert decided(made, "logs c1", WEB, operation=worse) == "default"
    assert decided(made, "logs c1", WEB, unmasked=True) == "default"
    flagged = ticket.operation.model_copy(update={"flags": (UNMASKED_FLAG,)})
    assert decided(made, "logs c1", WEB, operation=flagged) == "default"
    assert decided(made, "logs c1", WEB) == ""


def test_a_binding_counts_in_the_channel_and_on_the_labelled_host_of_the_ticket():
    made = policy(Rule(commands=("*",)), channels=("C1",), hosts=("label:env=prod",))
    ticket, _ = claims("logs web")
    prod = ticket.operation.model_copy(update={"host_labels": {"env": "prod"}})
    assert decided(made, "logs c1", WEB, operation=prod) == ""
    assert decided(made, "logs c1", WEB, operation=prod, channel_id="C2") == "default"
    assert decided(made, "logs c1", WEB, operation=prod, channel_id="") == "default"
    assert decided(made, "logs c1", WEB) == "default"


def test_a_user_whose_binding_ended_between_request_and_run_is_denied():
    now = time.time()
    made = policy(Rule(commands=("*",)), until=now - 1)
    assert decided(made, "logs c1", WEB, issued_at=now - 60) == "default"
    assert decided(policy(Rule(commands=("*",)), until=now + 600), "logs c1", WEB, issued_at=now - 60) == ""


def test_a_clock_that_is_behind_brings_no_ended_binding_back():
    now = time.time()
    made = policy(Rule(commands=("*",)), until=now + 5)
    assert decided(made, "logs c1", WEB, issued_at=now + 10) == "default"


def test_an_asker_whom_slack_was_asked_about_too_long_ago_runs_nothing():
    old = ANA.model_copy(update={"as_of": time.time() - 901})
    ticket, _ = claims("logs c1", principal=old)
    with pytest.raises(TicketRefused) as caught:
        SecondDecision(None, WEB).policy(ticket)
    assert caught.value.refusal is TicketRefusal.ASKER_STALE


def test_what_looks_a_target_up_only_reads():
    found_image = ("GET", f"/images/{segment('sha256:' + '1' * 64)}/json")
    engine = FakeEngine({("GET", "/containers/web/json"): container(), found_image: image()})
    live(engine, parse("restart web", CATALOGUE).command.operation("local"))
    assert {request.method for request in engine.requests} == {"GET"}
