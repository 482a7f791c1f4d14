"""What the audit keeps: one Entry for everything that was asked, decided, begun, ended or changed.

Entries name and count things; they never hold a secret or an output. The line in them is masked like
the one people see. How entries become a chain stands in :mod:`permissions.audit_chain`.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from permissions.approval import Bound, Terms
from permissions.model import Record
from permissions.operation import Operation, Principal
from permissions.ticket import Effect

MAX_LINE = 2_000
"""The most characters of a line that are kept."""


class Place(Record):
    """Where somebody asked; ``thread_ts`` is "" outside threads."""

    origin: str
    delivery_id: str
    channel_id: str
    thread_ts: str = ""


class TicketNote(Record):
    """A ticket without its contents: ``claims`` is the SHA-256 (hex) of the text that was signed."""

    nonce: str
    claims: str
    key_id: str
    not_after: float
    deadline: float


class Accepted(Record):
    """A line became a job. ``mode`` tells a run from a look at what would be done.

    ``rule`` allowed it, ``policy`` is the SHA-256 of the policy that holds the rule. ``sealed`` maps a
    secret option's field to the keyed digest of its value. ``approved_by`` are the users who agreed to it.
    """

    kind: Literal["accepted"] = "accepted"
    job_id: str
    who: Principal
    place: Place
    line: str
    operation: Operation
    effect: Effect
    mode: str
    rule: str
    policy: str
    ticket: TicketNote
    sealed: dict[str, str] = Field(default_factory=dict)
    unmasked: bool = False
    notes: tuple[str, ...] = ()
    approved_by: tuple[str, ...] = ()


class Refused(Record):
    """Nothing was run. ``operation`` is None when the line was not understood.

    ``rule`` is "" where no rule refused it, ``reason`` from the closed list of faults.
    """

    kind: Literal["refused"] = "refused"
    who: Principal
    place: Place
    program: str
    line: str
    operation: Operation | None = None
    reason: str
    rule: str = ""
    policy: str
    exit_code: int


class Answered(Record):
    """The bot itself answered: help, lists, this audit. ``operation`` and ``rule`` if a rule allowed it."""

    kind: Literal["answered"] = "answered"
    who: Principal
    place: Place
    program: str
    line: str
    operation: Operation | None = None
    rule: str = ""
    policy: str


class ApprovalAsked(Record):
    """A line waits until people agree, on ``terms``; fields as in :class:`Accepted`.

    With ``times`` above 1 their yes is to be good for so many runs within so many seconds.
    """

    kind: Literal["approval_asked"] = "approval_asked"
    job_id: str
    who: Principal
    place: Place
    line: str
    operation: Operation
    rule: str
    policy: str
    terms: Terms
    reason: str = ""
    sealed: dict[str, str] = Field(default_factory=dict)
    times: int = 1
    within: float = 0.0


class ApprovalChanged(Record):
    """A vote, a look at its targets, or the end of an approval.

    ``who`` is None where the clock or a worker's look made it so, ``approves`` None where nobody voted.
    ``bound`` is what was looked at: ids and digests. ``told`` are the users who were asked by themselves.
    """

    kind: Literal["approval_changed"] = "approval_changed"
    job_id: str
    revision: int
    state: str
    who: Principal | None = None
    approves: bool | None = None
    reason: str = ""
    bound: tuple[Bound, ...] = ()
    told: tuple[str, ...] = ()


class InForceChanged(Record):
    """A lock, a lent role, an incident or the like, which lasts until it is ended, began, changed or ended.

    ``what`` is its kind and ``change`` what happened to it, a word each. ``who`` is None for the clock, and
    ``of`` the id of the user it is for or belongs to. ``about`` says in words what it covers; ``until`` is
    epoch seconds, 0 where no end is set. ``channel_id`` and ``thread_ts`` are where it happened.
    """

    kind: Literal["in_force"] = "in_force"
    what: str
    id: str
    change: str
    who: Principal | None = None
    of: str = ""
    about: str = ""
    reason: str = ""
    until: float = 0.0
    incident: str = ""
    channel_id: str = ""
    thread_ts: str = ""


class DecidedAgain(Record):
    """A job waited too long and was decided anew: ``rule`` of ``policy`` allowed it, under a new ticket."""

    kind: Literal["decided_again"] = "decided_again"
    job_id: str
    operation: Operation
    rule: str
    policy: str
    ticket: TicketNote


class Ordered(Record):
    """The bot ordered a job of its own for an earlier one, ``for_job``: to upload its output, for example."""

    kind: Literal["ordered"] = "ordered"
    job_id: str
    command: str
    for_job: str
    host: str
    ticket: TicketNote


class Said(Record):
    """What a worker says of a job, or the bot in its place."""

    kind: str
    job_id: str
    worker: str


class Started(Said):
    """The job starts; ``began_at`` is the worker's clock."""

    kind: Literal["started"] = "started"
    began_at: float


