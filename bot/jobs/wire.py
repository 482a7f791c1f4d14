"""The messages between bot and worker, as frozen models; Redis holds their JSON and nothing looser."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from permissions.model import Record

TAIL_BYTES = 64 * 1024
"""The most output that Redis carries, per job and stream kind together."""

CELLS = 2_000
"""The most table cells a result carries; more stay in the text."""


class Tail(Record):
    """The end of one output: ``text`` (valid UTF-8), how many bytes and lines there were in all."""

    text: str = ""
    total_bytes: int = 0
    total_lines: int = 0

    @property
    def cut(self) -> bool:
        """Whether ``text`` is not the whole."""
        return len(self.text.encode()) < self.total_bytes


class Cells(Record):
    """A table for people: header and rows as the command made them; ``total`` rows in all."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int


class Result(Record):
    """How a job ended. ``reason`` is a ``handlers.faults.Reason`` or "" when it did not fail.

    ``hint`` says what to do next. ``began_at`` and ``ended_at`` are epoch seconds on the worker.
    ``head`` is the first 4 KiB of stdout where the tail does not hold it. ``kept`` says whether the
    worker has the whole output on its disk, so that it can be uploaded or read again.
    """

    exit_code: int
    reason: str = ""
    hint: str = ""
    stdout: Tail = Tail()
    stderr: Tail = Tail()
    head: str = ""
    table: Cells | None = None
    kept: bool = True
    preformatted: bool = True
    began_at: float
    ended_at: float


class Began(Record):
    """A worker has claimed the job and starts it."""

    kind: Literal["began"] = "began"
    job_id: str
    worker: str
    at: float


class Ended(Record):
    """The job is over."""

    kind: Literal["ended"] = "ended"
    job_id: str
    worker: str
    result: Result


class Refused(Record):
    """The worker did not run the job: ``refusal`` is a TicketRefusal."""

    kind: Literal["refused"] = "refused"
    job_id: str
    worker: str
    refusal: str
    at: float


class Uploaded(Record):
    """The worker has sent the stored output to the URL the bot obtained; ``ok`` False says why not."""

    kind: Literal["uploaded"] = "uploaded"
    job_id: str
    worker: str
    upload_id: str
    ok: bool
    error: str = ""


class CancelOrder(Record):
    """The bot's order to end one job. ``reason`` becomes the result's: cancelled (130), timed_out (124).

    ``at`` is epoch seconds; an order older than the job's ticket is not for this job.
    """

    job_id: str
    host: str
    reason: Literal["cancelled", "timed_out"] = "cancelled"
    at: float


class SignedCancel(Record):
    """A cancel as it travels: ``order`` is the JSON text that was signed, ``signature`` base64."""

    order: str
    signature: str
    key_id: str


class UploadOrder(Record):
    """What the fields of a ``docktalk upload`` ticket say; its sealed ``url`` says where to.

    ``job_id`` is the job whose stored output is sent, ``stream`` which one.
    """

    job_id: str
    upload_id: str
    stream: Literal["stdout", "stderr"] = "stdout"


UPLOAD = "docktalk upload"
"""The path of the command, ordered by the bot alone, that sends a stored output."""


Event = Annotated[Began | Ended | Refused | Uploaded, Field(discriminator="kind")]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
