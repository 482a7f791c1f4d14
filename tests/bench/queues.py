"""Our queue beside RQ, dramatiq, taskiq, huey and Celery, in one run on one store that syncs every write.

How fast they are is measured one after the other, in rounds; what becomes of jobs at a kill, a cancel and a
SIGTERM depends on timers, so there all are watched at the same time. Every figure has its ratio to ours.
`python -m tests.bench.queues speed` or `faults` is one half.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import redis

from bot.store import embedded
from tests.bench.environment import ROOT, peers_python
from tests.bench.scenarios import (
    AFTER_DRAIN,
    AFTER_KILL,
    BACKLOG,
    DRAIN_SECONDS,
    FOLLOWS,
    LEASE,
    LIVE_NAP,
    MANY,
    QUICK_SECONDS,
    SHORT,
)

OURS = "docktalk"
PEERS = ("rq simple", "rq fork", "dramatiq", "taskiq", "huey", "celery")
ROUNDS = {"start": 3, "many": 3, "beside": 1, "backlog": 1}
SLOW = ("rq simple", "rq fork")
"""An order of magnitude behind: one round says that."""

LONGEST = 400.0


class Measured:
    """Runs scenarios, each in a process and on a database of its own."""

    def __init__(self, folder: Path, store: str) -> None:
        self._folder = folder
        self._store = store
        self._peers = peers_python()
        self._runs = iter(range(10**6))

    def run(self, queue: str, scenario: str, database: int = 1) -> dict[str, Any]:
        folder = self._folder / f"{next(self._runs)}"
        folder.mkdir()
        where = [scenario, str(folder), f"{self._store}?db={database}"]
        if queue == OURS:
            command = [sys.executable, "-m", "tests.bench.our_queue", *where]
        else:
            command = [str(self._peers), "-m", "tests.bench.peer_queues", queue, *where]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, timeout=LONGEST, check=True
        )
        return json.loads(done.stdout.splitlines()[-1])

    def faults(self, queue: str, database: int) -> dict[str, dict[str, Any]]:
        """What goes wrong, one after the other, on a database that is emptied in between."""
        found = {}
        for scenario in ("cancel", "drain", "kill"):
            with redis.Redis.from_url(f"{self._store}?db={database}") as client:
                client.flushdb()
            found[scenario] = self.run(queue, scenario, database)
        return found

    def all_faults(self) -> dict[str, dict[str, Any]]:
        """Everyone's at the same time: nearly all of it is waiting."""
        queues = (OURS, *PEERS)
        with ThreadPoolExecutor(len(queues)) as pool:
            runs = {queue: pool.submit(self.faults, queue, number) for number, queue in enumerate(queues, 1)}
            return {queue: run.result() for queue, run in runs.items()}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="docktalk-bench-") as name, embedded.start(Path(name)) as store:
        measured = Measured(Path(name), store.url)
        if "faults" not in sys.argv:
            show_speed(speeds(measured, store.url))
        if "speed" not in sys.argv:
            show_faults(measured.all_faults())


def speeds(measured: Measured, store: str) -> dict[str, dict[str, Any]]:
    """The median of every figure over its rounds; None where a job did not begin in time."""
    rounds: dict[str, dict[str, list[Any]]] = {queue: {} for queue in (OURS, *PEERS)}
    with redis.Redis.from_url(store) as client:
        for scenario, times in ROUNDS.items():
            for number in range(times):
                for queue, found in rounds.items():
                    if number and queue in SLOW:
                        continue
                    client.flushall()
                    for name, figure in measured.run(queue, scenario).items():
                        found.setdefault(name, []).append(figure)
        client.flushall()
    return {
        queue: {name: middle(figures) for name, figures in found.items()} for queue, found in rounds.items()
    }


def middle(figures: list[Any]) -> Any:
    known = [figure for figure in figures if figure is not None]
    if not known:
        return None
    if isinstance(known[0], list):
        return [statistics.median(part) for part in zip(*known, strict=True)]
    return statistics.median(known)


