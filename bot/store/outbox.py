"""The outbox in Redis: what is still to be shown, in which order, at which pace, by which bot.

Every entry is locked with the bot's own key: whoever writes to Redis can lose or delay a message, but
neither read one nor choose a channel for it. An entry is written before its call to Slack and removed
after it, so that a crash loses nothing.
"""

from collections import OrderedDict
from dataclasses import astuple, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, TypeVar

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from bot.jobs.queue import StoreDown
from bot.slack.blocks import Message
from bot.store.locked import Locked, Locks
from permissions.model import Record

log = structlog.get_logger(__name__)

LEASE_MS = 15_000
"""How long a silent bot keeps a channel; longer than any call to Slack may take."""

REMEMBER_SECONDS = 30 * 86400
"""How long the place of a message is known, so that it can be edited."""

AT_HAND = 256
"""How many records that were locked here are kept in memory: most are to be sent at once."""

REDELIVERY_SECONDS = 3600
"""How long an ephemeral is remembered, so that a redelivered mention does not repeat it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast: messages a second per channel, edits a second over all, and how many at once of each."""

    rate: float = 1.0
    burst: float = 5.0
    edit_rate: float = 50 / 60
    edit_burst: float = 20.0


class Kind(StrEnum):
    """What an entry asks Slack for."""

    SHOW = "show"
    """A message that is there, in its newest revision."""
    WHISPER = "whisper"
    """An ephemeral one for the asker."""
    ADDRESS = "address"
    """An upload's address, which goes sealed to the worker that has the output."""
    ATTACH = "attach"
    """The uploaded file, in its thread."""


Stream = Literal["stdout", "stderr"]


class File(Record):
    """A stored output on its way: ``length`` in bytes; ``file_id`` is Slack's, "" before it is known."""

    name: str
    stream: Stream
    length: int
    file_id: str = ""


class Entry(Record):
    """One thing to show. ``key`` names it for ever; a later ``revision`` of the same key replaces it.

    Keys of one job sort in the order they are to appear. ``under`` is the key of the message whose
    thread it goes into, ``thread_ts`` a thread that is there already; both "" for a message of its own.
    ``plainness`` counts what was taken away because Slack refused it: the table, then all blocks.
    ``direct`` means it goes to the asker because the channel cannot be written to. ``made_at`` is when the
    outbox took it, in epoch seconds. ``spacing`` makes it a passing state: at least so many seconds lie
    between two edits, and what stays goes first.
    """

    key: str
    kind: Kind
    job_id: str = ""
    channel_id: str
    user_id: str
    thread_ts: str = ""
    under: str = ""
    message: Message = Message(text="")
    revision: int = 1
    file: File | None = None
    plainness: int = 0
    direct: bool = False
    made_at: float = 0.0
    spacing: float = 0.0


class Sent(Record):
    """Where Slack shows a message, or which file it expects."""

    key: str
    channel_id: str
    ts: str = ""
    file: File | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An entry that is to be sent now.

    ``ambiguous``: an earlier call for it was begun and its end not seen. ``sent`` is the message as it
    is there, ``under`` the one whose thread it goes into.
    """

    entry: Entry
    revision: int
    lane: str
    tries: int
    ambiguous: bool
    sent: Sent | None
    under: Sent | None


@dataclass(frozen=True, slots=True)
class Again:
    """Try an entry again ``after`` (epoch seconds), with other content if ``changed``.

    ``hold`` (epoch seconds) stops all calls of its lane until then; ``ambiguous``: the failed call may
    have been carried out.
    """

    after: float
    hold: float = 0.0
    ambiguous: bool = False
    changed: Entry | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send before ``until`` (epoch seconds)."""

    until: float


class Over(StrEnum):
    """Why this bot is done with a channel."""

    EMPTY = "empty"
    LOST = "lost"


Kept = TypeVar("Kept", Entry, Sent)
Next = Outgoing | Wait | Over


class Put(StrEnum):
    """What became of an entry that was put."""

    KNOWN = "known"
    START = "start"
    """This bot has just become the channel's owner and has to send."""
    MINE = "mine"
    THEIRS = "theirs"


