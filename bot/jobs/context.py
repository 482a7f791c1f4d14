"""What a running command gets from the worker: engine, clock, output, logins, and its end."""

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from bot.jobs.live import Live
from bot.jobs.spool import JobOutput, StreamName
from handlers.context import Close, Engine, Transfer
from handlers.faults import JobFault, LimitReached
from handlers.redact import Masks, Redactor

log = structlog.get_logger(__name__)

HUB = "https://index.docker.io/v1/"
_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io"}


@dataclass(frozen=True)
class WorkerClock:
    """The time that ages are rendered from; ``fixed`` (epoch seconds) stops it."""

    fixed: float | None
    zone: tzinfo

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return time.time() if self.fixed is None else self.fixed


def local_zone() -> tzinfo:
    """The zone of TZ, else the machine's, else UTC."""
    name = os.environ.get("TZ")
    if name is not None:
        try:
            return ZoneInfo(name.removeprefix(":"))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return UTC
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file, "localtime")
    except (OSError, ValueError):
        return UTC


@dataclass(frozen=True)
class Login:
    """One registry login of the asker, opened on this host."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(…)"


def registry_name(server: str) -> str:
    """One spelling for a registry, whatever way it was written."""
    name = urlsplit(server if "://" in server else f"//{server}").netloc.lower()
    return HUB if name in _HUB_NAMES else name


class JobContext:
    """A handlers.context.Context. ``masks`` None lets the output through as it is.

    ``live`` gets a copy of it; after ``most_lines`` lines (0 for any number) the job ends.
    """

    def __init__(
        self,
        *,
        job_id: str,
        engine: Engine,
        clock: WorkerClock,
        logins: Mapping[str, Login],
        output: JobOutput,
        masks: Masks | None,
        live: Live,
        most_lines: int = 0,
    ) -> None:
        self.job_id = job_id
        self.engine = engine
        self.clock = clock
        self.masks = masks
        self.output = output
        self._live = live
        self._most_lines = most_lines
        self._logins = {registry_name(server): login for server, login in logins.items()}
        self._redactors: dict[StreamName, Redactor] = (
            {} if masks is None else {"stdout": Redactor(masks), "stderr": Redactor(masks)}
        )
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._closers: list[Close] = []
        self._fault: JobFault | None = None

    @property
    def ended_by(self) -> JobFault | None:
        """The cancel or deadline that ended the job, if one did."""
        return self._fault

    def stdout(self, data: bytes) -> None:
        """Emits command output."""
        self._write("stdout", data)

    def stderr(self, data: bytes) -> None:
        """Emits to the error stream."""
        self._write("stderr", data)

    def flush(self) -> None:
        """Lets out what the redactors held back: the output is over."""
        for stream, redactor in self._redactors.items():
            with self._writing:
                self._out(stream, redactor.end())

    def masked(self, text: str) -> str:
        """A text of the result that is not output."""
        return text if self.masks is None else self.masks.text(text)

    def transfer(self, transfer: Transfer) -> None:
        """How far a pull or push is."""
        self._live.transfer(transfer)

    def login(self, server: str) -> Login | None:
        """The asker's login at a registry."""
        return self._logins.get(registry_name(server))

    def on_cancel(self, close: Close) -> None:
        """Registers what ends a blocking call; called at once if the job has to end already."""
        with self._lock:
            self._closers.append(close)
            ended = self._fault is not None
        if ended:
            close()

    def check(self) -> None:
        """Raises Cancelled or TimedOut when the job has to end."""
        if self._fault:
            raise self._fault

    def end(self, fault: JobFault) -> None:
        """Has the job end with this fault: closes what it waits on. The first fault stays."""
        with self._lock:
            if self._fault:
                return
            self._fault = fault
            closers = list(self._closers)
        for close in closers:
            try:
                close()
            except Exception as error:  # noqa: BLE001 - one that fails must not keep the others open
                log.warning("closer failed", job_id=self.job_id, error=type(error).__name__)

    def _write(self, stream: StreamName, data: bytes) -> None:
        if not data:
            return
        with self._writing:
            redactor = self._redactors.get(stream)
            self._out(stream, redactor.feed(data) if redactor else data)
        if self._most_lines and self._live.lines >= self._most_lines:
            sentence = f"The stream has shown {self._most_lines:,} lines, the limit here."
            self.end(LimitReached(sentence, hint="Narrow it down: --since, --tail, or a filter."))

    def _out(self, stream: StreamName, clean: bytes) -> None:
        if clean:
            self.output.write(stream, clean)
            self._live.write(clean)
