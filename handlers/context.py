"""What a command may use while it runs. The worker provides it; tests provide fakes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol
from urllib.parse import quote

from handlers.faults import Fault, Reason

Json = Any
"""A decoded JSON value as the engine sent it; typed views are made where it is read."""

Query = Mapping[str, str | int | bool | tuple[str, ...] | None]
"""Query parameters; None means absent, a bool is sent as 1 or 0, a tuple as one parameter for each text."""


def segment(name: str) -> str:
    """One segment of a path for a name as a person wrote it: it can never reach another endpoint.

    A container's name may begin with a slash, as the engine itself writes it.

    Raises:
        Fault: a part of the name is empty, ``.`` or ``..``.
    """
    name = name.removeprefix("/")
    if {"", ".", ".."} & set(name.split("/")):
        raise Fault(f"invalid name: {name!r}", reason=Reason.BAD_VALUE)
    return quote(name, safe=":@")


class Close(Protocol):
    """A callable without arguments that ends something."""

    def __call__(self) -> None:
        """Ends it."""
        ...


class OnCancel(Protocol):
    """Where a blocking call leaves what ends it: :meth:`Context.on_cancel`."""

    def __call__(self, close: Close) -> None:
        """Keeps ``close``; calls it at once if the job is already cancelled."""
        ...


class ObjectStream(Protocol):
    """JSON objects as they arrive; ``close`` from another thread ends the iteration in milliseconds."""

    def __iter__(self) -> Iterator[Json]:
        """Yields one decoded object after another."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class FrameStream(Protocol):
    """Output frames of a container; ``close`` from another thread ends the iteration in milliseconds."""

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yields ``("stdout" | "stderr", data)``; a TTY's output is all stdout."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


class Engine(Protocol):
    """The engine's HTTP API, as thin as it goes: a command names the endpoint the CLI calls.

    Every method raises EngineFault (NotFound, Conflict, Unreachable) with the engine's sentence.
    ``path`` has no version prefix and its segments are already quoted by :func:`segment`.
    With ``on_cancel`` (:meth:`Context.on_cancel`) a call waits as long as the engine takes and is
    ended through it: a call raises Cancelled then, a stream just ends. A change whose connection broke
    after it was sent raises OutcomeUnknown.
    """

    @property
    def api_version(self) -> tuple[int, int]:
        """The negotiated API version, for example ``(1, 41)``."""
        ...

    def get(self, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Json:
        """A GET whose answer is JSON."""
        ...

    def post(
        self,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        on_cancel: OnCancel | None = None,
    ) -> Json:
        """A POST; the decoded JSON answer or None when it has no body. ``body`` None sends none."""
        ...

    def delete(self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None) -> Json:
        """A DELETE; the decoded JSON answer or None."""
        ...

    def progress(
        self,
        path: str,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        on_cancel: OnCancel | None = None,
    ) -> ObjectStream:
        """A POST answered by a stream of JSON objects (pull, push, wait): sent before this returns."""
        ...

    def watch(
        self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None
    ) -> ObjectStream:
        """A GET answered by a stream of JSON objects (stats, events): sent before this returns."""
        ...

    def frames(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        tty: bool,
        on_cancel: OnCancel | None = None,
    ) -> FrameStream:
        """A stream of output: ``GET …/logs`` (finite or following), ``POST …/attach`` or ``/exec/…/start``.

        It is sent before this returns. Nothing is ever sent to an attached stdin: it is closed at once.
        """
        ...


class Clock(Protocol):
    """The time that ages are rendered from."""

    @property
    def now(self) -> float:
        """Epoch seconds."""
        ...

    @property
    def zone(self) -> tzinfo:
        """The zone that times are rendered in."""
        ...


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a pull or push has come: layers that are done, of how many, and bytes (0 where not known).

    ``note`` is a sentence about what keeps it waiting, "" for nothing.
    """

    done: int
    layers: int
    bytes_done: int
    bytes: int
    note: str = ""


class RegistryLogin(Protocol):
    """One registry login of the asker."""

    @property
    def username(self) -> str:
        """The registry's user."""
        ...

    @property
    def password(self) -> str:
        """The password or token, in the clear: never logged, never emitted."""
        ...


class Context(Protocol):
    """Everything a command gets besides its own options."""

    @property
    def engine(self) -> Engine:
        """The host's engine."""
        ...

    @property
    def clock(self) -> Clock:
        """The time and zone."""
        ...

    @property
    def job_id(self) -> str:
        """``J-42``, for logs; requests to the engine carry nothing of ours."""
        ...

    def stdout(self, data: bytes) -> None:
        """Emits command output at once, redacted and spooled."""
        ...

    def stderr(self, data: bytes) -> None:
        """As stdout, for the error stream."""
        ...

    def transfer(self, transfer: Transfer) -> None:
        """How far a transfer has come: shown while it runs, never kept."""
        ...

    def login(self, server: str) -> RegistryLogin | None:
        """The asker's login at a registry (``docker.io`` is ``https://index.docker.io/v1/``)."""
        ...

    def on_cancel(self, close: Close) -> None:
        """Registers what ends a blocking read; called at once if already cancelled."""
        ...

    def check(self) -> None:
        """Raises Cancelled or TimedOut when the job has to end."""
        ...
