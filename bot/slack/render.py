"""A job as Slack shows it: the parent message with its state, the output in the thread.

Pure functions from the signed record and the worker's result to messages.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

from bot.jobs.wire import Cells, Result
from bot.slack import excerpt
from bot.slack.blocks import (
    Block,
    Message,
    button,
    clean,
    code,
    context,
    cut,
    emoji,
    line,
    message,
    moment,
    preformatted,
    prose,
    section,
    table,
    user,
    words,
)
from bot.slack.excerpt import Excerpt
from bot.slack.replies import CORRECTION
from bot.store.outbox import Stream
from bot.store.records import RequestRecord
from handlers.faults import Reason
from permissions.model import Record
from permissions.ticket import TicketRefusal

SHOWN_CHARS = 500
"""The most of a command line that is shown."""
QUESTION_CHARS = 1_000
"""The most of a question that is shown: the CLI's are far shorter."""
SHORT_CHARS = 120
"""An output of one line this short stands in the parent, where a phone shows it without opening a thread."""
STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
STDOUT_CHARS, STDERR_CHARS = 6_000, 2_500


class Revision(IntEnum):
    """The revisions of a parent message, in order; a later one is never overwritten by an earlier."""

    WAITING = 1
    RUNNING = 2
    ENDED = 3


class State(Enum):
    """A job's state: its word and its emoji, so that neither colour nor picture stands alone."""

    WAITING = ("Waiting", "hourglass")
    RUNNING = ("Running", "hourglass_flowing_sand")
    DONE = ("Done", "white_check_mark")
    FAILED = ("Failed", "x")
    REFUSED = ("Refused", "no_entry")
    ASKING = ("Asking", "question")
    TIMED_OUT = ("Timed out", "alarm_clock")
    CANCELLED = ("Cancelled", "octagonal_sign")
    OUTCOME_UNKNOWN = ("Outcome unknown", "grey_question")

    @property
    def word(self) -> str:
        """What people read and hear."""
        return self.value[0]

    @property
    def emoji(self) -> str:
        """The emoji's name."""
        return self.value[1]


_STATES = {
    Reason.TIMED_OUT: State.TIMED_OUT,
    Reason.CANCELLED: State.CANCELLED,
    Reason.OUTCOME_UNKNOWN: State.OUTCOME_UNKNOWN,
    Reason.TICKET_REFUSED: State.REFUSED,
    Reason.DENIED: State.REFUSED,
}

_NOT_RUN = {
    TicketRefusal.TOO_LATE: "It waited too long for a free worker. Nothing was run; send it again.",
    TicketRefusal.NOT_YET: "The worker's clock is behind. Nothing was run; tell the operator.",
}


class Ending(Record):
    """How a job ended, for people: the parent, the replies in its thread, the outputs to attach whole."""

    parent: Message
    replies: tuple[Message, ...] = ()
    attach: tuple[Stream, ...] = ()


def waiting(record: RequestRecord) -> Message:
    """The parent while no worker has begun."""
    return _parent(record, State.WAITING, Revision.WAITING, [words(" for a worker")], "")


def running(record: RequestRecord, began_at: float) -> Message:
    """The parent while the job runs. ``began_at`` is epoch seconds."""
    return _parent(record, State.RUNNING, Revision.RUNNING, [words(" · since "), moment(began_at)], "")


def refused(record: RequestRecord, refusal: str) -> Message:
    """The parent of a job whose ticket the worker did not take."""
    sentence = _NOT_RUN.get(
        TicketRefusal(refusal) if refusal in set(TicketRefusal) else TicketRefusal.MALFORMED,
        "The worker did not accept the job's ticket. Nothing was run; tell the operator.",
    )
    return _parent(record, State.REFUSED, Revision.ENDED, [words(f"\n{sentence}")], f". {sentence}")


