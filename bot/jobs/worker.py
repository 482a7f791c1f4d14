"""The worker of one host: takes jobs from its queue, runs them in slots, tells how they ended.

Threads: one fetches, ``slots`` run (bot/jobs/life.py is what they do) and one more for each follow, one
renews leases, one settles what silent workers left, one listens for cancels, one keeps the time, one tells
what running jobs print. None of them waits for a slot but the fetcher.
"""

import fcntl
import os
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import redis
import structlog
from redis.exceptions import RedisError

from bot import metrics
from bot.failpoints import failpoint
from bot.jobs.aftermath import Aftermath
from bot.jobs.command_wire import Catalogue
from bot.jobs.host_queue import Free, HostQueue
from bot.jobs.inventory import Inventory
from bot.jobs.journal import Journal, disk_id
from bot.jobs.life import Life
from bot.jobs.live import LiveOutputs
from bot.jobs.live_facts import SecondDecision
from bot.jobs.names import BULK, FOLLOW, QUICK
from bot.jobs.running import Job, Timers
from bot.jobs.spool import Spool
from bot.jobs.unsent import UnsentFolder
from bot.jobs.wire import Ended, Event, SignedCancel
from bot.keys import HostKeys
from bot.settings import WorkerSettings
from bot.store.policy_bundles import WorkerBundles
from bot.trust import TicketRefused, Trust
from handlers.context import Engine
from handlers.faults import Cancelled, JobFault
from permissions.ticket import Effect

log = structlog.get_logger(__name__)

GRACE = 10.0
"""Seconds that running jobs get to end by themselves when the worker stops."""

STUCK_AFTER = 0.5
"""Seconds after its end was ordered until a job is reported ended though its thread still waits."""

CUT = "The worker was stopped; the stream ends here."
AFTER_CUT = "Send the line again once the worker is back."

BLOCK = 0.25
COALESCE = 0.002
RETRY = 0.5
EXPIRE_EVERY = 60.0


class WorkerRefused(Exception):  # noqa: N818 - reads as a sentence
    """The worker cannot start; the sentence says why."""


