"""The nonces of change tickets that were consumed: on the worker's own disk, out of Redis's reach.

A nonce is on disk before its change begins, so no ticket runs a second time, whatever the store says
after a crash, a restore or an attack. Beside it stands how the change began: should the worker die, the next
one looks at the same objects.
"""

import errno
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.jobs.names import AGAIN_SECONDS
from handlers.outcome import Begun
from permissions.ticket import CLOCK_SKEW

KEPT_SECONDS = AGAIN_SECONDS + 3600
"""How long a nonce outlives its ticket: a job that is decided anew keeps its nonce."""

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

    def consume(self, nonce: str, not_after: float, ids: Mapping[str, str] | None = None) -> bool:
        """Whether the nonce is new; it is on disk when this returns True.

        ``not_after`` is the latest start that a ticket of this nonce may name; ``ids`` are what its targets
        are now, see :class:`Begun`. Raises OSError when the disk does not take it: do not run then.
        """
        with self._lock:
            if nonce in self._used:
                return False
            begun = Begun(since=self._clock(), ids=dict(ids or {}))
            until = max(not_after, begun.since) + KEPT_SECONDS
            self._append(_line(nonce, until, begun).encode())
            self._used[nonce] = until, begun
            self._lines += 1
            if self._lines > PRUNE_LINES:
                self._prune()
            return True

    def begun(self, nonce: str) -> Begun | None:
        """How the change of this nonce began here; None when it was not consumed, or is forgotten."""
        with self._lock:
            used = self._used.get(nonce)
            return used[1] if used else None

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
        self._used = {nonce: used for nonce, used in self._used.items() if used[0] >= kept_from}
        draft = self._path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        text = "".join(_line(nonce, *used) for nonce, used in self._used.items())
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


def disk_id(path: Path) -> str:
    """The name of this data folder, made once: workers that share a journal have it in their ids."""
    if not path.exists():
        path.with_suffix(".new").write_text(secrets.token_hex(6))
        path.with_suffix(".new").replace(path)
    return path.read_text()


def _line(nonce: str, until: float, begun: Begun) -> str:
    return f"{json.dumps([until, nonce, begun.since, dict(begun.ids)])}\n"


def _read(path: Path) -> dict[str, tuple[float, Begun]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return {}
    used = {}
    for line in lines[:-1]:  # the last is empty, or was never finished and so never acted upon
        if not line:
            continue
        try:
            until, nonce, since, ids = json.loads(line)
            used[str(nonce)] = float(until), Begun(float(since), {str(k): str(v) for k, v in ids.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise JournalDamaged(
                f"{path} is damaged: move it away once no ticket it knew can still run"
            ) from error
    return used
