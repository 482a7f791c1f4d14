"""A job as Slack shows it: the parent message with its state, the output in the thread.

Pure functions from the signed record and the worker's result to messages.
"""

from dataclasses import dataclass

from bot.did_you_mean import Meant
from bot.jobs.wire import CANCELLED, Cells, Result, Tail
from bot.slack import doubt, excerpt
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
    preformatted,
    prose,
    section,
    table,
    user,
    words,
)
from bot.slack.excerpt import Excerpt
from bot.slack.parent import SHOWN_CHARS, Revision, State, count, lasting, parent_of, tag
from bot.slack.replies import CORRECTION, JOB_STOP, MEANT
from bot.store.displays import Doubt
from bot.store.outbox import Stream
from bot.store.records import RequestRecord
from handlers.faults import Fault, Reason
from permissions.holds import Hold
from permissions.model import Record
from permissions.ticket import TicketRefusal

QUESTION_CHARS = 1_000
"""The most of a question that is shown: the CLI's are far shorter."""
SHORT_CHARS = 120
"""An output of one line this short stands in the parent, where a phone shows it without opening a thread."""
STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
STDOUT_CHARS, STDERR_CHARS = 6_000, 2_500


_STATES = {
    Reason.TIMED_OUT: State.TIMED_OUT,
    Reason.LIMIT: State.LIMIT,
    Reason.CANCELLED: State.CANCELLED,
    Reason.OUTCOME_UNKNOWN: State.OUTCOME_UNKNOWN,
    Reason.NOT_DONE: State.NOT_DONE,
    Reason.MOVED: State.NOT_RUN,
    Reason.TICKET_REFUSED: State.REFUSED,
    Reason.DENIED: State.REFUSED,
}

_FROM_OUTSIDE = {
    State.TIMED_OUT: 500,
    State.LIMIT: 500,
    State.CANCELLED: 500,
    State.NOT_RUN: 1_000,
    State.NOT_DONE: doubt.SEEN_CHARS,
    State.OUTCOME_UNKNOWN: doubt.SEEN_CHARS,
}
"""The most bytes of the sentences that say why a job was ended or what was seen; more is output."""
_SEEN = {State.NOT_DONE, State.NOT_RUN, State.OUTCOME_UNKNOWN}

_NOT_RUN = {
    TicketRefusal.TOO_LATE: "It waited too long for a free worker. Nothing was run; send it again.",
    TicketRefusal.NOT_YET: "The worker's clock is behind. Nothing was run; tell the operator.",
    TicketRefusal.POLICY_STALE: "The policy changed before this could start. Nothing was run; send it again.",
    TicketRefusal.ASKER_STALE: "It waited too long to know you still. Nothing was run; send it again.",
    TicketRefusal.POLICY_UNKNOWN: (
        "The worker could not get the policy that this was decided by. Nothing was run; send it again."
    ),
}


class Ending(Record):
    """How a job ended, for people: the parent, the replies in its thread, the outputs to attach whole."""

    parent: Message
    replies: tuple[Message, ...] = ()
    attach: tuple[Stream, ...] = ()


def waiting(record: RequestRecord) -> Message:
    """The parent while no worker has begun."""
    return parent_of(record, State.WAITING, Revision.WAITING, [words(" for a worker")], "")


def behind(record: RequestRecord, job_id: str, ahead: RequestRecord | None, revision: int) -> Message:
    """The parent while ``job_id``, whose record is ``ahead``, changes the same object, or waits to."""
    whose = [user(ahead.user_id), words(f"'s {ahead.command.split()[-1]}, ")] if ahead else []
    rest = [words(" after "), *whose, words(job_id)]
    return parent_of(record, State.WAITING, revision, rest, f" after {job_id}")


def held(record: RequestRecord, hold: Hold, revision: int) -> Message:
    """The parent while a lock or a freeze holds the job, with a way to take it back."""
    sentence = f"{cut(line(hold.sentence), 500)}. It runs when that is over."
    take_back = button(
        "Take back", action_id=JOB_STOP, value=f"cancel {record.job_id}", spoken=f"Take back {record.job_id}"
    )
    rest = [words("\n"), *prose(sentence, 600)]
    return parent_of(record, State.HELD, revision, rest, f". {sentence}", below=(take_back,))


def freed(record: RequestRecord, revision: int) -> Message:
    """The parent once nothing holds the job any more."""
    return parent_of(record, State.WAITING, revision, [words(" for a worker: nothing holds it now")], "")


def still_wanted(record: RequestRecord, waited: float, yes: str, revision: int = Revision.ASKED) -> Message:
    """The question that stands before a job which waited so many seconds; ``yes`` is the id behind it."""
    sentence = f"It waited {lasting(waited)}, so nothing was run yet. Is it still wanted?"
    asking = parent_of(record, State.ASKING, revision, [words(f"\n{sentence}")], f". {sentence}")
    spoken = f"Yes, run {cut(line(record.shown), 60)}"
    ask = button("Still wanted", action_id=CORRECTION, value=yes, spoken=spoken)
    note = context("only the asker can say yes, for ten minutes")
    return asking.model_copy(update={"blocks": (*asking.blocks, ask, note)})


