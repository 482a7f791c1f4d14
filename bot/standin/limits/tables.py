"""Tables: 100 rows of 20 cells, 10,000 characters, no empty cell; one in a message."""

from bot.standin.limits.checks import (
    Check,
    Json,
    Shape,
    Walk,
    boolean,
    count,
    items,
    kind,
    number,
    one_of,
    string,
    typed,
    wrong_type,
)
from bot.standin.limits.rich_text import rich_cell
from bot.standin.limits.text import BLOCK_ID

ROWS = 100
DATA_ROWS = 201  # the documentation says 101 in one place and 201 in another
COLUMNS = 20
CHARACTERS = 10_000

_RAW_TEXT = {"type", "text"}


def _raw_text(value: Json, at: str, walk: Walk) -> None:
    text = value.get("text")
    if type(text) is not str:
        wrong_type(walk, f"{at}/text", "a string")
    elif text == "":
        walk.note(
            f"{at}/text", "empty_cell", "must be more than 0 characters", type="min_length", min=1, got=0
        )
    else:
        walk.characters += len(text)
    for name in value.keys() - _RAW_TEXT:
        walk.note(at, "unknown_field", f"invalid additional property: {name}", name, type="known")


_CELL = typed(
    {
        "raw_text": _raw_text,
        "raw_number": Shape(
            {"type": kind("raw_number"), "value": number(whole=False)}, {"text": string(1, shown=True)}
        ),
        "rich_text": rich_cell,
    }
)


def _cell(value: Json, at: str, walk: Walk) -> None:
    # A big table is 2,000 of these: the plain good one is let through without a walk.
    if type(value) is dict and len(value) == 2 and value.get("type") == "raw_text":
        text = value.get("text")
        if type(text) is str and text:
            walk.characters += len(text)
            return
    _CELL(value, at, walk)


def _rows(most: int) -> Check:
    def check(value: Json, at: str, walk: Walk) -> None:
        if type(value) is not list:
            wrong_type(walk, at, "a list")
            return
        count(value, at, walk, 1, most)
        before = walk.characters
        for index, row in enumerate(value):
            pointer = f"{at}/{index}"
            if type(row) is not list:
                wrong_type(walk, pointer, "a list")
                continue
            count(row, pointer, walk, 1, COLUMNS)
            for column, cell in enumerate(row):
                _cell(cell, f"{pointer}/{column}", walk)
        shown = walk.characters - before
        if shown > CHARACTERS:
            walk.note(
                at,
                "table_too_long",
                f"cells must hold less than {CHARACTERS + 1} characters in all",
                type="max_length",
                max=CHARACTERS,
                got=shown,
            )

    return check


def _met(_value: Json, at: str, walk: Walk) -> None:
    walk.tables.append(at)


def _nothing_or(check: Check) -> Check:
    def either(value: Json, at: str, walk: Walk) -> None:
        if value is not None:
            check(value, at, walk)

    return either


_COLUMN = Shape(optional={"align": one_of("left", "center", "right"), "is_wrapped": boolean})

TABLE = Shape(
    {"type": kind("table"), "rows": _rows(ROWS)},
    {"block_id": string(1, BLOCK_ID), "column_settings": items(_nothing_or(_COLUMN), 0, COLUMNS)},
    _met,
)

DATA_TABLE = Shape(
    {"type": kind("data_table"), "rows": _rows(DATA_ROWS), "caption": string(1, shown=True)},
    {
        "block_id": string(1, BLOCK_ID),
        "column_settings": items(_nothing_or(_COLUMN), 0, COLUMNS),
        "page_size": number(1, 100),
        "row_header_column_index": number(0, COLUMNS - 1),
    },
    _met,
)
