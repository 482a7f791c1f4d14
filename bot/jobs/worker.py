"""The worker of one host: takes jobs from its queue, runs them in slots, tells how they ended.

Threads: one fetches, ``slots`` run (bot/jobs/life.py is what they do), one renews leases and settles
what silent workers left, one listens for cancels, one keeps the time. None of them waits for a slot
but the fetcher.
"""

import fcntl
import os
import queue
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import redis
import structlog
from redis.exceptions import RedisError

from bot.jobs.host_queue import HostQueue
from bot.jobs.journal import Journal
from bot.jobs.life import Life
from bot.jobs.names import worker_client
from bot.jobs.running import Job, Timers
from bot.jobs.spool import Spool
from bot.jobs.unsent import UnsentFolder
from bot.jobs.wire import Event, SignedCancel
from bot.keys import Catalogue, HostKeys, TicketRefused, Trust
from bot.settings import WorkerSettings
from handlers.context import Engine
from handlers.faults import Cancelled, JobFault

log = structlog.get_logger(__name__)

GRACE = 10.0
"""Seconds that running jobs get to end by themselves when the worker stops."""

STUCK_AFTER = 0.5
"""Seconds after its end was ordered until a job is reported ended though its thread still waits."""

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
        self.worker_id = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self.spool = Spool(data / "spool", settings.spool_bytes, settings.spool_age)
        self._trust = Trust(settings.trust_dir)
        self._journal = Journal(data / "nonces" / "journal")
        self._timers = Timers()
        host_keys = HostKeys.load_or_create(data / "keys")
        host_keys.publish(settings.trust_dir, settings.host)
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
        )
        self._queue = HostQueue(
            client,
            settings.namespace,
            settings.host,
            self.worker_id,
            settings.lease,
            UnsentFolder(data / "unsent"),
        )
        self._held: dict[str, Job] = {}
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._slots = threading.Condition()
        self._free = settings.slots
        self._replaced = 0
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts the threads."""
        self._thread("fetch", self._fetch)
        self._thread("pulse", self._pulse)
        self._thread("cancels", self._listen)
        self._thread("timers", self._timers.run)
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
        self._wait_idle(grace)
        for job in list(self._held.values()):
            self._end(job, Cancelled("The worker was stopped and ended this job."))
        self._wait_idle(4 * STUCK_AFTER)
        self._stopped.set()
        self._timers.stop()
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
                if not self._free:
                    self._slots.wait(BLOCK)
                if more:
                    # Under load, a few freed slots are filled by one call instead of one call each.
                    self._slots.wait_for(lambda: self._free >= some, COALESCE)
                free = self._free
            if not free:
                continue
            try:
                claimed = self._queue.claim(free, BLOCK)
            except Exception as error:  # noqa: BLE001 - the next round may do better
                log.warning("nothing fetched", error=type(error).__name__)
                self._stopping.wait(RETRY)
                continue
            more = len(claimed) == free
            for one in claimed:
                job = Job(one)
                with self._slots:
                    self._held[one.job_id] = job
                    self._free -= 1
                self._waiting.put(job)

    def _work(self) -> None:
        while job := self._waiting.get():
            if self._stopping.is_set() and self._hand_back(job):
                continue
            event = self._life.run(job, self._end)
            if event:
                self._finish(job, event)
            if not self._leave(job):
                self._replaced -= 1
                return  # the job was answered for, and another thread has this slot

    def _pulse(self) -> None:
        expire_at = 0.0
        while True:
            try:
                self._beat()
                if time.monotonic() >= expire_at:
                    self.spool.expire()
                    expire_at = time.monotonic() + EXPIRE_EVERY
            except Exception as error:  # noqa: BLE001 - without a pulse every job would be taken for dead
                log.warning("pulse failed", error=type(error).__name__)
            if self._stopped.wait(self._settings.lease / 3):
                return

    def _beat(self) -> None:
        held = {job_id: job.claimed.token for job_id, job in list(self._held.items())}
        lost, cancels = self._queue.renew(held)
        for job_id in lost:
            if job_id in self._held:
                log.warning("the claim was lost while the job ran", job_id=job_id)
        for signed in cancels:
            self._obey(signed)
        # What we know of old jobs goes first: it is better than "outcome unknown".
        if not self._queue.send_unsent():
            return
        for orphan in self._queue.orphans():
            if orphan.job_id not in self._held:
                state = self._queue.settle(orphan)
                log.warning("orphan", job_id=orphan.job_id, effect=orphan.effect, state=state)

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
        job = self._held.get(order.job_id)
        if job is None or order.host != self._settings.host:
            return
        job.cancel(order)
        self._timers.after(STUCK_AFTER, lambda: self._replace(job))

    def _end(self, job: Job, fault: JobFault) -> None:
        job.end(fault)
        self._timers.after(STUCK_AFTER, lambda: self._replace(job))

    def _replace(self, job: Job) -> None:
        """Answers for a thread that waits on an engine that does not answer; another takes its slot."""
        if self._replaced >= self._settings.slots or self._held.get(job.claimed.job_id) is not job:
            return
        event = self._life.stuck(job)
        if event is None:
            return
        self._finish(job, event)
        self._replaced += 1
        self._thread("slot-again", self._work)
        self._leave(job)

    def _finish(self, job: Job, event: Event) -> None:
        try:
            self._queue.finish(job.claimed.job_id, job.claimed.token, event)
        except OSError as error:
            # Neither the store nor the disk took it: the lease lapses, and the job's end is told as unknown.
            log.error("result lost", job_id=job.claimed.job_id, error=error.strerror)  # noqa: TRY400

    def _hand_back(self, job: Job) -> bool:
        try:
            self._queue.hand_back(job.claimed.job_id, job.claimed.token)
        except RedisError:
            return False
        return self._leave(job)

    def _leave(self, job: Job) -> bool:
        """The job is over and its slot free; False when that was so already."""
        with self._slots:
            if self._held.pop(job.claimed.job_id, None) is None:
                return False
            self._free += 1
            self._slots.notify_all()
            return True

    def _wait_idle(self, seconds: float) -> None:
        with self._slots:
            self._slots.wait_for(lambda: not self._held, seconds)

    def _thread(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=f"worker-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()


def _only_one(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise WorkerRefused(f"another worker uses {path.parent}: a host has one worker") from None
    return handle


def main(settings: WorkerSettings) -> None:
    """Runs a worker until SIGTERM or SIGINT; raises WorkerRefused when it cannot start."""
    if settings.redis_url is None:
        raise WorkerRefused("REDIS_URL is not set: a worker alone needs the store that the bot uses")
    from handlers import catalogue, engine  # noqa: PLC0415 - docker is loaded where it is used

    worker = Worker(
        settings,
        client=worker_client(settings.redis_url.get_secret_value()),
        catalogue=catalogue.load(),
        engine=engine.DockerEngine(settings.docker_host, slots=settings.slots),
    )
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    worker.start()
    told.wait()
    worker.stop()
