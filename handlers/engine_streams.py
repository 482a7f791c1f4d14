"""Streams of an engine's answer: a container's output frames, JSON objects one after another."""

import json
from collections.abc import Iterator
from typing import Protocol

from handlers.context import Json
from handlers.faults import Fault

_HEADER = 8
_NAMES = {0: "stdout", 1: "stdout", 2: "stderr"}


class Closable(Protocol):
    """The request behind a stream."""

    closed: bool

    def close(self) -> None:
        """Ends it from any thread."""
        ...


class Explain(Protocol):
    """Turns a transport error into a Fault."""

    def __call__(self, error: Exception) -> Fault:
        """The Fault to raise."""
        ...


class Source(Protocol):
    """The body of an answer."""

    def __iter__(self) -> Iterator[bytes]:
        """Bytes as they arrive; lets go of the connection at the end."""
        ...

    def close(self) -> None:
        """Lets go of the connection; only for who does not iterate."""
        ...


class _Stream:
    """Bytes as they arrive; ends quietly when it was closed, with a Fault when it broke."""

    def __init__(self, source: Source, call: Closable, explain: Explain) -> None:
        self._source = source
        self._call = call
        self._explain = explain
        self._begun = False

    def close(self) -> None:
        """Ends the iteration, from any thread, in milliseconds."""
        self._call.close()
        if not self._begun:
            self._source.close()

    def _chunks(self) -> Iterator[bytes]:
        self._begun = True
        try:
            yield from self._source
        except GeneratorExit:
            raise
        except Exception as error:
            # Every layer below has its own tree of errors; a stream ends for one of two reasons.
            if not self._call.closed:
                raise self._explain(error) from error
        finally:
            self._call.close()


class Frames(_Stream):
    """A container's output: ``("stdout" | "stderr", data)`` in the order the engine sent it."""

    def __init__(self, source: Source, call: Closable, explain: Explain, *, tty: bool) -> None:
        super().__init__(source, call, explain)
        self._tty = tty

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Pieces as they arrive: a long frame comes in several."""
        if self._tty:
            yield from (("stdout", data) for data in self._chunks())
            return
        header, left, name = b"", 0, "stdout"
        for chunk in self._chunks():
            at = 0
            while at < len(chunk):
                if left:
                    piece = chunk[at : at + left]
                    at, left = at + len(piece), left - len(piece)
                    yield name, piece
                    continue
                piece = chunk[at : at + _HEADER - len(header)]
                at, header = at + len(piece), header + piece
                if len(header) == _HEADER:
                    # 3 is the engine's own error in the stream, shown where errors are shown.
                    name = _NAMES.get(header[0], "stderr")
                    left = int.from_bytes(header[4:], "big")
                    header = b""


class Objects(_Stream):
    """JSON objects as they arrive."""

    def __iter__(self) -> Iterator[Json]:
        """One decoded object after another; what is cut off at the end is dropped."""
        decode = json.JSONDecoder().raw_decode
        pending = ""
        for chunk in self._lines():
            pending += chunk
            while pending := pending.lstrip():
                try:
                    value, end = decode(pending)
                except json.JSONDecodeError:
                    break
                pending = pending[end:]
                yield value

    def _lines(self) -> Iterator[str]:
        """Whole lines, so that no character is cut and no object is decoded piece by piece."""
        pending = b""
        for chunk in self._chunks():
            head, newline, tail = (pending + chunk).rpartition(b"\n")
            if newline:
                yield (head + newline).decode("utf-8", "replace")
            pending = tail
        if pending:
            yield pending.decode("utf-8", "replace")
