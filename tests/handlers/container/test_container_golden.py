# ruff: noqa: E501, S104, S108 - a case is a line; addresses and paths are data
"""What each command asks of the engine and prints, line by line, as the golden files have it."""

from pathlib import Path

import pytest

from handlers.catalogue import load
from handlers.faults import Conflict, EngineFault, Fault, NotFound, OutcomeUnknown, Reason, Unreachable
from tests.fakes.engine import Turns
from tests.fakes.played import played, same_as_golden

GOLDEN = Path(__file__).resolve().parents[2] / "golden/container"
ID = "4f0c" * 16
WEB, OTHER = "/containers/web", "/containers/db"
NEW_API = (1, 50)
NO_WEB = NotFound("No such container: web")
STOPPED = Conflict(f"Container {ID} is not running")
BOTH = (("stdout", b"out\n"), ("stderr", b"err\n"))
TOGETHER = {"pause", "unpause", "stats"}
"""Commands that ask about several containers at the same time, so that their order says nothing."""


def posts(action, *answers):
    """The answers of `web` and `db` to one action."""
    return {("POST", f"{path}/{action}"): answer for path, answer in zip((WEB, OTHER), answers, strict=False)}


def exec_answers(*, output=BOTH, code=0):
    return {
        ("GET", f"{WEB}/json"): {"Id": ID},
        ("POST", f"{WEB}/exec"): {"Id": "e1"},
        ("POST", "/exec/e1/start"): output,
        ("GET", "/exec/e1/json"): {"ExitCode": code},
    }


def state(*, tty=False, **flags):
    return {"Config": {"Tty": tty}, "State": {"Running": True, "Paused": False, "Restarting": False, **flags}}


def attach_answers(*states, output=BOTH, end=None):
    return {
        ("POST", f"{WEB}/wait"): [end or {"StatusCode": 7}],
        ("GET", f"{WEB}/json"): Turns(states or (state(),)),
        ("POST", f"{WEB}/attach"): output,
    }


def used(name="web", **changes):
    return {
        "name": f"/{name}",
        "id": ID,
        "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
        "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
        "memory_stats": {
            "usage": 50_000_000,
            "limit": 200_000_000,
            "stats": {"inactive_file": 10_000_000},
        },
        "networks": {"eth0": {"rx_bytes": 1500, "tx_bytes": 7}, "eth1": {"rx_bytes": 1, "tx_bytes": 1}},
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"op": "Read", "value": 4096},
                {"op": "write", "value": 2},
                {"op": "Total", "value": 4098},
                {"op": "", "value": 9},
            ]
        },
        "pids_stats": {"current": 3},
        **changes,
    }


IDLE = {"name": "/db", "id": "db" * 32}
STATS = {("GET", f"{WEB}/stats"): used(), ("GET", f"{OTHER}/stats"): IDLE}
ALL = {
    ("GET", "/containers/json"): [{"Id": ID}, {"Id": "db" * 32}],
    ("GET", f"/containers/{ID[:12]}/stats"): used(
        memory_stats={
            "usage": 500,
            "limit": 1000,
            "stats": {"total_inactive_file": 100, "inactive_file": 50},
        },
        cpu_stats={"cpu_usage": {"total_usage": 300, "percpu_usage": [1, 2, 3]}, "system_cpu_usage": 2000},
    ),
    ("GET", f"/containers/{'db' * 6}/stats"): NotFound("No such container: dbdbdbdbdbdb"),
}
PORTS = {
    "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}],
    "443/tcp": None,
    "9/tcp": [{"HostIp": "", "HostPort": "9"}],
    "10/udp": [{"HostIp": "127.0.0.1", "HostPort": "010"}],
}
PORT = {("GET", f"{WEB}/json"): {"NetworkSettings": {"Ports": PORTS}}}
TOP = {
    ("GET", f"{WEB}/top"): {
        "Titles": ["PID", "USER", "CMD"],
        "Processes": [["1", "root", "sleep 60"], ["7", "a-user-with-a-long-name", "echo 'a b'"]],
    }
}
CHANGES = [{"Path": "/tmp", "Kind": 0}, {"Path": "/tmp/é x", "Kind": 1}, {"Path": "/etc/y", "Kind": 2}]
COMMIT = {("POST", "/commit"): {"Id": "sha256:" + "ab" * 32}}
PRUNE = ("POST", "/containers/prune")
EVERY_LIMIT = (
    "docker update --blkio-weight 0x64 --cpu-period 50000 --cpu-quota -1 --cpu-rt-period 1000 --cpu-rt-runtime 900"
    " -c 512 --cpus 1.5 --cpuset-cpus 0-3 --cpuset-mems 0 --kernel-memory 8m -m 64m --memory-reservation 32m"
    " --memory-swap -1 --pids-limit -1 --restart on-failure:3 web"
)

