import base64
import json

import pytest

from handlers.faults import Cancelled, EngineFault, NotFound, Reason, UsageFault
from handlers.format.progress import follow
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import parse
from handlers.image.pull import ImagePull
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb
from tests.fakes.context import FakeContext, FakeLogin
from tests.fakes.engine import FakeEngine

CATALOGUE = Catalogue([ImagePull])
CREATE = ("POST", "/images/create")
DIGEST = "sha256:" + "9a" * 32
STREAM = [
    {"status": "Pulling from cli/app", "id": "1.0"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "ab12"},
    {"status": "Downloading", "progressDetail": {"current": 5, "total": 9}, "id": "ab12"},
    {"status": "Pull complete", "progressDetail": {}, "id": "ab12"},
    {"status": "Digest: sha256:1"},
]
SHOWN = "1.0: Pulling from cli/app\nab12: Pulling fs layer\nab12: Pull complete\nDigest: sha256:1\n"


def run(line, answer=STREAM, **logins):
    engine = FakeEngine({CREATE: answer})
    ctx = FakeContext(engine, logins=logins.get("logins", {}))
    command = parse(line, CATALOGUE).command
    command.check()
    output = command.run(ctx)
    return (ctx.out.decode() + output.stdout, output.exit_code), engine.requests[0]


def auth(request):
    return json.loads(base64.urlsafe_b64decode(request.headers["X-Registry-Auth"]))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("docker pull r.example/cli/app:1.0", f"{SHOWN}r.example/cli/app:1.0\n"),
        ("docker pull busybox", f"Using default tag: latest\n{SHOWN}docker.io/library/busybox:latest\n"),
        ("docker image pull -q busybox", "docker.io/library/busybox:latest\n"),
        ("docker pull -a busybox", f"{SHOWN}docker.io/library/busybox\n"),
        ("docker pull -aq busybox", "docker.io/library/busybox\n"),
        (f"docker pull busybox:1@{DIGEST}", f"{SHOWN}docker.io/library/busybox:1@{DIGEST}\n"),
    ],
)
def test_a_pull_prints_what_the_cli_prints_without_a_terminal(line, text):
    assert run(line)[0] == (text, 0)


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("docker pull busybox", {"fromImage": "docker.io/library/busybox", "tag": "latest"}),
        ("docker pull r.example:5000/a/b:v1", {"fromImage": "r.example:5000/a/b", "tag": "v1"}),
        ("docker pull -a busybox", {"fromImage": "docker.io/library/busybox"}),
        (f"docker pull x@{DIGEST}", {"fromImage": "docker.io/library/x", "tag": DIGEST}),
        (
            "docker pull --platform Linux/ARM64 x:1",
            {"fromImage": "docker.io/library/x", "tag": "1", "platform": "linux/arm64"},
        ),
        ("docker pull --disable-content-trust x:1", {"fromImage": "docker.io/library/x", "tag": "1"}),
        (
            f"docker pull --disable-content-trust=false x@{DIGEST}",
            {"fromImage": "docker.io/library/x", "tag": DIGEST},
        ),
    ],
)
def test_the_engine_is_asked_what_the_cli_asks(line, query):
    assert run(line)[1].query == query


def test_without_a_login_the_auth_header_is_an_empty_object():
    assert auth(run("docker pull busybox")[1]) == {}


@pytest.mark.parametrize(
    ("name", "server"),
    [("busybox", "https://index.docker.io/v1/"), ("r.example:5000/x:1", "r.example:5000")],
)
def test_the_askers_login_at_that_registry_goes_in_the_header(name, server):
    logins = {server: FakeLogin("anna", "pä/ss?"), "other.example": FakeLogin("x", "y")}
    assert auth(run(f"docker pull {name}", logins=logins)[1]) == {
        "username": "anna",
        "password": "pä/ss?",
        "serveraddress": server,
    }


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "docker pull Centos",
            "invalid reference format: repository name (library/Centos) must be lowercase",
        ),
        ("docker pull 'bad image'", "invalid reference format"),
        ("docker pull ''", "invalid reference format"),
        ("docker pull -a busybox:1", "tag can't be used with --all-tags/-a"),
        (f"docker pull -a busybox@{DIGEST}", "tag can't be used with --all-tags/-a"),
    ],
)
def test_a_line_that_cannot_be_pulled_is_refused_at_once(line, sentence):
    with pytest.raises(UsageFault) as fault:
        parse(line, CATALOGUE).command.check()
    assert (fault.value.message, fault.value.exit_code) == (sentence, 1)
    assert fault.value.hint


def test_content_trust_is_not_offered():
    with pytest.raises(UsageFault) as fault:
        parse("docker pull --disable-content-trust=false busybox", CATALOGUE).command.check()
    assert fault.value.reason is Reason.NOT_OFFERED


def test_what_the_engine_refuses_is_the_fault():
    with pytest.raises(NotFound, match="manifest unknown"):
        run("docker pull x:9", NotFound("manifest for x:9 not found: manifest unknown"))


def test_an_error_in_the_stream_ends_the_pull_without_the_final_line():
    ctx = FakeContext(FakeEngine({CREATE: [*STREAM[:1], {"errorDetail": {"message": "no space left"}}]}))
    with pytest.raises(EngineFault, match="no space left"):
        ImagePull(name="r.example/cli/app:1.0").run(ctx)
    assert ctx.out.decode() == "1.0: Pulling from cli/app\n"


def test_a_stream_that_was_ended_from_outside_is_no_success():
    ctx = FakeContext(FakeEngine())

    def ended():
        yield STREAM[0]
        ctx.cancelled = True

    with pytest.raises(Cancelled):
        follow(ended(), ctx, quiet=False)


def test_that_the_registry_broke_off_is_told_until_the_layer_moves_on():
    ctx = FakeContext(FakeEngine())
    moving = {"status": "Downloading", "progressDetail": {"current": 3, "total": 9}, "id": "ab12"}
    retrying = {"status": "Retrying in 5 seconds", "progressDetail": {}, "id": "ab12"}
    follow([moving, retrying, moving], ctx, quiet=True)
    assert [transfer.note for transfer in ctx.transfers] == [
        "",
        "The registry broke off. Retrying in 5 seconds.",
        "",
    ]
    assert [transfer.bytes_done for transfer in ctx.transfers] == [3, 3, 3]


def test_a_plugin_is_pointed_to_its_own_command():
    with pytest.raises(EngineFault) as fault:
        run("docker pull x:1", EngineFault("encountered remote … when fetching 'plugin'"))
    assert "docker plugin install" in fault.value.hint


def test_a_pull_names_its_image():
    operation = parse("docker pull -q busybox:1", CATALOGUE).command.operation("local")
    assert (operation.verb, operation.danger) == (Verb.REGISTRY, Danger.SAFE)
    assert operation.resources == (Resource(kind=Kind.IMAGE, name="busybox:1"),)
