"""What each volume command asks of the engine and prints, line by line, as the golden files have it."""

from pathlib import Path

import pytest

from handlers.catalogue import load
from handlers.faults import Conflict, EngineFault, NotFound
from tests.fakes.played import played, same_as_golden

GOLDEN = Path(__file__).resolve().parents[2] / "golden/volume"
NEW = (1, 50)
DATA = {
    "Name": "v10",
    "Driver": "local",
    "Mountpoint": "/var/lib/docker/volumes/v10/_data",
    "Labels": {"tier": "web", "a": "b"},
    "Scope": "local",
    "Options": {"type": "tmpfs"},
    "CreatedAt": "2026-11-23T23:16:03Z",
    "UsageData": {"RefCount": 2, "Size": 1200},
}
PLAIN = {
    "Name": "v9",
    "Driver": "local",
    "Mountpoint": "/m",
    "Labels": None,
    "Scope": "local",
    "Options": None,
}
SWARM = {
    "Name": "shared",
    "Driver": "csi",
    "ClusterVolume": {
        "ID": "1",
        "Spec": {"Group": "g", "Availability": "active"},
        "Info": {"VolumeID": "x"},
        "PublishStatus": [{}, {}],
    },
}
PENDING = {"Name": "young", "ClusterVolume": {"ID": "2"}}
ONE_NODE = {"Name": "used", "ClusterVolume": {"Info": {"VolumeID": "y"}, "PublishStatus": [{}]}}
FREE = {"Name": "free", "ClusterVolume": {"Info": {"VolumeID": "z"}}}
LISTED = {("GET", "/volumes"): {"Volumes": [DATA, PLAIN], "Warnings": None}}
ALL = {("GET", "/volumes"): {"Volumes": [DATA, SWARM, PENDING, ONE_NODE, FREE]}}
MADE = {("POST", "/volumes/create"): {"Name": "data"}}
MISSING = NotFound("get nosuch: no such volume")
EVERY = "{{.Name}}\t{{.Driver}}\t{{.Scope}}\t{{.Mountpoint}}\t{{.Labels}}\t{{.Links}}\t{{.Size}}\t{{.Group}}"
PRUNED = {("POST", "/volumes/prune"): {"VolumesDeleted": ["a", "b"], "SpaceReclaimed": 1_500_000}}

CASES = {
    "ls": [
        ("docker volume ls", LISTED),
        ("docker volume list -q -f dangling=true --filter name=v", LISTED),
        ("docker volume ls --format raw", LISTED),
        ("docker volume ls -q --format raw", LISTED),
        ("docker volume ls --format json", LISTED),
        (f"docker volume ls --format 'table {EVERY}\t{{{{.Label \"tier\"}}}}'", LISTED),
        ("docker volume ls --format '{{.Nosuch}}'", LISTED),
        ("docker volume ls", {("GET", "/volumes"): {"Volumes": None}}),
        ("docker volume ls --cluster", {}),
        ("docker volume ls --cluster", ALL, NEW),
        ("docker volume ls --cluster -q --format json", ALL, NEW),
    ],
    "create": [
        ("docker volume create data", MADE),
        ("docker volume create", MADE),
        (
            "docker volume create --name data -d local -o type=tmpfs -o device=tmpfs --label a=b --label c",
            MADE,
        ),
        ("docker volume create --name '' ''", MADE),
        ("docker volume create data", {("POST", "/volumes/create"): Conflict("volume data exists")}),
        ("docker volume create --name a b", {}),
        ("docker volume create a b", {}),
        ("docker volume create --group g --secret k=v data", {}, NEW),
        ("docker volume create --required-bytes 1g data", {}),
    ],
    "inspect": [
        ("docker volume inspect v10", {("GET", "/volumes/v10"): DATA}),
        ("docker volume inspect -f '{{json .}}' v10", {("GET", "/volumes/v10"): DATA}),
        (
            "docker volume inspect -f '{{.ClusterVolume}} {{.UsageData}} {{.Options}}' v9",
            {("GET", "/volumes/v9"): PLAIN},
        ),
        (
            "docker volume inspect v9 nosuch -f '{{.Driver}}'",
            {("GET", "/volumes/v9"): PLAIN, ("GET", "/volumes/nosuch"): MISSING},
        ),
        ("docker volume inspect ''", {}),
        ("docker volume inspect ./x", {}),
    ],
    "rm": [
        ("docker volume rm a b", {("DELETE", "/volumes/a"): None, ("DELETE", "/volumes/b"): None}),
        ("docker volume remove -f a", {("DELETE", "/volumes/a"): None}),
        (
            "docker volume rm nosuch a",
            {
                ("DELETE", "/volumes/nosuch"): MISSING,
                ("DELETE", "/volumes/a"): Conflict("remove a: volume is in use"),
            },
        ),
    ],
    "prune": [
        ("docker volume prune -f", PRUNED),
        (
            "docker volume prune -f --filter label=a --filter label!=b",
            {("POST", "/volumes/prune"): {"VolumesDeleted": []}},
        ),
        ("docker volume prune -af", {}),
        ("docker volume prune -af", PRUNED, NEW),
        ("docker volume prune -af --filter all=false", {}, NEW),
        ("docker volume prune -f", {("POST", "/volumes/prune"): EngineFault("Invalid filter 'until'")}),
    ],
    "update": [
        ("docker volume update --availability drain data", {}),
        ("docker volume update a b", {}),
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_requests_and_text_are_those_of_the_golden_file(name):
    text = "\n".join(
        played(line, answers, load(), **({"api": api[0]} if api else {}))
        for line, answers, *api in CASES[name]
    )
    assert same_as_golden(GOLDEN / f"{name}.txt", text)
