"""Slack's own markup as plain text: mentions, links, dates, emoji."""

import re

from bot.standin.world import World

_ENTITY = re.compile(r"<([^<>\s][^<>]*)>")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_BOLD = re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])")
_EMOJI = re.compile(r":([a-z0-9_+-]+):")

_EMOJIS = {
    "octagonal_sign": "🛑",
    "alarm_clock": "⏰",
    "arrows_counterclockwise": "🔄",
    "bell": "🔔",
    "eyes": "👀",
    "heavy_check_mark": "✔",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "information_source": "ℹ",  # noqa: RUF001 - the emoji of this name
    "key": "🔑",
    "leftwards_arrow_with_hook": "↩",
    "lock": "🔒",
    "mag": "🔍",
    "memo": "📝",
    "no_entry": "⛔",
    "no_entry_sign": "🚫",
    "page_facing_up": "📄",
    "question": "❓",
    "raised_hand": "✋",
    "repeat": "🔁",
    "rotating_light": "🚨",
    "stopwatch": "⏱",
    "unlock": "🔓",
    "warning": "⚠",
    "wave": "👋",
    "whale": "🐳",
    "white_check_mark": "✅",
    "x": "❌",
}


def mrkdwn(world: World, text: str) -> str:
    """Slack's markup as plain text; code keeps its backticks, bold loses its stars."""
    code = _CODE.findall(text)
    # The code stands aside while the rest is read: stars around it are bold, stars in it are stars.
    rest = emoji(_BOLD.sub(r"\1", _CODE.sub("\0", text)))
    whole = rest.split("\0")
    text = "".join(part for pair in zip(whole, [*code, ""], strict=True) for part in pair)
    return unescaped(_ENTITY.sub(lambda found: _entity(world, found.group(1)), text))


def emoji(text: str) -> str:
    """``:warning:`` as the sign itself, where it is a known one."""
    return _EMOJI.sub(lambda name: _EMOJIS.get(name.group(1), name.group()), text)


def unescaped(text: str) -> str:
    """The three characters that Slack escapes, as themselves."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def group_name(world: World, group_id: str) -> str:
    """``@handle``."""
    group = world.groups.get(group_id)
    return f"@{group.handle if group else group_id}"


def channel_name(world: World, channel_id: str) -> str:
    """``#name``."""
    channel = world.channels.get(channel_id)
    return f"#{channel.name if channel else channel_id}"


def _entity(world: World, inner: str) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return f"@{world.name_of(target[1:])}"
    if target.startswith("#"):
        return f"#{label}" if label else channel_name(world, target[1:])
    if target.startswith("!subteam^"):
        return label or group_name(world, target.removeprefix("!subteam^"))
    if target.startswith("!date^"):
        return label
    if target.startswith("!"):
        return f"@{target[1:]}"
    return f"{label} ({target})" if label and label != target else target
