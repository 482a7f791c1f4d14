"""What the Web API's methods share: the workspace they act on, refusals, finding channels and messages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.standin.clock import Clock
from bot.standin.limits import Problem, block_problems, error_of
from bot.standin.passes import Passes
from bot.standin.world import Channel, Json, Message, World

Arguments = dict[str, Any]
"""A call's arguments as decoded from a form, a query or JSON."""


class Refused(Exception):  # noqa: N818 - Slack's own word for what its error is
    """The call is refused with Slack's ``error``; ``problems`` say where."""

    def __init__(self, error: str, problems: list[Problem] | None = None, **more: Json) -> None:
        super().__init__(error)
        self.error = error
        self.problems = problems or []
        self.more = more

    def as_json(self) -> dict[str, Json]:
        """The answer's body."""
        body: dict[str, Json] = {"ok": False, "error": self.error, **self.more}
        if self.problems:
            lines = [problem.as_line() for problem in self.problems]
            body["errors"] = lines
            body["response_metadata"] = {"messages": [f"[ERROR] {line}" for line in lines]}
        return body


@dataclass(slots=True)
class Workspace:
    """Everything a method may touch. ``scopes`` are the bot token's; ``connect`` makes a socket's URL."""

    world: World
    clock: Clock
    passes: Passes
    connect: Callable[[], str]
    upload_base: str = ""
    scopes: set[str] = field(
        default_factory=lambda: {
            "app_mentions:read",
            "channels:history",
            "channels:read",
            "chat:write",
            "commands",
            "files:write",
            "groups:history",
            "groups:read",
            "im:history",
            "im:write",
            "reactions:write",
            "usergroups:read",
            "users:read",
        }
    )


def needed(arguments: Arguments, name: str) -> Any:
    """An argument that must be there; raises Refused("invalid_arguments")."""
    value = arguments.get(name)
    if value is None or value == "":
        raise Refused(
            "invalid_arguments",
            response_metadata={"messages": [f"[ERROR] missing required field: {name}"]},
        )
    return value


def visible_channel(slack: Workspace, name: Any) -> Channel:
    """The channel of this id as the bot may know of it; raises Refused("channel_not_found")."""
    channel = slack.world.channels.get(str(name))
    if channel is None or (channel.private and not channel.bot_is_member):
        # A private channel without the bot does not exist for it.
        raise Refused("channel_not_found")
    return channel


def writable_channel(slack: Workspace, name: Any) -> Channel:
    """The channel of this id, ``#name`` or user id, if the bot may post there.

    Raises Refused: channel_not_found, not_in_channel, is_archived.
    """
    wanted = str(name)
    world = slack.world
    if wanted in world.users:
        return world.direct_channel(wanted)
    if wanted not in world.channels:
        by_name = wanted.removeprefix("#")
        wanted = next((one.id for one in world.channels.values() if one.name == by_name), wanted)
    channel = visible_channel(slack, wanted)
    if channel.archived:
        raise Refused("is_archived")
    if not channel.bot_is_member and "chat:write.public" not in slack.scopes:
        raise Refused("not_in_channel")
    return channel


def own_message(slack: Workspace, arguments: Arguments, other: str) -> Message:
    """The bot's own message of ``channel`` and ``ts``; ``other`` is the error for somebody else's.

    Ephemeral messages are not found: no method can touch them again.
    """
    channel = visible_channel(slack, needed(arguments, "channel"))
    message = slack.world.find(channel.id, str(needed(arguments, "ts")))
    if message is None or message.ephemeral_to is not None:
        raise Refused("message_not_found")
    if message.user != slack.world.bot.id:
        raise Refused(other)
    return message


def checked_thread(slack: Workspace, channel: Channel, thread_ts: Any) -> str | None:
    """The thread to reply in, None for none; raises Refused("thread_not_found")."""
    if thread_ts is None or thread_ts == "":
        return None
    parent = slack.world.find(channel.id, str(thread_ts))
    if parent is None or parent.ephemeral_to is not None:
        raise Refused("thread_not_found")
    return str(thread_ts)


def checked_blocks(arguments: Arguments) -> list[Json]:
    """The blocks of a message, good ones only; raises Refused with the problems."""
    blocks = arguments.get("blocks")
    if blocks is None or blocks == "":
        return []
    problems = block_problems(blocks)
    if problems:
        raise Refused(error_of(problems), problems)
    return list(blocks)


def checked_metadata(arguments: Arguments) -> Json:
    """The message's metadata; raises Refused("invalid_metadata_format")."""
    metadata = arguments.get("metadata")
    if metadata is None or metadata == "":
        return None
    if (
        type(metadata) is not dict
        or not isinstance(metadata.get("event_type"), str)
        or not isinstance(metadata.get("event_payload"), dict)
    ):
        raise Refused("invalid_metadata_format")
    return metadata
