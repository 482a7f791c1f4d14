"""A worker's side of the queue: claims jobs of its host, locks their targets, renews, ends them."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import redis
import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError, ResponseError

from bot.jobs.names import BULK, DONE_SECONDS, FOLLOW, LANES, LIVE_SECONDS, READY, WORKERS, Names, script
from bot.jobs.unsent import Unsent, UnsentFolder
from bot.jobs.wire import Event, Held, Late, Progress, SignedCancel

log = structlog.get_logger(__name__)

LOCK_RETRY = 0.2

State = Literal["ok", "alive", "lost", "gone"]


@dataclass(frozen=True, slots=True)
class Free:
    """How many jobs a worker can begin: quick ones, ``bulk`` of them at most, and follows.

    No asker gets more than ``share`` of all quick slots and ``follow_share`` of those of follows.
    """

    quick: int
    bulk: int
    follow: int
    share: int
    follow_share: int

    def of(self, lane: str) -> int:
        """The most that may be taken of a lane."""
        return self.follow if lane == FOLLOW else min(self.quick, self.bulk) if lane == BULK else self.quick


@dataclass(frozen=True, slots=True)
class Claimed:
    """One job that is ours: ``token`` proves it, ``ticket`` is the JSON that the stream held, unverified.

    ``mark`` is what the store said at that moment of the policy in force, unverified too; b"" for nothing.
    """

    job_id: str
    token: str
    attempt: int
    ticket: str
    lane: str = "normal"
    mark: bytes = b""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A claim whose worker has been silent for a whole lease. ``at``: when it was claimed, epoch seconds."""

    job_id: str
    token: str
    effect: str
    attempt: int
    at: float
    ticket: str


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
        self._read_up_to: list[bytes] = []
        self._sending = threading.Lock()
        self._keys = [self._names.prefix, self._names.claims(host), self._names.events]
        self._claim = client.register_script(script("claim"))
        self._lock = client.register_script(script("lock"))
        self._finish = client.register_script(script("finish"))
        self._requeue = client.register_script(script("requeue"))
        self._renew = client.register_script(script("renew"))
        self._progress = client.register_script(script("progress"))
        self._orphans = client.register_script(script("orphans"))

    def claim(self, free: Free, block: float) -> list[Claimed]:
        """What may begin now, the most urgent first; waits up to ``block`` seconds for the first."""
        if not block or not self._read_up_to:
            claimed = self._claim_now(free)
            if claimed or not block:
                return claimed
        # The wait reads without taking; what it saw is then claimed in one step with its reading.
        streams: dict[Any, Any] = {
            self._names.stream(self.host, lane): last_id
            for lane, last_id in zip(LANES, self._read_up_to, strict=True)
            if free.of(lane)
        }
        kinds = [kind for kind in READY if (free.follow if kind == FOLLOW else free.quick)]
        streams |= {self._names.ready(self.host, kind): "0" for kind in kinds}
        if self._redis.xread(streams, count=1, block=int(block * 1000)):
            return self._claim_now(free)
        self._read_up_to = []  # whatever may have become of the streams meanwhile is seen by the next claim
        return []

    def lock(self, job_id: str, token: str, targets: Sequence[str] | None, patience: float) -> bool:
        """Begins a change: takes the locks of its targets, of the whole host for (), none for None.

        False when the job is not ours any more: it waits for those before it and comes again by itself, or
        its claim was lost. A store that is away is waited for, ``patience`` seconds at most.
        """
        give_up = time.monotonic() + patience
        while True:
            args: list[str | int] = [self.host, job_id, token, self.worker_id, _now()]
            args += [int(targets is not None), *sorted(set(targets or ()))]
            try:
                return bool(self._lock(self._keys, args) == b"held")
            except RedisError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(LOCK_RETRY)

    def finish(self, job_id: str, token: str, event: Event) -> None:
        """Ends a job with its last event, once, if the claim is still ours.

        While the store is away the event is kept on disk, to be sent by :meth:`send_unsent` in order.
        """
        unsent = Unsent(job_id=job_id, token=token, event=event.model_dump_json(), final=final(event))
        if not self._unsent:
            try:
                self._end(unsent)
            except RedisError as error:
                log.warning("result kept until the store answers", job_id=job_id, error=type(error).__name__)
            else:
                return
        self._unsent.add(unsent)

    def send_unsent(self) -> bool:
        """Sends what was kept, oldest first; returns whether nothing is left."""
        with self._sending:
            for number, item in self._unsent.oldest_first():
                self._end(item)
                self._unsent.remove(number)
        return not self._unsent

    def renew(self, held: Mapping[str, str]) -> tuple[list[str], list[SignedCancel]]:
        """Renews the claims (job id → token); returns lost job ids, and cancels that wait, unverified."""
        pairs = [text for pair in held.items() for text in pair]
        keys = [*self._keys[:2], self._names.alive(self.host)]
        lost, cancels = self._renew(keys, [self.host, self.worker_id, self._lease_ms, *pairs])
        parsed = (_cancel(text) for text in cancels)
        return [job_id.decode() for job_id in lost], [cancel for cancel in parsed if cancel]

    def tell(self, progress: Sequence[Progress]) -> None:
        """Keeps the newest progress of running jobs where the bot reads it."""
        pairs = [text for one in progress for text in (one.job_id, one.model_dump_json())]
        self._progress([self._names.prefix, self._names.events], [LIVE_SECONDS, self.worker_id, *pairs])

    def hand_back(self, job_id: str, token: str) -> None:
        """Puts a job that was not begun back into the queue."""
        self._requeue(self._keys, [self.host, job_id, token, 0])

    def orphans(self) -> list[Orphan]:
        """What silent workers left; entries that nothing else knows of are put back on the way."""
        try:
            found = self._orphans(self._keys, [self.host, 2 * self._lease_ms, *LANES])
        except ResponseError as error:
            self._make_groups(error)
            return []
        return [
            Orphan(
                job_id=job.decode(),
                token=token.decode(),
                effect=effect.decode(),
                attempt=int(attempt),
                at=float(at),
                ticket=ticket.decode("utf-8", "replace"),
            )
            for job, token, effect, attempt, at, ticket in found
        ]

    def run_again(self, orphan: Orphan) -> State:
        """Makes an orphan ready once more; ``gone`` when its ticket is not there any more."""
        state: State = self._requeue(self._keys, [self.host, orphan.job_id, orphan.token, 1]).decode()
        return state

    def settle(self, orphan: Orphan, event: Event) -> State:
        """Ends an orphan; ``alive`` or ``lost`` when another was first."""
        unsent = Unsent(job_id=orphan.job_id, token=orphan.token, event=event.model_dump_json())
        return self._end(unsent, lapsed=True)

    def cancels(self, stopped: threading.Event) -> Iterator[SignedCancel]:
        """Cancels as they are told, unverified, until ``stopped``."""
        with self._redis.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
            channel.subscribe(self._names.control(self.host))
            while not stopped.is_set():
                message = channel.get_message(timeout=0.25)
                cancel = _cancel(message["data"]) if message else None
                if cancel:
                    yield cancel

    def _claim_now(self, free: Free) -> list[Claimed]:
        args: list[str | int] = [self.host, self.worker_id, self._lease_ms, _now()]
        args += [free.quick, free.follow, free.share, free.follow_share]
        args += [value for lane in LANES for value in (lane, free.of(lane))]
        try:
            taken, last, mark = self._claim(self._keys, args)
        except ResponseError as error:
            self._make_groups(error)
            taken, last, mark = self._claim(self._keys, args)
        # Where no slot was left there may be more to read; else the next one can be waited for at once.
        self._read_up_to = last if len(taken) < free.quick + free.follow else []
        return [
            Claimed(
                job.decode(),
                token.decode(),
                int(attempt),
                ticket.decode("utf-8", "replace"),
                lane.decode(),
                mark,
            )
            for job, token, attempt, ticket, lane in taken
        ]

    def _make_groups(self, error: ResponseError) -> None:
        # The streams are made at the first use, and again should the store have lost everything.
        if "NOGROUP" not in str(error) and "no such key" not in str(error):
            raise error
        for lane in LANES:
            try:
                self._redis.xgroup_create(self._names.stream(self.host, lane), WORKERS, id="0", mkstream=True)
            except ResponseError as refused:
                if "BUSYGROUP" not in str(refused):
                    raise

    def _end(self, item: Unsent, *, lapsed: bool = False) -> State:
        kept = DONE_SECONDS if item.final else 0
        args: list[str | int] = [self.host, item.job_id, item.token, item.event, kept, int(lapsed)]
        state: State = self._finish(self._keys, args).decode()
        if state == "lost":
            log.warning("the claim was lost; this end is not reported", job_id=item.job_id)
        return state


def final(event: Event) -> bool:
    """Whether the job is over with it; one that came too late, or was held, may be decided anew."""
    return not isinstance(event, Late | Held)


def _now() -> str:
    return f"{time.time():.6f}"


def _cancel(text: bytes) -> SignedCancel | None:
    try:
        return SignedCancel.model_validate_json(text)
    except ValidationError:
        log.warning("malformed cancel ignored", size=len(text))
        return None
