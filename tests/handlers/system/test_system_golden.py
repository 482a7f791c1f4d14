"""What df, events, info and prune ask of the engine and print, as the golden files have it."""

import json
from pathlib import Path

import pytest

from handlers.catalogue import load
from handlers.faults import EngineFault, Unreachable
from tests.fakes.context import FakeLogin
from tests.fakes.played import played, same_as_golden

GOLDEN = Path(__file__).resolve().parents[2] / "golden/system"
DOWN = Unreachable("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?")
LOGINS = {"https://index.docker.io/v1/": FakeLogin("ann", "s3cret")}
NOW = 1_700_000_000

USAGE = {
    "LayersSize": 123_456_789,
    "Images": [
        {
            "Id": "sha256:" + "a1" * 32,
            "RepoTags": ["shop:1.0", "shop:latest"],
            "Created": NOW - 4000,
            "Size": 2_140_160,
            "SharedSize": 1000,
            "Containers": 1,
        },
        {
            "Id": "sha256:" + "b2" * 32,
            "RepoTags": ["<none>:<none>"],
            "Created": 0,
            "Size": 5,
            "SharedSize": -1,
        },
        {
            "Id": "sha256:" + "c3" * 32,
            "RepoTags": None,
            "RepoDigests": ["shop@sha256:" + "d" * 64],
            "Size": 7,
        },
        {
            "Id": "sha256:" + "d4" * 32,
            "RepoTags": ["No:Name:"],
            "RepoDigests": ["x"],
            "Size": -1,
            "Containers": 2,
        },
    ],
    "Containers": [
        {
            "Id": "01" * 32,
            "Names": ["/web"],
            "Image": "shop:1.0",
            "Command": "httpd -f && echo <done> --very-long",
            "Created": NOW - 200,
            "State": "running",
            "Status": "Up 3 minutes",
            "SizeRw": 2048,
            "SizeRootFs": 3_000_000,
        },
        {
            "Id": "02" * 32,
            "Names": ["/job"],
            "Image": "shop",
            "Created": NOW - 90_000,
            "State": "exited",
            "Status": "Exited (0)",
            "SizeRw": 5000,
            "Mounts": [{"Type": "volume", "Name": "v9", "Driver": "local"}],
        },
    ],
    "Volumes": [
        {"Name": "v10", "Driver": "local", "UsageData": {"RefCount": 1, "Size": 500}},
        {"Name": "v9", "Driver": "local", "UsageData": {"RefCount": 0, "Size": 7_000_000}},
        {"Name": "far", "Driver": "sshfs", "UsageData": {"RefCount": -1, "Size": -1}},
    ],
    "BuildCache": [
        {
            "ID": "zz2zz2zz2zz2zz2",
            "Type": "regular",
            "Description": "RUN <x>",
            " Parents": ["p1", "p2"],
            "InUse": True,
            "Shared": True,
            "Size": 99_000,
            "CreatedAt": "2023-11-10T00:13:11.123456789Z",
            "LastUsedAt": "2023-11-10T01:13:11+09:00",
            "UsageCount": 3,
        },
        {
            "ID": "bc1bc1bc1bc1bc1",
            "Type": "source.local",
            "InUse": True,
            "Size": 42_000,
            "CreatedAt": "2023-11-13T00:13:11Z",
        },
        {"ID": "ac1", "Type": "regular", "Size": 1, "CreatedAt": "2023-11-13T00:13:11Z", "LastUsedAt": None},
    ],
}
DF = {("GET", "/system/df"): USAGE}

EVENTS = [
    {
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": "abc", "Attributes": {"name": "web", "image": "shop"}},
        "scope": "local",
        "time": 1_600_000_000,
        "timeNano": 1_600_000_000_120_000_000,
        "status": "start",
        "id": "abc",
        "from": "shop",
    },
    {"Type": "network", "Action": "connect", "Actor": {"ID": "net", "Attributes": {}}, "time": 1_600_000_001},
    {"Type": "daemon", "Action": "reload"},
]
WATCHED = {("GET", "/events"): EVENTS}

INFO = json.loads((GOLDEN / "info.json").read_text())
SWARM_IN_TROUBLE = INFO | {
    "Swarm": {
        "LocalNodeState": "error",
        "Error": "no quorum",
        "ControlAvailable": True,
        "Cluster": {"ID": "y"},
    },
    "OSType": "windows",
    "Isolation": "hyperv",
    "Debug": False,
    "RegistryConfig": None,
    "Warnings": None,
}


def info(answer):
    return {("GET", "/info"): answer}