def expired(record: RequestRecord) -> Message:
    """The parent of a job that nobody took."""
    sentence = f"Nobody took it: the worker of {record.host} is silent. Nothing was run."
    return parent_of(record, State.REFUSED, Revision.ENDED, [words(f"\n{sentence}")], f". {sentence}")


def not_again(record: RequestRecord, fault: Fault) -> Message:
    """The parent of a job that was decided anew, and may not run any more."""
    sentence = " ".join(part for part in (fault.message, "Nothing was run.", fault.hint) if part)
    sentence = sentence.replace("Nothing was run. Nothing was run.", "Nothing was run.")
    rest = [words("\n"), *prose(sentence, 600)]
    return parent_of(record, State.REFUSED, Revision.ENDED, rest, f". {sentence}")


def refused(record: RequestRecord, refusal: str) -> Message:
    """The parent of a job whose ticket the worker did not take."""
    sentence = _NOT_RUN.get(
        TicketRefusal(refusal) if refusal in set(TicketRefusal) else TicketRefusal.MALFORMED,
        "The worker did not accept the job's ticket. Nothing was run; tell the operator.",
    )
    return parent_of(record, State.REFUSED, Revision.ENDED, [words(f"\n{sentence}")], f". {sentence}")


def ended(
    record: RequestRecord,
    result: Result,
    stopped_by: str = "",
    meant: Meant | None = None,
    unsure: Doubt | None = None,
) -> Ending:
    """Everything a finished job shows.

    ``stopped_by`` is the account that stopped it, "" for nobody; ``meant`` what its asker may have meant;
    ``unsure`` what can be done about an outcome that is not sure.
    """
    state = _state(result)
    if record.question and state is State.DONE:
        return _asking(record, result)
    sentence = ""
    if result.stderr.total_bytes <= _FROM_OUTSIDE.get(state, -1):
        # Not the command's own words: they stand where its state does.
        sentence = result.stderr.text.strip()
        result = result.model_copy(update={"stderr": Tail()})
    lasted = lasting(result.ended_at - result.began_at)
    short = _short(result)
    # What was taken back before it began has not lasted, and has no output.
    ran = result.ended_at > result.began_at
    elements = [words(f" · exit {result.exit_code}" + (f" · {lasted}" if ran else ""))]
    if state is State.CANCELLED and stopped_by:
        elements = [words(" by "), user(stopped_by), *elements]
    if short:
        elements += [words(" · "), code(short)]
    elif short is not None and ran and state not in _SEEN:
        elements += [words(f" · {_nothing(result)}")]
    # Who stopped it says the same, and says it better.
    if sentence and not (stopped_by and sentence == CANCELLED):
        elements += [words("\n"), *prose(sentence, _FROM_OUTSIDE[state])]
    if result.hint:
        elements += [words("\n"), *prose(result.hint, 500)]
    told = short or sentence
    spoken = f", exit {result.exit_code} in {lasted}" + (f": {told}" if told else "")
    below = _meant(record, meant) if meant else doubt.buttons(record, unsure) if unsure else ()
    parent = parent_of(record, state, Revision.ENDED, elements, spoken, below=below)
    if short is not None:
        return Ending(parent=parent)
    reply, attach = _output(record, result)
    return Ending(parent=parent, replies=(reply,), attach=attach)


def _meant(record: RequestRecord, meant: Meant) -> tuple[Block, ...]:
    question = section(words("Did you mean "), code(cut(line(meant.name), 200)), words("?"))
    if not meant.line_id:
        return (question,)
    spoken = f"Run {record.command} with {cut(line(meant.name), 40)}"
    return question, button("Run with that name", action_id=MEANT, value=meant.line_id, spoken=spoken)


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
            tag(record),
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
    if record.page is not None:
        return f"docktalk-{record.page.job_id}{kind}.txt"
    return f"docker-{'-'.join(record.command.split())}-{record.job_id}{kind}.txt"


def moved(shown: Message, channel_id: str) -> Message:
    """A message as the asker gets it directly, when the channel cannot be written to."""
    where = {"type": "channel", "channel_id": channel_id}
    note = section(words("I cannot post in "), where, words(". Invite me there with /invite."))
    return Message(text=shown.text, blocks=(*shown.blocks, note))


def _state(result: Result) -> State:
    if result.reason in _STATES:
        return _STATES[Reason(result.reason)]
    return State.DONE if result.exit_code == 0 and not result.reason else State.FAILED


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
        f"Printed {count(part.total, 'line')}",
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
    rows = count(shown, "row") if shown == whole.total else f"{shown:,} of {whole.total:,} rows"
    if len(cells.rows[0]) < len(whole.header):
        return f"{rows}, {len(cells.rows[0])} of {len(whole.header)} columns"
    return rows
