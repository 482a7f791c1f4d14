"""The whole output of every job, on the worker's disk, under a quota and an age; Redis gets the tail."""

import io
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

import structlog

from bot.jobs.wire import TAIL_BYTES, Tail

log = structlog.get_logger(__name__)

StreamName = Literal["stdout", "stderr"]
STREAMS: tuple[StreamName, ...] = ("stdout", "stderr")

HEAD_BYTES = 4 * 1024
STDERR_SHARE = TAIL_BYTES // 4
"""What stderr may take of the tail when stdout needs all the rest."""

JOB_SHARE = 4
"""One job may fill a quarter of the quota."""

_JOB_ID = re.compile(r"J-\d{1,18}")


class _Stream:
    """One output while it is written: what Redis needs of it is kept as it goes by."""

    def __init__(self) -> None:
        self.file: io.FileIO | None = None
        self.head = b""
        self.end = bytearray()
        self.total = 0
        self.newlines = 0
        self.last = b"\n"

    def note(self, data: bytes) -> None:
        if len(self.head) < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - len(self.head)]
        self.end += data[-TAIL_BYTES:]
        if len(self.end) > 2 * TAIL_BYTES:
            del self.end[:-TAIL_BYTES]
        self.total += len(data)
        self.newlines += data.count(b"\n")
        self.last = data[-1:]

    def tail(self, limit: int) -> Tail:
        lines = self.newlines + (self.last != b"\n")
        end = bytes(self.end[-limit:]) if limit > 0 else b""
        text = _text(end, limit, cut=len(end) < self.total)
        return Tail(text=text, total_bytes=self.total, total_lines=lines)


class JobOutput:
    """What one job has written so far. Safe for threads; ``kept`` turns False when the disk takes no more."""

    def __init__(self, spool: "Spool", folder: Path) -> None:
        self._spool = spool
        self._folder = folder
        self._lock = threading.Lock()
        self._streams: dict[StreamName, _Stream] = {name: _Stream() for name in STREAMS}
        self._kept_bytes = 0
        self._closed = False
        self.kept = True

    def write(self, stream: StreamName, data: bytes) -> None:
        """Adds to one output; a disk that is full loses the copy, never the job."""
        if not data:
            return
        with self._lock:
            if self._closed:
                return  # a thread that came back after its job was answered for
            self._streams[stream].note(data)
            if not self.kept:
                return
            if self._kept_bytes + len(data) > self._spool.job_bytes:
                self.kept = False
                return
            try:
                left = memoryview(data)
                while left:
                    left = left[self._file(stream).write(left) :]
            except OSError as error:
                log.warning("output not kept", job_id=self._folder.name, error=error.strerror)
                self.kept = False
                return
            self._kept_bytes += len(data)

    def close(self) -> tuple[Tail, Tail, str]:
        """Ends the writing; returns the tails of stdout and stderr, and stdout's head where it was cut."""
        with self._lock:
            self._closed = True
            for stream in self._streams.values():
                if stream.file is None:
                    continue
                try:
                    stream.file.close()
                except OSError:
                    self.kept = False
            self._spool.add(self._folder, self._kept_bytes)
            out, err = self._streams["stdout"], self._streams["stderr"]
            for_err = max(STDERR_SHARE, TAIL_BYTES - out.total)
            stderr = err.tail(for_err)
            stdout = out.tail(TAIL_BYTES - len(stderr.text.encode()))
            head = out.head.decode("utf-8", "ignore") if stdout.cut else ""
            return stdout, stderr, head

    def _file(self, name: StreamName) -> io.FileIO:
        stream = self._streams[name]
        if stream.file is None:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            # Without a buffer: the output of a running job is read, too.
            stream.file = io.FileIO(os.open(self._folder / name, flags, 0o600), "wb")
        return stream.file


class Spool:
    """A folder a job, 0700 with files 0600. ``quota`` is in bytes, ``max_age`` in seconds."""

    def __init__(
        self, folder: Path, quota: int, max_age: float, clock: Callable[[], float] = time.time
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._folder = folder
        self._quota = quota
        self._max_age = max_age
        self._clock = clock
        self._lock = threading.Lock()
        # Oldest first, so that room is made from the front.
        self._sizes = dict(sorted(self._found(), key=lambda found: found[0].stat().st_mtime))
        self._total = sum(self._sizes.values())
        self.job_bytes = quota // JOB_SHARE

    def open(self, job_id: str) -> JobOutput:
        """Begins a job's output, replacing that of an earlier attempt; raises ValueError for a bad id."""
        return JobOutput(self, self._path(job_id))

    def read(self, job_id: str, stream: StreamName) -> BinaryIO:
        """A stored output, to be closed by the caller.

        Raises FileNotFoundError when it expired, was empty or was not kept, ValueError for a bad id.
        """
        return (self._path(job_id) / stream).open("rb")

    def add(self, folder: Path, size: int) -> None:
        """Counts a finished output and makes room where the quota is passed."""
        with self._lock:
            self._total -= self._sizes.pop(folder, 0)
            if size:
                self._sizes[folder] = size
                self._total += size
            while self._total > self._quota:
                self._remove(next(iter(self._sizes)))

    def expire(self) -> None:
        """Removes what is older than the age."""
        oldest = self._clock() - self._max_age
        with self._lock:
            for folder in list(self._sizes):
                try:
                    if folder.stat().st_mtime >= oldest:
                        return  # the rest is younger
                except FileNotFoundError:
                    pass
                self._remove(folder)

    def _remove(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._total -= self._sizes.pop(folder)

    def _found(self) -> list[tuple[Path, int]]:
        folders = [path for path in self._folder.iterdir() if _JOB_ID.fullmatch(path.name)]
        return [(folder, sum(file.stat().st_size for file in folder.iterdir())) for folder in folders]

    def _path(self, job_id: str) -> Path:
        if not _JOB_ID.fullmatch(job_id):
            raise ValueError("not a job id")
        return self._folder / job_id


def _text(data: bytes, limit: int, *, cut: bool) -> str:
    """``data`` as text of at most ``limit`` bytes of UTF-8; where it was cut, no half character leads."""
    start = 0
    while cut and start < min(3, len(data)) and data[start] & 0xC0 == 0x80:
        start += 1
    text = data[start:].decode("utf-8", "replace")
    # What is no text takes more room as replacement characters than it had.
    encoded = text.encode()
    return text if len(encoded) <= limit else encoded[-limit:].decode("utf-8", "ignore")
