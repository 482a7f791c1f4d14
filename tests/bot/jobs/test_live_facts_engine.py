"""What a real engine says of its objects, as the second decision reads it."""

import pytest

from bot.jobs.live_facts import SecondDecision, live
from handlers.catalogue import load
from handlers.engine import DockerEngine
from handlers.grammar.parser import parse
from permissions.operation import Bind, Facts
from permissions.policy import DenyRule, Rule
from permissions.targets import Targets
from permissions.verbs import Danger, Verb
from tests.bot.jobs.live_host import claims, policy
from tests.fakes.context import FakeContext

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


READ, WRITTEN = Bind(path="/etc", read_only=True), Bind(path="/etc", read_only=False)


@pytest.mark.parametrize(
    ("host", "binds", "exposures"),
    [
        ({"Binds": ["/etc:/in:ro"]}, (READ,), ()),
        ({"Binds": ["/etc/../etc/.:/in"]}, (WRITTEN,), ()),
        ({"Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/in", "ReadOnly": True}]}, (READ,), ()),
        ({"Binds": ["/etc:/in:ro,rslave"]}, (), ("host path",)),
    ],
)
def test_paths_of_the_host_are_read_as_they_are_mounted(engine, made, host, binds, exposures):
    found = facts(engine, f"exec {made(**host)} sh")
    assert (found.binds, found.exposures) == (binds, exposures)


def test_a_volume_that_binds_is_read_as_the_path_that_it_binds(engine, made, unique):
    name = unique("bound")
    options = {"type": "none", "o": "bind,ro", "device": "/etc"}
    engine.post("/volumes/create", body={"Name": name, "DriverOpts": options})
    found = facts(engine, f"exec {made(Binds=[f'{name}:/in'])} sh")
    assert (found.binds, found.exposures, found.volumes) == ((READ,), (), (name,))


def test_a_listing_of_a_real_engine_is_without_what_is_hidden(engine, made, image, unique):
    seen, hidden = made(labels={"tier": "web"}), made(labels={"tier": "secret"})
    volumes = [unique("seen"), unique("hidden")]
    for name in volumes:
        engine.post("/volumes/create", body={"Name": name})
    denied = Targets(container=("label:tier=secret",), volume=(volumes[1],), image=(image,))
    made_policy = policy(
        Rule(commands=("*",)), deny=(DenyRule(verbs=(Verb.LIST,), targets=denied, commands=("*",)),)
    )

    def listed(line: str) -> list[str]:
        ticket, command = claims(line)
        sight = SecondDecision(None, engine).sight(made_policy, ticket, command)
        return command.run(FakeContext(sight)).stdout.split()

    names = listed('ps -a --format "{{.Names}}"')
    assert (seen in names, hidden in names) == (True, False)
    names = listed('volume ls --format "{{.Name}}"')
    assert (volumes[0] in names, volumes[1] in names) == (True, False)
    names = listed('images --format "{{.Repository}}:{{.Tag}}"')
    assert image not in names
    usage = listed('system df -v --format "{{json .}}"')
    assert not any(hidden in word or volumes[1] in word for word in usage)
    assert any(seen in word for word in usage)
