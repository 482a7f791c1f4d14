"""The same work for every queue engine: how fast it is, and what becomes of jobs when things go wrong.

Only the standard library: this runs in the peers' environment too. Times are in milliseconds where a name
does not say otherwise.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.marks import GATE, MARKS, Marks

WARM_UP, ONE_BY_ONE = 20, 200
MANY, AT_ONCE, MANY_SECONDS = 2_000, 16, 10.0
FOLLOWS, BESIDE = 50, 40
QUICK_SECONDS = 5.0
BACKLOG, NAP = 300, 1.0
CANCELS, CANCEL_SECONDS = 5, 3.0
SHORT, DRAIN_SECONDS, AFTER_DRAIN = 1.5, 15.0, 9.0
LEASE = 6.0
"""How long a silent worker keeps its job, wherever an engine lets that be said."""

KILLED_NAP, LIVE_NAP, AFTER_KILL = 3.0, 95.0, 100.0
POLL = 0.002


class Queue(ABC):
    """One engine: how its worker starts, how a job is queued, how one is cancelled."""

    name: str
    kinds: tuple[str, ...] = ("noop",)
    """The no-op jobs that are measured one by one and in bulk."""

    workers = 1
    """How many processes it takes to run two jobs at a time."""

    naps: tuple[str, ...] = ("nap",)
    """The jobs that are killed in the middle."""

    def __init__(self, folder: Path, store: str) -> None:
        self.folder = folder
        self.store = store
        self.told: dict[str, list[tuple[str, float]]] = {}
        """What the asker's side heard of the end of a job: words, and when in epoch seconds."""

    @abstractmethod
    def worker(self) -> list[str]:
        """The command of a worker with room for as many jobs as it can have."""

    @abstractmethod
    async def enqueue(self, kind: str, key: str, *, user: str = "U0", seconds: float = 0.0) -> Any:
        """Queues a job; what it returns is given to :meth:`cancel`."""

    @abstractmethod
    async def cancel(self, handle: Any) -> bool:
        """Asks for the end of a running job; False where there is no such call."""

    async def state(self, handle: Any) -> str:  # noqa: ARG002 - most keep none
        """How its record says that a job ended; "" while it says nothing, or where there is none."""
        return ""


