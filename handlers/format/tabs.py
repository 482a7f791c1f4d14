"""Aligned columns, as Go's tabwriter makes them."""

from collections.abc import Sequence

from handlers.format.units import display_width

MIN_WIDTH = 10
PADDING = 3


def align(lines: Sequence[str], *, min_width: int = MIN_WIDTH, padding: int = PADDING) -> list[str]:
    """The lines with every tab-terminated cell padded to its column's width.

    A column is a run of neighbouring lines that have a cell there; what follows a line's last tab
    belongs to no column. Widths are display widths, as in the CLI.
    """
    rows = [line.split("\t") for line in lines]
    widths: list[list[int]] = [[] for _ in rows]
    _measure(rows, widths, 0, len(rows), min_width, padding)
    out = []
    for row, row_widths in zip(rows, widths, strict=True):
        padded = [
            cell + " " * (width - display_width(cell)) for cell, width in zip(row, row_widths, strict=False)
        ]
        out.append("".join(padded) + row[-1])
    return out


def _measure(
    rows: list[list[str]], widths: list[list[int]], first: int, last: int, min_width: int, padding: int
) -> None:
    column = len(widths[first]) if first < last else 0
    at = first
    while at < last:
        if column >= len(rows[at]) - 1:
            at += 1
            continue
        end = at
        while end < last and column < len(rows[end]) - 1:
            end += 1
        width = max(min_width, *(display_width(row[column]) + padding for row in rows[at:end]))
        for number in range(at, end):
            widths[number].append(width)
        _measure(rows, widths, at, end, min_width, padding)
        at = end
