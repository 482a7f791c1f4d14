"""Every spelling of an option that hands over the host is ROOT_EQUIVALENT; the rest is not."""

import pytest

from handlers.catalogue import load
from handlers.container.hazards import network_danger, volume_danger
from handlers.faults import UsageFault
from handlers.grammar.parser import parse
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb

ROOT, SAFE = Danger.ROOT_EQUIVALENT, Danger.SAFE


def operation(line):
    return parse(line, load()).command.operation("box")


@pytest.mark.parametrize(
    "options",
    [
        "-v /x:/y",
        "-v=/x:/y",
        "-v/x:/y",
        "-dv /x:/y",
        "--volume /x:/y",
        "--volume=/x:/y",
        "-v '/x:/y:ro'",
        "-v /var/run/docker.sock:/s",
        "-v data:/data -v /:/host",
        "-v /../etc:/y",
        "-v //:/y",
        "-v ' /x:/y'",
        "-v data/../..:/y",
        "-v 'C:\\\\x:/y'",
        "--privileged",
        "--privileged=true",
        "--privileged=1",
        "--net host",
        "--net=host",
        "--network host",
        "--network=host",
        "--network name=host",
        "--network 'NAME=HOST'",
        "--network 'alias=a,name=host'",
        "--net container:web",
        "--network=container:4f0c",
        "--network name=container:web",
        "--network container:",
    ],
)
def test_what_gives_the_host_away_is_root_equivalent(options):
    found = operation(f"docker run {options} busybox")
    assert found.danger is ROOT
    assert found.verb is Verb.CREATE


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-v data:/data",
        "-v data:/data:ro",
        "-v /data",
        "--privileged=false",
        "--network web",
        "--network bridge",
        "--network none",
        "--network name=hosts,alias=host",
        "-u root",
        "-p 80:80",
        "-P",
        "--read-only",
        "-e A=/x:/y",
        "-l a=/x:/y",
    ],
)
def test_what_stays_inside_is_safe(options):
    assert operation(f"docker run {options} busybox").danger is SAFE


def test_what_follows_the_image_is_the_containers_own():
    assert operation("docker run busybox -v /x:/y --privileged --net host").danger is SAFE


@pytest.mark.parametrize("source", ["..", ".", "./x", "../x", "~", "~/x", "~root/x", ".hidden"])
def test_paths_of_the_caller_are_root_equivalent_and_refused(source):
    assert volume_danger([f"{source}:/y"]) is ROOT
    with pytest.raises(UsageFault) as raised:
        parse(f"docker run -v '{source}:/y' busybox", load())
    assert raised.value.reason == "caller_file"


@pytest.mark.parametrize("spec", ["", ":/x", "a:b:c:d:e", "a::b", "/x:", "C:/x", "a:/b"])
def test_a_volume_that_could_be_read_otherwise_is_as_bad_as_it_could_be(spec):
    assert volume_danger([spec]) is ROOT


@pytest.mark.parametrize("text", ["alias=x", "name=a,nope=b"])
def test_a_network_that_cannot_be_read_is_as_bad_as_it_could_be(text):
    assert network_danger([text]) is ROOT


@pytest.mark.parametrize(
    ("line", "verb", "danger"),
    [
        ("docker start web", Verb.OPERATE, SAFE),
        ("docker start --checkpoint c --checkpoint-dir /tmp web", Verb.OPERATE, ROOT),
        ("docker stop web", Verb.OPERATE, Danger.INTERRUPTS),
        ("docker restart web", Verb.OPERATE, Danger.INTERRUPTS),
        ("docker kill web", Verb.OPERATE, Danger.INTERRUPTS),
        ("docker rm web", Verb.DESTROY, Danger.LOSES_DATA),
        ("docker logs web", Verb.REVEAL, SAFE),
    ],
)
def test_the_other_commands_are_as_dangerous_as_they_say(line, verb, danger):
    found = operation(line)
    assert (found.verb, found.danger) == (verb, danger)
    assert found.resources == (Resource(kind=Kind.CONTAINER, name="web"),)


def test_run_names_everything_it_touches():
    line = (
        "docker run --name web --network front --network name=back,alias=a -v data:/d -v /anon -v /x:/y nginx"
    )
    assert set(operation(line).resources) == {
        Resource(kind=Kind.IMAGE, name="nginx"),
        Resource(kind=Kind.CONTAINER, name="web"),
        Resource(kind=Kind.NETWORK, name="front"),
        Resource(kind=Kind.NETWORK, name="back"),
        Resource(kind=Kind.VOLUME, name="data"),
    }


def test_a_shared_network_names_the_container_it_belongs_to():
    found = operation("docker run --network container:db nginx")
    assert Resource(kind=Kind.CONTAINER, name="db") in found.resources


def test_the_values_of_variables_stand_nowhere_in_the_operation():
    found = operation("docker run -e TOKEN=hunter22 busybox")
    assert "hunter22" not in found.model_dump_json()
    assert found.flags == ("env",)
