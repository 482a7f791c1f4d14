"""Results that could not be sent while the store was away: kept on disk, in order, across restarts."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import structlog
from pydantic import ValidationError

from permissions.model import Record

log = structlog.get_logger(__name__)


class Unsent(Record):
    """One event, and the claim it ends; ``final`` False when the job may come again."""

    job_id: str
    token: str
    event: str
    final: bool = True


class UnsentFolder:
    """A folder of numbered files, 0600 in 0700. Safe for threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._waiting = {int(path.stem) for path in folder.glob("*.json")}
        self._next = max(self._waiting, default=0) + 1

    def __bool__(self) -> bool:
        """Whether anything waits: then a newer result has to wait behind it."""
        return bool(self._waiting)

    def add(self, item: Unsent) -> None:
        """Keeps a result; it is on disk when this returns. Raises OSError."""
        with self._lock:
            number = self._next
            self._next += 1
            draft = self._folder / f".{number}"
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(item.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path(number))
            self._waiting.add(number)

    def oldest_first(self) -> Iterator[tuple[int, Unsent]]:
        """What waited when this began, with the number to :meth:`remove` it by."""
        for number in sorted(self._waiting):
            path = self._path(number)
            try:
                item = Unsent.model_validate_json(path.read_bytes())
            except ValidationError:
                log.error("kept result damaged, set aside", file=path.name)  # noqa: TRY400 - it may hold output
                path.rename(path.with_suffix(".damaged"))
                self._waiting.discard(number)
            else:
                yield number, item

    def remove(self, number: int) -> None:
        """The result was sent."""
        self._path(number).unlink(missing_ok=True)
        self._waiting.discard(number)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}.json"
