"""The life of one job on its worker, from the ticket to its last event: :meth:`Life.run`."""

import json
import os
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
from pydantic import ValidationError

from bot.jobs import results
from bot.jobs.context import JobContext, Login, WorkerClock, local_zone
from bot.jobs.host_queue import Claimed
from bot.jobs.journal import Journal
from bot.jobs.running import Job, Timers
from bot.jobs.spool import Spool
from bot.jobs.target import target_secrets
from bot.jobs.upload import UploadFailed, send
from bot.jobs.wire import UPLOAD, Ended, Event, Refused, Result, Uploaded, UploadOrder
from bot.keys import Catalogue, HostKeys, TicketRefused, Trust, from_wire
from bot.settings import WorkerSettings
from handlers.context import Engine
from handlers.dry_run import rehearse
from handlers.faults import Fault, JobFault, TimedOut
from handlers.grammar.command import Command
from handlers.grammar.output import Output, Stream
from handlers.redact import Masks
from permissions.ticket import Claims, Effect, Mode, SealedValue, Ticket, TicketRefusal, refusal

log = structlog.get_logger(__name__)


_WORK: dict[Mode, Callable[[Command, JobContext], Output]] = {
    Mode.RUN: lambda command, context: command.run(context),
    Mode.PREVIEW: lambda command, context: command.preview(context),
    Mode.DRY_RUN: rehearse,
}


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
    ) -> None:
        self._settings = settings
        self._worker_id = worker_id
        self._trust = trust
        self._host_keys = host_keys
        self._journal = journal
        self._spool = spool
        self._catalogue = catalogue
        self._engine = engine
        self._timers = timers
        self._clock = WorkerClock(settings.now, local_zone())
        self._own_secrets = _own_secrets(settings)

    def run(self, job: Job, end: Callable[[Job, JobFault], None]) -> Event | None:
        """Takes the job from its ticket to its last event; None when it was reported ended meanwhile.

        ``end`` is called at the deadline. Never raises.
        """
        secret_values = list(self._own_secrets)
        try:
            claims = self._admitted(job.claimed)
            if claims.command.path == UPLOAD:
                return self._upload(claims)
            command = self._opened(claims, secret_values)
            context = self._context(claims, secret_values)
        except TicketRefused as refused:
            return self._refused(job, refused.refusal)
        except Exception as error:  # noqa: BLE001 - the nonce was not written, for one: nothing may run then
            _log_error(job, error)
            return self._ended(job, results.not_begun(job))
        late = TimedOut(f"The job ran longer than its deadline of {claims.deadline:g} s and was stopped.")
        timer = self._timers.after(claims.deadline, lambda: end(job, late))
        job.begin(claims, context)
        try:
            result = self._result(job, claims, command, context)
        finally:
            self._timers.cancel(timer)
        return self._ended(job, result) if result else None

    def stuck(self, job: Job) -> Event | None:
        """The last event of a job that was ended but whose thread does not come back, if none was made."""
        context = job.context
        if context is None or context.ended_by is None or not job.settle():
            return None
        log.warning("job does not end; its slot is replaced", job_id=job.claimed.job_id)
        return self._ended(job, results.of_end(job, context, context.ended_by))

    def _admitted(self, claimed: Claimed) -> Claims:
        """The claims, if they may run here and now; a change's nonce is on disk then."""
        try:
            ticket = Ticket.model_validate_json(claimed.ticket, strict=True)
        except ValidationError as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error
        claims = self._trust.verify(ticket)
        if claims.job_id != claimed.job_id:
            raise TicketRefused(TicketRefusal.ALTERED)
        refused = refusal(claims, host=self._settings.host, now=time.time())
        if refused:
            raise TicketRefused(refused)
        if claims.effect is Effect.CHANGE and not self._journal.consume(claims.nonce, claims.not_after):
            raise TicketRefused(TicketRefusal.NONCE_USED)
        return claims

    def _opened(self, claims: Claims, secret_values: list[str]) -> Command:
        """The command with its sealed values, which are also noted to be masked."""

        def unseal(sealed: SealedValue) -> Any:
            value = self._host_keys.open(sealed)
            secret_values.extend(_texts(value))
            return value

        try:
            return from_wire(claims.command, self._catalogue, unseal)
        except ValueError as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error

    def _context(self, claims: Claims, secret_values: list[str]) -> JobContext:
        try:
            opened = {server: self._host_keys.open(sealed) for server, sealed in claims.logins.items()}
            logins = {server: Login(str(o["username"]), str(o["password"])) for server, o in opened.items()}
        except (ValueError, KeyError, TypeError) as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error
        for login in logins.values():
            secret_values += [login.password, f"{login.username}:{login.password}"]
        return JobContext(
            job_id=claims.job_id,
            engine=self._engine,
            clock=self._clock,
            logins=logins,
            output=self._spool.open(claims.job_id),
            masks=None if claims.unmasked else Masks(secret_values),
        )

    def _result(self, job: Job, claims: Claims, command: Command, context: JobContext) -> Result | None:
        """Runs the command; None when the job was reported ended before its thread came back."""
        try:
            if context.masks:
                context.masks.add(target_secrets(self._engine, claims.operation))
            context.check()
            if command.needs_api():
                command.require_api(self._engine.api_version)
            output = _WORK[claims.mode](command, context)
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

    def _upload(self, claims: Claims) -> Event:
        """Sends a stored output where the bot said."""
        try:
            order = UploadOrder.model_validate_json(json.dumps(claims.command.fields))
            url = self._host_keys.open(claims.command.sealed["url"])
        except (ValueError, KeyError) as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error
        problem = ""
        try:
            with self._spool.read(order.job_id, order.stream) as file:
                send(str(url), file, os.fstat(file.fileno()).st_size, self._settings.upload_hosts)
        except (OSError, ValueError):
            problem = "The worker does not have this output any more."
        except UploadFailed as failed:
            problem = str(failed)
        log.info("upload", job_id=order.job_id, upload_id=order.upload_id, ok=not problem)
        return Uploaded(
            job_id=order.job_id,
            worker=self._worker_id,
            upload_id=order.upload_id,
            ok=not problem,
            error=problem,
        )

    def _ended(self, job: Job, result: Result) -> Event:
        return Ended(job_id=job.claimed.job_id, worker=self._worker_id, result=result)

    def _refused(self, job: Job, why: TicketRefusal) -> Event:
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
