"""Orders that only the bot gives, by tickets as any other: about outputs, displays, and looking again."""

import json
import os
import time
from typing import BinaryIO, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from bot.jobs.live import LiveOutputs
from bot.jobs.look import Look
from bot.jobs.matching import BadPattern, TooSlow
from bot.jobs.pages import read_page
from bot.jobs.running import Job
from bot.jobs.spool import STREAMS, Spool, StreamName
from bot.jobs.upload import UploadFailed, send
from bot.jobs.wire import (
    CHECK,
    NARROW,
    SHOW,
    UPLOAD,
    Checked,
    CheckOrder,
    Ended,
    Event,
    NarrowOrder,
    Page,
    Progressed,
    Result,
    ShowOrder,
    Tail,
    Uploaded,
    UploadOrder,
)
from bot.keys import HostKeys
from bot.settings import WorkerSettings
from bot.trust import TicketRefused
from handlers.faults import Reason
from permissions.ticket import Claims, TicketRefusal

log = structlog.get_logger(__name__)

Order = TypeVar("Order", bound=BaseModel)

CHECKED_CHARS = 3_000
"""The most of what was seen that is told."""
NOT_THERE = "The worker does not have this output any more."


class Internal:
    """Carries such orders out; :meth:`run` may raise TicketRefused."""

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        worker_id: str,
        host_keys: HostKeys,
        spool: Spool,
        lives: LiveOutputs,
        look: Look,
    ) -> None:
        self._upload_hosts = settings.upload_hosts
        self._worker_id = worker_id
        self._host_keys = host_keys
        self._spool = spool
        self._lives = lives
        self._look = look
        self._work = {UPLOAD: self._upload, SHOW: self._show, NARROW: self._narrow, CHECK: self._check}

    def knows(self, path: str) -> bool:
        """Whether a command of this path is one of these."""
        return path in self._work

    def run(self, job: Job, claims: Claims) -> Event:
        """Its last event."""
        return self._work[claims.command.path](job, claims)

    def _upload(self, _: Job, claims: Claims) -> Event:
        """Sends a stored output where the bot said."""
        order = _order(claims, UploadOrder)
        try:
            url = self._host_keys.open(claims.command.sealed["url"])
        except (ValueError, KeyError) as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error
        problem = ""
        try:
            with self._spool.read(order.job_id, order.stream) as file:
                size = os.fstat(file.fileno()).st_size
                # What still grows was announced with the length that it had then.
                size = min(order.length, size) if order.length else size
                send(str(url), _First(file, size), size, self._upload_hosts)
        except (OSError, ValueError):
            problem = NOT_THERE
        except UploadFailed as failed:
            problem = str(failed)
        log.info("upload", job_id=order.job_id, upload_id=order.upload_id, ok=not problem)
        return Uploaded(
            job_id=order.asked_by or order.job_id,
            worker=self._worker_id,
            upload_id=order.upload_id,
            ok=not problem,
            error=problem,
        )

    def _show(self, job: Job, claims: Claims) -> Event:
        """Reads a page of a stored output; nothing runs again."""
        order = _order(claims, ShowOrder)
        try:
            with self._spool.read(order.job_id, order.stream) as file:
                text, page = read_page(file, order)
        except (OSError, ValueError) as error:
            if isinstance(error, BadPattern):
                return self._answered(job, f"Not a pattern: {error}.", reason=Reason.BAD_VALUE)
            page = Page(stream=order.stream, other_bytes=self._size(order.job_id, _other(order.stream)))
            if page.other_bytes:
                return self._answered(job, "", page=page)
            return self._answered(job, NOT_THERE, reason=Reason.NOT_FOUND)
        except TooSlow:
            sentence = "The pattern takes too long on this output: use plainer words."
            return self._answered(job, sentence, reason=Reason.BAD_VALUE)
        other = self._size(order.job_id, _other(order.stream))
        return self._answered(job, text, page=page.model_copy(update={"other_bytes": other}))

    def _narrow(self, _: Job, claims: Claims) -> Event:
        """Changes what a running job shows, and tells the bot to look."""
        order = _order(claims, NarrowOrder)
        live = self._lives.find(order.job_id)
        if live is not None:
            live.narrow(order.pattern)
        return Progressed(job_id=order.job_id, worker=self._worker_id)

    def _check(self, _: Job, claims: Claims) -> Event:
        """Looks once more at what became of a change."""
        order = _order(claims, CheckOrder)
        try:
            reason, text = self._look.at(order)
        except ValueError as error:
            raise TicketRefused(TicketRefusal.MALFORMED) from error
        return Checked(
            job_id=order.job_id,
            worker=self._worker_id,
            reason=str(reason),
            text=lines_within(CHECKED_CHARS, text),
            at=time.time(),
        )

    def _answered(self, job: Job, text: str, *, reason: str = "", page: Page | None = None) -> Ended:
        tail = Tail(text=text, total_bytes=len(text.encode()), total_lines=text.count("\n"))
        result = Result(
            exit_code=1 if reason else 0,
            reason=str(reason),
            stdout=Tail() if reason else tail,
            stderr=tail if reason else Tail(),
            page=page,
            kept=False,
            began_at=job.began_at,
            ended_at=time.time(),
        )
        return Ended(job_id=job.claimed.job_id, worker=self._worker_id, result=result)

    def _size(self, job_id: str, stream: StreamName) -> int:
        try:
            with self._spool.read(job_id, stream) as file:
                return os.fstat(file.fileno()).st_size
        except (OSError, ValueError):
            return 0


class _First:
    """The first ``left`` bytes of a file."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` of them, or all that are left."""
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def _other(stream: StreamName) -> StreamName:
    return STREAMS[1 - STREAMS.index(stream)]


def _order(claims: Claims, kind: type[Order]) -> Order:
    try:
        return kind.model_validate_json(json.dumps(claims.command.fields))
    except ValidationError as error:
        raise TicketRefused(TicketRefusal.MALFORMED) from error


def lines_within(most: int, text: str) -> str:
    """As many whole lines as ``most`` characters hold, and how many there are more."""
    if len(text) <= most:
        return text
    kept, _, _ = text[: most - len("\nand 9999 more")].rpartition("\n")
    return f"{kept}\nand {text.count(chr(10)) - kept.count(chr(10))} more" if kept else text[:most]
