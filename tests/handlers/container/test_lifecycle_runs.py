"""Cancelling, parallel targets, logins, marks: what a golden file does not show."""

import base64
import json
import threading

import pytest

from handlers.catalogue import load
from handlers.container.groups.platform import parse_platform
from handlers.faults import Cancelled, EngineFault, OutcomeUnknown, Unreachable
from handlers.grammar.parser import parse
from tests.fakes.context import FakeContext, FakeLogin
from tests.fakes.engine import HANGS, FakeEngine, FakeStream, ModelEngine

ID = "4f0c" * 16
NEW = f"/containers/{ID}"
MADE = {("POST", "/containers/create"): {"Id": ID}, ("POST", f"{NEW}/start"): None}
TTY = {"Config": {"Tty": True, "OpenStdin": True}, "HostConfig": {"AutoRemove": False}}
PLAIN = {"Config": {"Tty": False, "OpenStdin": False}, "HostConfig": {"AutoRemove": False}}


def command(line):
    return parse(line, load()).command


class Watched(FakeContext):
    """Is cancelled by the first output, as somebody who has seen enough does it."""

    def stdout(self, data):
        super().stdout(data)
        threading.Timer(0.01, self.cancel).start()


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        (
            "docker logs -f web",
            {
                ("GET", "/containers/web/json"): PLAIN,
                ("GET", "/containers/web/logs"): FakeStream([("stdout", b"one\n")], hangs=True),
            },
        ),
        (
            "docker start -a web",
            {
                ("GET", "/containers/web/json"): PLAIN,
                ("POST", "/containers/web/attach"): FakeStream([("stdout", b"one\n")], hangs=True),
                ("POST", "/containers/web/wait"): FakeStream([], hangs=True),
                ("POST", "/containers/web/start"): None,
            },
        ),
        (
            "docker run busybox sleep 60",
            MADE
            | {
                ("POST", f"{NEW}/attach"): FakeStream([("stdout", b"one\n")], hangs=True),
                ("POST", f"{NEW}/wait"): FakeStream([], hangs=True),
            },
        ),
    ],
)
def test_following_ends_when_the_job_is_cancelled(line, answers):
    engine = FakeEngine(answers)
    ctx = Watched(engine)
    with pytest.raises(Cancelled):
        command(line).run(ctx)
    assert bytes(ctx.out) == b"one\n"
    assert all(stream.closed.is_set() for stream in engine.streams)


def test_who_cancels_an_attached_run_is_told_that_the_container_goes_on():
    answers = MADE | {
        ("POST", f"{NEW}/attach"): FakeStream([("stdout", b"one\n")], hangs=True),
        ("POST", f"{NEW}/wait"): FakeStream([], hangs=True),
    }
    with pytest.raises(Cancelled) as raised:
        command("docker run busybox sleep 60").run(Watched(FakeEngine(answers)))
    assert raised.value.hint == f"The container goes on: `docker stop {ID[:12]}` ends it."


@pytest.mark.parametrize("options", ["", "--rm"])
def test_a_start_that_fails_leaves_nothing_open(options):
    answers = MADE | {
        ("POST", f"{NEW}/attach"): FakeStream([], hangs=True),
        ("POST", f"{NEW}/wait"): FakeStream([{"StatusCode": 127}]),
        ("POST", f"{NEW}/start"): EngineFault("executable file not found"),
    }
    engine = FakeEngine(answers)
    with pytest.raises(EngineFault):
        command(f"docker run {options} busybox nope").run(FakeContext(engine))
    assert len(engine.streams) == 2
    assert all(stream.closed.is_set() for stream in engine.streams)