class Worker:
    """One worker; :meth:`start` returns at once, :meth:`stop` waits for what runs.

    ``catalogue`` finds command classes, ``engine`` is what they run on. Raises WorkerRefused when another
    worker uses the same data folder, KeysRefused and JournalDamaged from what it reads there.
    """

    def __init__(
        self, settings: WorkerSettings, *, client: redis.Redis, catalogue: Catalogue, engine: Engine
    ) -> None:
        data = settings.data_dir / "worker" / settings.host
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _only_one(data / "lock")
        self._settings = settings
        disk = disk_id(data / "id")
        self.worker_id = f"{disk}:{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.spool = Spool(data / "spool", settings.spool_bytes, settings.spool_age)
        self._trust = Trust(settings.trust_dir)
        self._journal = Journal(data / "nonces" / "journal")
        self._timers = Timers()
        host_keys = HostKeys.load_or_create(data / "keys")
        host_keys.publish(settings.trust_dir, settings.host)
        unsent = UnsentFolder(data / "unsent")
        self._queue = HostQueue(
            client, settings.namespace, settings.host, self.worker_id, settings.lease, unsent
        )
        self._lives = LiveOutputs(self._queue.tell)
        self._inventory = Inventory(client, settings.namespace, settings.host, engine)
        self._life = Life(
            settings,
            worker_id=self.worker_id,
            trust=self._trust,
            host_keys=host_keys,
            journal=self._journal,
            spool=self.spool,
            catalogue=catalogue,
            engine=engine,
            timers=self._timers,
            lives=self._lives,
            queue=self._queue,
            second=SecondDecision(
                WorkerBundles(client, settings.namespace, self._trust, data / "policy"), engine
            ),
        )
        self._aftermath = Aftermath(
            self._queue,
            disk=disk,
            journal=self._journal,
            engine=engine,
            verified=self._life.verified,
            opened=lambda claims: self._life.opened(claims, []),
        )
        self._held: dict[str, Job] = {}
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._slots = threading.Condition()
        self._free = {QUICK: settings.slots, FOLLOW: settings.follow_slots}
        self._replaced = 0
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lasting: tuple[threading.Thread, ...] = ()
        self._beat_at = 0.0
        metrics.SLOTS_BUSY.set_function(lambda: len(self._jobs()))

    def ready(self) -> bool:
        """Whether the worker takes jobs: it is not stopping, and the store has heard of it lately."""
        return not self._stopping.is_set() and time.monotonic() - self._beat_at < 2 * self._settings.lease

    def healthy(self) -> bool:
        """Whether every thread that lasts as long as the worker is there."""
        return all(thread.is_alive() for thread in self._lasting)

    def start(self) -> None:
        """Starts the threads."""
        self._thread("fetch", self._fetch)  # the first of them, see stop()
        self._thread("pulse", self._pulse)
        self._thread("orphans", self._settle)
        self._thread("cancels", self._listen)
        self._thread("timers", self._timers.run)
        self._thread("live", lambda: self._lives.run(self._stopped))
        self._thread("inventory", self._inventory.run)
        self._lasting = tuple(self._threads)
        for number in range(self._settings.slots):
            self._thread(f"slot-{number}", self._work)
        log.info(
            "worker started", worker=self.worker_id, host=self._settings.host, slots=self._settings.slots
        )

    def stop(self, grace: float = GRACE) -> None:
        """Takes nothing more, lets running jobs end within ``grace`` seconds, then ends them and itself.

        A second call does nothing.
        """
        if self._stopped.is_set():
            return
        self._stopping.set()
        until = time.monotonic() + grace
        for job in self._jobs():
            if job.claimed.lane == FOLLOW:
                self._end(job, Cancelled(CUT, hint=AFTER_CUT if _reads(job) else ""))
        # What is being claimed just now has to be handed back first, or it would lapse and be told as lost.
        for fetcher in self._threads[:1]:
            fetcher.join(max(0.0, until - time.monotonic()))
        self._wait_idle(max(0.0, until - time.monotonic()))
        for job in self._jobs():
            self._end(job, Cancelled("The worker was stopped and ended this job."))
        self._wait_idle(4 * STUCK_AFTER)
        self._stopped.set()
        self._timers.stop()
        self._inventory.stop()
        for _ in range(self._settings.slots):
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(2 * BLOCK)
        self._journal.close()
        os.close(self._lock)
        log.info("worker stopped", worker=self.worker_id)

    def _fetch(self) -> None:
        some, more = max(1, self._settings.slots // 4), False
        while not self._stopping.is_set():
            with self._slots:
                if not any(self._free.values()):
                    self._slots.wait(BLOCK)
                if more:
                    # Under load, a few freed slots are filled by one call instead of one call each.
                    self._slots.wait_for(lambda: self._free[QUICK] >= some, COALESCE)
                free = self._room()
            if not free.quick and not free.follow:
                continue
            try:
                claimed = self._queue.claim(free, BLOCK)
            except Exception as error:  # noqa: BLE001 - the next round may do better
                log.warning("nothing fetched", error=type(error).__name__)
                self._stopping.wait(RETRY)
                continue
            if claimed:
                failpoint("claimed")
            more = len(claimed) == free.quick
            for one in claimed:
                self._take(Job(one))

    def _room(self) -> Free:
        """What may be taken now: pulls and prunes leave half of the slots to others."""
        quick, follow = self._settings.slots, self._settings.follow_slots
        bulk = sum(job.claimed.lane == BULK for job in self._jobs())
        return Free(
            quick=self._free[QUICK],
            bulk=max(1, quick // 2) - bulk,
            follow=self._free[FOLLOW],
            share=max(1, quick * 3 // 4),
            follow_share=max(1, follow * 3 // 4),
        )

    def _take(self, job: Job) -> None:
        with self._slots:
            self._held[job.claimed.token] = job
            self._free[_kind(job)] -= 1
        if _kind(job) == FOLLOW:
            threading.Thread(target=self._run, args=(job,), name="worker-follow", daemon=True).start()
        else:
            self._waiting.put(job)

    def _work(self) -> None:
        while job := self._waiting.get():
            if not self._run(job):
                self._replaced -= 1
                return  # the job was answered for, and another thread has this slot

    def _run(self, job: Job) -> bool:
        """One job in its slot; False when it was answered for meanwhile, and the slot given to another."""
        if self._stopping.is_set() and self._hand_back(job):
            return True
        with structlog.contextvars.bound_contextvars(job_id=job.claimed.job_id):
            event = self._life.run(job, self._end)
        if event:
            self._finish(job, event)
        return self._leave(job)

    def _pulse(self) -> None:
        expire_at = 0.0
        while True:
            try:
                self._beat()
                self._beat_at = time.monotonic()
                if time.monotonic() >= expire_at:
                    self.spool.expire()
                    expire_at = time.monotonic() + EXPIRE_EVERY
            except Exception as error:  # noqa: BLE001 - without a pulse every job would be taken for dead
                log.warning("pulse failed", error=type(error).__name__)
            if self._stopped.wait(self._settings.lease / 3):
                return

    def _beat(self) -> None:
        held = {job.claimed.job_id: job.claimed.token for job in self._jobs()}
        lost, cancels = self._queue.renew(held)
        for job_id in lost:
            if self._find(job_id):
                log.warning("the claim was lost while the job ran", job_id=job_id)
        for signed in cancels:
            self._obey(signed)

    def _settle(self) -> None:
        """Looks after what silent workers left; it may wait for the engine, so it has a thread of its own."""
        while not self._stopped.wait(self._settings.lease / 3):
            try:
                # What we know of old jobs goes first: it is better than what can be seen of them.
                if not self._queue.send_unsent():
                    continue
                for orphan in self._queue.orphans():
                    if not self._find(orphan.job_id):
                        self._aftermath.settle(orphan)
            except Exception as error:  # noqa: BLE001 - the next round may do better
                log.warning("orphans not settled", error=type(error).__name__)

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                for signed in self._queue.cancels(self._stopped):
                    self._obey(signed)
            except Exception as error:  # noqa: BLE001 - as above
                log.warning("control channel lost", error=type(error).__name__)
                self._stopped.wait(RETRY)

    def _obey(self, signed: SignedCancel) -> None:
        try:
            order = self._trust.verify_cancel(signed)
        except TicketRefused as refused:
            log.warning("cancel refused", refusal=refused.refusal.value)
            return
        job = self._find(order.job_id)
        if job is None or order.host != self._settings.host:
            return
        job.cancel(order)
        self._timers.after(STUCK_AFTER, lambda: self._replace(job))

    def _end(self, job: Job, fault: JobFault) -> None:
        job.end(fault)
        self._timers.after(STUCK_AFTER, lambda: self._replace(job))

    def _replace(self, job: Job) -> None:
        """Answers for a thread that waits on an engine that does not answer; another takes its slot."""
        if self._replaced >= self._settings.slots or self._held.get(job.claimed.token) is not job:
            return
        event = self._life.stuck(job)
        if event is None:
            return
        self._finish(job, event)
        if _kind(job) == QUICK:
            self._replaced += 1
            self._thread("slot-again", self._work)
        self._leave(job)

    def _finish(self, job: Job, event: Event) -> None:
        metrics.happened(event)
        log.info("job left", job_id=job.claimed.job_id, how=event.kind, reason=_reason(event))
        failpoint("before the end is told")
        try:
            self._queue.finish(job.claimed.job_id, job.claimed.token, event)
        except OSError as error:
            # Neither the store nor the disk took it: the lease lapses, and the job's end is told as unknown.
            log.error("result lost", job_id=job.claimed.job_id, error=error.strerror)  # noqa: TRY400
        failpoint("end told")

    def _hand_back(self, job: Job) -> bool:
        try:
            self._queue.hand_back(job.claimed.job_id, job.claimed.token)
        except RedisError:
            return False
        return self._leave(job)

    def _leave(self, job: Job) -> bool:
        """The job is over and its slot free; False when that was so already."""
        with self._slots:
            if self._held.pop(job.claimed.token, None) is None:
                return False
            self._free[_kind(job)] += 1
            self._slots.notify_all()
            return True

    def _jobs(self) -> list[Job]:
        with self._slots:
            return list(self._held.values())

    def _find(self, job_id: str) -> Job | None:
        return next((job for job in self._jobs() if job.claimed.job_id == job_id), None)

    def _wait_idle(self, seconds: float) -> None:
        with self._slots:
            self._slots.wait_for(lambda: not self._held, seconds)

    def _thread(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=f"worker-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()


def _kind(job: Job) -> str:
    return FOLLOW if job.claimed.lane == FOLLOW else QUICK


def _reason(event: Event) -> str:
    return event.result.reason or "done" if isinstance(event, Ended) else ""


def _reads(job: Job) -> bool:
    return job.claims is not None and job.claims.effect is Effect.READ


def _only_one(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise WorkerRefused(f"another worker uses {path.parent}: a host has one worker") from None
    return handle
