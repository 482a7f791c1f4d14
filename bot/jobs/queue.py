"""The bot's side of the queue: accepts requests, reads events, cancels jobs."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Any, Literal

import redis.asyncio
import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError, ResponseError

from bot.failpoints import failpoint
from bot.jobs.joined import JoinedScript
from bot.jobs.names import (
    BLOCK_MS,
    BOTS,
    DELIVERY_SECONDS,
    DONE_SECONDS,
    LANES,
    REQUEST_SECONDS,
    Names,
    script,
)
from bot.jobs.wire import EVENT, CancelOrder, Ended, Event, Result, Tail
from bot.keys import BotKeys
from bot.store.intake import INTAKE_ENTRIES, INTAKE_MS, IntakeEntry, NotRecorded
from bot.store.records import RequestRecord
from handlers.faults import Fault, Reason
from permissions.ticket import Effect, Ticket

log = structlog.get_logger(__name__)

RESERVED = 32
"""How many job ids one call to the store reserves; a restart leaves gaps."""

RECORDS_AT_HAND = 1_000
"""How many records of what was accepted here are kept in memory: most jobs end soon."""

EVENTS_AT_ONCE = 64
ADOPT_AFTER_MS = 10_000
"""When another consumer's unacknowledged event counts as left behind."""

RETRY_SECONDS = (0.1, 1.0)

NO_AUDIT = 2
"""What accept.lua answers when the audit takes no more."""

SAME = 3
"""What it answers when a job that is not over does the same."""

CancelReason = Literal["cancelled", "timed_out"]
Cancelled = Literal["removed", "told", "ended", "unknown"]

_ENDS: dict[CancelReason, tuple[int, str]] = {
    "cancelled": (130, "This was cancelled before it started. Nothing was run."),
    "timed_out": (124, "This waited in the queue past its deadline. Nothing was run."),
}


class StoreDown(Fault):
    """The store did not answer.

    ``unsure`` tells that the call was sent and its reply was lost, so it may have been carried out.
    """

    reason = Reason.STORE_DOWN

    def __init__(self, *, unsure: bool) -> None:
        if unsure:
            message = "The job store did not answer in time, so I cannot say whether it took this."
            hint = "If it did, the answer appears here by itself. Look before you ask again."
        else:
            message = "The job store does not answer. Nothing was run."
            hint = "Try again in a moment; the operators' runbook has a page on it."
        super().__init__(message, hint=hint)
        self.unsure = unsure


class AlreadyAsked(Fault):
    """A job that is not over yet, ``job_id``, does the same to the same objects; nothing was queued."""

    reason = Reason.ALREADY_ASKED

    def __init__(self, job_id: str) -> None:
        super().__init__(f"{job_id} does the same, and is not over yet. Nothing was queued.")
        self.job_id = job_id


