import pytest

from handlers.context import Transfer
from handlers.faults import Cancelled, EngineFault
from handlers.format.progress import follow, line
from tests.fakes.context import FakeContext


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"status": "Pulling from cli/app", "id": "1.0"}, "1.0: Pulling from cli/app\n"),
        ({"status": "Pulling fs layer", "progressDetail": {}, "id": "ab12"}, "ab12: Pulling fs layer\n"),
        (
            {
                "status": "Downloading",
                "progressDetail": {"current": 5, "total": 9},
                "progress": "[=>",
                "id": "ab12",
            },
            "",
        ),
        ({"status": "Extracting", "progressDetail": {"current": 5}, "id": "ab12"}, ""),
        ({"status": "Digest: sha256:1"}, "Digest: sha256:1\n"),
        ({"stream": "Loaded image: x\n"}, "Loaded image: x\n"),
        ({"status": ""}, "\n"),
        ({"aux": {"Tag": "1"}}, ""),
        ({}, ""),
    ],
)
def test_a_message_is_the_line_that_shows_without_a_terminal(message, text):
    assert line(message) == text


def test_progress_goes_out_as_it_comes():
    ctx = FakeContext(None)
    follow(iter([{"status": "a"}, {"status": "b"}]), ctx, quiet=False)
    assert bytes(ctx.out) == b"a\nb\n"


def test_quiet_progress_is_read_and_not_shown():
    ctx = FakeContext(None)
    follow(iter([{"status": "a"}]), ctx, quiet=True)
    assert not ctx.out


@pytest.mark.parametrize(
    "message",
    [{"errorDetail": {"code": 1, "message": "disk full"}, "error": "disk full"}, {"error": "disk full"}],
)
@pytest.mark.parametrize("quiet", [True, False])
def test_an_error_in_the_stream_is_a_fault(message, quiet):
    ctx = FakeContext(None)
    with pytest.raises(EngineFault, match="disk full"):
        follow(iter([{"status": "a"}, message, {"status": "b"}]), ctx, quiet=quiet)
    assert bytes(ctx.out) == (b"" if quiet else b"a\n")


def test_a_cancelled_job_stops_reading():
    ctx = FakeContext(None, cancelled=True)
    with pytest.raises(Cancelled):
        follow(iter([{"status": "a"}]), ctx, quiet=False)


def test_a_stream_that_reports_an_error_is_let_go_of_at_once():
    ended = []

    def stream():
        try:
            yield {"error": "disk full"}
        finally:
            ended.append(True)

    with pytest.raises(EngineFault) as fault:
        follow(stream(), FakeContext(None), quiet=False)
    assert ended, fault


def told(status, layer="", current=0, total=0):
    detail = {"current": current, "total": total} if total else {}
    return {"status": status, "id": layer, "progressDetail": detail}


TRANSFERS = {
    "a tag is no layer": ([told("Pulling from library/busybox", "latest"), told("Digest: sha256:1")], None),
    "a layer that is there already": ([told("Already exists", "aa")], Transfer(1, 1, 0, 0)),
    "layers that wait": (
        [told("Pulling fs layer", "aa"), told("Waiting", "bb")],
        Transfer(0, 2, 0, 0),
    ),
    "a layer on its way": (
        [told("Pulling fs layer", "aa"), told("Downloading", "aa", 30, 100)],
        Transfer(0, 1, 30, 100),
    ),
    "extracting counts no bytes anew": (
        [
            told("Downloading", "aa", 30, 100),
            told("Download complete", "aa"),
            told("Extracting", "aa", 5, 400),
            told("Downloading", "bb", 10, 50),
        ],
        Transfer(0, 2, 110, 150),
    ),
    "a pull that is over": (
        [told("Downloading", "aa", 30, 100), told("Download complete", "aa"), told("Pull complete", "aa")],
        Transfer(1, 1, 100, 100),
    ),
    "a push": (
        [
            told("Preparing", "aa"),
            told("Layer already exists", "bb"),
            told("Pushing", "aa", 60, 90),
            told("Pushed", "aa"),
        ],
        Transfer(2, 2, 90, 90),
    ),
}


@pytest.mark.parametrize(("messages", "transfer"), TRANSFERS.values(), ids=TRANSFERS)
def test_counts_layers_and_bytes(messages, transfer):
    ctx = FakeContext(None)
    follow(iter(messages), ctx, quiet=True)
    assert (ctx.transfers[-1] if ctx.transfers else None) == transfer
