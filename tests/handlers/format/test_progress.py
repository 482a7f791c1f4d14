import pytest

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
