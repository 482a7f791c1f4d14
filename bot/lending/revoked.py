"""Which lent roles were ended before their time, on the bot's own disk: the store cannot bring one back."""

import os
from collections.abc import Callable
from pathlib import Path


class Revoked:
    """Ids with the time (epoch seconds) until which each would have counted; ``clock`` likewise.

    A line is on the disk before the store is told. Raises OSError.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._until: dict[str, float] = {}
        for line in path.read_text("ascii").splitlines() if path.exists() else ():
            grant_id, _, until = line.partition(" ")
            if until and float(until) > clock():
                self._until[grant_id] = float(until)
        kept = "".join(f"{one} {until!r}\n" for one, until in self._until.items())
        self._write(path.with_suffix(".new"), kept, os.O_TRUNC)
        path.with_suffix(".new").replace(path)

    def add(self, grant_id: str, until: float) -> None:
        """From now on it counts for nothing."""
        if grant_id not in self._until:
            self._until[grant_id] = until  # first: it counts no more even where the disk is full
            self._write(self._path, f"{grant_id} {until!r}\n", os.O_APPEND)

    def __contains__(self, grant_id: str) -> bool:
        return grant_id in self._until

    def _write(self, path: Path, text: str, how: int) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
        try:
            os.write(handle, text.encode("ascii"))
            os.fsync(handle)
        finally:
            os.close(handle)
