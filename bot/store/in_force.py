"""What is in force until somebody or the clock ends it: locks, roles lent for a time, incidents, budgets.

A hash of records for each kind, locked with the bot's own key, changed only from the revision that was read,
each change together with its entry for the audit. There are few of them, so all are read at once.
"""

from pathlib import Path
from typing import Any, Generic, TypeVar

import redis.asyncio
import structlog
from redis.exceptions import RedisError

from bot.jobs.names import Names
from bot.jobs.queue import StoreDown
from bot.store.audit import AuditIntake
from bot.store.intake import INTAKE_ENTRIES, NotRecorded
from bot.store.locked import Locked, Locks
from permissions.audit import InForceChanged
from permissions.model import Record

log = structlog.get_logger(__name__)

_ENDED = -1


class Standing(Record):
    """What every kind has: its ``id`` (``K-3``), and how often it was changed."""

    id: str
    revision: int = 0


One = TypeVar("One", bound=Standing)


class InForce(Generic[One]):
    """The records of one kind; every method raises StoreDown.

    ``kind`` names it in the store, ``letter`` begins its ids. Keys: ``in-force:<kind>`` a hash of revision
    and locked record by id; ``in-force:<kind>:numbers`` the last id and the count of changes.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        namespace: str,
        locks: Locks,
        audit: AuditIntake,
        model: type[One],
        *,
        kind: str,
        letter: str,
    ) -> None:
        self._redis = client
        self._names = Names(namespace)
        self._audit = audit
        self._locked = Locked(locks, model, f"{kind} in force")
        self._kind = kind
        self._letter = letter
        self._keep = client.register_script(Path(__file__).with_name("in_force.lua").read_text("utf-8"))
        self._seen: dict[str, int] = {}
        """The newest revision that was seen of each, _ENDED of those that this bot ended."""

    async def next_id(self) -> str:
        """``K-3``: gaps are normal. A store that was set back gives none that this bot has seen."""
        last = max(map(_number, self._seen), default=0)
        try:
            number: Any = await self._redis.hincrby(self._numbers, "id", 1)
            if number <= last:
                number = await self._redis.hincrby(self._numbers, "id", last + 1 - number)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return f"{self._letter}-{number}"

    async def all(self) -> tuple[One, ...]:
        """Every one, the oldest first. What was altered, or put back in an older form, is left out."""
        try:
            found: Any = await self._redis.hgetall(self._records)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return self._sorted(found)

    async def as_of(self) -> tuple[tuple[One, ...], int]:
        """The same with the count of changes so far, read at one moment."""
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hgetall(self._records)
                pipe.hget(self._numbers, "changes")
                found, changes = await pipe.execute()
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return self._sorted(found), int(changes or 0)

    async def get(self, record_id: str) -> One | None:
        """The one of this id; None where there is none (any more)."""
        try:
            value: Any = await self._redis.hget(self._records, record_id)
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        return self._read(record_id, value) if value is not None else None

    async def begin(self, record: One, told: InForceChanged, *, changes: int | None = None) -> bool:
        """Keeps a new one, once; False when its id is taken.

        With ``changes``, as :meth:`as_of` gave it, also when anything has changed since: for what may be
        there only once. Raises NotRecorded when the audit takes no more: then nothing is kept.
        """
        began = await self._kept(record, "", self._locked.lock(record), told, changes)
        if began:
            self._seen.setdefault(record.id, record.revision)
        return began

    async def change(self, record: One, told: InForceChanged) -> bool:
        """Keeps the next revision of what was read as ``record``; False when it has changed meanwhile.

        Raises NotRecorded as :meth:`begin`.
        """
        after = record.model_copy(update={"revision": record.revision + 1})
        return await self._kept(record, str(record.revision), self._locked.lock(after), told)

    async def end(self, record: One, told: InForceChanged) -> bool:
        """Ends it; False when it has changed, or ended, meanwhile. Raises NotRecorded as :meth:`begin`."""
        ended = await self._kept(record, str(record.revision), "", told)
        if ended:
            self._seen[record.id] = _ENDED
        return ended

    async def _kept(
        self, record: One, revision: str, value: str, told: InForceChanged, changes: int | None = None
    ) -> bool:
        with self._audit.entry(told) as entry:
            count = "" if changes is None else str(changes)
            args: list[str | int] = [record.id, revision, value, entry.text, entry.mac, INTAKE_ENTRIES, count]
            try:
                reply: Any = await self._keep([self._records, self._numbers, self._names.audit], args)
            except RedisError as error:
                raise StoreDown(unsure=True) from error
            if reply == b"full":
                raise NotRecorded
        if reply != b"kept":
            self._audit.unused(entry)
        return bool(reply == b"kept")

    def _sorted(self, found: dict[bytes, bytes]) -> tuple[One, ...]:
        read = (self._read(key.decode("utf-8", "replace"), value) for key, value in found.items())
        return tuple(sorted((one for one in read if one is not None), key=lambda one: _number(one.id)))

    def _read(self, record_id: str, value: bytes) -> One | None:
        revision, _, blob = value.partition(b" ")
        record, seen = self._locked.unlock(blob), self._seen.get(record_id, 0)
        ours = record is not None and (record.id, str(record.revision).encode()) == (record_id, revision)
        if record is None or not ours or seen == _ENDED or record.revision < seen:
            log.warning("record in force refused", kind=self._kind, id=record_id)
            return None
        self._seen[record_id] = record.revision
        return record

    @property
    def _records(self) -> str:
        return f"{self._names.prefix}in-force:{self._kind}"

    @property
    def _numbers(self) -> str:
        return f"{self._names.prefix}in-force:{self._kind}:numbers"


def _number(record_id: str) -> int:
    return int(record_id.rpartition("-")[2])
