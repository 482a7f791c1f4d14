# ruff: noqa: ARG002 - the signatures are those of handlers.context.Engine
"""Engines for tests: one that answers as a test scripts it, one with a small model of containers."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from handlers.faults import Cancelled, Conflict, EngineFault, Fault, NotFound, Reason

API = (1, 41)


@dataclass(frozen=True)
class Request:
    """One request as the engine saw it; the query without what is absent, as text."""

    method: str
    path: str
    query: dict[str, str | tuple[str, ...]]
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [self.method, self.path]
        if self.query:
            pairs = [
                f"{key}={text}"
                for key, value in sorted(self.query.items())
                for text in (value if isinstance(value, tuple) else [value])
            ]
            parts.append("?" + "&".join(pairs))
        if self.body is not None:
            parts.append(json.dumps(_without_empty(self.body), sort_keys=True))
        return " ".join(parts)


MAPS = {"ExposedPorts", "Volumes", "PortBindings", "Labels", "EndpointsConfig"}
"""Mappings whose keys a person chose: a key says something even where its value is empty."""


def _without_empty(value, key=""):
    if not isinstance(value, dict):
        return value
    kept = {name: _without_empty(item, name) for name, item in value.items()}
    return {
        name: item for name, item in kept.items() if key in MAPS or item not in (None, False, 0, "", [], {})
    }


def _text(query) -> dict[str, str | tuple[str, ...]]:
    return {
        key: value if isinstance(value, tuple) else str(int(value)) if isinstance(value, bool) else str(value)
        for key, value in (query or {}).items()
        if value is not None
    }


class FakeStream:
    """Items one after another; `close` ends it, also while it waits in `hangs`."""

    def __init__(self, items, *, hangs=False):
        self._items = items
        self._hangs = hangs
        self.closed = threading.Event()

    def __iter__(self):
        for item in self._items:
            if self.closed.is_set():
                return
            yield item
        if self._hangs:
            assert self.closed.wait(60), "a stream without an end was never closed"

    def close(self):
        self.closed.set()


class FakeEngine:
    """Answers by (method, path). An answer is JSON, a Fault, or a stream's items; a list of them in turn.

    The last answer of a list stays. What is not scripted fails the test.
    """

    def __init__(self, answers=None, *, api=API):
        self.api_version = api
        self.requests: list[Request] = []
        self.streams: list[FakeStream] = []
        self._answers = {
            key: list(value) if isinstance(value, Turns) else [value]
            for key, value in (answers or {}).items()
        }
        self._lock = threading.Lock()

    def get(self, path, query=None, *, headers=None):
        return self._answer(Request("GET", path, _text(query), None, dict(headers or {})))

    def post(self, path, query=None, body=None, *, headers=None, on_cancel=None):
        closed = threading.Event()
        if on_cancel:
            on_cancel(closed.set)
        answer = self._answer(Request("POST", path, _text(query), body, dict(headers or {})))
        if answer is HANGS:
            assert closed.wait(60), "a call without an end was never closed"
            raise Cancelled("The call to the engine was ended")
        return answer

    def delete(self, path, query=None, *, on_cancel=None):
        return self._answer(Request("DELETE", path, _text(query)))

    def progress(self, path, query=None, *, headers=None, on_cancel=None):
        return self._stream(Request("POST", path, _text(query), None, dict(headers or {})), on_cancel)

    def watch(self, path, query=None, *, on_cancel=None):
        return self._stream(Request("GET", path, _text(query)), on_cancel)

    def frames(self, method, path, query=None, body=None, *, tty, on_cancel=None):
        return self._stream(Request(method, path, _text(query), body), on_cancel)

    def _stream(self, request, on_cancel):
        answer = self._answer(request)
        stream = answer if isinstance(answer, FakeStream) else FakeStream(answer)
        self.streams.append(stream)
        if on_cancel:
            on_cancel(stream.close)
        return stream

    def _answer(self, request):
        with self._lock:
            self.requests.append(request)
            turns = self._answers.get((request.method, request.path))
            assert turns, f"not scripted: {request}"
            answer = turns.pop(0) if len(turns) > 1 else turns[0]
        if isinstance(answer, Fault):
            raise answer
        return answer


class Turns(tuple):
    """Answers for one call after another."""

    __slots__ = ()


HANGS = object()
"""An answer that comes only when the call is closed."""


@dataclass
class Container:
    """A container of the model. Its command is `echo WORDS`, `sleep N` or `sh -c "exit N"`."""

    id: str
    name: str
    image: str
    command: list[str]
    tty: bool
    remove: bool
    running: bool = False
    exit_code: int = 0
    logged: bytes = b""
    ended: threading.Event = field(default_factory=threading.Event)


class ModelEngine:
    """A small model of an engine's containers: states, names, refusals, output, as far as tests need it."""

    def __init__(self, images=("busybox",)):
        self.api_version = API
        self._images = set(images)
        self._containers: dict[str, Container] = {}
        self._numbers = itertools.count(1)

    def get(self, path, query=None, *, headers=None):
        container = self._find(path)
        return {
            "Id": container.id,
            "Name": f"/{container.name}",
            "Config": {"Tty": container.tty, "OpenStdin": False, "Image": container.image},
            "HostConfig": {"AutoRemove": container.remove},
            "State": {"Running": container.running, "ExitCode": container.exit_code},
        }

    def post(self, path, query=None, body=None, *, headers=None, on_cancel=None):
        query = _text(query)
        if path == "/containers/create":
            return self._create(query.get("name", ""), body)
        acts: dict[str, Callable[[Container, dict[str, str]], None]] = {
            "start": self._start,
            "stop": lambda container, _: self._end(container, 137),
            "restart": self._restart,
            "kill": self._kill,
        }
        name, action = path.removeprefix("/containers/").rsplit("/", 1)
        try:
            acts[action](self._find(path), query)
        except NotFound as fault:
            if action == "kill":
                raise NotFound(f"Cannot kill container: {unquote(name)}: {fault.message}") from None
            raise
        return None

    def delete(self, path, query=None, *, on_cancel=None):
        container = self._find(path)
        if container.running and _text(query).get("force") != "1":
            raise Conflict(
                f"You cannot remove a running container {container.id}. "
                "Stop the container before attempting removal or force remove"
            )
        self._end(container, 137)
        self._containers.pop(container.id, None)

    def progress(self, path, query=None, *, headers=None, on_cancel=None):
        container = self._find(path)
        stream = FakeStream(self._exit_of(container))
        if on_cancel:
            on_cancel(container.ended.set)
        return stream

    def frames(self, method, path, query=None, body=None, *, tty, on_cancel=None):
        container = self._find(path)
        if len(_text(query).get("detachKeys", "")) > 1:
            raise Fault("unable to upgrade to tcp, received 400", reason=Reason.ENGINE)
        if on_cancel:
            on_cancel(container.ended.set)
        return FakeStream(self._output_of(container, wait=method == "POST"))

    def _find(self, path) -> Container:
        name = unquote(path.removeprefix("/containers/").split("/")[0])
        for container in self._containers.values():
            if name == container.name or container.id.startswith(name):
                return container
        raise NotFound(f"No such container: {name}")

    def _create(self, name, body):
        if body["Image"] not in self._images:
            raise NotFound(f"No such image: {body['Image']}:latest")
        number = next(self._numbers)
        name = name or f"model_{number}"
        for other in self._containers.values():
            if other.name == name:
                raise Conflict(
                    f'Conflict. The container name "/{name}" is already in use by container "{other.id}". '
                    "You have to remove (or rename) that container to be able to reuse that name."
                )
        container = Container(
            id=f"{number:064x}",
            name=name,
            image=body["Image"],
            command=body["Cmd"],
            tty=bool(body.get("Tty")),
            remove=bool((body.get("HostConfig") or {}).get("AutoRemove")),
        )
        self._containers[container.id] = container
        return {"Id": container.id, "Warnings": []}

    def _start(self, container, _query):
        program, *words = container.command
        if program not in ("echo", "sleep", "sh"):
            raise EngineFault(f'exec: "{program}": executable file not found in $PATH: unknown')
        container.ended.clear()
        container.running, container.exit_code = True, 0
        if program == "echo":
            container.logged += (" ".join(words) + ("\r\n" if container.tty else "\n")).encode()
        if program != "sleep":
            self._end(container, int(words[-1].removeprefix("exit ")) if program == "sh" else 0)

    def _restart(self, container, query):
        self._end(container, 137)
        self._start(container, query)

    def _kill(self, container, query):
        if not container.running:
            raise Conflict(
                f"Cannot kill container: {container.name}: Container {container.id} is not running"
            )
        if query.get("signal", "KILL") in ("KILL", "9"):
            self._end(container, 137)

    def _end(self, container, code):
        if container.running:
            container.running, container.exit_code = False, code
            if container.remove:
                self._containers.pop(container.id, None)
        container.ended.set()

    def _exit_of(self, container) -> Iterator[dict[str, Any]]:
        assert container.ended.wait(60), "the container never ended"
        yield {"StatusCode": container.exit_code}

    def _output_of(self, container, *, wait) -> Iterator[tuple[str, bytes]]:
        if wait:
            assert container.ended.wait(60), "the container never ended"
        if container.logged:
            yield "stdout", container.logged
