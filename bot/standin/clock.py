"""The stand-in's time: the machine's, or one that a test moves by hand."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Forgets it; harmless after it has run."""
        ...


class Clock(Protocol):
    """What the stand-in, and whoever paces against it, asks for the time."""

    def now(self) -> float:
        """Epoch seconds."""
        ...

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Runs ``call`` once, ``seconds`` from now, in the running loop."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Returns ``seconds`` later."""
        ...


class RealClock:
    """The machine's own time."""

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Runs ``call`` once, ``seconds`` from now."""
        return asyncio.get_running_loop().call_later(seconds, call)

    async def sleep(self, seconds: float) -> None:
        """Returns ``seconds`` later."""
        await asyncio.sleep(seconds)


class _Due:
    """One call in the hand-moved clock's queue."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class ManualClock:
    """Time stands still until :meth:`advance`; ``start`` is epoch seconds, the machine's by default."""

    def __init__(self, start: float | None = None) -> None:
        self._now = time.time() if start is None else start
        self._order = itertools.count()
        self._queue: list[tuple[float, int, _Due]] = []

    def now(self) -> float:
        """Epoch seconds."""
        return self._now

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Runs ``call`` once when the clock has been moved that far."""
        due = _Due(call)
        heapq.heappush(self._queue, (self._now + max(seconds, 0.0), next(self._order), due))
        return due

    async def sleep(self, seconds: float) -> None:
        """Returns when the clock has been moved that far."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.after(seconds, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    async def advance(self, seconds: float) -> None:
        """Moves the time on, running what falls due at its own moment and letting the woken act."""
        goal = self._now + seconds
        while self._queue and self._queue[0][0] <= goal:
            at, _, due = heapq.heappop(self._queue)
            self._now = max(self._now, at)
            if due.call is not None:
                due.call()
                # Whoever was woken may set its next timer before the clock moves further.
                for _ in range(5):
                    await asyncio.sleep(0)
        self._now = goal
