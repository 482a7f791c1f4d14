# ruff: noqa: E501 - a case is a line
"""Following, cancelling, previews: what a golden file does not show."""

import json
import threading

import pytest

from handlers.catalogue import load
from handlers.container.sample import Sample
from handlers.faults import Cancelled, NotFound, OutcomeUnknown, TimedOut, Unreachable
from handlers.grammar.parser import parse
from permissions.verbs import Danger, Verb
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine, FakeStream

ID, OTHER = "4f0c" * 16, "db" * 32
SHORT, SHORT_OTHER = ID[:12], OTHER[:12]
RUNNING = {"Config": {"Tty": False}, "State": {"Running": True}}
NAMES = "docker stats --format '{{.Container}} {{.PIDs}}'"


def command(line):
    return parse(line, load()).command


def one(processes):
    return {"pids_stats": {"current": processes}}


def container_event(action, container=ID):
    return {"Type": "container", "Action": action, "Actor": {"ID": container}}


class Watched(FakeContext):
    """Is cancelled by the first output, as somebody who has seen enough does it."""

    def stdout(self, data):
        super().stdout(data)
        threading.Timer(0.01, self.cancel).start()


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("docker attach web", "The container goes on: `docker stop web` ends it."),
        ("docker exec web top", "The command goes on: `docker top web` shows it."),
        ("docker wait db web", ""),
        ("docker stats web", ""),
        ("docker stats", ""),
    ],
)
def test_following_ends_when_the_job_is_cancelled(line, hint):
    said = [("stdout", b"one\n")]
    engine = FakeEngine(
        {
            ("GET", "/containers/web/json"): RUNNING,
            ("POST", "/containers/web/attach"): FakeStream(said, hangs=True),
            ("POST", "/containers/web/wait"): FakeStream([], hangs=True),
            ("POST", "/containers/db/wait"): [{"StatusCode": 1}],
            ("POST", "/containers/web/exec"): {"Id": "e1"},
            ("POST", "/exec/e1/start"): FakeStream(said, hangs=True),
            ("GET", "/containers/web/stats"): FakeStream([one(1)], hangs=True),
            ("GET", "/containers/json"): [{"Id": ID}],
            ("GET", f"/containers/{SHORT}/stats"): FakeStream([one(1)], hangs=True),
            ("GET", "/events"): FakeStream([], hangs=True),
        }
    )
    ctx = Watched(engine)
    with pytest.raises(Cancelled) as raised:
        command(line).run(ctx)
    assert ctx.out
    assert raised.value.hint == hint
    assert all(stream.closed.wait(60) for stream in engine.streams)


GONE = {
    "attached": ("docker run --rm alpine", {}, "The container was ended and removed, as --rm says."),
    "in the background": (
        "docker run -d --rm alpine",
        {},
        "The container was ended and removed, as --rm says.",
    ),
    "it was faster": (
        "docker run --rm alpine",
        {("DELETE", f"/containers/{ID}"): NotFound("No such container")},
        "The container was ended and removed, as --rm says.",
    ),
    "the engine is away": (
        "docker run --rm alpine",
        {("DELETE", f"/containers/{ID}"): Unreachable("away")},
        f"The container may still be there: `docker rm -f {SHORT}` removes it.",
    ),
}


@pytest.mark.parametrize(("line", "answers", "hint"), GONE.values(), ids=GONE)
def test_what_is_cancelled_with_rm_leaves_no_container(line, answers, hint):
    class Impatient(FakeEngine):
        """Cancels the job while the container is being started."""

        def post(self, path, *args, **kwargs):
            if path.endswith("/start"):
                ctx.cancel()
                raise Cancelled("The call to the engine was ended")
            return super().post(path, *args, **kwargs)

    engine = Impatient(
        {
            ("POST", "/containers/create"): {"Id": ID},
            ("POST", f"/containers/{ID}/attach"): FakeStream([], hangs=True),
            ("POST", f"/containers/{ID}/wait"): FakeStream([], hangs=True),
            ("DELETE", f"/containers/{ID}"): None,
            **answers,
        }
    )
    ctx = FakeContext(engine)
    with pytest.raises(Cancelled) as raised:
        command(line).run(ctx)
    assert raised.value.hint == hint
    assert [asked.query for asked in engine.requests if asked.method == "DELETE"] == [
        {"force": "1", "v": "1"}
    ]
    assert all(stream.closed.is_set() for stream in engine.streams)


