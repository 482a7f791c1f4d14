"""The life of one job on its worker, from the ticket to its last event: :meth:`Life.run`."""

import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
from pydantic import ValidationError
from redis.exceptions import RedisError

from bot.failpoints import failpoint
from bot.jobs import results
from bot.jobs.bound import named
from bot.jobs.command_wire import Catalogue, from_wire
from bot.jobs.context import JobContext, Login, WorkerClock, local_zone
from bot.jobs.host_queue import Claimed, HostQueue
from bot.jobs.internal import Internal
from bot.jobs.journal import Journal
from bot.jobs.live import LiveOutputs
from bot.jobs.live_facts import SecondDecision
from bot.jobs.locks import targets_of
from bot.jobs.look import Look
from bot.jobs.probe import Probe
from bot.jobs.running import Job, Timers
from bot.jobs.spool import Spool
from bot.jobs.target import target_secrets
from bot.jobs.wire import Ended, Event, Held, Late, Refused, Result
from bot.keys import HostKeys
from bot.settings import WorkerSettings
from bot.trust import TicketRefused, Trust
from handlers.context import Engine
from handlers.dry_run import rehearse
from handlers.faults import Fault, JobFault, LimitReached, NotFound, Reason, TimedOut
from handlers.grammar.command import Command
from handlers.grammar.output import Lines, Output, Stream
from handlers.redact import Masks
from permissions.approval import moved
from permissions.holds import Hold
from permissions.policy import Policy
from permissions.ticket import Approved, Claims, Effect, Mode, SealedValue, Ticket, TicketRefusal, refusal

log = structlog.get_logger(__name__)

STORE_AWAY = "The job store went away before this could begin."

_UNSURE = {Reason.OUTCOME_UNKNOWN, Reason.NOT_DONE, Reason.CANCELLED, Reason.TIMED_OUT}
"""After these nobody knows by the answer alone what a change has done."""


def _previewed(command: Command, context: JobContext) -> Output:
    """What would go; the question is asked, and the lack said, where an engine has no such list."""
    try:
        return command.preview(context)
    except NotFound as fault:
        return Lines(warnings=(f"What would go could not be listed: {fault.message}",))


_WORK: dict[Mode, Callable[[Command, JobContext], Output]] = {
    Mode.RUN: lambda command, context: command.run(context),
    Mode.PREVIEW: _previewed,
    Mode.DRY_RUN: rehearse,
}
"""A PROBE answers otherwise."""


