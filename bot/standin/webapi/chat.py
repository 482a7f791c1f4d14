"""Messages: post, edit, delete, link to, react."""

from bot.standin.limits import EDITED_TEXT, POSTED_TEXT
from bot.standin.webapi.base import (
    Arguments,
    Refused,
    Workspace,
    checked_blocks,
    checked_metadata,
    checked_thread,
    needed,
    own_message,
    visible_channel,
    writable_channel,
)
from bot.standin.world import Json


def _text(arguments: Arguments, blocks: list[Json]) -> str:
    text = str(arguments.get("text") or "")
    if not text and not blocks and not arguments.get("attachments"):
        raise Refused("no_text")
    return text


def post_message(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """chat.postMessage."""
    channel = writable_channel(slack, needed(arguments, "channel"))
    blocks = checked_blocks(arguments)
    text = _text(arguments, blocks)[:POSTED_TEXT]
    message = slack.world.post(
        channel.id,
        slack.world.bot.id,
        text,
        blocks=blocks,
        thread_ts=checked_thread(slack, channel, arguments.get("thread_ts")),
        metadata=checked_metadata(arguments),
    )
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json()}


def post_ephemeral(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """chat.postEphemeral."""
    channel = writable_channel(slack, needed(arguments, "channel"))
    user = str(needed(arguments, "user"))
    blocks = checked_blocks(arguments)
    text = _text(arguments, blocks)[:POSTED_TEXT]
    if user not in slack.world.users or (channel.members and user not in channel.members):
        raise Refused("user_not_in_channel")
    message = slack.world.post(
        channel.id,
        slack.world.bot.id,
        text,
        blocks=blocks,
        thread_ts=checked_thread(slack, channel, arguments.get("thread_ts")),
        ephemeral_to=user,
    )
    return {"message_ts": message.ts}


def update(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """chat.update: what is not given stays as it was."""
    message = own_message(slack, arguments, "cant_update_message")
    blocks = checked_blocks(arguments) if "blocks" in arguments else message.blocks
    text = str(arguments.get("text") or "") if "text" in arguments else message.text
    if len(text) > EDITED_TEXT:
        raise Refused("msg_too_long")
    if not text and not blocks:
        raise Refused("no_text")
    slack.world.edit(message, text, blocks, checked_metadata(arguments))
    return {"channel": message.channel, "ts": message.ts, "text": text, "message": message.as_json()}


def delete(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """chat.delete."""
    message = own_message(slack, arguments, "cant_delete_message")
    slack.world.remove(message)
    return {"channel": message.channel, "ts": message.ts}


def permalink(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """chat.getPermalink."""
    channel = visible_channel(slack, needed(arguments, "channel"))
    message = slack.world.find(channel.id, str(needed(arguments, "message_ts")))
    if message is None or message.ephemeral_to is not None:
        raise Refused("message_not_found")
    archive = f"https://{slack.world.team_domain}.slack.com/archives/{channel.id}"
    return {"channel": channel.id, "permalink": f"{archive}/p{message.ts.replace('.', '')}"}


def react(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """reactions.add."""
    channel = visible_channel(slack, needed(arguments, "channel"))
    name = str(needed(arguments, "name"))
    message = slack.world.find(channel.id, str(needed(arguments, "timestamp")))
    if message is None or message.ephemeral_to is not None:
        raise Refused("message_not_found")
    if not name.replace("_", "").replace("-", "").replace("+", "").isalnum():
        raise Refused("invalid_name")
    users = message.reactions.setdefault(name, [])
    if slack.world.bot.id in users:
        raise Refused("already_reacted")
    users.append(slack.world.bot.id)
    slack.world.changed()
    return {}