class OutboxStore:
    """The outbox's place in Redis. ``owner`` is this process; every method raises StoreDown."""

    def __init__(
        self, client: redis.asyncio.Redis, namespace: str, locks: Locks, *, owner: str, pace: Pace
    ) -> None:
        self._redis = client
        self._prefix = f"{{{namespace}}}:outbox:"
        self._entries = Locked(locks, Entry, "outbox entry")
        self._places = Locked(locks, Sent, "sent message")
        self._at_hand: OrderedDict[bytes, Record] = OrderedDict()
        self.owner = owner
        self._pace = astuple(pace)
        self._script = client.register_script(Path(__file__).with_suffix(".lua").read_text("utf-8"))

    async def put(self, *entries: Entry, now: float, after: float = 0.0) -> "tuple[Put, Next | None]":
        """Stores entries of one channel, in order, unless these or later revisions of them are known.

        ``after`` (epoch seconds) keeps them back. The answer says who sends; whoever starts to send is
        given the first thing.
        """
        args: list[Any] = [*self._pace]
        for entry in entries:
            blob = self._lock(self._entries, entry)
            args += [entry.key, blob, entry.revision, _lane(entry.kind), entry.under, after, entry.spacing]
        channel_id = entries[0].channel_id
        reply = await self._run("put", channel_id, now, args)
        put = Put(reply[0].decode())
        return put, await self._step(channel_id, now, reply[1]) if put is Put.START else None

    async def take(self, channel_id: str, *, now: float) -> Next:
        """What to send next; Over.EMPTY gives the channel back."""
        return await self._next("take", channel_id, now, [])

    async def done(self, channel_id: str, out: Outgoing, sent: Sent | None, *, now: float) -> Next:
        """The entry is shown (or given up, ``sent`` None); says what comes next."""
        blob = self._lock(self._places, sent) if sent else ""
        seconds = REDELIVERY_SECONDS if out.entry.kind is Kind.WHISPER else REMEMBER_SECONDS
        args = [out.entry.key, out.revision, blob, seconds]
        return await self._next("done", channel_id, now, args)

    async def again(self, channel_id: str, out: Outgoing, how: Again, *, now: float) -> Next:
        """The entry has to be tried again; says what comes next."""
        blob = self._lock(self._entries, how.changed) if how.changed else ""
        # An ephemeral that goes to the asker becomes a message like any other.
        lane = _lane(how.changed.kind) if how.changed and out.sent is None else out.lane
        mark = "sending" if how.ambiguous else ""
        args = [out.entry.key, out.revision, blob, lane, mark, how.after, how.hold]
        return await self._next("again", channel_id, now, args)

    async def sent(self, key: str) -> Sent | None:
        """Where a message is shown, or what upload is expected; None when unknown or altered."""
        try:
            blob: Any = await self._redis.hget(f"{self._prefix}sent:{key}", "blob")
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return self._unlock(self._places, key, blob or b"")

    async def expect(self, sent: Sent) -> None:
        """Notes which file an upload will bring, before anybody is told where to upload it."""
        key = f"{self._prefix}sent:{sent.key}"
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(key, mapping={"revision": 0, "blob": self._lock(self._places, sent)})
                pipe.expire(key, REMEMBER_SECONDS)
                await pipe.execute()
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def waiting(self, now: float) -> list[str]:
        """The channels with something due, the oldest first."""
        try:
            due: Any = await self._redis.zrangebyscore(f"{self._prefix}wake", "-inf", now, 0, 256)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return [channel.decode() for channel in due]

    async def release(self, channel_id: str, unsent: Outgoing | None, *, now: float) -> None:
        """Gives a channel back before its lease ends, and what it was handed and has not called for."""
        mark = "sending" if unsent and unsent.ambiguous else ""
        await self._run("release", channel_id, now, [unsent.entry.key if unsent else "", mark])

    async def _next(self, operation: str, channel_id: str, now: float, args: list[Any]) -> Next:
        return await self._step(
            channel_id, now, await self._run(operation, channel_id, now, [*self._pace, *args])
        )

    async def _step(self, channel_id: str, now: float, reply: Any) -> Next:
        while True:
            match reply[0]:
                case b"wait":
                    return Wait(float(reply[1]))
                case b"send":
                    out = self._outgoing(reply)
                    if out is not None:
                        return out
                    # Not of our making, or of a key that is gone: it leaves the queue unread.
                    args = [*self._pace, reply[1], reply[3], "", 1]
                    reply = await self._run("done", channel_id, now, args)
                case over:
                    return Over(over.decode())

    def _outgoing(self, reply: list[bytes]) -> Outgoing | None:
        _, key, blob, revision, mark, tries, sent, under, lane = reply
        entry = self._unlock(self._entries, key.decode(), blob)
        if entry is None or entry.revision != int(revision):
            return None
        return Outgoing(
            entry=entry,
            revision=int(revision),
            lane=lane.decode(),
            tries=int(tries),
            ambiguous=bool(mark),
            sent=self._unlock(self._places, entry.key, sent),
            under=self._unlock(self._places, entry.under, under) if entry.under else None,
        )

    async def _run(self, operation: str, channel_id: str, now: float, args: list[Any]) -> list[Any]:
        head: list[Any] = [operation, channel_id, self.owner, LEASE_MS, now]
        try:
            reply: list[Any] = await self._script(keys=[self._prefix], args=[*head, *args])
        except RedisError as error:
            raise StoreDown(unsure=True) from error
        return reply

    def _lock(self, kind: Locked[Kept], record: Kept) -> str:
        blob = kind.lock(record)
        self._at_hand[blob.encode()] = record
        if len(self._at_hand) > AT_HAND:
            self._at_hand.popitem(last=False)
        return blob

    def _unlock(self, kind: Locked[Kept], key: str, blob: bytes) -> Kept | None:
        """The record, if it was locked as this kind and under this key."""
        if not blob:
            return None
        found = self._at_hand.get(blob)
        record = found if isinstance(found, kind.model) else kind.unlock(blob)
        if record is None or record.key != key:
            log.warning("outbox record refused", kind=kind.model.__name__, key=key)
            return None
        return record


def _lane(kind: Kind) -> str:
    return "side" if kind in {Kind.WHISPER, Kind.ADDRESS} else "post"
