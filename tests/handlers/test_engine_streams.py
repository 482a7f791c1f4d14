"""Frames and objects out of bytes that come in whatever pieces."""

import pytest

from handlers.engine_streams import Frames, Objects
from handlers.faults import Unreachable


class Bytes:
    """A body that comes in the given pieces."""

    def __init__(self, pieces, *, breaks=False):
        self.pieces = list(pieces)
        self.breaks = breaks
        self.closed = False

    def __iter__(self):
        yield from self.pieces
        if self.breaks:
            raise OSError("gone")

    def close(self):
        self.closed = True


class Source:
    closed = False

    def close(self):
        self.closed = True


def explain(error):
    return Unreachable(str(error))


def frame(stream, data):
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


STREAM = (
    frame(1, b"out\n")
    + frame(2, b"err\n")
    + frame(1, b"")
    + frame(3, b"engine says no\n")
    + frame(1, b"x" * 9)
)


@pytest.mark.parametrize("size", [1, 3, 8, 11, 1000])
def test_frames_are_told_apart_however_they_are_cut(size):
    chunks = (STREAM[at : at + size] for at in range(0, len(STREAM), size))
    texts = {"stdout": b"", "stderr": b""}
    for name, data in Frames(Bytes(chunks), Source(), explain, tty=False):
        texts[name] += data
    assert texts == {"stdout": b"out\n" + b"x" * 9, "stderr": b"err\nengine says no\n"}


def test_a_terminals_bytes_are_passed_as_they_are():
    assert list(Frames(Bytes([b"\x01\0\0\0", b"abc"]), Source(), explain, tty=True)) == [
        ("stdout", b"\x01\0\0\0"),
        ("stdout", b"abc"),
    ]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_objects_are_told_apart_however_they_are_cut(size):
    text = '{"a": "ä"}\r\n{"b": 2}{"c": [3]}\n{"cut'.encode()
    chunks = (text[at : at + size] for at in range(0, len(text), size))
    assert list(Objects(Bytes(chunks), Source(), explain)) == [{"a": "ä"}, {"b": 2}, {"c": [3]}]


def test_a_stream_that_breaks_raises_and_one_that_was_closed_just_ends():
    source = Source()
    frames = iter(Frames(Bytes([frame(1, b"first")], breaks=True), source, explain, tty=False))
    assert next(frames) == ("stdout", b"first")
    with pytest.raises(Unreachable, match="gone"):
        next(frames)
    closed = Source()
    frames = iter(Frames(Bytes([frame(1, b"first")], breaks=True), closed, explain, tty=False))
    assert next(frames) == ("stdout", b"first")
    closed.close()
    assert list(frames) == []


def test_a_stream_that_was_left_early_is_closed():
    source = Source()
    for _ in Frames(Bytes([frame(1, b"first")], breaks=True), source, explain, tty=False):
        break
    assert source.closed


def test_a_stream_that_was_never_read_lets_go_of_its_connection():
    body, source = Bytes([]), Source()
    Objects(body, source, explain).close()
    assert (body.closed, source.closed) == (True, True)
