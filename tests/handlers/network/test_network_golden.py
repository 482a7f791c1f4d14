"""What each network command asks of the engine and prints, line by line, as the golden files have it."""

from pathlib import Path

import pytest

from handlers.catalogue import load
from handlers.faults import Conflict, EngineFault, NotFound, OutcomeUnknown
from tests.fakes.played import played, same_as_golden

GOLDEN = Path(__file__).resolve().parents[2] / "golden/network"
NEW = (1, 50)
ID = "4f0c" * 16
MADE = {("POST", "/networks/create"): {"Id": ID, "Warning": ""}}
BRIDGE = {
    "Name": "bridge",
    "Id": ID,
    "Created": "2026-11-23T23:16:03.123456789Z",
    "Scope": "local",
    "Driver": "bridge",
    "Labels": {},
}
WEB = {
    "Name": "net10",
    "Id": "1a2b" * 16,
    "Created": "2026-11-20T01:02:03.5+09:00",
    "Scope": "local",
    "Driver": "bridge",
    "EnableIPv4": True,
    "EnableIPv6": True,
    "Internal": True,
    "Labels": {"tier": "web", "a": "b"},
    "IPAM": {
        "Driver": "default",
        "Options": None,
        "Config": [
            {"Subnet": "10.88.0.0/16", "Gateway": "10.88.0.1", "AuxiliaryAddresses": {"h": "10.88.0.9"}}
        ],
    },
    "Containers": {"77" * 32: {"Name": "web", "IPv4Address": "10.88.0.2/16"}},
    "Options": {},
}
NINE = {"Name": "net9", "Id": "9c9d" * 16, "Driver": "overlay", "Scope": "swarm", "Labels": None}
LISTED = {("GET", "/networks"): [BRIDGE, WEB, NINE]}
ONE = {("GET", "/networks/net10"): WEB}
MISSING = NotFound("network nosuch not found")
CONNECT = {("POST", "/networks/net/connect"): None}
DISCONNECT = {("POST", "/networks/net/disconnect"): None}


def removals(**answers):
    """The answers to looking at each network and removing it."""
    looks = {
        ("GET", f"/networks/{name}"): MISSING if isinstance(a, NotFound) else {}
        for name, a in answers.items()
    }
    return looks | {("DELETE", f"/networks/{name}"): answer for name, answer in answers.items()}


CASES = {
    "ls": [
        ("docker network ls", LISTED),
        ("docker network list --no-trunc -f driver=bridge --filter type=custom", LISTED),
        ("docker network ls -q", LISTED),
        ("docker network ls --format raw", LISTED),
        ("docker network ls -q --format raw", LISTED),
        ("docker network ls --format json", LISTED),
        (
            (
                "docker network ls --format"
                " 'table {{.Name}}\t{{.IPv4}}\t{{.IPv6}}\t{{.CreatedAt}}\t{{.Label \"tier\"}}'"
            ),
            LISTED,
        ),
        ("docker network ls --format '{{.Nosuch}}'", LISTED),
        ("docker network ls", {("GET", "/networks"): None}),
        ("docker network ls -f nosuch=1", {("GET", "/networks"): EngineFault("Invalid filter 'nosuch'")}),
    ],
    "create": [
        ("docker network create web-network", MADE),
        (
            (
                "docker network create -d=bridge --subnet=10.88.0.0/16 --ip-range=10.88.5.0/24"
                " --gateway 10.88.5.254 n"
            ),
            MADE,
        ),
        ("docker network create --subnet 10.88.0.0/16,2001:db8::/64 --gateway 10.88.0.1 --ipv6 n", MADE, NEW),
        (
            (
                "docker network create --subnet 10.88.0.0/16 --aux-address a=10.88.0.5"
                " --aux-address b=10.88.0.6 n"
            ),
            MADE,
        ),
        ("docker network create --ipv4=false --ipv6=false n", MADE),
        ("docker network create --label a=b --label c -o x=y,z=w --ipam-opt k=v --ipam-driver other n", MADE),
        ("docker network create --internal --attachable --ingress --scope swarm --config-only n", MADE),
        ("docker network create --config-from cfg -d macvlan n", MADE),
        ("docker network create n", {("POST", "/networks/create"): {"Id": ID, "Warning": "mind the gap"}}),
        (
            "docker network create n",
            {("POST", "/networks/create"): Conflict("network with name n already exists")},
        ),
        ("docker network create n", {("POST", "/networks/create"): OutcomeUnknown("The connection broke")}),
        ("docker network create --config-only n", {}, (1, 29)),
    ],
    "connect": [
        ("docker network connect net web", CONNECT),
        (
            "docker network connect --ip 10.0.0.9 --ip6 2001:db8::33 --link-local-ip 169.254.3.3 net web",
            CONNECT,
        ),
        (
            "docker network connect --alias db,mysql --alias pg --link db:postgres --link cache net web",
            CONNECT,
        ),
        ("docker network connect --driver-opt 'a = b ' --gw-priority -5 net web", CONNECT),
        (
            "docker network connect net web",
            {("POST", "/networks/net/connect"): NotFound("network net not found")},
        ),
        ("docker network connect ' ' web", {}),
        ("docker network connect net ''", {}),
        ("docker network connect --link a:b:c net web", {}),
        ("docker network connect --driver-opt a net web", {}),
    ],
    "disconnect": [
        ("docker network disconnect net web", DISCONNECT),
        ("docker network disconnect -f net web", DISCONNECT),
        ("docker network disconnect ../containers web", {}),
        (
            "docker network disconnect net web",
            {("POST", "/networks/net/disconnect"): EngineFault("not connected")},
        ),
    ],
    "inspect": [
        ("docker network inspect net10", ONE),
        ("docker network inspect -v net10 -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}'", ONE),
        ("docker network inspect -f '{{json .IPAM}} {{.ConfigFrom}} {{.Peers}}' net10", ONE),
        ("docker network inspect net10 nosuch --format json", ONE | {("GET", "/networks/nosuch"): MISSING}),
        ("docker network inspect ''", {}),
    ],
    "rm": [
        ("docker network rm a b", removals(a=None, b=None)),
        ("docker network remove nosuch a", removals(nosuch=MISSING, a=None)),
        ("docker network rm -f nosuch a", removals(nosuch=MISSING, a=None)),
        ("docker network rm -f nosuch a", removals(nosuch=MISSING, a=EngineFault("a has active endpoints"))),
        ("docker network rm mesh", {("GET", "/networks/mesh"): {"Ingress": True}}),
        ("docker network rm ''", {}),
        ("docker network rm ..", {}),
    ],
    "prune": [
        ("docker network prune -f", {("POST", "/networks/prune"): {"NetworksDeleted": ["net9", "net10"]}}),
        (
            "docker network prune -f --filter until=24h --filter label!=keep",
            {("POST", "/networks/prune"): {}},
        ),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_requests_and_text_are_those_of_the_golden_file(name):
    text = "\n".join(
        played(line, answers, load(), **({"api": api[0]} if api else {}))
        for line, answers, *api in CASES[name]
    )
    assert same_as_golden(GOLDEN / f"{name}.txt", text)
