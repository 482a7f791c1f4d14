"""What each command asks of the engine and prints, line by line, as the golden files have it.

`GOLDEN=write` writes the files anew; the diff is for review.
"""

import os
from pathlib import Path

import pytest

from handlers.catalogue import load
from handlers.faults import Conflict, EngineFault, Fault, NotFound
from handlers.grammar.parser import parse
from tests.fakes.context import FakeContext, FakeLogin
from tests.fakes.engine import FakeEngine, Turns

GOLDEN = Path(__file__).resolve().parents[2] / "golden/container"
ID = "4f0c" * 16
OTHER = "/containers/db"
WEB = "/containers/web"
NEW = f"/containers/{ID}"
NO_WEB = NotFound("No such container: web")
MADE = {"Id": ID, "Warnings": []}
WAIT = ("POST", f"{NEW}/wait")
HUB = "https://index.docker.io/v1/"


def inspected(*, tty=False, stdin=False, remove=False):
    return {"Config": {"Tty": tty, "OpenStdin": stdin}, "HostConfig": {"AutoRemove": remove}}


def posts(action, *answers):
    """The answers of `web` and `db` to one action."""
    return {("POST", f"{path}/{action}"): answer for path, answer in zip((WEB, OTHER), answers, strict=True)}


def run_answers(*, output=(), code=0, start=None, create=MADE):
    return {
        ("POST", "/containers/create"): create,
        ("POST", f"{NEW}/attach"): output,
        WAIT: [{"StatusCode": code}],
        ("POST", f"{NEW}/start"): start,
    }


PULLED = [
    {"status": "Pulling from library/nginx", "id": "1.27"},
    {"status": "Downloading", "progressDetail": {"current": 1, "total": 9}, "id": "ab12"},
    {"status": "Status: Downloaded newer image for nginx:1.27"},
]
NO_IMAGE = NotFound("No such image: nginx:1.27")
BOTH = (("stdout", b"out\n"), ("stderr", b"err\n"))
LOGS = {("GET", f"{WEB}/json"): inspected(), ("GET", f"{WEB}/logs"): BOTH}
ATTACHED = {
    ("GET", f"{WEB}/json"): inspected(stdin=True),
    ("POST", f"{WEB}/attach"): BOTH,
    ("POST", f"{WEB}/wait"): [{"StatusCode": 7}],
    ("POST", f"{WEB}/start"): None,
}

EVERYTHING = (
    "docker run -d -c 512 -m 64m -u app -w /tmp -h box -e A=1 -l tier=web --init --read-only"
    " --restart on-failure:3 --dns 10.0.0.1 --add-host db:10.0.0.2 --expose 90 -P --entrypoint ''"
    " --platform x86_64 --privileged busybox"
)

ASKED_TOGETHER = {"container stop", "container kill", "container rm"}

