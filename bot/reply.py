"""What the pipeline answers at once: a job was accepted, or something to tell the asker alone."""

from typing import Literal

from bot.store.approvals import Asked
from permissions.approval import Voter
from permissions.model import Record


class Accepted(Record):
    """The line is a job now.

    ``duplicate``: a redelivery found the job that was already there. ``question``: the job only looks what
    would go, and its end asks this. ``waits``: people have to agree first. ``warnings`` are what the CLI says
    of deprecated spellings.
    """

    job_id: str
    duplicate: bool = False
    question: str = ""
    waits: bool = False
    warnings: tuple[str, ...] = ()


class Help(Record):
    """Text the asker wanted: help, a list of what they may run. ``exit_code`` as the CLI's.

    ``warnings`` are what the CLI says of deprecated spellings; ``unasked``: it shows the text on stderr.
    """

    text: str
    exit_code: int = 0
    warnings: tuple[str, ...] = ()
    unasked: bool = False


class Told(Help):
    """It is done as asked. After a click the job's own message shows it, and the text is not needed."""


class Found(Help):
    """Where a job's message is: ``link``, "" where there is none yet. ``text`` says who asked for what."""

    link: str = ""


class CanDecide(Help):
    """Who could approve something at this moment; ``text`` says the same in short.

    ``users`` are ids, the first ``on_call`` of them on call; ``more`` are not listed, and with ``unsure``
    somebody could not be looked at. ``askable``: some of them were not asked by themselves yet; ``new`` just
    were. ``voters`` are those who have voted, as they are now. ``next_at`` (epoch seconds) is when more
    people can decide, ``contact`` the policy's.
    """

    asked: Asked
    voters: dict[str, Voter]
    users: tuple[str, ...]
    on_call: int
    more: int
    unsure: bool
    askable: bool
    new: tuple[str, ...] = ()
    next_at: float | None
    contact: str


class JobRow(Record):
    """One job that runs, waits or is held, or waits for people. ``since`` is epoch seconds."""

    job_id: str
    state: Literal["running", "waiting", "held", "to be approved"]
    user_id: str
    user_name: str
    shown: str
    host: str
    since: float
    may_cancel: bool


class JobRows(Help):
    """The jobs that the asker may see; ``more`` are not listed. ``text`` says the same."""

    rows: tuple[JobRow, ...] = ()
    more: int = 0


class Refusal(Record):
    """Nothing was run, and why.

    ``reason`` is a ``handlers.faults.Reason``. ``line`` is the line with secrets masked and ``span`` the
    (start, end) of the bad part in it, for the caret. ``correction_id`` is the opaque id behind the
    "run the corrected line" button and ``suggestion`` that line, masked; both "" when there is none.
    ``rule`` names the policy rule, ``ahead`` the job that does the same already.
    ``usage`` is the command's usage, ``exit_code`` the CLI's, ``warnings`` as in :class:`Accepted`.
    """

    reason: str
    message: str
    hint: str = ""
    line: str = ""
    span: tuple[int, int] | None = None
    suggestion: str = ""
    correction_id: str = ""
    rule: str = ""
    ahead: str = ""
    usage: str = ""
    exit_code: int = 1
    warnings: tuple[str, ...] = ()


class Unconfirmed(Refusal):
    """A change whose host or object its thread gave: nothing was run until its asker says yes by a click.

    ``suggestion`` is the whole line, masked, behind ``correction_id``. ``objects`` are the names it is about,
    ``set_by`` is the id of who gave the thread its target.
    """

    host: str
    objects: tuple[str, ...]
    set_by: str


class PasswordNeeded(Record):
    """A login whose password is to be asked for in a form.

    ``correction_id`` is the opaque id behind which the line is kept; ``username`` is "" when it is to be
    asked for too.
    """

    server: str
    username: str
    correction_id: str


Reply = Accepted | Help | Refusal | PasswordNeeded