class BotQueue:
    """The queue as the bot uses it; every method that asks the store raises StoreDown."""

    def __init__(self, client: redis.asyncio.Redis, namespace: str, keys: BotKeys) -> None:
        self._redis = client
        self._names = Names(namespace)
        self._keys = keys
        self._accept = JoinedScript(client, script("accept"))
        self._cancel = client.register_script(script("cancel"))
        self._again = client.register_script(script("again"))
        self._expire = client.register_script(script("expire"))
        self._ids = iter(range(0))
        self._reserving = asyncio.Lock()
        self._at_hand: OrderedDict[str, RequestRecord] = OrderedDict()
        self._unacknowledged: set[bytes] = set()
        self._acknowledged: list[bytes] = []
        self.malformed = 0
        """How many events could not be read since the start."""

    async def next_job_id(self) -> str:
        """``J-42``: never given twice, gaps are normal."""
        async with self._reserving:
            number = next(self._ids, None)
            if number is None:
                try:
                    last = int(await self._redis.incrby(self._names.job_number, RESERVED))
                except RedisError as error:
                    raise StoreDown(unsure=False) from error
                self._ids = iter(range(last - RESERVED + 1, last + 1))
                number = next(self._ids)
        return f"J-{number}"

    async def accept(
        self,
        record: RequestRecord,
        ticket: Ticket,
        audit: IntakeEntry,
        *,
        lane: str = "normal",
        same: str = "",
        again: bool = False,
    ) -> tuple[str, bool]:
        """Stores the signed record, notes the job for the audit and queues the ticket in one step.

        ``same`` is equal for changes that do the same to the same objects, "" for a read; a second one is
        not queued while the first is not over, unless ``again``. Returns the job's id and whether this
        delivery had already become a job (then that one's id). Raises NotRecorded when the audit takes no
        more, AlreadyAsked; then nothing was stored at all.
        """
        text = record.model_dump_json()
        names = self._names
        keys: list[str] = [
            names.delivery(record.delivery_id),
            names.request(record.job_id),
            names.stream(record.host, lane),
            names.audit,
            names.prefix,
        ]
        args: list[str | int] = [
            record.job_id,
            DELIVERY_SECONDS,
            REQUEST_SECONDS,
            text,
            self._keys.sign_record(text.encode()),
            ticket.model_dump_json(),
            record.effect.value,
            audit.text,
            audit.mac,
            INTAKE_ENTRIES,
            INTAKE_MS,
            lane,
            record.user_id,
            f"{record.not_after:.3f}",
            f"{record.host}:{same}" if same else "",
            int(again),
        ]
        try:
            reply = await self._accept(keys, args)
        except RedisError as error:
            raise StoreDown(unsure=True) from error
        if reply[1] == NO_AUDIT:
            raise NotRecorded
        if reply[1] == SAME:
            raise AlreadyAsked(reply[0].decode())
        # A call that was sent again after a lost reply finds its own job: that is no duplicate.
        job_id = reply[0].decode()
        if job_id == record.job_id:
            self._at_hand[job_id] = record
            if len(self._at_hand) > RECORDS_AT_HAND:
                self._at_hand.popitem(last=False)
        return job_id, job_id != record.job_id

    async def delivered(self, delivery_id: str) -> bool:
        """Whether a delivery has become a job."""
        try:
            return bool(await self._redis.exists(self._names.delivery(delivery_id)))
        except RedisError as error:
            raise StoreDown(unsure=False) from error

    async def accept_again(self, record: RequestRecord, ticket: Ticket, not_after: float) -> None:
        """Queues a job under a ticket that was decided anew, unless it is queued, at work or over."""
        keys = [self._names.prefix, self._names.request(record.job_id)]
        args = [record.host, record.job_id, record.effect.value, ticket.model_dump_json(), record.user_id]
        try:
            await self._again(keys, [*args, f"{not_after:.3f}"])
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def expire(self, host: str) -> int:
        """Ends what waits past its time on a host whose worker is silent; returns how many jobs."""
        names = self._names
        keys = [names.prefix, names.alive(host), names.events]
        try:
            return int(await self._expire(keys, [host, f"{time.time():.3f}", DONE_SECONDS, *LANES]))
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def order(
        self, job_id: str, host: str, ticket: Ticket, audit: IntakeEntry, *, lane: str = "normal"
    ) -> None:
        """Notes for the audit and queues a read that nobody asked for by a line, such as an upload."""
        fields: dict[Any, Any] = {
            "job": job_id,
            "effect": Effect.READ,
            "attempt": 1,
            "ticket": ticket.model_dump_json(),
        }
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.xadd(self._names.audit, {"entry": audit.text, "mac": audit.mac})
                pipe.xadd(self._names.stream(host, lane), fields)
                await pipe.execute()
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def request(self, job_id: str) -> RequestRecord | None:
        """The record of a job as this bot signed it; None where there is none or it was altered."""
        if at_hand := self._at_hand.get(job_id):
            return at_hand
        try:
            stored: list[Any] = await self._redis.hmget(self._names.request(job_id), ["record", "signature"])
        except ResponseError:
            return None  # a key of another type was put there
        except RedisError as error:
            raise StoreDown(unsure=False) from error
        text, signature = stored
        if text is None or signature is None:
            return None
        if not self._keys.verify_record(text, signature.decode("ascii", "replace")):
            log.warning("request record refused", job_id=job_id)
            return None
        record = RequestRecord.model_validate_json(text)
        return record if record.job_id == job_id else None

    async def cancel(self, job_id: str, host: str, *, reason: CancelReason = "cancelled") -> Cancelled:
        """Ends a job: a waiting one here and now (``removed``), a running one by its worker (``told``)."""
        order = CancelOrder(job_id=job_id, host=host, reason=reason, at=time.time())
        signed = self._keys.sign_cancel(order).model_dump_json()
        _, sentence = _ENDS[reason]
        reply: Cancelled = await self._end(job_id, host, reason, sentence, signed)
        return reply

    async def take_back(self, job_id: str, host: str, why: str) -> bool:
        """Ends a job that waits, with the sentence ``why``; a running one runs on. Whether it did."""
        return bool(await self._end(job_id, host, "cancelled", why, "") == "removed")

    async def _end(self, job_id: str, host: str, reason: CancelReason, sentence: str, order: str) -> Any:
        now, (exit_code, _) = time.time(), _ENDS[reason]
        result = Result(
            exit_code=exit_code,
            reason=reason,
            stderr=Tail(text=f"{sentence}\n", total_bytes=len(sentence) + 1, total_lines=1),
            began_at=now,
            ended_at=now,
        )
        ended = Ended(job_id=job_id, worker="", result=result)
        keys = [self._names.prefix, self._names.events]
        args: list[str | int] = [
            host,
            job_id,
            order,
            ended.model_dump_json(),
            self._names.control(host),
            DONE_SECONDS,
        ]
        try:
            return (await self._cancel(keys, args)).decode()
        except RedisError as error:
            raise StoreDown(unsure=True) from error

    async def answers(self) -> bool:
        """Whether the store answers now."""
        try:
            return bool(await self._redis.ping())
        except RedisError:
            return False

    async def alive(self, host: str) -> bool:
        """Whether a worker of the host has given a sign of life within two leases."""
        try:
            return bool(await self._redis.exists(self._names.alive(host)))
        except RedisError as error:
            raise StoreDown(unsure=False) from error

    async def events(self, consumer: str) -> AsyncIterator[tuple[bytes, Event]]:
        """Yields every event with its entry id, for ever; each again until :meth:`ack_event`.

        Starts with what ``consumer`` had not acknowledged, and adopts what another left for 10 seconds.
        An entry that cannot be read is logged, counted and set aside. A store that is down is waited for.
        """
        self._unacknowledged.clear()
        cursor, adopt_at, wait = "0", 0.0, RETRY_SECONDS[0]
        task = asyncio.current_task()
        while True:
            # Python 3.11's wait_for, which the client uses, can swallow a cancel that meets a reply.
            if task and task.cancelling():
                raise asyncio.CancelledError
            try:
                entries = await self._read(consumer, cursor)
                if not entries:
                    cursor = ">"
                if time.monotonic() >= adopt_at:
                    entries += await self._adopt(consumer)
                    adopt_at = time.monotonic() + ADOPT_AFTER_MS / 1000
                parsed = [await self._parse(entry_id, fields) for entry_id, fields in entries]
            except RedisError as error:
                if "NOGROUP" in str(error):
                    await self._make_group()
                    continue
                log.warning("event store does not answer", error=type(error).__name__)
                cursor = "0"  # a reply that was lost holds events that are ours by now
                await asyncio.sleep(wait)
                wait = min(wait * 2, RETRY_SECONDS[1])
                continue
            wait = RETRY_SECONDS[0]
            if cursor != ">":
                cursor = entries[-1][0].decode()
            for pair in parsed:
                if pair and pair[0] not in self._unacknowledged:
                    self._unacknowledged.add(pair[0])
                    yield pair

    async def ack_event(self, entry_id: bytes) -> None:
        """The event is dealt with: it leaves the store with the next read.

        Should the bot die before that, the event comes once more.
        """
        self._acknowledged.append(entry_id)

    async def _read(self, consumer: str, cursor: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Waits for the next entries; those that were acknowledged are forgotten by the same call."""
        events, done = self._names.events, self._acknowledged[:]
        async with self._redis.pipeline(transaction=False) as pipe:
            if done:
                pipe.xack(events, BOTS, *done)
                pipe.xdel(events, *done)
            pipe.xreadgroup(BOTS, consumer, {events: cursor}, count=EVENTS_AT_ONCE, block=BLOCK_MS)
            reply: Any = (await pipe.execute())[-1]
        if done:
            failpoint("event forgotten")
            del self._acknowledged[: len(done)]
            self._unacknowledged.difference_update(done)
        return list(reply[0][1]) if reply else []

    async def _adopt(self, consumer: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
        reply: Any = await self._redis.xautoclaim(
            self._names.events, BOTS, consumer, ADOPT_AFTER_MS, count=EVENTS_AT_ONCE
        )
        return list(reply[1])

    async def _make_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._names.events, BOTS, id="0", mkstream=True)
        except RedisError as error:
            if "BUSYGROUP" not in str(error):
                log.warning("event group not made", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS[1])

    async def _parse(self, entry_id: bytes, fields: dict[bytes, bytes] | None) -> tuple[bytes, Event] | None:
        raw = (fields or {}).get(b"event", b"")
        try:
            return entry_id, EVENT.validate_json(raw)
        except ValidationError:
            self.malformed += 1
            log.warning("malformed event set aside", entry=entry_id.decode(), size=len(raw))
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(
                self._names.malformed,
                {"stream": "events", "entry": entry_id, "raw": raw[:4096]},
                maxlen=1000,
                approximate=True,
            )
            pipe.xack(self._names.events, BOTS, entry_id)
            pipe.xdel(self._names.events, entry_id)
            await pipe.execute()
        return None
