"""What exists in the stand-in's workspace: people, groups, channels, messages, files, views."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.standin.clock import Clock

Json = Any
"""A decoded JSON value as an app sent it."""


@dataclass(slots=True)
class User:
    """A person or a bot; ``stranger`` is somebody of another organisation (Slack Connect)."""

    id: str
    name: str
    team_id: str
    real_name: str = ""
    deleted: bool = False
    is_bot: bool = False
    restricted: bool = False
    ultra_restricted: bool = False
    stranger: bool = False
    home: dict[str, Json] | None = None

    def as_json(self) -> dict[str, Json]:
        """As ``users.info`` shows it; a deleted user has lost most fields, as in Slack."""
        shape: dict[str, Json] = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.real_name or self.name,
            "deleted": self.deleted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 0,
            "profile": {
                "real_name": self.real_name or self.name,
                "display_name": self.name,
                "team": self.team_id,
            },
        }
        if not self.deleted:
            shape |= {
                "is_admin": False,
                "is_owner": False,
                "is_restricted": self.restricted,
                "is_ultra_restricted": self.ultra_restricted,
                "tz": "Etc/UTC",
                "tz_offset": 0,
            }
        if self.stranger:
            shape["is_stranger"] = True
        return shape


@dataclass(slots=True)
class Group:
    """A user group: ``@ops``; ``members`` are user ids."""

    id: str
    handle: str
    members: list[str] = field(default_factory=list)
    disabled: bool = False


@dataclass(slots=True)
class Channel:
    """A channel; ``members`` are user ids, ``direct`` is a conversation between one person and the bot."""

    id: str
    name: str
    private: bool = False
    bot_is_member: bool = True
    archived: bool = False
    direct: bool = False
    external: bool = False
    members: set[str] = field(default_factory=set)


@dataclass(slots=True)
class File:
    """A file: announced with ``length`` bytes, then ``content``, then shared into ``shares``."""

    id: str
    name: str
    length: int
    upload_token: str
    content: bytes | None = None
    title: str = ""
    shared_in: list[tuple[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Json]:
        """As a message shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": self.length,
            "mode": "hosted",
            "mimetype": "text/plain",
        }


@dataclass(slots=True)
class Message:
    """A message as Slack keeps it; ``ephemeral_to`` is the one user who sees it, None for everybody.

    ``edited`` is the ts of the last edit; ``revisions`` counts edits.
    """

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    bot_id: str | None = None
    edited: str | None = None
    revisions: int = 0
    files: list[File] = field(default_factory=list)
    ephemeral_to: str | None = None
    metadata: Json = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    deleted: bool = False

    def as_json(self, replies: int = 0) -> dict[str, Json]:
        """As ``conversations.history`` and the events show it."""
        shape: dict[str, Json] = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
        }
        if self.blocks:
            shape["blocks"] = self.blocks
        if self.bot_id:
            shape["bot_id"] = self.bot_id
        if self.thread_ts:
            shape["thread_ts"] = self.thread_ts
        elif replies:
            shape |= {"thread_ts": self.ts, "reply_count": replies}
        if self.edited:
            shape["edited"] = {"user": self.user, "ts": self.edited}
        if self.files:
            shape["files"] = [file.as_json() for file in self.files]
        if self.metadata is not None:
            shape["metadata"] = self.metadata
        if self.reactions:
            shape["reactions"] = [
                {"name": name, "users": users, "count": len(users)} for name, users in self.reactions.items()
            ]
        return shape


@dataclass(slots=True)
class View:
    """An open modal; ``stack`` is shared by the views that were pushed upon each other."""

    id: str
    user: str
    content: dict[str, Json]
    hash: str
    stack: list["View"]

    def as_json(self) -> dict[str, Json]:
        """As the ``views`` methods answer it."""
        root = self.stack[0].id
        return {
            **self.content,
            "id": self.id,
            "hash": self.hash,
            "root_view_id": root,
            "state": {"values": {}},
        }