class Ended(Said):
    """How the job ended. Sizes are in bytes."""

    kind: Literal["ended"] = "ended"
    exit_code: int
    reason: str
    began_at: float
    ended_at: float
    stdout_bytes: int
    stderr_bytes: int


class NotRun(Said):
    """Nothing was run: ``refusal`` is a TicketRefusal of the worker, ``late``, ``held`` or ``expired``."""

    kind: Literal["not_run"] = "not_run"
    refusal: str


class Uploaded(Said):
    """Whether an output of the job went to Slack."""

    kind: Literal["uploaded"] = "uploaded"
    upload_id: str
    ok: bool


class PolicyInForce(Record):
    """A policy came into force; ``old`` is "" at the start of a bot. Both are SHA-256, in hex."""

    kind: Literal["policy"] = "policy"
    file: str
    old: str
    new: str


class PolicyRefused(Record):
    """A changed policy file was refused; ``in_force`` stays."""

    kind: Literal["policy_refused"] = "policy_refused"
    file: str
    in_force: str
    mistakes: int


class Stopped(Record):
    """The bot that wrote the entries of this source ended in good order."""

    kind: Literal["stopped"] = "stopped"


class Seen(Record):
    """Which numbers of a source were chained: all up to ``high`` but those ``missing`` or ``void``."""

    high: int = 0
    missing: tuple[int, ...] = ()
    void: tuple[int, ...] = ()


class Opened(Record):
    """The first record of a segment. ``checkpoint`` is the number of the last one before it."""

    kind: Literal["opened"] = "opened"
    segment: int
    checkpoint: int
    sources: dict[str, Seen] = Field(default_factory=dict)


class Resumed(Record):
    """The folder did not hold the last record that this installation had chained: ``seq`` and ``hash``."""

    kind: Literal["resumed"] = "resumed"
    seq: int
    hash: str


class IntakeRefused(Record):
    """Entries of the intake that no bot had written as they were; ``sha256`` is that of the first."""

    kind: Literal["intake_refused"] = "intake_refused"
    entries: int
    first: str
    sha256: str


Event = Started | Ended | NotRun | Uploaded
"""What comes of workers' events. An event can arrive twice and is chained once."""

What = Annotated[
    Accepted
    | Refused
    | Answered
    | ApprovalAsked
    | ApprovalChanged
    | InForceChanged
    | DecidedAgain
    | Ordered
    | Started
    | Ended
    | NotRun
    | Uploaded
    | PolicyInForce
    | PolicyRefused
    | Stopped
    | Opened
    | Resumed
    | IntakeRefused,
    Field(discriminator="kind"),
]


class Entry(Record):
    """What one bot process says, in the order in which it said it.

    ``source`` is the process, ``number`` counts its entries from 1, so that a missing one shows.
    ``void`` are numbers whose entry was given up, for want of an answer of the store for example.
    ``at`` is epoch seconds. The chain's own entries have the source "chain" and the number 0.
    """

    source: str
    number: int
    at: float
    void: tuple[int, ...] = ()
    what: What


ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)

CHAIN = "chain"
"""The source of what the chain says of itself."""