CASES = {
    "start": [
        ("docker start web db", posts("start", None, None)),
        ("docker start web db", posts("start", NO_WEB, None)),
        ("docker start -a web", ATTACHED),
        ("docker start -ai --detach-keys ctrl-x web", ATTACHED),
        ("docker start -a web", ATTACHED | {("GET", f"{WEB}/json"): inspected(remove=True)}),
        ("docker start -i web", {("GET", f"{WEB}/json"): inspected(tty=True, stdin=True)}),
        (
            "docker start --checkpoint c1 web",
            {("GET", "/version"): {"Experimental": True}, ("POST", f"{WEB}/start"): None},
        ),
        (
            "docker start --checkpoint c1 --checkpoint-dir /c web",
            {("GET", "/version"): {"Experimental": False}},
        ),
    ],
    "stop": [
        ("docker stop web", posts("stop", None, None)),
        ("docker stop -t 0 -s INT web", posts("stop", None, None)),
        ("docker stop web db", posts("stop", NO_WEB, None)),
    ],
    "restart": [
        ("docker restart web db", posts("restart", None, None)),
        ("docker restart -t 300 web", posts("restart", None, None)),
        ("docker restart web db", posts("restart", EngineFault("Cannot restart container web: no"), None)),
    ],
    "kill": [
        ("docker kill web", posts("kill", None, None)),
        ("docker kill -s HUP web db", posts("kill", Conflict("Cannot kill container: web"), None)),
        ("docker kill -s '' web", posts("kill", None, None)),
    ],
    "rm": [
        ("docker rm web", {("DELETE", WEB): None}),
        ("docker rm -fv /web", {("DELETE", WEB): None}),
        ("docker rm -l a/b", {("DELETE", "/containers/a%2Fb"): None}),
        ("docker rm web", {("DELETE", WEB): NO_WEB}),
        ("docker rm -f web", {("DELETE", WEB): NO_WEB}),
        ("docker rm -f web db", {("DELETE", WEB): NO_WEB, ("DELETE", OTHER): EngineFault("driver failed")}),
        ("docker rm ../images/nginx", {}),
    ],
    "logs": [
        ("docker logs web", LOGS),
        ("docker logs -n 5 -t --details --since 10m --until 2023-11-14T22:00Z web", LOGS),
        ("docker logs -f --tail abc web", LOGS),
        ("docker logs web", {("GET", f"{WEB}/json"): NO_WEB}),
    ],
    "run": [
        ("docker run -d --name web -p 8080:80 nginx:1.27", run_answers()),
        ("docker run --rm busybox sh -c 'exit 3'", run_answers(output=BOTH, code=3)),
        ("docker run -i -a stdout busybox cat", run_answers(output=BOTH[:1])),
        ("docker run -itd --net web_net -v data:/data:ro -v /anon busybox", run_answers()),
        (
            EVERYTHING,
            run_answers(create={"Id": ID, "Warnings": ["No swap limit support"]}),
        ),
        (
            "docker run -d --network name=net,alias=a,ip=10.0.0.9 --network other busybox",
            run_answers(),
        ),
        (
            "docker run -d nginx:1.27",
            run_answers(create=Turns([NO_IMAGE, MADE])) | {("POST", "/images/create"): PULLED},
        ),
        ("docker run -d --pull always -q nginx", run_answers() | {("POST", "/images/create"): PULLED}),
        ("docker run -d --pull never nginx:1.27", run_answers(create=NO_IMAGE)),
        (
            "docker run -d nginx:1.27",
            run_answers(create=NO_IMAGE) | {("POST", "/images/create"): [{"error": "pull access denied"}]},
        ),
        ("docker run -d --name web busybox", run_answers(create=Conflict("Conflict. The name is in use"))),
        ("docker run --rm busybox nope", run_answers(start=EngineFault('"nope": executable file not found'))),
        ("docker run -d busybox /etc", run_answers(start=EngineFault('exec: "/etc": permission denied'))),
        (
            "docker run busybox true",
            run_answers() | {WAIT: [{"StatusCode": 0, "Error": {"Message": "lost"}}]},
        ),
        ("docker run --network name=n,mac-address=02:42:ac:11:00:99 busybox", {}),
    ],
}


def played(line, answers):
    """One case as text: the line, the requests, what is printed, how it ends."""
    engine = FakeEngine(answers)
    ctx = FakeContext(engine, logins={HUB: FakeLogin("ann", "s3cret")})
    command = parse(line, load()).command
    try:
        output = command.run(ctx)
    except Fault as fault:
        end = f"{type(fault).__name__} {fault.reason} {fault.exit_code}: {fault.message}"
    else:
        ctx.stdout(output.stdout.encode())
        ctx.stderr(output.stderr.encode())
        end = str(output.exit_code)
    requests = [str(request) for request in engine.requests]
    if command.path in ASKED_TOGETHER:
        requests.sort()
    parts = [f"$ {line}", *(f"> {request}" for request in requests)]
    parts += [f"1 {text}" for text in ctx.out.decode().splitlines()]
    parts += [f"2 {text}" for text in ctx.err.decode().splitlines()]
    return "\n".join([*parts, f"= {end}", ""])


@pytest.mark.parametrize("name", CASES)
def test_requests_and_text_are_those_of_the_golden_file(name):
    text = "\n".join(played(line, answers) for line, answers in CASES[name])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()