CASES = {
    "pause": [
        ("docker pause web db", posts("pause", None, None)),
        ("docker container pause web db", posts("pause", NO_WEB, STOPPED)),
    ],
    "unpause": [
        ("docker unpause web db", posts("unpause", None, None)),
        ("docker container unpause web ../x", posts("unpause", EngineFault("Container is not paused"))),
    ],
    "rename": [
        ("docker rename web shop", posts("rename", None)),
        ("docker container rename ' web' '/shop '", posts("rename", None)),
        ("docker rename web db", posts("rename", Conflict("Error when allocating new name: Conflict."))),
        ("docker rename web db", posts("rename", Unreachable("Cannot connect to the Docker daemon"))),
        ("docker rename web db", posts("rename", OutcomeUnknown("The connection broke"))),
        ("docker rename ../images/x db", {}),
        ("docker rename web ' '", {}),
    ],
    "port": [
        ("docker port web", PORT),
        ("docker container port web 80", PORT),
        ("docker port web 10/udp", PORT),
        ("docker port web ''", PORT),
        ("docker port web 443", PORT),
        ("docker port web 80/sctp", PORT),
        ("docker port web 80-90", PORT),
        ("docker port web 65536/tcp", PORT),
        ("docker port web", {("GET", f"{WEB}/json"): {"NetworkSettings": {"Ports": None}}}),
        ("docker port web", {("GET", f"{WEB}/json"): NO_WEB}),
        ("docker port ''", {}),
        ("docker port web 80 81", {}),
    ],
    "top": [
        ("docker top web", TOP),
        ("docker container top web -o pid,user --sort=-pid", TOP),
        ("docker top web", {("GET", f"{WEB}/top"): {"Titles": ["PID"], "Processes": None}}),
        ("docker top web", {("GET", f"{WEB}/top"): STOPPED}),
        ("docker top -o web", {}),
        ("docker top", {}),
    ],
    "diff": [
        ("docker diff web", {("GET", f"{WEB}/changes"): CHANGES}),
        ("docker container diff web", {("GET", f"{WEB}/changes"): None}),
        ("docker diff web", {("GET", f"{WEB}/changes"): NO_WEB}),
        ("docker diff ''", {}),
        ("docker diff ' '", {}),
    ],
    "prune": [
        ("docker container prune -f", {PRUNE: {"ContainersDeleted": [ID], "SpaceReclaimed": 1234}}),
        ("docker container prune --force", {PRUNE: {"ContainersDeleted": None, "SpaceReclaimed": 0}}),
        (
            "docker container prune -f --filter until=24h --filter LABEL=a --filter label=b=1 --filter 'label!=c'",
            {PRUNE: {"ContainersDeleted": [], "SpaceReclaimed": 5}},
        ),
        ("docker container prune -f --filter foo=bar", {PRUNE: EngineFault("Invalid filter 'foo'")}),
        ("docker container prune --filter x", {}),
        ("docker container prune web", {}),
    ],
    "wait": [
        (
            "docker wait web db",
            {("POST", f"{WEB}/wait"): [{"StatusCode": 3}], ("POST", f"{OTHER}/wait"): [{"StatusCode": 0}]},
        ),
        (
            "docker container wait web db",
            {("POST", f"{WEB}/wait"): NO_WEB, ("POST", f"{OTHER}/wait"): [{"StatusCode": 137}]},
        ),
        ("docker wait web", {("POST", f"{WEB}/wait"): []}),
    ],
    "update": [
        (EVERY_LIMIT, posts("update", {"Warnings": None})),
        (
            "docker container update --memory 1g web db",
            posts("update", NO_WEB, {"Warnings": ["No swap limit"]}),
        ),
        ("docker update --restart always web db", posts("update", {"Warnings": ["slow"]}, {})),
        ("docker update --cpus 0 --pids-limit 0 --restart '' web", posts("update", {})),
        ("docker update web", {}),
        ("docker update --restart on-failure:x web", {}),
        ("docker update --restart :3 web", {}),
        ("docker update --blkio-weight 65536 web", {}),
        ("docker update --cpus x web", {}),
        ("docker update -m 64x web", {}),
    ],
    "stats": [
        ("docker stats --no-stream web db web", STATS),
        ("docker container stats --no-stream --no-trunc --format table web", STATS),
        ("docker stats --no-stream -a", ALL),
        ("docker stats --no-stream --format '{{.Container}} {{.CPUPerc}} {{.PIDs}} {{.MemUsage}}'", ALL),
        ("docker stats --no-stream --format 'table {{.Name}}\\t{{.NetIO}}' web db", STATS),
        ("docker stats --no-stream --format json db", STATS),
        ("docker stats --no-stream", {("GET", "/containers/json"): []}),
        ("docker stats --no-stream --format '{{.Name}}'", {("GET", "/containers/json"): None}),
        ("docker stats --no-stream web db", STATS | {("GET", f"{WEB}/stats"): NO_WEB}),
        ("docker stats --no-stream --format '{{.Nope}}' web", STATS),
        ("docker stats --no-stream --format '{{.Name' web", STATS),
        ("docker stats web", {("GET", f"{WEB}/stats"): [used(), used(pids_stats={"current": 4})]}),
        ("docker stats --format '{{.Name}} {{.PIDs}}' web", {("GET", f"{WEB}/stats"): [used(), used()]}),
        ("docker stats --format '{{.Nope}}' web", {("GET", f"{WEB}/stats"): [used()]}),
        ("docker stats web", {("GET", f"{WEB}/stats"): NO_WEB}),
    ],
    "exec": [
        ("docker exec web ls -la /", exec_answers()),
        ("docker container exec -e A=1 -e 'B= x' -w /tmp -u app --privileged web env", exec_answers(code=7)),
        ("docker exec -i --detach-keys ctrl-x web cat", exec_answers(output=())),
        ("docker exec -t web sh -c 'exit 4'", exec_answers(output=(("stdout", b"a\r\n"),), code=4)),
        ("docker exec -t web true", exec_answers(output=()), NEW_API),
        ("docker exec -d web touch /x", exec_answers(output=None)),
        ("docker exec -itd web sh", exec_answers(output=None)),
        ("docker exec web nosuch", exec_answers(output=(("stdout", b"OCI runtime exec failed\r\n"),), code=126)),
        ("docker exec web true", exec_answers(code=None)),
        ("docker exec web -it sh", exec_answers(code=126)),
        ("docker exec web ls", exec_answers() | {("GET", f"{WEB}/json"): NO_WEB}),
        ("docker exec web ls", exec_answers() | {("POST", f"{WEB}/exec"): STOPPED}),
        (
            "docker exec web ls",
            exec_answers()
            | {
                ("POST", "/exec/e1/start"): Fault(
                    "unable to upgrade to tcp, received 409", reason=Reason.ENGINE
                )
            },
        ),
        ("docker exec '' ls", {}),
        ("docker exec -it web sh", {}),
        ("docker exec --env-file vars web env", {}),
        ("docker exec -e HOME web env", {}),
        ("docker exec -e =x web env", {}),
        ("docker exec web", {}),
    ],
    "attach": [
        ("docker attach --no-stdin web", attach_answers()),
        ("docker container attach --detach-keys ctrl-a --sig-proxy=false web", attach_answers()),
        ("docker attach --no-stdin web", attach_answers(state(tty=True), end={"StatusCode": 0})),
        ("docker attach --no-stdin web", attach_answers(end={"StatusCode": 0, "Error": {"Message": "lost"}})),
        ("docker attach web", attach_answers(state(Running=False))),
        ("docker attach web", attach_answers(state(Paused=True))),
        ("docker attach web", attach_answers(state(Restarting=True))),
        ("docker attach web", attach_answers(state(), state(Running=False))),
        ("docker attach web", attach_answers() | {("POST", f"{WEB}/wait"): NO_WEB}),
        ("docker attach ''", {}),
        ("docker attach web db", {}),
    ],
    "commit": [
        ("docker commit web", COMMIT),
        ("docker container commit -a 'Ann <a@x>' -m 'why not' -c 'EXPOSE 9' -c 'USER a' -p=false web shop", COMMIT),
        ("docker commit --pause web r.example:5000/shop:1", COMMIT),
        ("docker commit web ''", COMMIT),
        ("docker commit web", {("POST", "/commit"): NO_WEB}),
        ("docker commit '' shop", {}),
        (f"docker commit web shop@sha256:{'a' * 64}", {}),
        ("docker commit web UPPER", {}),
        ("docker commit web a:b:c", {}),
        ("docker commit web shop -m late", {}),
    ],
    "export": [
        ("docker export web", {}),
        ("docker container export -o web.tar web", {}),
        ("docker export --output=/etc/passwd web", {}),
        ("docker export", {}),
    ],
    "cp": [
        ("docker cp web:/etc/hosts -", {}),
        ("docker container cp -aLq ./file web:/tmp", {}),
        ("docker cp web:/etc/hosts /etc/hosts", {}),
        ("docker cp web:/a db:/b", {}),
        ("docker cp ./a:b .", {}),
        ("docker cp '' web:/", {}),
        ("docker cp web:/ ''", {}),
        ("docker cp web:/a", {}),
    ],
}  # fmt: skip


ORDER = {"$": 0, ">": 1}


def sorted_requests(text):
    """The same with the requests in alphabetical order."""
    key = lambda line: (ORDER.get(line[:1], 2), line if line.startswith(">") else "")  # noqa: E731
    return "\n".join(sorted(text.split("\n"), key=key))


@pytest.mark.parametrize("name", CASES)
def test_requests_and_text_are_those_of_the_golden_file(name):
    texts = [
        played(line, answers, load(), **({"api": api[0]} if api else {}))
        for line, answers, *api in CASES[name]
    ]
    if name in TOGETHER:
        texts = [sorted_requests(text) for text in texts]
    assert same_as_golden(GOLDEN / f"{name}.txt", "\n".join(texts))
