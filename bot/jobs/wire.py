"""The messages between bot and worker, as frozen models; Redis holds their JSON and nothing looser."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from permissions.model import Record
from permissions.verbs import Kind

TAIL_BYTES = 64 * 1024
"""The most output that Redis carries, per job and stream kind together."""

LIVE_BYTES = 4 * 1024
"""The most output of a running job that Redis carries."""

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


class Page(Record):
    """A part of a stored output: its first and last line's number (1 is the first), ``total_lines`` in all.

    ``matched`` counts the lines that the pattern fits; ``older`` and ``newer`` tell whether there is more.
    ``other_bytes`` is how much the job's other output holds.
    """

    stream: Literal["stdout", "stderr"]
    first: int = 0
    last: int = 0
    total_lines: int = 0
    total_bytes: int = 0
    matched: int = 0
    older: bool = False
    newer: bool = False
    other_bytes: int = 0


class Result(Record):
    """How a job ended. ``reason`` is a ``handlers.faults.Reason`` or "" when it did not fail.

    ``hint`` says what to do next. ``began_at`` and ``ended_at`` are epoch seconds on the worker.
    ``head`` is the first 4 KiB of stdout where the tail does not hold it. ``kept`` says whether the
    worker has the whole output on its disk, so that it can be uploaded or read again. ``page`` says which
    part of another job's output stdout is.
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
    page: Page | None = None
    began_at: float
    ended_at: float


class Progress(Record):
    """What a running job shows: the end of what it printed, redacted, at most LIVE_BYTES of UTF-8.

    Only the newest is kept, beside the queue. ``skipped`` lines were in none of them; with a ``pattern``
    the tail holds only the ``matched`` lines, and ``note`` says what became of a pattern that did not
    work. ``layers`` of a pull or push are counted with ``bytes`` (0 where not known) and
    ``per_second`` bytes. Times are epoch seconds on the worker.
    """

    job_id: str
    tail: str = ""
    total_lines: int = 0
    total_bytes: int = 0
    skipped: int = 0
    pattern: str = ""
    matched: int = 0
    note: str = ""
    layers: int = 0
    layers_done: int = 0
    bytes: int = 0
    bytes_done: int = 0
    per_second: float = 0.0
    began_at: float
    at: float


class Progressed(Record):
    """There is a newer Progress of the job to read."""

    kind: Literal["progressed"] = "progressed"
    job_id: str
    worker: str


class Began(Record):
    """A worker has claimed the job and starts it."""

    kind: Literal["began"] = "began"
    job_id: str
    worker: str
    at: float


class Waits(Record):
    """The job waits, without a slot, until ``behind`` is over: a job that changes the same object."""

    kind: Literal["waits"] = "waits"
    job_id: str
    worker: str
    behind: str
    at: float


class Late(Record):
    """The job came too late to be run as it was decided; nothing was run. ``ticket`` is its ticket's JSON."""

    kind: Literal["late"] = "late"
    job_id: str
    worker: str
    ticket: str
    at: float


class Expired(Record):
    """Nobody took the job in time, and its host's worker is silent; nothing was run."""

    kind: Literal["expired"] = "expired"
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

    ``job_id`` is the job whose stored output is sent, ``stream`` which one, ``length`` how many bytes of it
    (0 for all). ``asked_by`` is the job that asked for it, "" for itself.
    """

    job_id: str
    upload_id: str
    stream: Literal["stdout", "stderr"] = "stdout"
    length: int = 0
    asked_by: str = ""


class ShowOrder(Record):
    """What the fields of a ``docktalk show`` ticket say: which part of ``job_id``'s stored output to read.

    ``lines`` lines at most that fit ``pattern`` ("" for all), with ``before`` and ``after`` more lines
    around each: the last ones below line ``below``, or the first ones above line ``above``, or (both 0)
    the last of all. ``whole`` is the bot's own note: the whole follows as a file.
    """

    job_id: str
    stream: Literal["stdout", "stderr"] = "stdout"
    pattern: str = ""
    before: int = 0
    after: int = 0
    lines: int = 50
    below: int = 0
    above: int = 0
    whole: bool = False


class NarrowOrder(Record):
    """What the fields of a ``docktalk narrow`` ticket say: which lines ``job_id`` shows while it runs."""

    job_id: str
    pattern: str = ""


class Seen(Record):
    """One object of a host's inventory: a hint, believed by nobody.

    ``state`` is a container's state, or a driver. A container's environment is never in it.
    """

    id: str
    names: tuple[str, ...] = ()
    image: str = ""
    state: str = ""
    labels: dict[str, str] = Field(default_factory=dict)


INVENTORY_KINDS = (Kind.CONTAINER, Kind.IMAGE, Kind.NETWORK, Kind.VOLUME)

UPLOAD = "docktalk upload"
"""The path of the command, ordered by the bot alone, that sends a stored output."""
SHOW = "docktalk show"
"""The same for reading a part of one."""
NARROW = "docktalk narrow"
"""The same for what a running job shows."""


Event = Annotated[
    Began | Waits | Progressed | Ended | Refused | Late | Expired | Uploaded, Field(discriminator="kind")
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
