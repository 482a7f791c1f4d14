"""How dangerous df, events, info and prune are; how events end; what a prune asks and shows first."""

from zoneinfo import ZoneInfo

import pytest

from handlers.catalogue import load
from handlers.faults import Cancelled
from handlers.grammar.parser import parse
from handlers.system.conditions import NEVER, Conditions
from handlers.system.events import SystemEvents
from handlers.system.prune import SystemPrune
from permissions.verbs import Danger, Verb
from tests.fakes.context import FakeClock, FakeContext
from tests.fakes.engine import FakeEngine, FakeStream


@pytest.mark.parametrize(
    ("line", "verb", "danger"),
    [
        ("system df -v", Verb.LIST, Danger.SAFE),
        ("info", Verb.LIST, Danger.SAFE),
        ("events", Verb.REVEAL, Danger.SAFE),
        ("system prune -f", Verb.DESTROY, Danger.LOSES_DATA),
    ],
)
def test_a_command_is_as_dangerous_as_its_kind(line, verb, danger):
    operation = parse(f"docker {line}", load()).command.operation("box")
    assert (operation.verb, operation.danger, operation.resources) == (verb, danger, ())


class EndedByTheFirstEvent(FakeContext):
    def stdout(self, data):
        super().stdout(data)
        self.cancel()


def test_events_go_on_until_somebody_ends_them():
    stream = FakeStream([{"Type": "container", "Action": "die", "Actor": {"ID": "abc"}}], hangs=True)
    ctx = EndedByTheFirstEvent(FakeEngine({("GET", "/events"): stream}))
    with pytest.raises(Cancelled):
        SystemEvents().run(ctx)
    assert stream.closed.is_set()
    assert ctx.out == b"container die abc\n"


def test_a_stream_of_events_is_closed_when_the_template_fails():
    engine = FakeEngine({("GET", "/events"): [{"id": "x", "Actor": {"Attributes": {}}}]})
    with pytest.raises(Exception, match="should be string"):
        SystemEvents(format="{{if .ID}}{{index .Actor.Attributes 1}}{{end}}").run(FakeContext(engine))
    assert engine.streams[0].closed.is_set()


def test_events_carry_the_readers_zone():
    events = [{"Type": "a", "Action": "b", "timeNano": 1_600_000_000_000_000_001}]
    ctx = FakeContext(FakeEngine({("GET", "/events"): events}), clock=FakeClock(zone=ZoneInfo("Asia/Seoul")))
    SystemEvents().run(ctx)
    assert ctx.out == b"2020-09-13T21:26:40.000000001+09:00 a b \n"


QUESTIONS = {
    SystemPrune(): (
        "WARNING! This will remove:\n"
        "  - all stopped containers\n"
        "  - all networks not used by at least one container\n"
        "  - all dangling images\n"
        "  - unused build cache\n"
        "\n"
        "Are you sure you want to continue?"
    ),
    SystemPrune(
        all=True,
        volumes=True,
        filter=("label=a10", "foo=bar", "label!=x=y", "label=a9", "label=a9", "until=1h"),
    ): (
        "WARNING! This will remove:\n"
        "  - all stopped containers\n"
        "  - all networks not used by at least one container\n"
        "  - all anonymous volumes not used by at least one container\n"
        "  - all images without at least one container associated to them\n"
        "  - all build cache\n"
        "\n"
        "  Items to be pruned will be filtered with:\n"
        "  - label!=x=y\n"
        "  - label=a9\n"
        "  - label=a10\n"
        "  - until=1h\n"
        "\n"
        "Are you sure you want to continue?"
    ),
    SystemPrune(force=True, all=True): "",
}


@pytest.mark.parametrize(("command", "question"), QUESTIONS.items())
def test_the_question_lists_what_the_cli_lists(command, question):
    assert command.question() == question


def image(ident, tags, **changes):
    return {"Id": f"sha256:{ident * 64}", "RepoTags": tags, "Size": 1000, "SharedSize": 400, **changes}


