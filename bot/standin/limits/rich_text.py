"""Rich text: the one place where untrusted text is safe, and picky about its elements."""

from bot.standin.limits.checks import (
    Check,
    Json,
    Shape,
    Walk,
    boolean,
    items,
    kind,
    number,
    one_of,
    string,
    typed,
)

_TEXT_STYLE = Shape(
    optional=dict.fromkeys(
        ("bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"), boolean
    )
)
_MENTION_STYLE = Shape(
    optional=dict.fromkeys(
        ("bold", "italic", "strike", "code", "highlight", "client_highlight", "unlink"), boolean
    )
)
_SHOWN = string(1, shown=True)
_ID = string(1)

_LEAVES: dict[str, Check] = {
    "text": Shape({"type": kind("text"), "text": _SHOWN}, {"style": _TEXT_STYLE}),
    "link": Shape(
        {"type": kind("link"), "url": string(1, 3000)},
        {"text": string(0, shown=True), "unsafe": boolean, "style": _TEXT_STYLE},
    ),
    "user": Shape({"type": kind("user"), "user_id": _ID}, {"style": _MENTION_STYLE}),
    "usergroup": Shape({"type": kind("usergroup"), "usergroup_id": _ID}, {"style": _MENTION_STYLE}),
    "channel": Shape({"type": kind("channel"), "channel_id": _ID}, {"style": _MENTION_STYLE}),
    "emoji": Shape(
        {"type": kind("emoji"), "name": _ID},
        {"unicode": _ID, "style": _TEXT_STYLE, "skin_tone": number(1, 6), "url": string(1, 3000)},
    ),
    "broadcast": Shape({"type": kind("broadcast"), "range": one_of("here", "channel", "everyone")}),
    "date": Shape(
        {"type": kind("date"), "timestamp": number(), "format": string(1, shown=True)},
        {"url": string(1, 3000), "fallback": string(1), "style": _TEXT_STYLE},
    ),
    "color": Shape({"type": kind("color"), "value": _ID}, {"style": _TEXT_STYLE}),
}

_LEAF = typed(_LEAVES)
_BORDER = one_of(0, 1)
_SECTION = Shape({"type": kind("rich_text_section"), "elements": items(_LEAF)})

_PARTS: dict[str, Check] = {
    "rich_text_section": _SECTION,
    "rich_text_list": Shape(
        {
            "type": kind("rich_text_list"),
            "style": one_of("bullet", "ordered"),
            "elements": items(typed({"rich_text_section": _SECTION}), 1),
        },
        {"indent": number(0, 8), "offset": number(0), "border": _BORDER},
    ),
    "rich_text_preformatted": Shape(
        {"type": kind("rich_text_preformatted"), "elements": items(typed(_LEAVES, ("text", "link")))},
        {"border": _BORDER, "language": _ID},
    ),
    "rich_text_quote": Shape(
        {"type": kind("rich_text_quote"), "elements": items(_LEAF)}, {"border": _BORDER}
    ),
}

ELEMENTS = items(typed(_PARTS), 1)
"""The ``elements`` of a rich_text block."""

RICH_TEXT = Shape({"type": kind("rich_text"), "elements": ELEMENTS}, {"block_id": string(1, 255)})
"""A rich_text block, also where it stands inside others."""

_CELL = Shape({"type": kind("rich_text"), "elements": ELEMENTS})


def rich_cell(value: Json, at: str, walk: Walk) -> None:
    """A table cell of rich text: something must be in it."""
    _CELL(value, at, walk)
    parts = value.get("elements")
    if type(parts) is list and not any(type(part) is dict and part.get("elements") for part in parts):
        walk.note(at, "empty_cell", "a table cell must not be empty", type="min_length", min=1, got=0)
