"""What Slack refuses in messages and views, answered in the shape of its ``blocks.validate``."""

import json

from bot.standin.limits.blocks import ONE, REFUSED_BY
from bot.standin.limits.checks import (
    Json,
    Problem,
    Shape,
    Walk,
    anything,
    boolean,
    count,
    one_of,
    string,
    wrong_type,
)
from bot.standin.limits.text import PLAIN, text

__all__ = ["EDITED_TEXT", "POSTED_TEXT", "Problem", "block_problems", "error_of", "view_problems"]

BLOCKS_IN_MESSAGE = 50
BLOCKS_IN_VIEW = 100
BLOCKS_SUM = 13_200
"""Characters over all blocks of a message; undocumented, 13,297 are known to fail."""
MARKDOWN_SUM = 12_000
POSTED_TEXT = 40_000
"""A posted ``text`` is cut here."""
EDITED_TEXT = 4_000
"""An edited ``text`` longer than this is refused."""
VIEW_BYTES = 250_000


def block_problems(blocks: Json, surface: str = "message", at: str = "/blocks") -> list[Problem]:
    """What is wrong with a list of blocks; empty when Slack takes it.

    ``surface`` is message, modal or home; ``at`` is the pointer of the list itself.
    """
    walk = Walk()
    _blocks(blocks, surface, at, walk)
    return walk.problems


def error_of(problems: list[Problem]) -> str:
    """The name Slack gives the refusal of a message with these problems."""
    codes = {problem.code for problem in problems}
    if codes == {"only_one_table_allowed"}:
        return "invalid_attachments"
    if codes == {"msg_blocks_too_long"}:
        return "msg_blocks_too_long"
    return "invalid_blocks"


def _blocks(blocks: Json, surface: str, at: str, walk: Walk) -> None:
    if type(blocks) is not list:
        wrong_type(walk, at, "a list")
        return
    count(blocks, at, walk, 0, BLOCKS_IN_MESSAGE if surface == "message" else BLOCKS_IN_VIEW)
    for index, block in enumerate(blocks):
        ONE(block, f"{at}/{index}", walk)
    good = [(f"{at}/{index}", block) for index, block in enumerate(blocks) if type(block) is dict]
    _unique_ids(good, walk)
    _surface(good, surface, walk)
    if surface == "message":
        _message(good, at, walk)


def _unique_ids(blocks: list[tuple[str, dict[str, Json]]], walk: Walk) -> None:
    seen: set[str] = set()
    for at, block in blocks:
        name = block.get("block_id")
        if type(name) is not str:
            continue
        if name in seen:
            walk.note(
                f"{at}/block_id",
                "duplicate_block_id",
                f"block_id `{name}` is already used",
                type="unique",
                got=name,
            )
        seen.add(name)


def _surface(blocks: list[tuple[str, dict[str, Json]]], surface: str, walk: Walk) -> None:
    refused = REFUSED_BY[surface]
    for at, block in blocks:
        name = block.get("type")
        if type(name) is str and name in refused:
            walk.note(
                f"{at}/type",
                "not_on_surface",
                f"block type {name} is not allowed in a {surface}",
                type="surface",
                surface=surface,
                got=name,
            )


def _message(blocks: list[tuple[str, dict[str, Json]]], at: str, walk: Walk) -> None:
    types = [block.get("type") for _, block in blocks]
    for pointer in walk.tables[1:]:
        walk.note(
            pointer,
            "only_one_table_allowed",
            "only one table is allowed in a message",
            type="max_items",
            max=1,
        )
    if "plan" in types and "task_card" in types:
        walk.note(
            f"{at}/{types.index('task_card')}",
            "invalid_value",
            "a message holds either a plan or task cards",
            type="exclusive",
            got="task_card",
        )
    if types.count("data_visualization") > 2:
        walk.note(at, "too_many_items", "no more than 2 charts allowed", type="max_items", max=2)
    markdown = sum(len(str(block.get("text"))) for _, block in blocks if block.get("type") == "markdown")
    if markdown > MARKDOWN_SUM:
        walk.note(
            at,
            "too_long",
            f"markdown blocks must hold less than {MARKDOWN_SUM + 1} characters in all",
            type="max_length",
            max=MARKDOWN_SUM,
            got=markdown,
        )
    if walk.characters > BLOCKS_SUM:
        walk.note(
            at,
            "msg_blocks_too_long",
            f"all blocks together must hold less than {BLOCKS_SUM + 1} characters",
            type="max_length",
            max=BLOCKS_SUM,
            got=walk.characters,
        )


def view_problems(view: Json) -> list[Problem]:
    """What is wrong with a modal or a home tab; ``view_too_large`` is the code of one over 250 kB."""
    walk = Walk()
    name = view.get("type") if type(view) is dict else None
    shape = _VIEWS.get(name) if type(name) is str else None
    if shape is None:
        walk.note(
            "/view/type",
            "unknown_type",
            f"unsupported type: {name}",
            type="enum",
            expected=list(_VIEWS),
            got=name,
        )
        return walk.problems
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        walk.note(
            "/view", "view_too_large", "a view must be at most 250 kB", type="max_bytes", max=VIEW_BYTES
        )
    shape(view, "/view", walk)
    _blocks(view.get("blocks"), str(name), "/view/blocks", walk)
    return walk.problems


def _submit_for_inputs(view: Json, at: str, walk: Walk) -> None:
    blocks = view.get("blocks")
    inputs = type(blocks) is list and any(
        type(block) is dict and block.get("type") == "input" for block in blocks
    )
    if inputs and "submit" not in view:
        walk.note(at, "missing_field", "a modal with input blocks needs `submit`", "submit", type="required")


_COMMON = {"callback_id": string(0, 255), "private_metadata": string(0, 3000), "external_id": string(0, 255)}

_VIEWS = {
    "modal": Shape(
        {"type": one_of("modal"), "title": text(24, PLAIN), "blocks": anything},
        {
            **_COMMON,
            "submit": text(24, PLAIN),
            "close": text(24, PLAIN),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
        _submit_for_inputs,
    ),
    "home": Shape({"type": one_of("home"), "blocks": anything}, _COMMON),
}