@pytest.mark.parametrize("line", ["docker run alpine", "docker run --rm --sig-proxy=false alpine"])
def test_what_is_cancelled_without_it_goes_on(line):
    engine = FakeEngine(
        {
            ("POST", "/containers/create"): {"Id": ID},
            ("POST", f"/containers/{ID}/start"): None,
            ("POST", f"/containers/{ID}/attach"): FakeStream([("stdout", b"one\n")], hangs=True),
            ("POST", f"/containers/{ID}/wait"): FakeStream([], hangs=True),
        }
    )
    with pytest.raises(Cancelled) as raised:
        command(line).run(Watched(engine))
    assert raised.value.hint == f"The container goes on: `docker stop {SHORT}` ends it."
    assert {asked.method for asked in engine.requests} == {"POST"}


def test_a_hint_that_is_there_already_stays():
    class Late(FakeContext):
        def check(self):
            raise TimedOut("The time is over", hint="Ask for more time.")

    engine = FakeEngine(
        {
            ("GET", "/containers/web/json"): RUNNING,
            ("POST", "/containers/web/exec"): {"Id": "e1"},
            ("POST", "/exec/e1/start"): [],
        }
    )
    with pytest.raises(TimedOut) as raised:
        command("docker exec web top").run(Late(engine))
    assert raised.value.hint == "Ask for more time."


def test_an_attach_that_is_refused_leaves_nothing_open():
    engine = FakeEngine(
        {
            ("POST", "/containers/web/wait"): FakeStream([], hangs=True),
            ("GET", "/containers/web/json"): RUNNING,
            ("POST", "/containers/web/attach"): NotFound("No such container: web"),
        }
    )
    with pytest.raises(NotFound):
        command("docker attach web").run(FakeContext(engine))
    assert all(stream.closed.is_set() for stream in engine.streams)


def test_a_wait_whose_connection_broke_is_told_and_the_others_go_on():
    engine = FakeEngine(
        {
            ("POST", "/containers/web/wait"): OutcomeUnknown("The connection broke"),
            ("POST", "/containers/db/wait"): [{"StatusCode": 4}],
        }
    )
    ctx = FakeContext(engine)
    done = command("docker wait web db").run(ctx)
    assert (bytes(ctx.out), done.stderr, done.exit_code) == (b"4\n", "The connection broke\n", 1)


def test_of_several_named_containers_every_one_that_is_not_there_is_told():
    engine = FakeEngine(
        {
            ("GET", "/containers/web/stats"): FakeStream([one(1)], hangs=True),
            ("GET", "/containers/a/stats"): NotFound("No such container: a"),
            ("GET", "/containers/b/stats"): NotFound("No such container: b"),
        }
    )
    ctx = FakeContext(engine)
    done = command("docker stats web a b").run(ctx)
    assert bytes(ctx.out) == b""
    assert {failure.message for failure in done.failures} == {
        "Error response from daemon: No such container: a",
        "Error response from daemon: No such container: b",
    }
    assert done.exit_code == 1
    assert all(stream.closed.wait(60) for stream in engine.streams)


def test_a_container_that_starts_comes_and_one_that_ends_goes():
    started, ended = threading.Event(), threading.Event()

    def events():
        yield container_event("create", OTHER)
        assert started.wait(60)
        yield container_event("start", OTHER)
        yield container_event("start", OTHER)
        assert ended.wait(60)
        yield container_event("die", OTHER)
        yield container_event("die", OTHER)

    class Stepping(FakeContext):
        def stdout(self, data):
            super().stdout(data)
            if not started.is_set():
                started.set()
            elif SHORT_OTHER.encode() in data:
                ended.set()

    other = FakeStream([one(5)], hangs=True)
    engine = FakeEngine(
        {
            ("GET", "/events"): events(),
            ("GET", "/containers/json"): [{"Id": ID}],
            ("GET", f"/containers/{SHORT}/stats"): FakeStream([one(1)], hangs=True),
            ("GET", f"/containers/{SHORT_OTHER}/stats"): other,
        }
    )
    ctx = Stepping(engine)
    done = command(NAMES).run(ctx)
    assert done.exit_code == 0
    lines = ctx.out.decode().splitlines()
    assert lines[0] == f"{SHORT} 1"
    assert f"{SHORT_OTHER} 5" in lines
    assert other.closed.is_set()
    asked = [request.path for request in engine.requests]
    assert asked.count(f"/containers/{SHORT_OTHER}/stats") == 1
    assert json.loads(engine.requests[0].query["filters"]) == {"type": {"container": True}}