@pytest.mark.parametrize("action", ["stop", "restart"])
def test_a_long_stop_is_ended_by_the_job_alone(action):
    engine = FakeEngine({("POST", f"/containers/web/{action}"): HANGS})
    ctx = FakeContext(engine)
    timer = threading.Timer(0.02, ctx.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        command(f"docker {action} -t 300 web").run(ctx)
    timer.join()
    assert engine.requests[0].query == {"t": "300"}


def test_several_containers_are_stopped_at_the_same_time():
    meeting = threading.Barrier(3, timeout=60)

    class Meeting(FakeEngine):
        def post(self, path, *args, **kwargs):
            meeting.wait()
            return super().post(path, *args, **kwargs)

    engine = Meeting({("POST", f"/containers/{name}/stop"): None for name in "abc"})
    output = command("docker stop c a b").run(FakeContext(engine))
    assert output.lines == ("c", "a", "b")


def test_restart_goes_one_by_one_in_the_order_of_the_line():
    engine = FakeEngine({("POST", f"/containers/{name}/restart"): None for name in "abc"})
    command("docker restart c a b").run(FakeContext(engine))
    assert [request.path[12] for request in engine.requests] == ["c", "a", "b"]


def test_nothing_is_begun_once_the_job_is_cancelled():
    engine = FakeEngine()
    with pytest.raises(Cancelled):
        command("docker restart a b").run(FakeContext(engine, cancelled=True))
    assert engine.requests == []


@pytest.mark.parametrize(
    ("fault", "reason", "message"),
    [
        (Unreachable("Cannot connect"), "unreachable", "Cannot connect"),
        (OutcomeUnknown("It broke"), "outcome_unknown", "It broke"),
        (EngineFault("no"), "engine", "Error response from daemon: no"),
    ],
)
def test_a_failure_of_one_target_has_its_reason_and_the_others_go_on(fault, reason, message):
    engine = FakeEngine({("POST", "/containers/a/stop"): fault, ("POST", "/containers/b/stop"): None})
    output = command("docker stop a b").run(FakeContext(engine))
    assert [(failure.reason, failure.message) for failure in output.failures] == [(reason, message)]
    assert (output.stdout, output.exit_code) == ("b\n", 1)


@pytest.mark.parametrize(("api", "query"), [((1, 41), {}), ((1, 42), {"signal": "INT"})])
def test_a_signal_is_sent_to_engines_that_know_it(api, query):
    engine = FakeEngine({("POST", "/containers/a/stop"): None}, api=api)
    command("docker stop -s INT a").run(FakeContext(engine))
    assert engine.requests[0].query == query


def test_a_pull_uses_the_askers_login_and_no_other():
    answers = MADE | {("POST", "/images/create"): []}
    for logins, expected in (
        ({}, {}),
        (
            {"127.0.0.1:5055": FakeLogin("ann", "s3cret")},
            {"username": "ann", "password": "s3cret", "serveraddress": "127.0.0.1:5055"},
        ),
    ):
        engine = FakeEngine(answers)
        ctx = FakeContext(engine, logins=logins)
        command("docker run -d --pull always 127.0.0.1:5055/team/app").run(ctx)
        sent = engine.requests[0].headers["X-Registry-Auth"]
        assert json.loads(base64.urlsafe_b64decode(sent)) == expected
        assert b"s3cret" not in ctx.out + ctx.err


def test_an_image_id_is_never_asked_of_a_registry():
    engine = FakeEngine({("POST", "/containers/create"): EngineFault("No such image")})
    with pytest.raises(EngineFault):
        command(f"docker run -d {'ab' * 32}").run(FakeContext(engine))
    assert len(engine.requests) == 1


def test_a_container_carries_nothing_of_ours():
    engine = FakeEngine(MADE)
    command("docker run -d -l tier=web busybox").run(FakeContext(engine, job_id="J-42"))
    assert engine.requests[0].body["Labels"] == {"tier": "web"}
    assert "J-42" not in str(engine.requests)


@pytest.mark.parametrize(
    ("line", "out", "code"),
    [
        ("docker run busybox echo hi", b"hi\n", 0),
        ("docker run -t busybox echo hi", b"hi\r\n", 0),
        ("docker run --rm busybox sh -c 'exit 5'", b"", 5),
    ],
)
def test_an_attached_run_ends_as_its_command_does(line, out, code):
    ctx = FakeContext(ModelEngine())
    output = command(line).run(ctx)
    assert (bytes(ctx.out), output.exit_code) == (out, code)


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("", ""),
        ("linux/amd64", "linux/amd64"),
        ("LINUX/AMD64", "linux/amd64"),
        ("x86_64", "linux/amd64"),
        ("arm64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("linux/arm64/v9.0", "linux/arm64/v9"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/arm", "linux/arm"),
        ("armhf", "linux/arm"),
        ("linux/i386", "linux/386"),
        ("linux/x86.64", "linux/x86.64"),
        ("windows(10.0.17763)/amd64", "windows/amd64"),
        ("windows/amd64", "windows/amd64"),
        ("linux/x/y", "linux/x/y"),
    ],
)
def test_a_platform_is_written_in_its_usual_form(text, platform):
    assert parse_platform(text) == platform


@pytest.mark.parametrize("text", ["foo", "a/b/c/d", "lin ux/amd64", "linux/*", "linux/", "/", "linux.1"])
def test_what_is_no_platform_is_refused(text):
    with pytest.raises(ValueError, match=r"^error parsing specified platform: "):
        parse_platform(text)


def test_who_cancels_a_stop_of_several_is_told_which_have_stopped():
    gone = {("POST", f"/containers/{name}/stop"): None for name in ("one", "three")}
    engine = FakeEngine(gone | {("POST", "/containers/two/stop"): HANGS})
    ctx = FakeContext(engine)
    threading.Timer(0.2, ctx.cancel).start()
    with pytest.raises(Cancelled):
        command("docker stop one two three").run(ctx)
    assert bytes(ctx.out) == b"one\nthree\n"