CONTAINERS = {"ContainersDeleted": ["c" * 64], "SpaceReclaimed": 1234}
IMAGES = {
    "ImagesDeleted": [{"Untagged": "shop:1"}, {"Deleted": "sha256:" + "d" * 64}],
    "SpaceReclaimed": 5_000_000,
}
PRUNED = {
    ("POST", "/containers/prune"): CONTAINERS,
    ("POST", "/networks/prune"): {"NetworksDeleted": ["net"]},
    ("POST", "/volumes/prune"): {"VolumesDeleted": ["v"], "SpaceReclaimed": 2048},
    ("POST", "/images/prune"): IMAGES,
    ("POST", "/build/prune"): {"CachesDeleted": ["a", "b"], "SpaceReclaimed": 7},
}
NOTHING = {call: {} for call in PRUNED}

CASES = {
    "df": [
        ("docker system df", DF),
        ("docker system df --format raw", DF),
        ("docker system df --format json", DF),
        ("docker system df --format 'table {{.Type}}\t{{.Reclaimable}}'", DF),
        ("docker system df --format '{{.Nosuch}}'", DF),
        ("docker system df", {("GET", "/system/df"): {}}),
        ("docker system df -v", DF),
        ("docker system df -v", {("GET", "/system/df"): {}}),
        ("docker system df -v --format json", DF),
        ("docker system df -v --format raw", DF),
        ("docker system df -v --format '{{range .BuildCache}}{{.ID}} {{.Parent}}{{println}}{{end}}'", DF),
        ("docker system df -v --format 'table {{range .Volumes}}{{.Name}}\\t{{.Size}}\\n{{end}}'", DF),
        ("docker system df -v --format '{{'", DF),
        ("docker system df -v --format '{{.Nosuch}}'", DF),
    ],
    "events": [
        ("docker events --since 10m --until 0s -f type=container --filter event=start", WATCHED),
        ("docker system events --format json --until 1", WATCHED),
        ("docker events --until 1 --format '{{.Time}} {{.Action}} {{.Actor.Attributes.name}}'", WATCHED),
        ("docker events --since 2013-01-02T13:23:37Z --until 1600000000.000000001", {("GET", "/events"): []}),
        ("docker events --format '{{.Nosuch}}'", {}),
        ("docker events --format '{{'", {}),
        ("docker events --until 1 --format '{{if .ID}}{{index .Actor.Attributes 1}}{{end}}'", WATCHED),
        ("docker events --until 1", {("GET", "/events"): EngineFault("invalid filter")}),
        ("docker events --since yesterday", {}),
        ("docker events --until x", {}),
    ],
    "info": [
        ("docker info", info(INFO)),
        ("docker system info", info(SWARM_IN_TROUBLE)),
        ("docker info", info({})),
        ("docker info", info({"OSType": "linux", "SecurityOptions": ["name=seccomp,builtin"]})),
        ("docker info", info({"OSType": "linux", "SecurityOptions": ["name="]})),
        ("docker info", info(DOWN)),
        (
            "docker info -f '{{.ServerVersion}} {{.Driver}} {{.NCPU}} {{.Swarm.Cluster}}'",
            info({"ServerVersion": "28"}),
        ),
        ("docker info -f '{{json .RegistryConfig}}'", info(INFO)),
        ("docker info --format json", info({"ID": "x"})),
        ("docker info -f '{{.ClientInfo.Debug}}'", {}),
        ("docker info -f '{{.Nosuch}}'", info(INFO)),
        ("docker info -f '{{'", {}),
        ("docker info -f '{{.ID}}{{.ServerErrors}}'", info(EngineFault("boom"))),
    ],
    "prune": [
        ("docker system prune -f", PRUNED),
        ("docker system prune -af --volumes --filter label=a=b", PRUNED),
        ("docker system prune -f --all=false --filter until=24h", NOTHING),
        (
            "docker system prune -f",
            PRUNED | {("POST", "/images/prune"): EngineFault("a prune operation is already running")},
        ),
        ("docker system prune --volumes --filter until=1h", {}),
        ("docker system prune -f --filter label=a", {}, (1, 27)),
    ],
}


@pytest.fixture(autouse=True)
def some_release_on_some_machine(monkeypatch):
    monkeypatch.setattr("handlers.system.info.version", lambda _: "1.2.3")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.mark.parametrize("name", CASES)
def test_requests_and_text_are_those_of_the_golden_file(name):
    text = "\n".join(
        played(line, answers, load(), logins=LOGINS, **({"api": api[0]} if api else {}))
        for line, answers, *api in CASES[name]
    )
    assert same_as_golden(GOLDEN / f"{name}.txt", text)