def test_with_all_a_container_comes_when_it_is_made_and_stays_when_it_ends():
    def events():
        yield container_event("create", OTHER)
        yield container_event("die", OTHER)
        assert engine_asked.wait(60)

    engine_asked = threading.Event()

    class Seen(FakeContext):
        def stdout(self, data):
            super().stdout(data)
            engine_asked.set()

    engine = FakeEngine(
        {
            ("GET", "/events"): events(),
            ("GET", "/containers/json"): [],
            ("GET", f"/containers/{SHORT_OTHER}/stats"): FakeStream([one(5)], hangs=True),
        }
    )
    ctx = Seen(engine)
    command(f"{NAMES} -a").run(ctx)
    assert ctx.out.decode() == f"{SHORT_OTHER} 5\n"


def test_the_stream_of_events_that_breaks_is_told():
    def broken():
        yield container_event("exec_start: sh", OTHER)
        raise Unreachable("The connection broke")

    engine = FakeEngine({("GET", "/events"): broken(), ("GET", "/containers/json"): []})
    with pytest.raises(Unreachable):
        command("docker stats").run(FakeContext(engine))


def test_what_goes_wrong_in_a_thread_is_raised():
    def wrong():
        raise RuntimeError("a bug")
        yield

    engine = FakeEngine({("GET", "/containers/web/stats"): wrong()})
    with pytest.raises(RuntimeError, match="a bug"):
        command("docker stats web").run(FakeContext(engine))


@pytest.mark.parametrize(
    ("memory", "text"),
    [
        ({"usage": 2048, "limit": 4096, "stats": {"total_inactive_file": 0, "inactive_file": 99}}, "2KiB / 4KiB"),
        ({"usage": 2048, "limit": 4096, "stats": {"total_inactive_file": 1024}}, "1KiB / 4KiB"),
        ({"usage": 2048, "limit": 4096, "stats": {"total_inactive_file": 9999, "inactive_file": 1024}}, "1KiB / 4KiB"),
        ({"usage": 2048, "limit": 4096, "stats": {"inactive_file": 9999}}, "2KiB / 4KiB"),
        ({"usage": 2048, "limit": 4096, "stats": None}, "2KiB / 4KiB"),
        ({}, "0B / 0B"),
        ({"usage": 1023 * 1024, "limit": 2**70}, "1023KiB / 1ZiB"),
    ],
)  # fmt: skip
def test_memory_leaves_out_what_the_kernel_could_drop(memory, text):
    assert Sample("web", truncate=True, data={"memory_stats": memory}, stale=False).memory() == text


STOPPED = [
    {"Id": ID, "Names": ["/old"], "Image": "busybox", "Status": "Exited (0) 2 days ago", "Created": 1_699_800_000,
     "SizeRw": 1500, "SizeRootFs": 5_000_000, "Labels": {"tier": "web"}},
    {"Id": OTHER, "Names": ["/new"], "Image": "busybox", "Status": "Created", "Created": 1_699_999_990,
     "Labels": {"keep": "1"}},
]  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "names", "warning"),
    [
        ("", ["old", "new"], "2 containers would go, 1.5kB with them."),
        ("--filter until=24h", ["old"], "1 container would go, 1.5kB with them."),
        ("--filter label!=keep", ["old"], "1 container would go, 1.5kB with them."),
        ("--filter label=keep=1", ["new"], "1 container would go, 0B with them."),
        ("--filter label=keep=2", [], "0 containers would go, 0B with them."),
        ("--filter until=never", [], "0 containers would go, 0B with them."),
    ],
)
def test_the_preview_of_a_prune_is_what_would_go(filters, names, warning):
    engine = FakeEngine({("GET", "/containers/json"): STOPPED})
    asked = command(f"docker container prune {filters}")
    shown = asked.preview(FakeContext(engine))
    assert [row[1] for row in shown.rows] == names
    assert shown.warnings == (warning,)
    assert [request.method for request in engine.requests] == ["GET"]
    status = json.loads(engine.requests[0].query["filters"])
    assert status == {"status": {"created": True, "dead": True, "exited": True}}


def test_force_leaves_out_the_question_alone():
    assert (
        command("docker container prune")
        .question()
        .startswith("WARNING! This will remove all stopped containers.")
    )
    assert command("docker container prune -f").question() == ""
    forced, asked = (command(f"docker container prune {option}").operation("box") for option in ("-f", ""))
    assert (forced.verb, forced.danger) == (asked.verb, asked.danger) == (Verb.DESTROY, Danger.LOSES_DATA)
