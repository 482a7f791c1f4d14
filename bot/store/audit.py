"""The audit's intake in Redis: what bots say, until the chainer has it on disk.

Every entry carries a keyed digest of the bot's: whoever writes to Redis can lose or delay an entry,
neither make nor change one. A lost one leaves a gap in its source's numbers, which verifying shows.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import redis.asyncio
from pydantic import ValidationError
from redis.exceptions import RedisError

from bot.jobs.names import BLOCK_MS, Names
from bot.jobs.queue import StoreDown
from bot.store.intake import INTAKE_ENTRIES, IntakeEntry, NotRecorded
from permissions.audit import CHAIN, ENTRY, Entry, What
from permissions.model import Record

LEASE_MS = 10_000
"""How long a silent chainer keeps the lease."""

MAC = b"docktalk audit"
HEAD = b"docktalk head"
"""Sixteen bytes at most, see bot.keys.RECORD."""


class Macs(Protocol):
    """The part of BotKeys that this store needs."""

    def sign_record(self, data: bytes, purpose: bytes) -> str:
        """Base64 of a keyed digest."""
        ...

    def verify_record(self, data: bytes, signature: str, purpose: bytes) -> bool:
        """Whether the bot made it."""
        ...


class AuditIntake:
    """What one bot process says to the audit. ``clock`` is epoch seconds."""

    def __init__(
        self, client: redis.asyncio.Redis, namespace: str, macs: Macs, clock: Callable[[], float]
    ) -> None:
        self._macs = macs
        self._clock = clock
        self._key = Names(namespace).audit
        self._run = client.register_script(_SCRIPT)
        self.source = secrets.token_hex(6)
        self._number = 0
        self._void: list[int] = []

    @contextmanager
    def entry(self, what: What) -> Iterator[IntakeEntry]:
        """The next entry of this source, to be stored within the block.

        When the block fails nobody knows whether it was: the next entry says so, see :meth:`unused`.
        """
        self._number += 1
        void, self._void = tuple(self._void), []
        # Nothing here came from outside, and this lies on the way to every acknowledgement.
        made = Entry.model_construct(
            source=self.source, number=self._number, at=self._clock(), void=void, what=what
        )
        text = ENTRY.dump_json(made)
        entry = IntakeEntry(self._number, text.decode(), self._macs.sign_record(text, MAC), void)
        try:
            yield entry
        except BaseException:
            self.unused(entry)
            raise

    def unused(self, entry: IntakeEntry) -> None:
        """The entry was not stored: the next one says so, or its number would seem to be lost."""
        self._void += [*entry.void, entry.number]

    async def append(self, *whats: What, bounded: bool = True) -> None:
        """Stores entries, all of them or none.

        With ``bounded`` False they are stored however long the intake is: they tell of what has happened.

        Raises:
            NotRecorded: the intake is full.
            StoreDown: the store did not answer.
        """
        limit = INTAKE_ENTRIES if bounded else 0
        with ExitStack() as given_up:
            entries = [given_up.enter_context(self.entry(what)) for what in whats]
            told = [text for entry in entries for text in (entry.text, entry.mac)]
            try:
                stored = await self._run(keys=[self._key], args=["append", limit, *told])
            except RedisError as error:
                raise StoreDown(unsure=True) from error
            if not stored:
                raise NotRecorded


class Head(Record):
    """The last record that this installation has chained."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry of the intake; ``entry`` is None when no bot wrote it as it is."""

    id: bytes
    text: bytes
    entry: Entry | None


class AuditQueue:
    """The chainer's side of the intake. ``owner`` is this process; every method raises StoreDown."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, macs: Macs, *, owner: str) -> None:
        self._redis = client
        self._macs = macs
        names = Names(namespace)
        self._intake, self._lease, self._head = names.audit, names.audit_lease, names.audit_head
        self._owner = owner
        self._run = client.register_script(_SCRIPT)

    async def hold(self) -> bool:
        """Takes or keeps the lease."""
        return bool(await self._call([self._lease], ["hold", self._owner, LEASE_MS]))

    async def release(self) -> None:
        """Gives the lease back."""
        await self._call([self._lease], ["release", self._owner])

    async def read(self, count: int, *, wait: bool = True) -> list[Taken]:
        """The oldest entries; with ``wait`` a moment is waited for the first."""
        try:
            reply: Any = await self._redis.xread(
                {self._intake: "0"}, count=count, block=BLOCK_MS if wait else None
            )
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return [self._taken(entry_id, fields) for entry_id, fields in (reply[0][1] if reply else ())]

    async def trim(self, ids: list[bytes], head: Head) -> bool:
        """Forgets entries that are on disk, and notes the chain's head; False without the lease."""
        text = head.model_dump_json()
        blob = f"{self._macs.sign_record(text.encode(), HEAD)} {text}"
        keys = [self._intake, self._lease, self._head]
        return bool(await self._call(keys, ["trim", self._owner, blob, *ids]))

    async def head(self) -> Head | None:
        """The head that was noted last; None when there is none or it was altered."""
        try:
            blob: Any = await self._redis.get(self._head)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        mac, _, text = (blob or b"").partition(b" ")
        if not self._macs.verify_record(text, mac.decode("ascii", "replace"), HEAD):
            return None
        return Head.model_validate_json(text)

    def _taken(self, entry_id: bytes, fields: dict[bytes, bytes]) -> Taken:
        text, mac = fields.get(b"entry", b""), fields.get(b"mac", b"").decode("ascii", "replace")
        entry = None
        if self._macs.verify_record(text, mac, MAC):
            try:
                entry = ENTRY.validate_json(text)
            except ValidationError:
                entry = None
        if entry is not None and entry.source == CHAIN:
            entry = None
        return Taken(entry_id, text, entry)

    async def _call(self, keys: list[str], args: list[Any]) -> Any:
        try:
            return await self._run(keys=keys, args=args)
        except RedisError as error:
            raise StoreDown(unsure=True) from error


_SCRIPT = Path(__file__).with_suffix(".lua").read_text("utf-8")