def ended(record: RequestRecord, result: Result) -> Ending:
    """Everything a finished job shows."""
    state = _state(result)
    if record.question and state is State.DONE:
        return _asking(record, result)
    lasted = _seconds(result.ended_at - result.began_at)
    short = _short(result)
    elements = [words(f" · exit {result.exit_code} · {lasted}")]
    if short:
        elements += [words(" · "), code(short)]
    elif short is not None:
        elements += [words(f" · {_nothing(result)}")]
    if result.hint:
        elements += [words("\n"), *prose(result.hint, 500)]
    spoken = f", exit {result.exit_code} in {lasted}" + (f": {short}" if short else "")
    parent = _parent(record, state, Revision.ENDED, elements, spoken)
    if short is not None:
        return Ending(parent=parent)
    reply, attach = _output(record, result)
    return Ending(parent=parent, replies=(reply,), attach=attach)


def _asking(record: RequestRecord, result: Result) -> Ending:
    """The question, over what would go; nothing has been changed."""
    question = cut(clean(record.question).strip(), QUESTION_CHARS)
    part = _stdout(record, result)
    blocks = [
        section(user(record.user_id), words(" asked for "), code(cut(line(record.shown), SHOWN_CHARS))),
        section(
            emoji(State.ASKING.emoji),
            words(f" {State.ASKING.word}", bold=True),
            words(" on "),
            code(record.host),
            words(f"\n{question}"),
        ),
        *([part.block] if part else [section(words("Nothing would go now."))]),
        button(
            "Yes, go on",
            action_id=CORRECTION,
            value=record.confirmation_id,
            spoken=f"Yes, run {cut(line(record.shown), 60)}",
            danger=True,
        ),
        context(
            record.job_id,
            part.note if part else "",
            "nothing was changed · only the asker can say yes, for ten minutes",
            *record.notes,
        ),
    ]
    text = f"{State.ASKING.word}: {cut(line(record.shown), 200)} on {record.host}. {line(question)}"
    parent = message(f"{record.job_id}.{Revision.ENDED}", text, blocks)
    return Ending(parent=parent, attach=("stdout",) if part and part.cut and result.kept else ())


def not_attached(job_id: str, error: str) -> Message:
    """The reply that stands where the file should have been."""
    text = f"The full output could not be attached: {cut(line(error), 200) or 'no reason given'}."
    return message(f"{job_id}.file", text, [section(words(text)), context(job_id)])


def filename(record: RequestRecord, stream: Stream) -> str:
    """The name of the file that holds one of a job's whole outputs."""
    kind = ".stderr" if stream == "stderr" else ""
    return f"docker-{'-'.join(record.command.split())}-{record.job_id}{kind}.txt"


def moved(shown: Message, channel_id: str) -> Message:
    """A message as the asker gets it directly, when the channel cannot be written to."""
    where = {"type": "channel", "channel_id": channel_id}
    note = section(words("I cannot post in "), where, words(". Invite me there with /invite."))
    return Message(text=shown.text, blocks=(*shown.blocks, note))


def _parent(
    record: RequestRecord, state: State, revision: Revision, rest: list[Block], spoken: str
) -> Message:
    shown = cut(line(record.shown), SHOWN_CHARS)
    if not shown.startswith("docker "):
        shown = f"docker {shown}"
    return message(
        f"{record.job_id}.{revision}",
        f"{state.word}: {cut(shown, 200)} on {record.host}{spoken}",
        [
            section(user(record.user_id), words(" ran "), code(shown)),
            section(
                emoji(state.emoji),
                words(f" {state.word}", bold=True),
                words(" on "),
                code(record.host),
                *rest,
            ),
            context(record.job_id, *record.notes),
        ],
    )


def _state(result: Result) -> State:
    if result.reason in _STATES:
        return _STATES[Reason(result.reason)]
    return State.DONE if result.exit_code == 0 and not result.reason else State.FAILED


def _seconds(duration: float) -> str:
    duration = max(duration, 0.0)
    if duration < 0.1:
        return f"{duration * 1000:.0f} ms"
    if duration < 60:
        return f"{duration:.1f} s"
    minutes, seconds = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _nothing(result: Result) -> str:
    return "no rows" if result.table else "no output"


