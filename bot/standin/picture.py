"""Messages as a reader of Slack sees them, drawn in plain text for a terminal."""

from bot.standin.picture_blocks import draw_block, indented
from bot.standin.picture_text import mrkdwn
from bot.standin.world import File, Message, World

HEAD_LINES = 8
"""Lines of an attached file that are shown."""

_VISIBLE: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: "\u2421",
    **dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"),
}
"""What could command the terminal, or turn its text around, is shown instead of obeyed."""


def channel_picture(world: World, channel_id: str) -> str:
    """A whole channel: every message with its thread below it; "" when nothing was said."""
    tops = [message for message in world.messages(channel_id) if message.thread_ts is None]
    return "\n\n".join(thread_picture(world, channel_id, message.ts) for message in tops)


def thread_picture(world: World, channel_id: str, ts: str) -> str:
    """A message and the replies below it; "" when there is none of this ts."""
    parent = world.find(channel_id, ts)
    if parent is None:
        return ""
    lines = draw_message(world, parent)
    for reply in world.replies(channel_id, ts):
        lines += ["", *indented(draw_message(world, reply), "  ↳ ", "    ")]
    return "\n".join(line.rstrip().translate(_VISIBLE) for line in lines)


def draw_message(world: World, message: Message) -> list[str]:
    """The lines of one message: who, what the blocks (else the text) say, files."""
    head = "Slackbot" if message.user == "USLACKBOT" else world.name_of(message.user)
    if message.ephemeral_to is not None:
        head += f" (only {world.name_of(message.ephemeral_to)} sees this)"
    if message.edited:
        head += " (edited)"
    body: list[str] = []
    for block in message.blocks:
        body += draw_block(world, block)
    if not message.blocks and message.text:
        body += mrkdwn(world, message.text).split("\n")
    for file in message.files:
        body += _file(file)
    if message.reactions:
        body.append(" ".join(f":{name}: {len(users)}" for name, users in message.reactions.items()))
    return [head, *indented(body, "  ", "  ")]


def _file(file: File) -> list[str]:
    text = (file.content or b"").decode(errors="replace")
    lines = text.splitlines()
    head = [f"│ {line}" for line in lines[:HEAD_LINES]]
    if len(lines) > HEAD_LINES:
        head.append(f"│ … {len(lines) - HEAD_LINES} more lines")
    return [f"📎 {file.title or file.name} ({size(file.length)})", *head]


def size(length: int) -> str:
    """A number of bytes for people."""
    if length < 1000:
        return f"{length} bytes"
    if length < 1_000_000:
        return f"{length / 1000:.1f} kB"
    return f"{length / 1_000_000:.1f} MB"
