"""Channels and what was said in them."""

from bot.standin.webapi.base import Arguments, Refused, Workspace, needed, visible_channel
from bot.standin.webapi.people import truth
from bot.standin.world import Json, Message

_PAGE = 100
_MOST = 999


def info(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """conversations.info."""
    channel = visible_channel(slack, needed(arguments, "channel"))
    return {
        "channel": {
            "id": channel.id,
            "name": channel.name,
            "is_channel": not channel.direct and not channel.private,
            "is_group": channel.private and not channel.direct,
            "is_im": channel.direct,
            "is_private": channel.private,
            "is_archived": channel.archived,
            "is_member": channel.bot_is_member,
            "is_ext_shared": channel.external,
            "context_team_id": slack.world.team_id,
        }
    }


def open_direct(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """conversations.open, for one person."""
    user = str(needed(arguments, "users"))
    if user not in slack.world.users:
        raise Refused("user_not_found")
    return {"channel": {"id": slack.world.direct_channel(user).id}}


def history(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """conversations.history: newest first, without replies and ephemerals."""
    channel = visible_channel(slack, needed(arguments, "channel"))
    if not channel.bot_is_member:
        raise Refused("not_in_channel")
    found = [message for message in slack.world.messages(channel.id) if message.thread_ts is None]
    return _page(slack, arguments, list(reversed(_between(found, arguments))))


def replies(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """conversations.replies: the parent, then its replies, oldest first."""
    channel = visible_channel(slack, needed(arguments, "channel"))
    if not channel.bot_is_member:
        raise Refused("not_in_channel")
    parent = slack.world.find(channel.id, str(needed(arguments, "ts")))
    if parent is None:
        raise Refused("thread_not_found")
    thread = [parent, *_between(slack.world.replies(channel.id, parent.ts), arguments)]
    return _page(slack, arguments, thread)


def _between(messages: list[Message], arguments: Arguments) -> list[Message]:
    oldest = str(arguments.get("oldest") or "")
    latest = str(arguments.get("latest") or "")
    edge = truth(arguments.get("inclusive"))
    return [
        message
        for message in messages
        if message.ephemeral_to is None
        and (not oldest or message.ts > oldest or (edge and message.ts == oldest))
        and (not latest or message.ts < latest or (edge and message.ts == latest))
    ]


def _page(slack: Workspace, arguments: Arguments, messages: list[Message]) -> dict[str, Json]:
    try:
        limit = int(arguments.get("limit") or _PAGE)
        start = int(arguments.get("cursor") or 0)
    except ValueError:
        raise Refused("invalid_cursor" if arguments.get("cursor") else "invalid_limit") from None
    if not 1 <= limit <= _MOST:
        raise Refused("invalid_limit")
    page = messages[start : start + limit]
    more = len(messages) > start + limit
    shape: dict[str, Json] = {
        "messages": [
            message.as_json(len(slack.world.replies(message.channel, message.ts))) for message in page
        ],
        "has_more": more,
    }
    if more:
        shape["response_metadata"] = {"next_cursor": str(start + limit)}
    return shape