def _short(result: Result) -> str | None:
    """The whole output if it fits the parent: one short line or "" for none; None if it does not."""
    if result.stdout.cut or result.stderr.cut:
        return None
    if result.table is not None and not result.stderr.text.strip():
        return "" if result.table.total == 0 else None
    text = clean(result.stdout.text + result.stderr.text).strip()
    return text if "\n" not in text and len(text) <= SHORT_CHARS else None


@dataclass(frozen=True, slots=True)
class _Part:
    """One output as it is shown: its block, how much of it that is, and what a screen reader says."""

    stream: Stream
    block: Block
    note: str
    cut: bool
    spoken: str
    told: str


def _output(record: RequestRecord, result: Result) -> tuple[Message, tuple[Stream, ...]]:
    # Failures first: they are what somebody on call looks for.
    parts = [part for part in (_stderr(result), _stdout(record, result)) if part]
    parts = parts or [_lines("stdout", _excerpt(record, result))]
    blocks: list[Block] = []
    for part in parts:
        if part.stream == "stderr" or len(parts) > 1:
            blocks.append(section(words(part.stream, bold=True)))
        blocks.append(part.block)
    attach = tuple(part.stream for part in parts if part.cut)
    rest = ""
    if attach:
        whole = (
            "follows as a file in this thread" if result.kept else "was not kept: the worker's disk is full"
        )
        rest = f"the whole {whole}"
    blocks.append(context(record.job_id, *(part.note for part in parts), rest))
    text = f"{parts[-1].spoken} of docker {record.command} on {record.host}: {parts[0].told}"
    return message(f"{record.job_id}.out", text, blocks), attach if result.kept else ()


def _stderr(result: Result) -> _Part | None:
    if not result.stderr.text.strip():
        return None
    return _lines("stderr", excerpt.tail(result.stderr.text, result.stderr.total_lines, STDERR_CHARS))


def _stdout(record: RequestRecord, result: Result) -> _Part | None:
    if result.table is not None and result.table.header and result.table.rows:
        cells = excerpt.cells(result.table)
        rows = _rows(cells, result.table)
        first = next(iter(cells.rows[1:]), ())
        return _Part("stdout", table(cells.rows), rows, cells.cut, f"Listed {rows}", " ".join(first))
    return _lines("stdout", _excerpt(record, result)) if result.stdout.text.strip() else None


def _lines(stream: Stream, part: Excerpt) -> _Part:
    lines = part.text.split("\n")
    return _Part(
        stream,
        preformatted(part.text),
        _note(part, "of stderr" if stream == "stderr" else ""),
        part.cut,
        f"Printed {_count(part.total, 'line')}",
        lines[-1 if part.end == "last" else 0],
    )


def _excerpt(record: RequestRecord, result: Result) -> Excerpt:
    # Of a log the end matters, of everything else the beginning.
    if record.command.endswith("logs") or (result.stdout.cut and not result.head):
        return excerpt.tail(result.stdout.text, result.stdout.total_lines, STDOUT_CHARS)
    return excerpt.head(result.head or result.stdout.text, result.stdout.total_lines, STDOUT_CHARS)


def _note(part: Excerpt, what: str) -> str:
    if not part.cut:
        return ""
    if part.total <= 1:
        return f"{part.end} {len(part.text):,} characters {what}".rstrip()
    return f"{part.end} {part.lines:,} of {part.total:,} lines {what}".rstrip()


def _rows(cells: "excerpt.Grid", whole: Cells) -> str:
    shown = len(cells.rows) - 1
    rows = _count(shown, "row") if shown == whole.total else f"{shown:,} of {whole.total:,} rows"
    if len(cells.rows[0]) < len(whole.header):
        return f"{rows}, {len(cells.rows[0])} of {len(whole.header)} columns"
    return rows


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
