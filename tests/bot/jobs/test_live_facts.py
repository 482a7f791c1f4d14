"""What the worker finds its targets to be."""

from typing import Any

import pytest

from bot.jobs.live_facts import live
from bot.jobs.live_reading import FACTS_RULE
from handlers.container.hazards import Gift
from handlers.context import segment
from handlers.faults import Denied, EngineFault, Fault, Unreachable
from handlers.grammar.parser import parse
from permissions.verbs import Kind
from tests.bot.jobs.live_host import CATALOGUE, LESS, ROOT, SHA, Host, container, found, image, volume
from tests.fakes.engine import FakeEngine

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
    *(
        container() | {name: value}
        for name, value in [("HostConfig", {"Privileged": False}), ("Name", None), ("Config", 7)]
    ),
    *(
        container() | {name: value}
        for name, value in [("Mounts", [{"Type": "volume"}]), ("NetworkSettings", 1)]
    ),
]


def test_a_container_of_which_the_engine_tells_nothing_may_have_everything():
    told = container() | {"HostConfig": {}, "Config": {}}
    operation = found("exec web id", Host(containers={"web": told}))
    assert operation.danger is ROOT
    (facts,) = [one.facts for one in operation.resources]
    assert facts is not None
    assert facts.exposures == tuple(sorted(gift.value for gift in Gift))


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


def test_what_no_image_can_be_called_is_nothing_and_the_command_is_told_so():
    refused = EngineFault("no such image: BAD: invalid reference format: repository name must be lowercase")
    engine = FakeEngine({("GET", "/images/BAD/json"): refused})
    assert live(engine, parse("rmi BAD", CATALOGUE).command.operation("local")).resources[0].facts is None
    with pytest.raises(EngineFault):
        found("stop web", Host(containers={"web": refused}))


def test_what_looks_a_target_up_only_reads():
    found_image = ("GET", f"/images/{segment('sha256:' + '1' * 64)}/json")
    engine = FakeEngine({("GET", "/containers/web/json"): container(), found_image: image()})
    live(engine, parse("restart web", CATALOGUE).command.operation("local"))
    assert {request.method for request in engine.requests} == {"GET"}
