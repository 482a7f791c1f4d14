"""What the jobs of the queue benchmark do, and how their client sees it: lines added to one file.

A line is a word, a job's key, the time in epoch seconds and the process. It costs a few microseconds in every
engine, and it is there after a kill. Only the standard library: the peers' environment imports this too.
"""

import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

MARKS, GATE = "DOCKTALK_BENCH_MARKS", "DOCKTALK_BENCH_GATE"
"""The environment of a worker: the file of the marks, and the one that ends every follow once it is there."""

LONGEST = 120.0
"""After so many seconds a follow ends by itself."""


@cache
def _handle() -> int:
    return os.open(os.environ[MARKS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def mark(word: str, key: str) -> None:
    os.write(_handle(), f"{word} {key} {time.time():.6f} {os.getpid()}\n".encode())


def work(kind: str, key: str, seconds: float) -> None:
    """What every engine runs: nothing, a pause that is deaf to everything, or a follow."""
    mark("begun", key)
    try:
        if kind == "nap":
            time.sleep(seconds)
        elif kind == "follow":
            until = time.monotonic() + LONGEST
            while not Path(os.environ[GATE]).exists() and time.monotonic() < until:
                time.sleep(0.05)
    finally:
        mark("ended", key)


@dataclass(frozen=True)
class Mark:
    at: float
    pid: int


@dataclass
class Marks:
    """The client's view of the file: ``begun["a"]`` and ``ended["a"]`` are the marks of job "a" in order."""

    path: Path
    begun: defaultdict[str, list[Mark]] = field(default_factory=lambda: defaultdict(list))
    ended: defaultdict[str, list[Mark]] = field(default_factory=lambda: defaultdict(list))
    _offset: int = 0

    def read(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                word, key, at, pid = line.decode().split()
                found = self.begun if word == "begun" else self.ended
                found[key].append(Mark(float(at), int(pid)))