USAGE = {
    "Containers": [
        {"Id": "1" * 64, "Names": ["/web"], "State": "running", "ImageID": f"sha256:{'a' * 64}", "SizeRw": 9},
        {"Id": "2" * 64, "Names": ["/halted"], "State": "paused", "Mounts": [{"Name": "kept"}]},
        {
            "Id": "3" * 64,
            "Names": ["/job"],
            "State": "exited",
            "ImageID": f"sha256:{'b' * 64}",
            "SizeRw": 5000,
            "Created": 1_600_000_000,
            "Labels": {"tier": "batch"},
            "Mounts": [{"Name": "jobs"}],
        },
        {"Id": "4" * 64, "Names": ["/made"], "State": "created", "Created": 1_699_999_000},
    ],
    "Images": [
        image("a", ["web:1"]),
        image("b", ["job:1", "job:latest"], Labels={"tier": "batch"}),
        image("c", ["<none>:<none>"], RepoDigests=["<none>@<none>"], SharedSize=-1),
        image("d", None, RepoDigests=["web@sha256:x"], Created=1_699_999_999),
    ],
    "Volumes": [
        {"Name": "kept", "Driver": "local", "UsageData": {"RefCount": 1, "Size": 1}},
        {"Name": "jobs", "Driver": "local", "UsageData": {"RefCount": 1, "Size": 20}},
        {
            "Name": "idle",
            "Driver": "local",
            "UsageData": {"RefCount": 0, "Size": -1},
            "Labels": {"tier": "batch"},
        },
    ],
    "BuildCache": [
        {"ID": "busy", "InUse": True, "Size": 1, "CreatedAt": "2023-01-01T00:00:00Z"},
        {"ID": "shared", "Shared": True, "Size": 30, "CreatedAt": "2023-01-01T00:00:00Z"},
        {"ID": "own", "Size": 40, "Description": "RUN\ta\nb", "LastUsedAt": "2023-11-14T22:13:19Z"},
    ],
}
NETWORKS = [{"Name": "net", "Id": "e" * 64, "Created": "2023-01-01T00:00:00Z"}]


def previewed(command):
    engine = FakeEngine({("GET", "/system/df"): USAGE, ("GET", "/networks"): NETWORKS})
    shown = command.preview(FakeContext(engine))
    assert {one.method for one in engine.requests} == {"GET"}
    return [(row[0], row[2]) for row in shown.rows], shown


JOB, MADE, NET = ("container", "job"), ("container", "made"), ("network", "net")
BATCH, NONE, BARE = ("image", "job:1,job:latest"), ("image", "<none>:<none>"), ("image", "<none>")
OWN, SHARED = ("build cache", "RUN a b"), ("build cache", "")


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (SystemPrune(), [JOB, MADE, NET, NONE, BARE, OWN]),
        (SystemPrune(all=True), [JOB, MADE, NET, BATCH, NONE, BARE, SHARED, OWN]),
        (
            SystemPrune(volumes=True),
            [JOB, MADE, NET, ("volume", "jobs"), ("volume", "idle"), NONE, BARE, OWN],
        ),
        (SystemPrune(all=True, filter=("until=10m",)), [JOB, MADE, NET, BATCH, NONE, SHARED]),
        (
            SystemPrune(all=True, volumes=True, filter=("label=tier",)),
            [JOB, ("volume", "idle"), BATCH, SHARED, OWN],
        ),
        (SystemPrune(all=True, filter=("label!=tier=batch",)), [MADE, NET, NONE, BARE, SHARED, OWN]),
    ],
)
def test_the_preview_shows_what_would_go(command, found):
    assert previewed(command)[0] == found


def test_what_only_a_stopped_container_uses_goes_with_it():
    found, _ = previewed(SystemPrune(all=True, volumes=True))
    assert BATCH in found
    assert ("volume", "jobs") in found
    assert ("volume", "kept") not in found
    assert ("image", "web:1") not in found


def test_the_preview_counts_the_bytes_that_nothing_else_shares():
    _, shown = previewed(SystemPrune())
    assert [row[3] for row in shown.rows] == ["5kB", "0B", "0B", "1kB", "600B", "40B"]
    assert shown.warnings == ("6 objects would go, 6.64kB with them.",)
    assert shown.stdout.splitlines()[0].split() == ["TYPE", "ID", "NAME", "SIZE"]


@pytest.mark.parametrize(
    ("filters", "labels", "created", "goes"),
    [
        ((), None, 0, True),
        (("",), {}, 0, True),
        (("label=a",), {"a": "x"}, 0, True),
        (("label=a=x",), {"a": "y"}, 0, False),
        (("label=a", "label=b"), {"a": ""}, 0, False),
        (("label!=a=x",), {"a": "y"}, 0, True),
        (("label!=a",), {"a": "y"}, 0, False),
        (("until=1700000000",), {}, 1_700_000_000, True),
        (("until=1700000000",), {}, 1_700_000_001, False),
        (("until=10s",), {}, 1_699_999_991, False),
        (("until=nonsense",), {}, 0, False),
        (("foo=bar",), None, 0, True),
    ],
)
def test_conditions_read_as_the_engine_reads_them(filters, labels, created, goes):
    assert Conditions.of(filters, FakeClock()).match(labels, created) is goes


def test_without_a_date_only_labels_count():
    assert Conditions.of(("until=1h", "label=a"), FakeClock()).match({"a": ""}, NEVER)