class Life:
    """What every job of a worker passes through, from any of its slots."""

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        worker_id: str,
        trust: Trust,
        host_keys: HostKeys,
        journal: Journal,
        spool: Spool,
        catalogue: Catalogue,
        engine: Engine,
        timers: Timers,
        lives: LiveOutputs,
        queue: HostQueue,
        second: SecondDecision,
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._worker_id = worker_id
        self._trust = trust
        self._host_keys = host_keys
        self._journal = journal
        self._spool = spool
        self._catalogue = catalogue
        self._engine = engine
        self._timers = timers
        self._lives = lives
        self._second = second
        self._internal = Internal(
            settings,
            worker_id=worker_id,
            host_keys=host_keys,
            spool=spool,
            lives=lives,
            look=Look(engine, catalogue, journal),
        )
        self._probe = Probe(engine, second)
        self._clock = WorkerClock(settings.now, local_zone())
        self._own_secrets = _own_secrets(settings)

    def run(self, job: Job, end: Callable[[Job, JobFault], None]) -> Event | None:
        """Takes the job from its ticket to its last event; None when it was reported ended meanwhile.

        ``end`` is called at the deadline. Never raises.
        """
        secret_values = list(self._own_secrets)
        try:
            claims = self._admitted(job.claimed)
            failpoint("verified")
            if self._internal.knows(claims.command.path):
                return self._internal.run(job, claims)
            command = self.opened(claims, secret_values)
            policy = self._second.policy(claims, job.claimed.mark)
            if claims.effect is Effect.CHANGE:
                hold = self._second.hold(policy, claims, command)
                if hold is not None:
                    return self._held(job, hold)
                if not self._begun(job, claims, command):
                    return None
            seen = self._second.sight(policy, claims, command)
            context = self._context(claims, command, secret_values, seen)
        except Exception as error:  # noqa: BLE001 - the nonce was not written, for one: nothing may run then
            return self._not_begun(job, error)
        log.info("job begun", job_id=claims.job_id, command=claims.command.path, effect=claims.effect.value)
        seconds, late = self._end_of_time(claims, command)
        timer = self._timers.after(seconds, lambda: end(job, late))
        job.begin(claims, context)
        try:
            return self._answer(job, claims, policy, command, context)
        finally:
            self._timers.cancel(timer)
            self._lives.close(claims.job_id)

    def stuck(self, job: Job) -> Event | None:
        """The last event of a job that was ended but whose thread does not come back, if none was made."""
        context = job.context
        if context is None or context.ended_by is None or not job.settle():
            return None
        log.warning("job does not end; its slot is replaced", job_id=job.claimed.job_id)
        return self._ended(job, results.of_end(job, context, context.ended_by))

    def verified(self, text: str, job_id: str) -> Claims:
        """The claims of a ticket that the bot signed for this job and host; raises TicketRefused."""
        try:
            ticket = Ticket.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error
        claims = self._trust.verify(ticket)
        if claims.job_id != job_id:
            raise TicketRefused(TicketRefusal.ALTERED)
        if claims.host != self._settings.host:
            raise TicketRefused(TicketRefusal.OTHER_HOST)
        return claims

    def _admitted(self, claimed: Claimed) -> Claims:
        """The claims, if they may run here and now."""
        claims = self.verified(claimed.ticket, claimed.job_id)
        refused = refusal(claims, host=self._settings.host, now=time.time())
        if claims.effect is Effect.CHANGE and self._journal.begun(claims.nonce):
            raise TicketRefused(TicketRefusal.NONCE_USED)
        if refused:
            raise TicketRefused(refused)
        return claims

    def opened(self, claims: Claims, secret_values: list[str]) -> Command:
        """The command with its sealed values, which are also noted to be masked, held to what was agreed to.

        Raises TicketRefused.
        """

        def unseal(sealed: SealedValue) -> Any:
            value = self._host_keys.open(sealed)
            secret_values.extend(_texts(value))
            return value

        try:
            command = from_wire(claims.command, self._catalogue, unseal)
        except ValueError as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error
        return command.only(claims.approved.bound) if claims.approved else command

    def _begun(self, job: Job, claims: Claims, command: Command) -> bool:
        """Takes a change's locks, then its nonce, once; False when the job waits for others first."""
        targets = targets_of(self._engine, command)
        failpoint("before lock")
        if not self._queue.lock(job.claimed.job_id, job.claimed.token, targets.locks, self._settings.lease):
            failpoint("parked")
            return False
        failpoint("locked")
        # For as long as people can be brought to agree to it anew.
        latest = claims.not_after + (claims.approved.terms.expires if claims.approved else 0.0)
        if not self._journal.consume(claims.nonce, latest, targets.ids):
            raise TicketRefused(TicketRefusal.NONCE_USED)
        failpoint("nonce consumed")
        return True

    def _end_of_time(self, claims: Claims, command: Command) -> tuple[float, JobFault]:
        """After how many seconds the job ends whatever it does, and what is said then."""
        most = self._settings.stream_seconds
        if command.endless() and 0 < most < claims.deadline:
            sentence = f"The stream was followed for {most:g} s, the limit here."
            return most, LimitReached(sentence, hint="Send the line again to see what comes next.")
        sentence = f"The job ran longer than its deadline of {claims.deadline:g} s and was stopped."
        return claims.deadline, TimedOut(sentence)

    def _context(
        self, claims: Claims, command: Command, secret_values: list[str], engine: Engine
    ) -> JobContext:
        try:
            opened = {server: self._host_keys.open(sealed) for server, sealed in claims.logins.items()}
            logins = {server: Login(str(o["username"]), str(o["password"])) for server, o in opened.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error
        for login in logins.values():
            secret_values += [login.password, f"{login.username}:{login.password}"]
        return JobContext(
            job_id=claims.job_id,
            engine=engine,
            clock=self._clock,
            logins=logins,
            output=self._spool.open(claims.job_id),
            live=self._lives.open(claims.job_id),
            most_lines=self._settings.stream_lines if command.endless() else 0,
            masks=None if claims.unmasked else Masks(secret_values),
        )

    def _answer(
        self, job: Job, claims: Claims, policy: Policy, command: Command, context: JobContext
    ) -> Event | None:
        if claims.mode is Mode.PROBE and claims.probe_key:
            try:
                key = str(self._host_keys.open(claims.probe_key))
            except ValueError:
                return self._refused(job, TicketRefusal.MALFORMED)
            probed = self._probe.look(claims, policy, command, context, self._worker_id)
            return probed.signed(key) if job.settle() else None
        result = self._result(job, claims, policy, command, context)
        return self._ended(job, result) if result else None

    def _result(
        self, job: Job, claims: Claims, policy: Policy, command: Command, context: JobContext
    ) -> Result | None:
        """Runs the command; None when the job was reported ended before its thread came back."""
        try:
            self._second.check(policy, claims, command)
            if claims.approved:
                self._still(claims.approved, command)
            if context.masks:
                context.masks.add(target_secrets(self._engine, claims.operation))
            context.check()
            if command.needs_api():
                command.require_api(self._engine.api_version)
            failpoint("before the engine")
            output = _WORK[claims.mode](command, context)
            failpoint("after the engine")
            # What came to its end just before it was stopped is told as it is; a stream was cut.
            if isinstance(output, Stream) or claims.effect is Effect.READ:
                context.check()
        except Exception as error:  # noqa: BLE001 - whatever happens, the job is answered
            if not job.settle():
                return None
            if context.ended_by:
                return results.of_end(job, context, context.ended_by)
            if isinstance(error, Fault):
                return results.of_fault(job, context, error)
            _log_error(job, error)
            return results.of_error(job, context)
        return results.of_output(job, context, output) if job.settle() else None

    def _still(self, approved: Approved, command: Command) -> None:
        """Raises Fault when a target that was named is not what was agreed to any more."""
        found = named(self._engine, command.operation(self._settings.host))
        lines = moved(approved.bound, found)
        if lines:
            raise Fault(
                "\n".join(["What was approved is not what is there now. Nothing was run.", *lines]),
                hint="Ask again: the new state is shown to those who approve.",
                reason=Reason.MOVED,
            )

    def _ended(self, job: Job, result: Result) -> Event:
        claims = job.claims
        unsure = claims and claims.effect is Effect.CHANGE and result.reason in _UNSURE
        return Ended(
            job_id=job.claimed.job_id,
            worker=self._worker_id,
            result=result,
            ticket=job.claimed.ticket if unsure else "",
        )

    def _not_begun(self, job: Job, error: Exception) -> Event:
        match error:
            case TicketRefused():
                return self._refused(job, error.refusal)
            case RedisError():
                return self._ended(job, results.not_begun(job, STORE_AWAY))
            case Fault():
                return self._ended(job, results.not_begun(job, error.message, error.reason))
        _log_error(job, error)
        return self._ended(job, results.not_begun(job))

    def _held(self, job: Job, hold: Hold) -> Event:
        return Held(
            job_id=job.claimed.job_id,
            worker=self._worker_id,
            ticket=job.claimed.ticket,
            lock=hold.lock,
            freeze=hold.freeze,
            at=time.time(),
        )

    def _refused(self, job: Job, why: TicketRefusal) -> Event:
        if why in {TicketRefusal.TOO_LATE, TicketRefusal.ASKER_STALE}:
            ticket = job.claimed.ticket
            return Late(job_id=job.claimed.job_id, worker=self._worker_id, ticket=ticket, at=time.time())
        log.warning("ticket refused", job_id=job.claimed.job_id, refusal=why.value)
        return Refused(job_id=job.claimed.job_id, worker=self._worker_id, refusal=why, at=time.time())


def _own_secrets(settings: WorkerSettings) -> list[str]:
    url = settings.redis_url.get_secret_value() if settings.redis_url else ""
    password = urlsplit(url).password
    return [password] if password else []


def _texts(value: Any) -> list[str]:
    """Every text in a sealed value; of NAME=VALUE the value as well."""
    if isinstance(value, str):
        _, equals, behind = value.partition("=")
        return [value, behind] if equals else [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


def _log_error(job: Job, error: Exception) -> None:
    # The error's own text may repeat what the command was given: only its kind and place are logged.
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    log.error("job failed inside", job_id=job.claimed.job_id, error=type(error).__name__, where=where)