class Bench:
    """The scenarios on one engine."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.marks = Marks(queue.folder / "marks")
        self._gates = 0
        self._numbers = iter(range(10**9))

    async def start(self) -> dict[str, Any]:
        """From an enqueue to the beginning, one job after the other."""
        with self._worker():
            await self._answers()
            took = {
                kind: await self._one_by_one(kind, WARM_UP + ONE_BY_ONE, 30.0) for kind in self.queue.kinds
            }
        return {f"start {kind}": spread(times[WARM_UP:]) for kind, times in took.items()}

    async def many(self) -> dict[str, Any]:
        """Jobs per second."""
        with self._worker():
            await self._answers()
            return {f"many {kind}": await self._many(kind) for kind in self.queue.kinds}

    async def beside(self) -> dict[str, Any]:
        """Quick jobs beside as many follows as there is room for, and beside twice as many."""
        found: dict[str, Any] = {}
        with self._worker():
            await self._answers()
            for times in (1, 2):
                follows = [await self._enqueue("follow", user=f"U{n % 4}") for n in range(FOLLOWS)]
                if times == 1:
                    await self._until(lambda keys=follows: all(self.marks.begun[k] for k in keys), 2.0)
                took = await self._one_by_one(self.queue.kinds[0], BESIDE, QUICK_SECONDS)
                found[f"beside {times * FOLLOWS}"] = spread(took) if len(took) == BESIDE else None
            self._open_gate()
        return found

    async def backlog(self) -> dict[str, Any]:
        """How long another person's job waits behind one person's many."""
        with self._worker():
            await self._answers()
            for _ in range(BACKLOG):
                await self._enqueue("nap", user="U0", seconds=NAP)
            asked = time.time()
            key = await self._enqueue(self.queue.kinds[0], user="U1")
            began = await self._until(lambda: self.marks.begun[key], QUICK_SECONDS)
            return {"backlog": (self.marks.begun[key][0].at - asked) * 1000 if began else None}

    async def _one_by_one(self, kind: str, count: int, seconds: float) -> list[float]:
        """From before the enqueue to the first line of the job; fewer when one did not begin in time."""
        took = []
        for _ in range(count):
            asked = time.time()
            key = await self._enqueue(kind)
            if not await self._until(lambda key=key: self.marks.begun[key], seconds):
                break
            took.append((self.marks.begun[key][0].at - asked) * 1000)
            await self._until(lambda key=key: self.marks.ended[key], seconds)
        return took

    async def _many(self, kind: str) -> float:
        """Jobs per second, from the first enqueue to the last beginning."""
        asked = time.time()
        numbers, keys = iter(range(MANY)), []

        async def some() -> None:
            for _ in numbers:
                key = await self._enqueue(kind)
                keys.append(key)

        # Only a client that waits for the store without blocking gains by this: the bot is one, too.
        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        await self._until(lambda: all(self.marks.begun[key] for key in keys), MANY_SECONDS, poll=0.05)
        begun = [self.marks.begun[key][0].at for key in keys if self.marks.begun[key]]
        return len(begun) / (max(begun) - asked)

    async def cancel(self) -> dict[str, Any]:
        """How long a running follow goes on after it was cancelled."""
        with self._worker() as process:
            await self._answers()
            took = []
            for _ in range(CANCELS):
                key, handle = await self._enqueue_for("follow")
                if not await self._until(lambda key=key: self.marks.begun[key], QUICK_SECONDS):
                    break
                pid, asked = self.marks.begun[key][0].pid, time.time()
                if not await self.queue.cancel(handle):
                    return {"how": "no such call"}
                over = lambda key=key, pid=pid: self.marks.ended[key] or not alive(pid)  # noqa: E731
                if not await self._until(over, CANCEL_SECONDS):
                    break
                took.append((time.time() - asked) * 1000)
            self._open_gate()
            if not took:
                return {"how": f"goes on for {CANCEL_SECONDS:g} s and more"}
            how = "ends it" if self.marks.ended[key] else "kills its process"
            return {"how": how, "ms": statistics.median(took), "worker": process.poll() is None}

    async def drain(self) -> dict[str, Any]:
        """SIGTERM beside a job of 1.5 s and two follows; then another worker is looked at for a while."""
        with self._worker() as process:
            await self._answers()
            short = await self._enqueue("nap", user="U1", seconds=SHORT)
            follows = [await self._enqueue("follow", user=f"U{n}") for n in range(2)]
            keys = [short, *follows]
            await self._until(lambda: all(self.marks.begun[key] for key in keys), QUICK_SECONDS)
            asked = time.time()
            process.send_signal(signal.SIGTERM)
            await self._until(lambda: process.poll() is not None, DRAIN_SECONDS)
            ended = process.poll() is not None
            seconds = time.time() - asked
        begun = [key for key in keys if self.marks.begun[key]]
        cut = [key for key in follows if key in begun]
        with self._worker():
            await asyncio.sleep(AFTER_DRAIN)
            self.marks.read()
            again = [key for key in begun if len(self.marks.begun[key]) > 1]
            self._open_gate()
        return {
            "seconds": seconds if ended else None,
            "short": bool(self.marks.ended[short]),
            "again": len(again),
            "follows": len(cut),
            "told": sum(bool(self.queue.told.get(key)) for key in cut),
        }

    async def kill(self) -> dict[str, Any]:
        """kill -9 in the middle of jobs; another worker is there at once. And a job that outlives the lease.

        Meanwhile a job comes every second: some engines look for what was left behind at no other time.
        """
        with self._worker() as process:
            await self._answers()
            killed = {nap: await self._enqueue_for(nap, seconds=KILLED_NAP) for nap in self.queue.naps}
            keys = [key for key, _ in killed.values()]
            await self._until(lambda: all(self.marks.begun[key] for key in keys), QUICK_SECONDS)
            os.killpg(process.pid, signal.SIGKILL)
            at = time.time()
            process.wait()
        with contextlib.ExitStack() as workers:
            for _ in range(self.queue.workers):
                workers.enter_context(self._worker())
            live = await self._enqueue(self.queue.naps[0], user="U1", seconds=LIVE_NAP)
            until = time.monotonic() + AFTER_KILL
            while time.monotonic() < until:
                await asyncio.sleep(1.0)
                await self._enqueue(self.queue.kinds[0], user="U2")
                for key, handle in killed.values():
                    await self._look(key, handle)
            self.marks.read()
        found: dict[str, Any] = {"live": len(self.marks.begun[live])}
        for nap, (key, _) in killed.items():
            again = [one.at - at for one in self.marks.begun[key][1:]]
            told = [(word, when - at) for word, when in self.queue.told.get(key, [])]
            survived = bool(self.marks.ended[key]) and not again
            found[f"kill {nap}"] = {"again": again, "told": told, "survived": survived}
        return found

    async def _look(self, key: str, handle: Any) -> None:
        state, told = await self.queue.state(handle), self.queue.told.setdefault(key, [])
        if state and (not told or told[-1][0] != state):
            told.append((state, time.time()))

    async def _answers(self) -> None:
        """Waits until the new worker takes jobs."""
        key = await self._enqueue(self.queue.kinds[0])
        if not await self._until(lambda: self.marks.begun[key], 60.0):
            log = (self.queue.folder / "log").read_text()[-1000:]
            raise RuntimeError(f"the worker of {self.queue.name} takes nothing: {log}")

    async def _enqueue(self, kind: str, *, user: str = "U0", seconds: float = 0.0) -> str:
        key, _ = await self._enqueue_for(kind, user=user, seconds=seconds)
        return key

    async def _enqueue_for(self, kind: str, *, user: str = "U0", seconds: float = 0.0) -> tuple[str, Any]:
        key = f"k{next(self._numbers)}"
        return key, await self.queue.enqueue(kind, key, user=user, seconds=seconds)

    async def _until(self, seen: Callable[[], object], seconds: float, *, poll: float = POLL) -> bool:
        until = time.monotonic() + seconds
        while True:
            self.marks.read()
            if seen():
                return True
            if time.monotonic() > until:
                return False
            await asyncio.sleep(poll)

    def _gate(self) -> Path:
        return self.queue.folder / f"gate-{self._gates}"

    def _open_gate(self) -> None:
        """Ends every follow; later workers have a gate of their own."""
        self._gate().touch()
        self._gates += 1

    @contextlib.contextmanager
    def _worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """A worker in a process group of its own, killed with all of it at the end."""
        environ = {**os.environ, MARKS: str(self.marks.path), GATE: str(self._gate())}
        tie = shutil.which("setpriv")
        command = [*([tie, "--pdeathsig", "KILL"] if tie else []), *self.queue.worker()]
        with (self.queue.folder / "log").open("ab") as log:
            process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def alive(pid: int) -> bool:
    """Whether a process is there and has not ended, though nobody may have waited for it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def spread(took: list[float]) -> tuple[float, float] | None:
    """p50 and p99."""
    ordered = sorted(took)
    return (statistics.median(ordered), ordered[max(0, int(len(ordered) * 0.99) - 1)]) if ordered else None
