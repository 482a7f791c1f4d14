"""Each kind of block as lines of plain text."""

from collections.abc import Callable, Iterable

from wcwidth import wcswidth

from bot.standin.picture_text import channel_name, emoji, group_name, mrkdwn
from bot.standin.world import Json, World

_STATES = {"pending": "○", "in_progress": "⏳", "complete": "✅", "error": "❌"}


def indented(lines: Iterable[str], first: str, rest: str) -> list[str]:
    """The lines with ``first`` before the first of them and ``rest`` before the others."""
    return [(first if index == 0 else rest) + line for index, line in enumerate(lines)]


def draw_block(world: World, block: dict[str, Json]) -> list[str]:
    """The lines of a block; one of a kind that is not drawn says its name."""
    draw = _DRAWN.get(block["type"])
    return draw(world, block) if draw is not None else [f"({block['type']})"]


def _text(world: World, text: Json) -> str:
    if type(text) is str:
        return text
    if text["type"] == "mrkdwn":
        return mrkdwn(world, text["text"])
    return emoji(str(text["text"]))


def _section(world: World, block: dict[str, Json]) -> list[str]:
    lines = _text(world, block["text"]).split("\n") if "text" in block else []
    for field in block.get("fields", ()):
        lines.append(_text(world, field).replace("\n", ": ", 1))
    if "accessory" in block:
        lines.append(_element(world, block["accessory"]))
    return lines


def _header(world: World, block: dict[str, Json]) -> list[str]:
    text = _text(world, block["text"])
    return [text, "─" * width(text)]


def _actions(world: World, block: dict[str, Json]) -> list[str]:
    return [" ".join(_element(world, element) for element in block["elements"])]


def _context(world: World, block: dict[str, Json]) -> list[str]:
    shown = [
        f"({element['alt_text']})" if element["type"] == "image" else _text(world, element)
        for element in block["elements"]
    ]
    return "  ".join(shown).split("\n")


def _element(world: World, element: dict[str, Json]) -> str:
    name = element["type"]
    if name == "overflow":
        return "[⋯ " + " | ".join(_text(world, option["text"]) for option in element["options"]) + "]"
    if name == "image":
        return f"({element['alt_text']})"
    if "text" in element:
        return f"[{_text(world, element['text'])}]"
    label = (
        _text(world, element["placeholder"]) if "placeholder" in element else element.get("action_id", name)
    )
    return f"[{label} ▾]"


def _input(world: World, block: dict[str, Json]) -> list[str]:
    lines = [f"{_text(world, block['label'])}: {_element(world, block['element'])}"]
    return [*lines, _text(world, block["hint"])] if "hint" in block else lines


def _plan(world: World, block: dict[str, Json]) -> list[str]:
    return [str(block["title"]), *(line for task in block.get("tasks", ()) for line in _task(world, task))]


def _task(world: World, block: dict[str, Json]) -> list[str]:
    lines = [f"{_STATES[block['status']]} {block['title']}"]
    for name in ("details", "output"):
        if name in block:
            lines += indented(_rich_text(world, block[name]), "  ", "  ")
    return lines


def _table(world: World, block: dict[str, Json]) -> list[str]:
    rows = [[_cell(world, cell) for cell in row] for row in block["rows"]]
    columns = max(len(row) for row in rows)
    widths = [max(width(row[index]) for row in rows if index < len(row)) for index in range(columns)]
    settings = block.get("column_settings") or []
    right = [
        index < len(settings) and (settings[index] or {}).get("align") == "right" for index in range(columns)
    ]
    lines = []
    for row in rows:
        cells = []
        for index, cell in enumerate(row):
            space = " " * (widths[index] - width(cell))
            cells.append(space + cell if right[index] else cell + space)
        lines.append("  ".join(cells).rstrip())
    return lines


def _cell(world: World, cell: dict[str, Json]) -> str:
    if cell["type"] == "rich_text":
        return " ".join(_rich_text(world, cell))
    return str(cell["text"] if "text" in cell else cell["value"]).replace("\n", " ")


def _rich_text(world: World, block: dict[str, Json]) -> list[str]:
    lines: list[str] = []
    for part in block["elements"]:
        name = part["type"]
        if name == "rich_text_list":
            lines += _list(world, part)
            continue
        text = "".join(
            _leaf(world, leaf, plain=name == "rich_text_preformatted") for leaf in part["elements"]
        )
        mark = {"rich_text_preformatted": "│ ", "rich_text_quote": "> "}.get(name, "")
        lines += indented(text.split("\n"), mark, mark)
    return lines


def _list(world: World, part: dict[str, Json]) -> list[str]:
    lines: list[str] = []
    for number, item in enumerate(part["elements"], 1 + part.get("offset", 0)):
        mark = "• " if part["style"] == "bullet" else f"{number}. "
        text = "".join(_leaf(world, leaf, plain=False) for leaf in item["elements"])
        lines += indented(text.split("\n"), mark, " " * len(mark))
    return indented(lines, *["  " * part.get("indent", 0)] * 2)


def _link(_world: World, leaf: dict[str, Json]) -> str:
    text = leaf.get("text")
    return f"{text} ({leaf['url']})" if text and text != leaf["url"] else str(leaf["url"])


_LEAVES: dict[str, Callable[[World, dict[str, Json]], str]] = {
    "broadcast": lambda _world, leaf: f"@{leaf['range']}",
    "channel": lambda world, leaf: channel_name(world, leaf["channel_id"]),
    "color": lambda _world, leaf: str(leaf["value"]),
    "date": lambda _world, leaf: str(leaf.get("fallback") or leaf["timestamp"]),
    "emoji": lambda _world, leaf: emoji(f":{leaf['name']}:"),
    "link": _link,
    "user": lambda world, leaf: f"@{world.name_of(leaf['user_id'])}",
    "usergroup": lambda world, leaf: group_name(world, leaf["usergroup_id"]),
}


def _leaf(world: World, leaf: dict[str, Json], *, plain: bool) -> str:
    if leaf["type"] != "text":
        return _LEAVES[leaf["type"]](world, leaf)
    code = not plain and (leaf.get("style") or {}).get("code")
    return f"`{leaf['text']}`" if code else str(leaf["text"])


def width(text: str) -> int:
    """Columns of a terminal that a line takes; control characters count as nothing."""
    columns = wcswidth(text)
    return columns if columns >= 0 else len(text)


_DRAWN: dict[str, Callable[[World, dict[str, Json]], list[str]]] = {
    "actions": _actions,
    "alert": _section,
    "context": _context,
    "data_table": _table,
    "divider": lambda _world, _block: ["───"],
    "header": _header,
    "image": lambda _world, block: [f"({block['alt_text']})"],
    "input": _input,
    "markdown": lambda _world, block: str(block["text"]).split("\n"),
    "plan": _plan,
    "rich_text": _rich_text,
    "section": _section,
    "table": _table,
    "task_card": _task,
}
