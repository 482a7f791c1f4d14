"""What a real engine says of its objects, as the second decision reads it."""

import pytest

from bot.jobs.live_facts import live
from handlers.catalogue import load
from handlers.engine import DockerEngine
from handlers.grammar.parser import parse
from permissions.operation import Facts
from permissions.verbs import Danger

pytestmark = pytest.mark.engine

CATALOGUE = load()
EXPOSING = {
    "privileged": {"Privileged": True},
    "a bind": {"Binds": ["/etc:/in:ro"]},
    "a bind as a mount": {"Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/in"}]},
    "a capability": {"CapAdd": ["SYS_ADMIN"]},
    "a device": {"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/x", "CgroupPermissions": "r"}]},
    "the host's processes": {"PidMode": "host"},
    "the host's network": {"NetworkMode": "host"},
    "no seccomp": {"SecurityOpt": ["seccomp=unconfined"]},
}


@pytest.fixture
def engine(docker_host: str):
    made = DockerEngine(docker_host, slots=2)
    yield made
    made.close()


@pytest.fixture
def image(engine, image: str, unique) -> str:
    """An image whose id is its own: other tests name the common one's id, also in registries."""
    repository, container = unique("own"), unique("own")
    engine.post("/containers/create", {"name": container}, {"Image": image})
    engine.post("/commit", {"container": container, "repo": repository, "tag": "latest"})
    return f"{repository}:latest"


@pytest.fixture
def made(engine, image: str, unique):
    """``made(HostConfig…)`` is the name of a new container."""

    def make(labels: dict[str, str] | None = None, **host) -> str:
        name = unique("facts")
        body = {"Image": image, "Cmd": ["sleep", "60"], "Labels": labels or {}, "HostConfig": host}
        engine.post("/containers/create", {"name": name}, body)
        return name

    return make


def danger(engine, line: str) -> Danger:
    return live(engine, parse(line, CATALOGUE).command.operation("local")).danger


def facts(engine, line: str) -> Facts:
    found = live(engine, parse(line, CATALOGUE).command.operation("local")).resources[0].facts
    assert found is not None
    return found


def test_an_ordinary_container_is_known_by_its_id_and_gives_nothing_away(engine, made, image: str):
    name = made({"tier": "web"})
    container = engine.get(f"/containers/{name}/json")
    found = facts(engine, f"exec {container['Id'][:12]} id")
    assert (found.id, found.names, found.labels["tier"]) == (container["Id"], (name,), "web")
    assert (found.tags, found.origins, found.exposures) == ((image,), (), ())
    assert danger(engine, f"exec {name} id") is Danger.INTERRUPTS


@pytest.mark.parametrize("host", EXPOSING.values(), ids=EXPOSING)
def test_a_container_that_has_something_of_its_host_is_root_to_control(engine, made, host):
    name = made(**host)
    assert danger(engine, f"exec {name} id") is Danger.ROOT_EQUIVALENT
    assert danger(engine, f"restart {name}") is Danger.ROOT_EQUIVALENT
    assert danger(engine, f"stop {name}") is Danger.INTERRUPTS


def test_a_volume_that_binds_is_root_wherever_it_is_mounted(engine, made, unique, image: str):
    volume, plain = unique("binding"), unique("plain")
    options = {"type": "none", "o": "bind", "device": "/etc"}
    engine.post("/volumes/create", body={"Name": volume, "DriverOpts": options})
    engine.post("/volumes/create", body={"Name": plain})
    assert danger(engine, f"run -v {volume}:/in {image}") is Danger.ROOT_EQUIVALENT
    assert danger(engine, f"run -v {plain}:/in {image}") < Danger.ROOT_EQUIVALENT
    first = made(Binds=[f"{volume}:/in"])
    assert danger(engine, f"exec {made(VolumesFrom=[first])} id") is Danger.ROOT_EQUIVALENT
    assert facts(engine, f"exec {made(Binds=[f'{plain}:/in'])} id").volumes == (plain,)


def test_the_hosts_network_is_root_by_the_beginning_of_its_id(engine, image: str):
    short = engine.get("/networks/host")["Id"][:12]
    assert danger(engine, f"run --network {short} {image}") is Danger.ROOT_EQUIVALENT


def test_a_retagged_image_keeps_no_origin(engine, image: str, unique):
    name = unique("registry.example.com/approved/shop")
    engine.post(f"/images/{image}/tag", {"repo": name, "tag": "1"})
    found = facts(engine, f"run --pull never {name}:1")
    assert f"{name}:1" in found.names
    assert found.origins == ()
