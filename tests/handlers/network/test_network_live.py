"""Networks on a real engine: the seed's options, shown by inspecting and by traffic between containers."""

import contextlib
import itertools
import json
import os
import time

import pytest

from handlers.catalogue import load
from handlers.engine import DockerEngine
from handlers.faults import NotFound
from handlers.grammar.parser import parse
from tests.fakes.context import FakeClock, FakeContext

_subnets = itertools.count(os.getpid() % 200)


@pytest.fixture
def engine(docker_host):
    engine = DockerEngine(docker_host, slots=4)
    yield engine
    engine.close()


@pytest.fixture
def docker(engine):
    """`docker("network ls")` runs the line and returns its output; its now is the end of this second."""

    def run(line):
        ctx = FakeContext(engine, clock=FakeClock(time.time() + 1))
        output = parse(f"docker {line}", load()).command.run(ctx)
        assert (output.failures, output.exit_code) == ((), 0)
        return ctx.out.decode() + output.stdout

    return run


@pytest.fixture
def prefix():
    """Two numbers of a subnet of its own: 10.A.B.0/24 and fd00:A:B::/64."""
    return "10.{}.{}".format(*divmod(51_000 + next(_subnets), 256))


@pytest.fixture
def names(engine, unique):
    """A network and two containers that sleep; all gone afterwards."""
    network, web, db = unique("net"), unique("web"), unique("db")
    yield network, web, db
    for path in (f"/containers/{web}", f"/containers/{db}", f"/networks/{network}"):
        with contextlib.suppress(NotFound):
            engine.delete(path, {"force": True})


def made(engine, name, image, script):
    engine.post("/containers/create", {"name": name}, {"Image": image, "Cmd": ["sh", "-c", script]})


def test_a_network_has_what_its_line_said(docker, names, prefix):
    network = names[0]
    docker(
        f"network create -d bridge --subnet {prefix}.0/24 --ip-range {prefix}.128/25 --gateway {prefix}.1"
        f" --subnet fd00:{prefix.split('.')[2]}::/64 --ipv6 --label tier=web {network}"
    )
    (found,) = json.loads(docker(f"network inspect {network}"))
    four, six = sorted(found["IPAM"]["Config"], key=lambda part: ":" in part["Subnet"])
    assert four == {"Subnet": f"{prefix}.0/24", "IPRange": f"{prefix}.128/25", "Gateway": f"{prefix}.1"}
    assert six["Subnet"].startswith("fd00:")
    assert (found["EnableIPv6"], found["Labels"]) == (True, {"tier": "web"})
    assert network in docker("network ls -q --format '{{.Name}}' -f label=tier=web")
    assert docker(f"network rm {network}") == f"{network}\n"


FETCH = """
fetched() { for try in 1 2 3 4 5 6 7 8; do timeout 5 wget -q -O - "http://$1/" && return; sleep 1; done; }
for name in %s; do echo "$name: $(fetched $name)"; done
"""
"""Asks for the page of each name; an IPv6 address can be used once nobody else was found to have it."""
PAGE = "hello from docktalk's tiny image"


def ended(engine, container):
    """Starts a container and waits for its end; its exit code."""
    end = engine.progress(f"/containers/{container}/wait", {"condition": "next-exit"})
    engine.post(f"/containers/{container}/start")
    return [answer["StatusCode"] for answer in end]


def test_pages_are_fetched_by_every_address_and_name_that_the_lines_gave(
    engine, docker, names, prefix, image
):
    network, web, db = names
    six = f"fd00:{prefix.split('.')[1]}:{prefix.split('.')[2]}:"
    docker(
        f"network create -d bridge --subnet {prefix}.0/24 --ip-range {prefix}.192/26"
        f" --ipv6 --subnet {six}:/64 {network}"
    )
    made(engine, db, image, "httpd -f -p 80 -h /var/www")
    engine.post(f"/containers/{db}/start")
    docker(
        f"network connect --ip {prefix}.77 --ip6 {six}:77 --alias store --alias shop,market {network} {db}"
    )
    (found,) = json.loads(docker(f"container inspect {db}"))
    endpoint = found["NetworkSettings"]["Networks"][network]
    assert (endpoint["IPAddress"], endpoint["GlobalIPv6Address"]) == (f"{prefix}.77", f"{six}:77")
    assert {"store", "shop", "market"} <= set(endpoint["Aliases"])

    asked = [f"{prefix}.77", f"[{six}:77]", "store", "shop", "market", "linked", db]
    made(engine, web, image, FETCH % " ".join(f"'{name}'" for name in asked))
    docker(f"network connect --link {db}:linked {network} {web}")
    assert ended(engine, web) == [0]
    assert docker(f"logs {web}").splitlines() == [f"{name}: {PAGE}" for name in asked]
    (found,) = json.loads(docker(f"container inspect {web}"))
    assert found["NetworkSettings"]["Networks"][network]["Links"] == [f"{db}:linked"]


def test_an_address_comes_from_the_range_and_a_disconnected_container_is_out_of_reach(
    engine, docker, names, prefix, image
):
    network, web, db = names
    docker(f"network create --subnet {prefix}.0/24 --ip-range {prefix}.192/26 {network}")
    made(engine, db, image, "httpd -f -p 80 -h /var/www")
    engine.post(f"/containers/{db}/start")
    docker(f"network connect --alias store {network} {db}")
    form = f"{{{{with index .NetworkSettings.Networks {json.dumps(network)}}}}}{{{{.IPAddress}}}}{{{{end}}}}"
    address = docker(f"container inspect -f '{form}' {db}").strip()
    assert 192 <= int(address.removeprefix(f"{prefix}.")) <= 255

    script = "for name in $@; do timeout 2 wget -q -O - http://$name/ || echo nobody; done"
    made(engine, web, image, f"set -- {address} store; {script}")
    docker(f"network connect {network} {web}")
    assert ended(engine, web) == [0]
    docker(f"network disconnect {network} {db}")
    assert address not in docker(f"network inspect {network}")
    assert ended(engine, web) == [0]
    assert docker(f"logs {web}").split("\n") == [PAGE, PAGE, "nobody", "nobody", ""]


def test_events_tell_of_a_network_that_came_and_went(docker, names, prefix):
    network = names[0]
    docker(f"network create --subnet {prefix}.0/24 {network}")
    docker(f"network rm {network}")
    told = docker(
        f"events --since 30s --until 0s -f type=network -f network={network} --format '{{{{.Action}}}}'"
    )
    assert told.split() == ["create", "destroy"]


def test_a_prune_shows_the_network_it_would_remove(engine, docker, names, prefix):
    network = names[0]
    docker(f"network create --subnet {prefix}.0/24 --label of={network} {network}")
    ctx = FakeContext(engine, clock=FakeClock(time.time()))
    shown = parse(f"docker network prune --filter label=of={network}", load()).command.preview(ctx)
    assert [row[1] for row in shown.rows] == [network]
    assert network in docker(f"network prune -f --filter label=of={network}")
