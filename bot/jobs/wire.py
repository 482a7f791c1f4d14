"""The messages between bot and worker, as frozen models; Redis holds their JSON and nothing looser."""

import hashlib
import hmac
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter

from permissions.approval import Bound, Terms
from permissions.model import Record
from permissions.ticket import CommandWire
from permissions.verbs import Kind

TAIL_BYTES = 64 * 1024
"""The most output that Redis carries, per job and stream kind together."""

LIVE_BYTES = 4 * 1024
"""The most output of a running job that Redis carries."""

CELLS = 2_000
"""The most table cells a result carries; more stay in the text."""


_PROBED = b"docktalk probed"


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


CANCELLED = "The job was cancelled."
"""All there is to say of a job that somebody stopped while it ran."""


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
    """The job waits, without a slot, until ``behind`` is over: the last before it that changes the same.

    ``number`` counts these events of a job: the highest is the newest.
    """

    kind: Literal["waits"] = "waits"
    job_id: str
    worker: str
    behind: str
    number: int = 1
    at: float


class Late(Record):
    """The job came too late to be run as it was decided; nothing was run. ``ticket`` is its ticket's JSON."""

    kind: Literal["late"] = "late"
    job_id: str
    worker: str
    ticket: str
    at: float


class Held(Record):
    """The job has to wait for the end of a lock or a freeze, whose id or name is given; nothing was run.

    ``ticket`` is its ticket's JSON. The bot knows locks and freezes itself: their words are not the worker's.
    """

    kind: Literal["held"] = "held"
    job_id: str
    worker: str
    ticket: str
    lock: str = ""
    freeze: str = ""
    at: float


class Expired(Record):
    """Nobody took the job in time, and its host's worker is silent; nothing was run."""

    kind: Literal["expired"] = "expired"
    job_id: str
    worker: str
    at: float


class Ended(Record):
    """The job is over. ``ticket`` is the JSON of a change's ticket whose outcome may have to be looked at."""

    kind: Literal["ended"] = "ended"
    job_id: str
    worker: str
    result: Result
    ticket: str = ""


class Checked(Record):
    """What was seen of a change's objects at ``at``: ``reason`` as a Result's, ``text`` a line for each."""

    kind: Literal["checked"] = "checked"
    job_id: str
    worker: str
    reason: str = ""
    text: str
    at: float


class Target(Record):
    """One object that a change would touch, as it is now; for people beside what is bound.

    ``state`` is a container's state in words with how long ("Up 3 hours (healthy)"), ``peers`` the containers
    that share its networks, ``log`` its last lines, redacted. ``exit_code`` is that of its last end.
    """

    bound: Bound
    state: str = ""
    image: str = ""
    restarts: int = 0
    exit_code: int | None = None
    ports: str = ""
    peers: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


class Probed(Record):
    """What a job that waits for an approval would do: to which objects, by which calls of the engine.

    ``terms`` are what the policy asks for on what the targets are now, None for nothing, and ``rule`` the
    rule that says so; ``excepted`` are the freezes, by name, that those terms let it pass. ``reason`` and
    ``message`` say why it may not be done at all. ``mac`` is made with the
    key that the order to look brought, sealed: people decide by what this says.
    """

    kind: Literal["probed"] = "probed"
    job_id: str
    worker: str
    targets: tuple[Target, ...] = ()
    calls: tuple[str, ...] = ()
    terms: Terms | None = None
    rule: str = ""
    excepted: tuple[str, ...] = ()
    reason: str = ""
    message: str = ""
    at: float
    mac: str = ""

    def signed(self, key: str) -> Self:
        """The same with its ``mac``; ``key`` is hexadecimal."""
        return self.model_copy(update={"mac": self._mac(key)})

    def is_from(self, key: str) -> bool:
        """Whether the holder of the key said exactly this."""
        return hmac.compare_digest(self._mac(key).encode(), self.mac.encode())

    def _mac(self, key: str) -> str:
        text = self.model_copy(update={"mac": ""}).model_dump_json()
        return hashlib.blake2b(text.encode(), key=bytes.fromhex(key), person=_PROBED).hexdigest()


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


class CheckOrder(Record):
    """What the fields of a ``docktalk check`` ticket say: whose objects to look at once more.

    ``nonce`` is the one of ``job_id``'s ticket, ``since`` when it was decided (epoch seconds), ``command``
    what it ordered, without the values of secret options; ``agreed`` are the objects that people agreed a
    prune may remove.
    """

    job_id: str
    nonce: str
    since: float
    command: CommandWire
    agreed: tuple[Bound, ...] = ()


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
CHECK = "docktalk check"
"""The same for what became of a change."""


Event = Annotated[
    Began | Waits | Progressed | Ended | Checked | Refused | Late | Held | Expired | Uploaded | Probed,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
