"""Messages and the few kinds of block they are made of, inside Slack's limits.

Text that is not ours (command lines, output, names) stands only where Slack parses nothing: in
rich_text text elements, raw table cells and plain_text. The top-level ``text`` is parsed, so it is
escaped. No mrkdwn object is used at all.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from wcwidth import wcswidth

from permissions.model import Record

Block = dict[str, Any]
"""One block or element as Slack's JSON has it."""

MESSAGE_CHARS = 10_000
"""The sum of text over all blocks of a message. Slack refuses from about 11,300; undocumented."""
TEXT_CHARS = 400
"""The notification text; chat.update refuses more than 4,000."""
TABLE_ROWS, TABLE_COLUMNS = 100, 20
BUTTON_CHARS, LABEL_CHARS, VALUE_CHARS, BLOCK_ID_CHARS = 75, 75, 2000, 255

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|\Z)|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi: they reorder what is read
    "\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"  # invisible: they hide text
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """The text as a terminal would leave it: no escape sequences, controls, bidi or invisible characters."""
    text = _LINE_ENDS.sub("\n", _ESCAPES.sub("", text))
    return _SURROGATES.sub("\ufffd", _UNSEEN.sub("", text))


def line(text: str) -> str:
    """As :func:`clean`, on one line."""
    return " ".join(clean(text).split())


def cut(text: str, limit: int) -> str:
    """At most ``limit`` of Slack's characters (UTF-16 units), an ellipsis where something is missing."""
    if size(text) <= limit:
        return text
    kept = text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore")
    return f"{kept}…"


def size(text: str) -> int:
    """Characters as Slack counts them: UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def escape(text: str) -> str:
    """For the top-level ``text``, the only place of ours that Slack parses."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Message(Record):
    """What Slack shows: blocks, and the text of notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...] = ()

    def labelled(self, label: str) -> "Message":
        """The same with a few words of ours under it and before its text."""
        return Message(text=f"{label} {self.text}", blocks=(*self.blocks, *_labels(self.blocks, label)))

    def without_table(self) -> "Message":
        """The same with its table as monospaced text, for when Slack refuses the block."""
        return Message(text=self.text, blocks=tuple(map(_monospaced, self.blocks)))

    @property
    def has_table(self) -> bool:
        """Whether :meth:`without_table` would change anything."""
        return any(block["type"] == "table" for block in self.blocks)


def message(key: str, text: str, blocks: Iterable[Block]) -> Message:
    """A message whose blocks are named after ``key``; the key of every revision is its own.

    ``text`` is not escaped yet and begins with a verb.
    """
    named = tuple(
        {**block, "block_id": cut(f"{key}.{index}", BLOCK_ID_CHARS)} for index, block in enumerate(blocks)
    )
    return Message(text=escape(cut(line(text), TEXT_CHARS)), blocks=named)


def words(text: str, *, bold: bool = False) -> Block:
    """Plain words in a rich_text section; Slack refuses an empty text."""
    return {"type": "text", "text": text or " ", **({"style": {"bold": True}} if bold else {})}


def code(text: str) -> Block:
    """Words as code."""
    return {"type": "text", "text": text or " ", "style": {"code": True}}


def prose(text: str, limit: int) -> list[Block]:
    """A sentence or two in which backticks mark code, cleaned and cut."""
    parts = cut(clean(text), limit).split("`")
    if len(parts) % 2 == 0:  # a backtick without its partner marks nothing
        return [words("`".join(parts))]
    return [code(part) if index % 2 else words(part) for index, part in enumerate(parts) if part]


def user(user_id: str) -> Block:
    """A person; Slack shows the name."""
    return {"type": "user", "user_id": user_id}


def channel(channel_id: str) -> Block:
    """A channel; Slack shows its name to whoever may see it."""
    return {"type": "channel", "channel_id": channel_id}


def emoji(name: str) -> Block:
    """An emoji by its name."""
    return {"type": "emoji", "name": name}


def link(url: str, label: str) -> Block:
    """A link of Slack's own making, under words of ours."""
    return {"type": "link", "url": url, "text": label}


def moment(at: float) -> Block:
    """A time of day in the reader's own zone. ``at`` is epoch seconds."""
    spelled = datetime.fromtimestamp(int(at), UTC).strftime("%H:%M:%S UTC")
    return {"type": "date", "timestamp": int(at), "format": "{time_secs}", "fallback": spelled}


def section(*elements: Block) -> Block:
    """One paragraph of rich text."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


def preformatted(text: str) -> Block:
    """Monospaced text, parsed by nobody. The text is cleaned by the caller."""
    content = {"type": "rich_text_preformatted", "elements": [words(text)]}
    return {"type": "rich_text", "elements": [content]}


def context(*parts: str) -> Block:
    """Small print."""
    text = cut(" · ".join(part for part in parts if part), 600)
    return {"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": False}]}


def table(rows: Sequence[Sequence[str]]) -> Block:
    """A table of raw cells; Slack refuses an empty one. At most TABLE_ROWS by TABLE_COLUMNS."""
    return {
        "type": "table",
        "rows": [[{"type": "raw_text", "text": cell or " "} for cell in row] for row in rows],
        "column_settings": [{"is_wrapped": True} for _ in rows[0]],
    }


def button(label: str, *, action_id: str, value: str, spoken: str, danger: bool = False) -> Block:
    """A button on a line of its own, see :func:`press`."""
    return actions(press(label, action_id=action_id, value=value, spoken=spoken, danger=danger))


def actions(*elements: Block) -> Block:
    """Buttons side by side."""
    return {"type": "actions", "elements": list(elements)}


def press(
    label: str,
    *,
    action_id: str,
    value: str,
    spoken: str,
    danger: bool = False,
    confirm: tuple[str, str] | None = None,
) -> Block:
    """A button. ``spoken`` is what a screen reader says, ``danger`` makes it red.

    ``value`` is an opaque id, or a line that whoever clicks could type as well. ``confirm`` is asked first: a
    title and a sentence.
    """
    return {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": cut(label, BUTTON_CHARS), "emoji": False},
        "value": value[:VALUE_CHARS],
        "accessibility_label": cut(spoken, LABEL_CHARS),
        **({"style": "danger"} if danger else {}),
        **({"confirm": _confirm(*confirm)} if confirm else {}),
    }


def _confirm(title: str, sentence: str) -> Block:
    def plain(text: str, limit: int) -> Block:
        return {"type": "plain_text", "text": cut(text, limit), "emoji": False}

    return {
        "title": plain(title, 100),
        "text": plain(sentence, 300),
        "confirm": plain("Yes", 30),
        "deny": plain("No", 30),
        "style": "danger",
    }


def _labels(blocks: Sequence[Block], label: str) -> Iterable[Block]:
    if blocks:
        yield {**context(label), "block_id": cut(f"{blocks[0]['block_id']}.label", BLOCK_ID_CHARS)}


def _monospaced(block: Block) -> Block:
    if block["type"] != "table":
        return block
    rows = [[cell["text"] for cell in row] for row in block["rows"]]
    widths = [max(max(wcswidth(cell), 0) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "   ".join(
            cell + " " * (width - max(wcswidth(cell), 0)) for cell, width in zip(row, widths, strict=True)
        )
        for row in rows
    ]
    # Aligning pads every cell to its column's widest, so the sum can pass the message's budget.
    text = cut("\n".join(one.rstrip() for one in lines), MESSAGE_CHARS * 6 // 10)
    return {**preformatted(text), "block_id": f"{block['block_id']}m"[-BLOCK_ID_CHARS:]}