class World:
    """The workspace of one :class:`~bot.standin.server.StandIn`; ``changed`` is called on any change."""

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        self.clock = clock
        self.changed = changed
        self._numbers = itertools.count(1)
        self._last_ts = 0
        self.team_id = "T0STANDIN"
        self.team_domain = "standin"
        self.app_id = "A0STANDIN"
        self.bot_id = "B0STANDIN"
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.views: dict[str, View] = {}
        self.paid_plan = True
        self._messages: dict[str, dict[str, Message]] = {}
        self._replies: dict[tuple[str, str], list[Message]] = {}
        self.bot = self.add_user("docktalk", "U0STANDIN", is_bot=True)

    def new_id(self, prefix: str) -> str:
        """An id that was not given out before."""
        return f"{prefix}0S{next(self._numbers):06d}"

    def new_ts(self) -> str:
        """The time as Slack writes it, never the same twice and never going back."""
        self._last_ts = max(self._last_ts + 1, int(self.clock.now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add_user(
        self,
        name: str,
        user_id: str | None = None,
        *,
        deleted: bool = False,
        is_bot: bool = False,
        restricted: bool = False,
        ultra_restricted: bool = False,
        stranger: bool = False,
        team_id: str | None = None,
    ) -> User:
        """Adds a person; ``restricted`` is a guest, ``stranger`` with ``team_id`` one of another company."""
        user = User(
            user_id or self.new_id("U"),
            name,
            team_id or self.team_id,
            deleted=deleted,
            is_bot=is_bot,
            restricted=restricted or ultra_restricted,
            ultra_restricted=ultra_restricted,
            stranger=stranger,
        )
        self.users[user.id] = user
        return user

    def add_channel(
        self, name: str, channel_id: str | None = None, *, private: bool = False, bot_is_member: bool = True
    ) -> Channel:
        """Adds a channel."""
        channel = Channel(channel_id or self.new_id("C"), name, private=private, bot_is_member=bot_is_member)
        self.channels[channel.id] = channel
        return channel

    def add_group(self, handle: str, group_id: str | None = None, members: Iterable[str] = ()) -> Group:
        """Adds a user group of these user ids."""
        group = Group(group_id or self.new_id("S"), handle, list(members))
        self.groups[group.id] = group
        return group

    def direct_channel(self, user_id: str) -> Channel:
        """The conversation between this person and the bot, opened at need."""
        channel_id = "D" + user_id[1:]
        return self.channels.setdefault(
            channel_id, Channel(channel_id, "directmessage", private=True, direct=True, members={user_id})
        )

    def name_of(self, user_id: str) -> str:
        """A person's name, or the id of one who does not exist."""
        user = self.users.get(user_id)
        return user.name if user else user_id

    def post(
        self,
        channel: str,
        user: str,
        text: str,
        *,
        blocks: list[Json] | None = None,
        thread_ts: str | None = None,
        ephemeral_to: str | None = None,
        metadata: Json = None,
        files: list[File] | None = None,
    ) -> Message:
        """Puts a message into a channel; a reply to a reply joins its thread, as in Slack."""
        if thread_ts is not None and (parent := self.find(channel, thread_ts)) and parent.thread_ts:
            thread_ts = parent.thread_ts
        message = Message(
            self.new_ts(),
            channel,
            user,
            text,
            blocks or [],
            thread_ts,
            bot_id=self.bot_id if user == self.bot.id else None,
            ephemeral_to=ephemeral_to,
            metadata=metadata,
            files=files or [],
        )
        self._messages.setdefault(channel, {})[message.ts] = message
        if thread_ts is not None:
            self._replies.setdefault((channel, thread_ts), []).append(message)
        self.changed()
        return message

    def edit(self, message: Message, text: str, blocks: list[Json], metadata: Json = None) -> None:
        """Replaces what a message shows; metadata stays when none is given."""
        message.text, message.blocks = text, blocks
        message.edited = self.new_ts()
        message.revisions += 1
        if metadata is not None:
            message.metadata = metadata
        self.changed()

    def remove(self, message: Message) -> None:
        """Deletes a message."""
        message.deleted = True
        del self._messages[message.channel][message.ts]
        if message.thread_ts is not None:
            self._replies[message.channel, message.thread_ts].remove(message)
        self.changed()

    def find(self, channel: str, ts: str) -> Message | None:
        """The message, also an ephemeral one."""
        return self._messages.get(channel, {}).get(ts)

    def messages(self, channel: str) -> list[Message]:
        """Everything in a channel, replies and ephemerals too, oldest first."""
        return list(self._messages.get(channel, {}).values())

    def replies(self, channel: str, ts: str) -> list[Message]:
        """The replies below a message, oldest first."""
        return list(self._replies.get((channel, ts), ()))

    def file_of(self, upload_token: str) -> File | None:
        """The file that an upload URL was given for."""
        return next((file for file in self.files.values() if file.upload_token == upload_token), None)
