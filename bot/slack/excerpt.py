"""How much of an output a message shows: the end, the beginning, or the first rows."""

from dataclasses import dataclass

from bot.jobs.wire import Cells
from bot.slack.blocks import TABLE_COLUMNS, TABLE_ROWS, clean, cut, line, size

WHOLE_LINES = 60
"""An output up to this many lines is shown whole if its characters fit."""
CUT_LINES = 40
"""How many lines are shown of a longer one."""
CELL_CHARS = 140
READ_CHARS = 1_000
"""What of a cell is looked at; the rest is in the file."""
TABLE_CHARS = 6_000
"""The sum over all cells; Slack takes 10,000, and the rest of the message needs room."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Cleaned text to show: ``lines`` of ``total`` lines; ``end`` is "first" or "last"."""

    text: str
    lines: int
    total: int
    cut: bool
    end: str


@dataclass(frozen=True, slots=True)
class Grid:
    """The header and the rows to show, cleaned; ``cut`` whether anything is missing."""

    rows: tuple[tuple[str, ...], ...]
    cut: bool


def head(text: str, total_lines: int, limit: int) -> Excerpt:
    """The beginning, in at most ``limit`` characters."""
    lines = _lines(text)
    total = max(total_lines, len(lines))
    if total > len(lines) > 1 and not text.endswith("\n"):
        lines.pop()  # what was kept of the output ends in the middle of it
    wanted = lines if total == len(lines) <= WHOLE_LINES else lines[:CUT_LINES]
    kept = _fitting(wanted, limit)
    shown = "\n".join(kept) if kept else cut(wanted[0], limit) if wanted else ""
    return Excerpt(shown, max(len(kept), bool(shown)), total, len(kept) < total, "first")


def tail(text: str, total_lines: int, limit: int) -> Excerpt:
    """The end, in at most ``limit`` characters."""
    lines = _lines(text)
    total = max(total_lines, len(lines))
    wanted = lines if total == len(lines) <= WHOLE_LINES else lines[-CUT_LINES:]
    kept = _fitting(wanted[::-1], limit)[::-1]
    shown = "\n".join(kept) if kept else _end(wanted[-1], limit) if wanted else ""
    return Excerpt(shown, max(len(kept), bool(shown)), total, len(kept) < total, "last")


def cells(whole: Cells) -> Grid:
    """The first rows and columns, as many as a table block takes."""
    rows: list[tuple[str, ...]] = []
    left = TABLE_CHARS
    missing = whole.total > len(whole.rows) or len(whole.header) > TABLE_COLUMNS
    for row in (whole.header, *whole.rows):
        # A row shorter than the header would be refused: a table is a rectangle.
        padded = (*row, *[""] * len(whole.header))[: min(len(whole.header), TABLE_COLUMNS)]
        plain = tuple(line(cell[:READ_CHARS]) for cell in padded)
        shown = tuple(cut(cell, CELL_CHARS) or " " for cell in plain)
        left -= sum(map(size, shown))
        if len(rows) == TABLE_ROWS or (left < 0 and rows):
            missing = True
            break
        missing |= any(size(cell) > CELL_CHARS for cell in plain)
        rows.append(shown)
    return Grid(tuple(rows), missing)


def _lines(text: str) -> list[str]:
    return clean(text).rstrip("\n").split("\n") if text.strip() else []


def _fitting(lines: list[str], limit: int) -> list[str]:
    kept: list[str] = []
    for one in lines:
        limit -= size(one) + 1
        if limit < 0:
            break
        kept.append(one)
    return kept


def _end(text: str, limit: int) -> str:
    return f"…{text[-(limit // 2 - 1) :]}" if size(text) > limit else text
