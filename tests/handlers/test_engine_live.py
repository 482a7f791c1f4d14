"""Streams and slow calls of a real engine end in milliseconds when somebody ends them."""

import threading
import time
from functools import partial

import pytest

from handlers.engine import DockerEngine
from handlers.faults import Cancelled

SOON = 0.5
"""Seconds a closed call may take to come back; in practice it is a millisecond."""


@pytest.fixture
def busy(docker_host, image, unique):
    """An engine and a running container that writes two lines and ignores the polite signal."""
    engine = DockerEngine(docker_host, slots=4)
    name = unique("engine")
    script = "trap '' TERM; echo out; echo err >&2; while :; do sleep 1; done"
    engine.post("/containers/create", {"name": name}, {"Image": image, "Cmd": ["sh", "-c", script]})
    engine.post(f"/containers/{name}/start")
    yield engine, name
    engine.delete(f"/containers/{name}", {"force": True})
    engine.close()


def end_first(closes):
    closes[0]()


def ended_after(close, wait):
    """Seconds from `close` on another thread to the end of `wait`."""
    at = []

    def close_it():
        at.append(time.monotonic())
        close()

    timer = threading.Timer(0.2, close_it)
    timer.start()
    wait()
    timer.join()
    return time.monotonic() - at[0]


@pytest.mark.parametrize(
    ("method", "action", "query"),
    [("GET", "logs", {"follow": True}), ("POST", "attach", {"stream": True})],
)
def test_a_blocked_stream_ends_in_milliseconds(busy, method, action, query):
    engine, name = busy
    query = {"stdout": True, "stderr": True, **query}
    frames = engine.frames(method, f"/containers/{name}/{action}", query, tty=False)
    assert ended_after(frames.close, lambda: list(frames)) < SOON


def test_streams_that_nobody_reads_can_be_closed(busy):
    engine, name = busy
    streams = {"stream": True, "stdout": True, "stderr": True}
    engine.frames("POST", f"/containers/{name}/attach", streams, tty=False).close()
    engine.progress(f"/containers/{name}/wait", {"condition": "next-exit"}).close()
    assert engine.get(f"/containers/{name}/json")["State"]["Running"]


def test_a_wait_for_the_end_ends_in_milliseconds(busy):
    engine, name = busy
    end = engine.progress(f"/containers/{name}/wait", {"condition": "next-exit"})
    assert ended_after(end.close, lambda: list(end)) < SOON


def test_a_slow_stop_ends_in_milliseconds_when_it_is_cancelled(busy):
    engine, name = busy
    closes = []

    def stop():
        with pytest.raises(Cancelled):
            engine.post(f"/containers/{name}/stop", {"t": 8}, on_cancel=closes.append)

    assert ended_after(partial(end_first, closes), stop) < SOON


def test_an_attached_stdin_is_closed_at_once(docker_host, image, unique):
    engine = DockerEngine(docker_host)
    name = unique("stdin")
    body = {"Image": image, "Cmd": ["cat"], "OpenStdin": True, "StdinOnce": True, "AttachStdin": True}
    engine.post("/containers/create", {"name": name}, body)
    streams = {"stream": True, "stdin": True, "stdout": True, "stderr": True}
    frames = engine.frames("POST", f"/containers/{name}/attach", streams, tty=False)
    engine.post(f"/containers/{name}/start")
    assert list(frames) == []
    engine.delete(f"/containers/{name}", {"force": True})
    engine.close()