def show_speed(found: dict[str, dict[str, Any]]) -> None:
    print(f"\nqueues: ms p50 / p99 from before the enqueue to the job's first line; {MANY:,} no-op jobs;")
    print(
        "in brackets the ratio of the p50 (more is slower) or of the jobs per second (more is faster) to ours"
    )
    print("ours with tickets, live decision, audit; a change also with its lock and nonce\n")
    late = f"not within {QUICK_SECONDS:g} s"
    columns = (
        ("start", lambda f, o: times(f, o, late)),
        ("many", rate),
        (f"beside {FOLLOWS}", lambda f, o: times(f, o, late)),
        (f"beside {2 * FOLLOWS}", lambda f, o: times(f, o, late)),
        ("backlog", lambda f, o: times(f and [f], o and [o], late)),
    )
    heads = (
        "enqueue to start",
        "jobs/s",
        f"beside {FOLLOWS} follows",
        f"beside {2 * FOLLOWS}",
        f"behind {BACKLOG} of another",
    )
    rows = [("", *heads)]
    ours = found[OURS]
    for queue, figures in found.items():
        for kind in ("read", "change") if queue == OURS else ("noop",):
            cells = [f"{queue} {kind}" if queue == OURS else queue]
            for name, shown in columns:
                own = name if name in figures else f"{name} {kind}"
                base = name if name in ours else f"{name} read"
                measured = kind != "change" or own != name
                cells.append(shown(figures[own], ours[base]) if measured else "")
            rows.append(tuple(cells))
    table(rows)


def times(figure: list[float] | None, ours: list[float] | None, late: str) -> str:
    if figure is None:
        return late
    ratio = f" ({figure[0] / ours[0]:.2g})" if ours else ""
    return " / ".join(f"{part:.1f}" for part in figure) + ratio


def rate(figure: float, ours: float) -> str:
    return f"{figure:,.0f} ({figure / ours:.2g})"


def show_faults(found: dict[str, dict[str, Any]]) -> None:
    print(f"\nqueues: what becomes of jobs; a lease of {LEASE:g} s wherever an engine knows one\n")
    rows = [
        ("", "kill -9 in mid-job", f"a live job of {LIVE_NAP:g} s", "cancel of a running follow", "SIGTERM")
    ]
    for queue, figures in found.items():
        kills = {name: kill for name, kill in figures["kill"].items() if name != "live"}
        rest = [live(figures["kill"]["live"]), cancel(figures["cancel"]), drain(figures["drain"])]
        for name, kill in kills.items():
            label = f"{queue} {name.split()[1]}" if queue == OURS else queue
            rows.append((label, killed(kill), *rest))
            rest = ["", "", ""]
    table(rows)
    print(
        f"\n  SIGTERM beside a job of {SHORT:g} s and two follows (RQ: the job alone); another worker comes"
    )
    print(f"  and is watched for {AFTER_DRAIN:g} s")


def killed(figure: dict[str, Any]) -> str:
    again, told = figure["again"], figure["told"]
    if figure["survived"]:
        return "its process outlives the worker and ends it"
    parts = []
    if again:
        parts.append("runs again at " + ", ".join(f"{at:.1f}" for at in again) + " s")
    parts += [f'told "{word}" at {at:.1f} s' for word, at in told]
    return "; ".join(parts) or f"nothing for {AFTER_KILL:g} s"


def live(begun: int) -> str:
    return "begun once" if begun == 1 else f"begun {begun} times"


def cancel(figure: dict[str, Any]) -> str:
    if "ms" in figure:
        return f"{figure['how']}, {figure['ms']:.0f} ms"
    return figure["how"]


def drain(figure: dict[str, Any]) -> str:
    seconds = figure["seconds"]
    parts = [f"still there after {DRAIN_SECONDS:g} s" if seconds is None else f"ends after {seconds:.1f} s"]
    parts.append("short job done" if figure["short"] else "short job cut")
    if figure["told"]:
        parts.append(f"{figure['told']} follows told")
    parts.append(f"{figure['again']} run again" if figure["again"] else "nothing run again")
    return "; ".join(parts)


def table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
