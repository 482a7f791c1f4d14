"""Reading a part of a stored output again: the end, what fits a pattern, the page before or after."""

from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from bot.jobs.matching import Matcher
from bot.jobs.wire import Page, ShowOrder

PAGE_CHARS = 5_000
"""The most text of a page: it has to fit one message."""
PAGE_LINES = 200
LINE_CHARS = 1_000
PIECE = 64 * 1024
MATCH_SECONDS = 15.0
"""How long a pattern may take for a whole output."""


def read_page(file: BinaryIO, order: ShowOrder) -> tuple[str, Page]:
    """The text of the page and where it lies; raises BadPattern or TooSlow."""
    reading = _Reading(order)
    for number, line in _lines(file):
        reading.take(number, line)
    return reading.text(), reading.page(file.tell())


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, each cut: one without end takes no memory."""
    number, whole = 0, True
    while piece := file.readline(PIECE):
        if whole:
            number += 1
            yield number, piece.rstrip(b"\r\n").decode("utf-8", "replace")
        whole = piece.endswith(b"\n")


class _Reading:
    """One pass over the lines of an output."""

    def __init__(self, order: ShowOrder) -> None:
        self._order = order
        self._matcher = Matcher(order.pattern, MATCH_SECONDS) if order.pattern else None
        self._recent: deque[tuple[int, str]] = deque(maxlen=order.before)
        self._after = 0
        self._chosen: deque[tuple[int, bool, str]] = deque()
        self._most = max(1, min(order.lines, PAGE_LINES))
        self._chars = 0
        self._total = self._matched = 0
        self._older = self._newer = False

    def take(self, number: int, line: str) -> None:
        """Looks at the next line."""
        self._total = number
        if self._matcher is None or self._matcher.fits(line):
            self._matched += 1
            for earlier in self._recent:
                self._choose(*earlier, fits=False)
            self._recent.clear()
            self._choose(number, line, fits=True)
            self._after = self._order.after
        elif self._after:
            self._after -= 1
            self._choose(number, line, fits=False)
        else:
            self._recent.append((number, line))

    def text(self) -> str:
        """The lines chosen; with a pattern numbered as grep does."""
        if self._matcher is None:
            return "".join(f"{line}\n" for _, _, line in self._chosen)
        parts, last = [], 0
        for number, fits, line in self._chosen:
            if last and number > last + 1 and (self._order.before or self._order.after):
                parts.append("--\n")
            parts.append(f"{number}{':' if fits else '-'}{line}\n")
            last = number
        return "".join(parts)

    def page(self, total_bytes: int) -> Page:
        """Where they lie."""
        return Page(
            stream=self._order.stream,
            first=self._chosen[0][0] if self._chosen else 0,
            last=self._chosen[-1][0] if self._chosen else 0,
            total_lines=self._total,
            total_bytes=total_bytes,
            matched=self._matched if self._matcher else 0,
            older=self._older,
            newer=self._newer,
        )

    def _choose(self, number: int, line: str, *, fits: bool) -> None:
        if self._order.below and number >= self._order.below:
            self._newer = True
            return
        if self._order.above and number <= self._order.above:
            self._older = True
            return
        if self._order.above and (self._newer or self._full(line)):
            self._newer = True
            return
        line = line if len(line) <= LINE_CHARS else f"{line[: LINE_CHARS - 1]}…"
        self._chosen.append((number, fits, line))
        self._chars += _room(line)
        while self._chars > PAGE_CHARS or len(self._chosen) > self._most:
            _, _, dropped = self._chosen.popleft()
            self._chars -= _room(dropped)
            self._older = True

    def _full(self, line: str) -> bool:
        return len(self._chosen) >= self._most or self._chars + _room(line[:LINE_CHARS]) > PAGE_CHARS


def _room(line: str) -> int:
    """What a line takes of a message, which counts in UTF-16; with its number before it."""
    return len(line.encode("utf-16-le", "replace")) // 2 + 8
