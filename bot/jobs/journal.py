"""The nonces of change tickets that were consumed: on the worker's own disk, out of Redis's reach.

A nonce is on disk before its change begins, so no ticket runs a second time, whatever the store says
after a crash, a restore or an attack.
"""

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from permissions.ticket import CLOCK_SKEW

PRUNE_LINES = 10_000
"""When this many lines were added the file is written anew without what has expired."""


class JournalDamaged(Exception):  # noqa: N818 - reads as a sentence
    """A line of the journal cannot be read; running on would allow a reuse."""


class Journal:
    """The consumed nonces of one worker. Safe for threads; one process at a time."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Reads the journal; raises JournalDamaged, OSError."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._used = _read(path)
        self._file = -1
        self._lines = 0
        self._prune()

    def consume(self, nonce: str, not_after: float) -> bool:
        """Whether the nonce is new; it is on disk when this returns True.

        ``not_after`` is the ticket's. Raises OSError when the disk does not take it: do not run then.
        """
        with self._lock:
            if nonce in self._used:
                return False
            self._append(f"{json.dumps([not_after, nonce])}\n".encode())
            self._used[nonce] = not_after
            self._lines += 1
            if self._lines > PRUNE_LINES:
                self._prune()
            return True

    def close(self) -> None:
        """Ends the use of the file."""
        os.close(self._file)

    def _append(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        whole = False
        try:
            whole = os.write(self._file, line) == len(line)
            os.fdatasync(self._file)
        finally:
            if not whole:
                os.ftruncate(self._file, size)  # half a line would spoil the next one
        if not whole:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _prune(self) -> None:
        # A ticket past its time is refused by its time alone, so its nonce need not be known.
        kept_from = self._clock() - CLOCK_SKEW
        self._used = {nonce: until for nonce, until in self._used.items() if until >= kept_from}
        draft = self._path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        text = "".join(f"{json.dumps([until, nonce])}\n" for nonce, until in self._used.items())
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(text.encode())
        os.fsync(handle)
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        if self._file != -1:
            os.close(self._file)
        self._file, self._lines = handle, 0


def _read(path: Path) -> dict[str, float]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    used = {}
    for line in lines[:-1]:  # the last is empty, or was never finished and so never acted upon
        if not line:
            continue
        try:
            until, nonce = json.loads(line)
            used[str(nonce)] = float(until)
        except (ValueError, TypeError) as error:
            raise JournalDamaged(
                f"{path} is damaged: move it away once no ticket it knew can still run"
            ) from error
    return used
