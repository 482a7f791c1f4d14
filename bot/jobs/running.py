"""The jobs a worker holds now, each ended once, and the timers that end them."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable

import structlog

from bot.jobs.context import JobContext
from bot.jobs.host_queue import Claimed
from bot.jobs.wire import CANCELLED, CancelOrder
from handlers.faults import Cancelled, JobFault, TimedOut
from permissions.ticket import CLOCK_SKEW, Claims

log = structlog.get_logger(__name__)


class Job:
    """One claimed job. Its end belongs to whoever calls :meth:`settle` first."""

    def __init__(self, claimed: Claimed) -> None:
        self.claimed = claimed
        self.began_at = time.time()
        self.claims: Claims | None = None
        self.context: JobContext | None = None
        self._lock = threading.Lock()
        self._order: CancelOrder | None = None
        self._settled = False
        self._fault: JobFault | None = None

    def begin(self, claims: Claims, context: JobContext) -> None:
        """The command is about to run; a cancel that came before takes effect now."""
        with self._lock:
            self.claims, self.context = claims, context
            order, fault = self._order, self._fault
        if order:
            self.cancel(order)
        if fault:
            context.end(fault)

    def cancel(self, order: CancelOrder) -> None:
        """Obeys a verified order, unless it is older than this job."""
        with self._lock:
            self._order = order
            claims, context = self.claims, self.context
        if claims is None or context is None or order.at < claims.issued_at - CLOCK_SKEW:
            return
        if order.reason == "timed_out":
            context.end(TimedOut("The deadline passed and the job was stopped."))
        else:
            context.end(Cancelled(CANCELLED))

    def end(self, fault: JobFault) -> None:
        """Ends the command, as soon as it runs."""
        with self._lock:
            self._fault, context = fault, self.context
        if context:
            context.end(fault)

    def settle(self) -> bool:
        """Whether the caller is the first, and so the one to report the end."""
        with self._lock:
            first, self._settled = not self._settled, True
            return first


class Timers:
    """One thread that calls things later. ``clock`` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int]] = []
        self._actions: dict[int, Callable[[], None]] = {}
        """By the number; what was cancelled is let go of at once, with all that it holds."""
        self._numbers = itertools.count()
        self._stopped = False

    def after(self, seconds: float, action: Callable[[], None]) -> int:
        """Calls ``action`` in so many seconds; returns the number to :meth:`cancel` it by."""
        with self._changed:
            number = next(self._numbers)
            self._actions[number] = action
            heapq.heappush(self._heap, (self._clock() + seconds, number))
            if self._heap[0][1] == number:
                self._changed.notify()
            return number

    def cancel(self, number: int) -> None:
        """Forgets a call that was not made yet."""
        with self._changed:
            self._actions.pop(number, None)
            # Numbers without an action leave once they are a large part: an hour's deadlines add up.
            if len(self._heap) > 64 + 2 * len(self._actions):
                self._heap = [entry for entry in self._heap if entry[1] in self._actions]
                heapq.heapify(self._heap)

    def stop(self) -> None:
        """Ends the thread that runs :meth:`run`."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:
        """Makes the calls, one after the other, until :meth:`stop`."""
        while True:
            with self._changed:
                if self._stopped:
                    return
                wait = self._heap[0][0] - self._clock() if self._heap else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _, number = heapq.heappop(self._heap)
                action = self._actions.pop(number, None)
                if action is None:
                    continue
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the other timers must go on
                log.error("timer failed", error=type(error).__name__)  # noqa: TRY400
