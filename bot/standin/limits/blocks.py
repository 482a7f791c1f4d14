"""Every block by its type, and the surfaces that refuse it."""

from bot.standin.limits.checks import (
    Check,
    Json,
    Shape,
    Walk,
    anything,
    boolean,
    count,
    items,
    kind,
    one_of,
    string,
    typed,
    wrong_type,
)
from bot.standin.limits.elements import (
    ELEMENTS,
    IMAGE_FIELDS,
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    one_source,
)
from bot.standin.limits.rich_text import RICH_TEXT
from bot.standin.limits.tables import DATA_TABLE, TABLE
from bot.standin.limits.text import ANY_TEXT, BLOCK_ID, PLAIN, URL, text

_BLOCK: dict[str, Check] = {"block_id": string(1, BLOCK_ID)}


def _block(
    name: str,
    required: dict[str, Check] | None = None,
    optional: dict[str, Check] | None = None,
    also: Check | None = None,
) -> Shape:
    return Shape({"type": kind(name), **(required or {})}, {**_BLOCK, **(optional or {})}, also)


def _text_or_fields(value: Json, at: str, walk: Walk) -> None:
    if "text" not in value and "fields" not in value:
        walk.note(at, "missing_field", "must define either `text` or `fields`", "text", type="required")


def _unique_actions(value: Json, at: str, walk: Walk) -> None:
    elements = value.get("elements")
    seen: set[str] = set()
    for index, element in enumerate(elements if type(elements) is list else ()):
        name = element.get("action_id") if type(element) is dict else None
        if type(name) is str and name in seen:
            walk.note(
                f"{at}/elements/{index}/action_id",
                "duplicate_action_id",
                f"action_id `{name}` is already used in this block",
                type="unique",
                got=name,
            )
        elif type(name) is str:
            seen.add(name)


def _context_elements(value: Json, at: str, walk: Walk) -> None:
    if type(value) is not list:
        wrong_type(walk, at, "a list")
        return
    count(value, at, walk, 1, 10)
    for index, element in enumerate(value):
        which = _CONTEXT_IMAGE if type(element) is dict and element.get("type") == "image" else _CONTEXT_TEXT
        which(element, f"{at}/{index}", walk)


_CONTEXT_IMAGE = typed(ELEMENTS, ("image",))
_CONTEXT_TEXT = text(3000, ANY_TEXT)

_STATUS = one_of("pending", "in_progress", "complete", "error")
_SOURCE = Shape({"type": kind("url"), "url": string(1, URL), "text": string(1, shown=True)})
_TASK = _block(
    "task_card",
    {"task_id": string(1), "title": string(1, shown=True), "status": _STATUS},
    {"details": RICH_TEXT, "output": RICH_TEXT, "sources": items(_SOURCE)},
)


def _not_pending(value: Json, at: str, walk: Walk) -> None:
    if value.get("status") == "pending":
        walk.note(
            f"{at}/status",
            "invalid_value",
            "a task_card outside a plan must not be pending",
            type="enum",
            expected=["in_progress", "complete", "error"],
            got="pending",
        )


_CARD = _block(
    "card",
    {},
    {
        "title": text(150),
        "subtitle": text(150),
        "body": text(200),
        "icon": anything,
        "hero_image": anything,
        "actions": items(typed(ELEMENTS, ("button",)), 1, 5),
    },
)


def _card_is_not_empty(value: Json, at: str, walk: Walk) -> None:
    _CARD(value, at, walk)
    if not value.keys() & {"title", "body", "hero_image"}:
        walk.note(
            at, "missing_field", "must define `title`, `body` or `hero_image`", "title", type="required"
        )


def _children(value: Json, at: str, walk: Walk) -> None:
    items(typed(BLOCKS, tuple(BLOCKS.keys() - {"container", "carousel"})), 1, 10)(value, at, walk)


BLOCKS: dict[str, Check] = {
    "section": _block(
        "section",
        {},
        {
            "text": text(3000),
            "fields": items(text(2000), 1, 10),
            "accessory": typed(ELEMENTS, IN_SECTION),
            "expand": boolean,
        },
        _text_or_fields,
    ),
    "divider": _block("divider"),
    "header": _block("header", {"text": text(150, PLAIN)}),
    "actions": _block(
        "actions", {"elements": items(typed(ELEMENTS, IN_ACTIONS), 1, 25)}, {}, _unique_actions
    ),
    "context": _block("context", {"elements": _context_elements}),
    "context_actions": _block(
        "context_actions", {"elements": items(typed(ELEMENTS, IN_CONTEXT_ACTIONS), 1, 5)}, {}, _unique_actions
    ),
    "image": _block(
        "image", {"alt_text": string(1, 2000)}, {**IMAGE_FIELDS, "title": text(2000, PLAIN)}, one_source
    ),
    "input": _block(
        "input",
        {"label": text(2000, PLAIN), "element": typed(ELEMENTS, IN_INPUT)},
        {"hint": text(2000, PLAIN), "optional": boolean, "dispatch_action": boolean},
    ),
    "markdown": _block("markdown", {"text": string(1, 12_000, shown=True)}),
    "rich_text": RICH_TEXT,
    "table": TABLE,
    "data_table": DATA_TABLE,
    "data_visualization": _block(
        "data_visualization", {"title": string(1, 50, shown=True), "chart": anything}
    ),
    "plan": _block(
        "plan", {"title": string(1, shown=True)}, {"tasks": items(typed({"task_card": _TASK}), 0, 50)}
    ),
    "task_card": Shape(
        {name: _TASK.fields[name] for name in _TASK.required},
        {name: check for name, check in _TASK.fields.items() if name not in _TASK.required},
        _not_pending,
    ),
    "alert": _block(
        "alert", {"text": text(200)}, {"level": one_of("default", "info", "warning", "error", "success")}
    ),
    "card": _card_is_not_empty,
    "carousel": _block("carousel", {"elements": items(typed({"card": _card_is_not_empty}), 1, 10)}),
    "container": _block(
        "container",
        {"child_blocks": _children},
        {
            "title": text(150, PLAIN),
            "rich_text_title": RICH_TEXT,
            "subtitle": text(150),
            "icon": anything,
            "width": one_of("narrow", "standard", "wide", "full"),
            "default_collapsed": boolean,
            "is_collapsible": boolean,
            "has_header_divider": boolean,
        },
    ),
    "file": _block("file", {"external_id": string(1), "source": one_of("remote")}),
    "video": _block(
        "video",
        {
            "alt_text": string(1),
            "title": text(199, PLAIN),
            "thumbnail_url": string(1, URL),
            "video_url": string(1, URL),
        },
        {
            "author_name": string(1, 49),
            "description": text(200, PLAIN),
            "provider_icon_url": string(1, URL),
            "provider_name": string(1),
            "title_url": string(1, URL),
        },
    ),
}
"""Every block by its type."""

REFUSED_BY: dict[str, frozenset[str]] = {
    "message": frozenset({"alert", "file"}),
    "modal": frozenset(
        {
            "card",
            "carousel",
            "context_actions",
            "data_table",
            "data_visualization",
            "file",
            "markdown",
            "plan",
            "table",
            "task_card",
        }
    ),
    "home": frozenset(
        {
            "alert",
            "context_actions",
            "data_table",
            "data_visualization",
            "file",
            "markdown",
            "plan",
            "table",
            "task_card",
        }
    ),
}
"""Which blocks a surface does not take. Where Slack's own pages disagree, the stricter one counts."""

ONE = typed(BLOCKS)
"""Any one block."""
