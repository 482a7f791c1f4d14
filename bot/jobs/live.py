"""What running jobs show: the end of their output and how far they are, told about once a second.

A job's thread only ever writes into a few kilobytes of memory; one thread of the worker tells the bot of
whatever changed. However much a job prints, nothing piles up anywhere: what was overtaken is counted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from bot.jobs.matching import BadPattern, Matcher, TooSlow
from bot.jobs.wire import LIVE_BYTES, Progress
from handlers.context import Transfer

log = structlog.get_logger(__name__)

EVERY = 1.0
"""Seconds between two tellings of one job, and before its first."""
TICK = 0.25
MATCH_SECONDS = 0.25
"""How much of a second a pattern may take."""
SPEED_SECONDS = 10.0
"""The time over which a transfer's speed is measured."""


class Live:
    """One job's. Safe for threads."""

    def __init__(self, job_id: str, began_at: float) -> None:
        self._job_id = job_id
        self._began_at = began_at
        self._lock = threading.Lock()
        self._tail = bytearray()
        self._unfinished = b""
        self._lines = self._bytes = self._matched = self._skipped = 0
        self._fresh = 0
        """Lines that went into the tail since the last telling."""
        self._pattern, self._note = "", ""
        self._matcher: Matcher | None = None
        self._transfer: Transfer | None = None
        self._speeds: deque[tuple[float, int]] = deque()
        self._told_at = began_at
        self._changed = False

    @property
    def lines(self) -> int:
        """How many lines were written."""
        return self._lines

    def write(self, data: bytes) -> None:
        """Takes what was printed, redacted."""
        with self._lock:
            self._changed = True
            self._bytes += len(data)
            newlines = data.count(b"\n")
            self._lines += newlines
            if self._matcher is None:
                self._add(data, newlines)
            else:
                self._add_matching(data, self._matcher)

    def transfer(self, transfer: Transfer) -> None:
        """Takes how far a pull or push is."""
        with self._lock:
            self._changed = True
            self._transfer = transfer

    def narrow(self, pattern: str) -> None:
        """From now on only lines with this pattern are shown, or all again with ""."""
        with self._lock:
            self._pattern, self._note, self._matcher = pattern, "", None
            self._tail.clear()
            self._unfinished = b""
            self._fresh = self._matched = 0
            self._changed = True
            self._told_at = 0.0
            if pattern:
                try:
                    self._matcher = Matcher(pattern, MATCH_SECONDS)
                except BadPattern as error:
                    self._pattern, self._note = "", f"Not a pattern: {error}."

    def news(self, now: float) -> Progress | None:
        """What to tell, if anything changed and the last time is long enough ago."""
        with self._lock:
            if not self._changed or now - self._told_at < EVERY:
                return None
            self._changed = False
            self._told_at = now
            tail = _text(bytes(self._tail))
            self._skipped += max(0, self._fresh - tail.count("\n"))
            self._fresh = 0
            if self._matcher is not None:
                self._matcher.renew()
            transfer = self._transfer or Transfer(0, 0, 0, 0)
            return Progress(
                job_id=self._job_id,
                tail=tail,
                total_lines=self._lines,
                total_bytes=self._bytes,
                skipped=self._skipped,
                pattern=self._pattern,
                matched=self._matched,
                note=self._note or transfer.note,
                layers=transfer.layers,
                layers_done=transfer.done,
                bytes=transfer.bytes,
                bytes_done=transfer.bytes_done,
                per_second=self._speed(now, transfer.bytes_done),
                began_at=self._began_at,
                at=now,
            )

    def again(self) -> None:
        """What was to be told could not be: the next telling has it."""
        with self._lock:
            self._changed = True

    def _add(self, data: bytes, newlines: int) -> None:
        self._fresh += newlines
        self._tail += data[-LIVE_BYTES:]
        if len(self._tail) > LIVE_BYTES:
            del self._tail[:-LIVE_BYTES]

    def _add_matching(self, data: bytes, matcher: Matcher) -> None:
        *whole, unfinished = (self._unfinished + data).split(b"\n")
        self._unfinished = unfinished[-LIVE_BYTES:]
        try:
            fitting = [line for line in whole if matcher.fits(line.decode("utf-8", "replace"))]
        except TooSlow:
            self._matcher, self._pattern = None, ""
            self._note = "The pattern took too long on these lines, so all of them are shown."
            return
        self._matched += len(fitting)
        for line in fitting:
            self._add(line + b"\n", 1)

    def _speed(self, now: float, done: int) -> float:
        self._speeds.append((now, done))
        while len(self._speeds) > 2 and now - self._speeds[0][0] > SPEED_SECONDS:
            self._speeds.popleft()
        (since, before), seconds = self._speeds[0], now - self._speeds[0][0]
        since = self._began_at if len(self._speeds) == 1 else since
        before = 0 if len(self._speeds) == 1 else before
        seconds = now - since
        return max(0, done - before) / seconds if seconds > 0 else 0.0


class LiveOutputs:
    """Those of all jobs of a worker; ``tell`` gets what changed, and may raise when it cannot be told."""

    def __init__(self, tell: Callable[[Sequence[Progress]], None]) -> None:
        self._tell = tell
        self._lives: dict[str, Live] = {}

    def open(self, job_id: str) -> Live:
        """A job begins."""
        live = self._lives[job_id] = Live(job_id, time.time())
        return live

    def find(self, job_id: str) -> Live | None:
        """A running job's."""
        return self._lives.get(job_id)

    def close(self, job_id: str) -> None:
        """The job is over: nothing more is told of it."""
        self._lives.pop(job_id, None)

    def run(self, stopped: threading.Event) -> None:
        """Tells until ``stopped``."""
        while not stopped.wait(TICK):
            self.round(time.time())

    def round(self, now: float) -> None:
        """Tells what is due at ``now`` (epoch seconds)."""
        due = [(live, news) for live in list(self._lives.values()) if (news := live.news(now))]
        if not due:
            return
        try:
            self._tell([news for _, news in due])
        except Exception as error:  # noqa: BLE001 - the store may be away; the next round has newer news
            log.warning("progress not told", jobs=len(due), error=type(error).__name__)
            for live, _ in due:
                live.again()


def _text(data: bytes) -> str:
    """As text that is no longer than the data, from the beginning of a line where it was cut."""
    if len(data) >= LIVE_BYTES:
        _, newline, rest = data.partition(b"\n")
        data = rest if newline and rest else data
    text = data.decode("utf-8", "replace")
    # What is no text takes more room as replacement characters than it had.
    return text if len(text.encode()) <= LIVE_BYTES else text.encode()[-LIVE_BYTES:].decode("utf-8", "ignore")
