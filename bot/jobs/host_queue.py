"""A worker's side of the queue: claims jobs of its host, renews, ends them, settles what was left behind."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError, ResponseError

from bot.jobs.names import DONE_SECONDS, WORKERS, Names, script
from bot.jobs.unsent import Unsent, UnsentFolder
from bot.jobs.wire import Ended, Event, Result, SignedCancel, Tail
from handlers.faults import Reason
from permissions.ticket import Effect

log = structlog.get_logger(__name__)

ATTEMPTS = 3
"""How often a read is begun before we say that it does not survive."""

UNKNOWN = "The worker stopped while it ran this; what happened is not known."
UNKNOWN_HINT = "Look at the target before you run it again: docker inspect, or docker container ls -a."
GIVEN_UP = f"The worker stopped {ATTEMPTS} times while it ran this; it is not tried again."


@dataclass(frozen=True, slots=True)
class Claimed:
    """One job that is ours: ``token`` proves it, ``ticket`` is the JSON that the stream held, unverified."""

    job_id: str
    token: str
    attempt: int
    ticket: str


@dataclass(frozen=True, slots=True)
class Orphan:
    """A claim whose worker has been silent for a whole lease."""

    job_id: str
    token: str
    effect: str
    attempt: int


class HostQueue:
    """The queue as one worker of one host uses it, from any of its threads.

    ``lease`` is in seconds. Methods raise redis's RedisError, except :meth:`finish`, which keeps the
    result on disk instead.
    """

    def __init__(
        self,
        client: redis.Redis,
        namespace: str,
        host: str,
        worker_id: str,
        lease: float,
        unsent: UnsentFolder,
    ) -> None:
        self._redis = client
        self._names = Names(namespace)
        self.host = host
        self.worker_id = worker_id
        self._lease_ms = int(lease * 1000)
        self._unsent = unsent
        self._sending = threading.Lock()
        self._streams = self._names.streams(host)
        self._claim = client.register_script(script("claim"))
        self._finish = client.register_script(script("finish"))
        self._requeue = client.register_script(script("requeue"))
        self._renew = client.register_script(script("renew"))
        self._orphans = client.register_script(script("orphans"))

    def claim(self, free_slots: int, block: float) -> list[Claimed]:
        """At most ``free_slots`` jobs, the most urgent first; waits up to ``block`` seconds for the first."""
        claimed, last = self._claim_now(free_slots)
        if claimed or not block:
            return claimed
        # The wait reads without taking; what it saw is then claimed in one step with its reading.
        streams: dict[Any, Any] = dict(zip(self._streams, last, strict=True))
        if self._redis.xread(streams, count=1, block=int(block * 1000)):
            claimed, _ = self._claim_now(free_slots)
        return claimed

    def finish(self, job_id: str, token: str, event: Event) -> None:
        """Ends a job with its last event, once, if the claim is still ours.

        While the store is away the event is kept on disk, to be sent by :meth:`send_unsent` in order.
        """
        text = event.model_dump_json()
        if not self._unsent:
            try:
                self._end(job_id, token, text)
            except RedisError as error:
                log.warning("result kept until the store answers", job_id=job_id, error=type(error).__name__)
            else:
                return
        self._unsent.add(Unsent(job_id=job_id, token=token, event=text))

    def send_unsent(self) -> bool:
        """Sends what was kept, oldest first; returns whether nothing is left."""
        with self._sending:
            for number, item in self._unsent.oldest_first():
                self._end(item.job_id, item.token, item.event)
                self._unsent.remove(number)
        return not self._unsent

    def renew(self, held: Mapping[str, str]) -> tuple[list[str], list[SignedCancel]]:
        """Renews the claims (job id → token); returns lost job ids, and cancels that wait, unverified."""
        pairs = [text for pair in held.items() for text in pair]
        keys = [self._names.prefix, self._names.claims(self.host), self._names.alive(self.host)]
        lost, cancels = self._renew(keys, [self.worker_id, self._lease_ms, *pairs])
        parsed = (_cancel(text) for text in cancels)
        return [job_id.decode() for job_id in lost], [cancel for cancel in parsed if cancel]

    def hand_back(self, job_id: str, token: str) -> None:
        """Puts a job that was not begun back into the queue."""
        self._put_back(job_id, token, lapsed=False)

    def orphans(self) -> list[Orphan]:
        """What silent workers left; entries that were read without a claim are put back on the way."""
        keys = [self._names.prefix, self._names.claims(self.host), *self._streams]
        try:
            found = self._orphans(keys, [2 * self._lease_ms])
        except ResponseError as error:
            self._make_groups(error)
            return []
        return [
            Orphan(job_id=job.decode(), token=token.decode(), effect=effect.decode(), attempt=int(attempt))
            for job, token, effect, attempt in found
        ]

    def settle(self, orphan: Orphan) -> str:
        """Decides about an orphan by what it is: a read runs again, of a change is told that nobody knows.

        Call it for jobs that this worker does not hold. Returns ``ok``, ``alive`` or ``lost`` (another
        came first). No change is ever run again: even
        where the effect kept in the store was altered, its ticket's nonce is in the journal.
        """
        # The reply to our own claim was lost, so we never began it.
        never_begun = orphan.token.startswith(f"{self.worker_id}/")
        if never_begun or (orphan.effect == Effect.READ and orphan.attempt < ATTEMPTS):
            state = self._put_back(orphan.job_id, orphan.token, lapsed=True)
            if state != "gone":
                return state
        sentence = GIVEN_UP if orphan.effect == Effect.READ else UNKNOWN
        now = time.time()
        result = Result(
            exit_code=1,
            reason=Reason.OUTCOME_UNKNOWN,
            hint=UNKNOWN_HINT if orphan.effect != Effect.READ else "",
            stderr=Tail(text=f"{sentence}\n", total_bytes=len(sentence) + 1, total_lines=1),
            kept=False,
            began_at=now,
            ended_at=now,
        )
        ended = Ended(job_id=orphan.job_id, worker=self.worker_id, result=result)
        return self._end(orphan.job_id, orphan.token, ended.model_dump_json(), lapsed=True)

    def cancels(self, stopped: threading.Event) -> Iterator[SignedCancel]:
        """Cancels as they are told, unverified, until ``stopped``."""
        with self._redis.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
            channel.subscribe(self._names.control(self.host))
            while not stopped.is_set():
                message = channel.get_message(timeout=0.25)
                cancel = _cancel(message["data"]) if message else None
                if cancel:
                    yield cancel

    def _claim_now(self, free_slots: int) -> tuple[list[Claimed], list[bytes]]:
        keys = [self._names.prefix, self._names.claims(self.host), self._names.events, *self._streams]
        args: list[str | int] = [self.worker_id, self._lease_ms, free_slots, f"{time.time():.6f}"]
        try:
            taken, last = self._claim(keys, args)
        except ResponseError as error:
            self._make_groups(error)
            taken, last = self._claim(keys, args)
        claimed = [
            Claimed(job.decode(), token.decode(), int(attempt), ticket.decode("utf-8", "replace"))
            for job, token, attempt, ticket in taken
        ]
        return claimed, last

    def _make_groups(self, error: ResponseError) -> None:
        # The streams are made at the first use, and again should the store have lost everything.
        if "NOGROUP" not in str(error) and "no such key" not in str(error):
            raise error
        for stream in self._streams:
            try:
                self._redis.xgroup_create(stream, WORKERS, id="0", mkstream=True)
            except ResponseError as refused:
                if "BUSYGROUP" not in str(refused):
                    raise

    def _end(self, job_id: str, token: str, event: str, *, lapsed: bool = False) -> str:
        keys = [self._names.prefix, self._names.claims(self.host), self._names.events]
        state: str = self._finish(keys, [job_id, token, event, DONE_SECONDS, int(lapsed)]).decode()
        if state == "lost":
            log.warning("the claim was lost; this end is not reported", job_id=job_id)
        return state

    def _put_back(self, job_id: str, token: str, *, lapsed: bool) -> str:
        keys = [self._names.prefix, self._names.claims(self.host)]
        state: str = self._requeue(keys, [job_id, token, int(lapsed)]).decode()
        return state


def _cancel(text: bytes) -> SignedCancel | None:
    try:
        return SignedCancel.model_validate_json(text)
    except ValidationError:
        log.warning("malformed cancel ignored", size=len(text))
        return None
