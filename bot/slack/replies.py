"""What only the asker sees: refusals with a caret and a did-you-mean, denials, help."""

import re

from wcwidth import wcswidth

from bot.reply import CanDecide, Found, Help, JobRows, Refusal, Told, Unconfirmed
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    button,
    clean,
    code,
    context,
    cut,
    emoji,
    line,
    link,
    message,
    moment,
    preformatted,
    press,
    prose,
    section,
    size,
    user,
    words,
)
from bot.slack.who_can import can_decide
from handlers.faults import Reason

JOB_STOP = "job.stop"
"""The action id of the button that stops a job; its value is the line that says so."""
MEANT = "meant"
"""The same under a job that ended: its message stays."""
FOLLOW, LEAVE = "job.follow", "leave"
"""The buttons of a change that a job does already: the way to it, and to leave it at that."""
CORRECTION = "correction"
"""The action id of the button that runs the corrected line; its value is an opaque id."""

_ONLY_YOU = "only you see this"
_NOTHING_RUN = "nothing was run"
_DENIALS = frozenset({Reason.DENIED, Reason.NOT_A_MEMBER, Reason.APPROVAL_CLOSED})
_NOTHING_MORE = {Reason.STORE_DOWN, Reason.NOT_IN_CHANNEL, Reason.LOCKED, Reason.FROZEN}
_HELP_CHARS = 8_500
_CARET_LINE = 100
_OBJECTS = 5
_PADDING = re.compile(r"(?<=\S) {3,}")


def broken() -> Message:
    """For what nobody foresaw: the log has the rest."""
    return message(
        "broken",
        "Failed: something went wrong on my side. Nothing was run.",
        [
            section(emoji("x"), words(" Something went wrong on my side. Nothing was run.")),
            context("the operator's log has the details", _ONLY_YOU),
        ],
    )


def gone() -> Message:
    """For a button whose line is no longer kept, or belongs to somebody else."""
    sentence = "This button is no longer valid: it works once, for ten minutes, and for the asker alone."
    return message(
        "gone",
        f"Refused: {sentence} Nothing was run.",
        [section(emoji("no_entry"), words(f" {sentence}")), context(_NOTHING_RUN, _ONLY_YOU)],
    )


def started(job_id: str, user_id: str, *, confirmed: bool, waits: bool = False) -> Message:
    """What stands in place of a refusal once its corrected line is a job, of a question after its yes.

    ``waits``: people have to agree to it first.
    """
    if waits:
        asked = [words("Asked as "), code(job_id), words(": people have to agree before it runs.")]
        return message(f"{job_id}.started", f"Asked as {job_id}: it needs an approval.", [section(*asked)])
    if confirmed:
        said = [user(user_id), words(" said yes: it runs as "), code(job_id), words(".")]
        return message(f"{job_id}.started", f"Confirmed: it runs as {job_id}.", [section(*said)])
    return message(
        f"{job_id}.started",
        f"Started the corrected line as {job_id}.",
        [section(words("Started the corrected line as "), code(job_id), words("."))],
    )


def wanted(job_id: str, user_id: str) -> Message:
    """What stands in place of the question whether a job that waited long is still wanted."""
    said = [user(user_id), words(" still wants it: "), code(job_id), words(" is queued again.")]
    return message(f"{job_id}.wanted", f"Queued: {job_id} is still wanted.", [section(*said)])


def answer(reply: Help, now: float) -> Message:
    """Whatever is told to the asker alone; ``now`` is epoch seconds."""
    match reply:
        case JobRows():
            return job_rows(reply, now)
        case CanDecide():
            return can_decide(reply, now)
        case Found():
            return found(reply)
        case Told():
            return told(reply)
        case _:
            return help_text(reply)


def told(answer: Told) -> Message:
    """That what was asked for is done."""
    sentence = cut(line(answer.text), 400)
    return message("told", sentence, [section(words(sentence)), context(_ONLY_YOU)])


def found(answer: Found) -> Message:
    """Where a job's message is."""
    sentence = cut(line(answer.text), 600)
    elements = [words(sentence)]
    if answer.link:
        elements += [words(" "), link(answer.link, "Go to its message")]
    return message("found", sentence, [section(*elements), context(_ONLY_YOU)])


def not_yours() -> Message:
    """For who clicks what only the asker of that line may."""
    sentence = "Only who asked for it can break the glass for it."
    hint = ' `/docker COMMAND --break-glass "REASON"` is for a line of your own, where the policy lets you.'
    return message(
        "not_yours",
        f"Refused: {sentence}",
        [
            section(emoji("no_entry"), words(f" {sentence}"), *prose(hint, 200)),
            context(_NOTHING_RUN, _ONLY_YOU),
        ],
    )


def left() -> Message:
    """What stands in place of the offer to queue a change behind the same one."""
    return message("left", "Left: nothing was queued.", [section(words("Nothing was queued."))])


_STATES = {
    "running": "hourglass_flowing_sand",
    "waiting": "hourglass",
    "held": "lock",
    "to be approved": "raised_hand",
}


def job_rows(answer: JobRows, now: float) -> Message:
    """The jobs that run or wait, each with a button where the asker may stop it."""
    blocks: list[Block] = []
    for row in answer.rows:
        running = row.state == "running"
        head = [
            emoji(_STATES[row.state]),
            words(f" {row.job_id}", bold=True),
            words(f" {row.state} on "),
            code(row.host),
            words(" for "),
            user(row.user_id),
            words(", asked at "),
            moment(row.since),
            words("\n"),
            code(cut(line(row.shown), 300)),
        ]
        blocks.append(section(*head))
        if row.may_cancel:
            label = "Stop" if running else "Take back"
            ends = "withdraw" if row.state == "to be approved" else "cancel"
            blocks.append(
                button(
                    label,
                    action_id=JOB_STOP,
                    value=f"{ends} {row.job_id}",
                    spoken=f"{label} {row.job_id}",
                    danger=running,
                )
            )
    if not blocks:
        blocks.append(section(words("Nothing runs or waits here.")))
    more = f"{answer.more:,} more are not shown" if answer.more else ""
    text = f"Listed {len(answer.rows)} jobs" if answer.rows else "Nothing runs or waits here."
    return message(f"jobs.{int(now)}", text, [*blocks, context(more, "/docktalk jobs --all", _ONLY_YOU)])


def help_text(answer: Help) -> Message:
    """Help as the CLI prints it, monospaced."""
    text = clean(answer.text).strip("\n")
    if size(text) > _HELP_CHARS:
        text = _PADDING.sub("  ", text)  # the long options' column of blanks goes first
    kept = text if size(text) <= _HELP_CHARS else cut(text, _HELP_CHARS).rsplit("\n", 1)[0]
    left_out = text.count("\n") - kept.count("\n")
    more = f"{left_out:,} more lines are not shown" if left_out else ""
    return message("help", line(text) or "Nothing to show.", [preformatted(kept), context(more, _ONLY_YOU)])


def refusal(answer: Refusal, program: str = "docker") -> Message:
    """Why nothing was run, and what to do instead. ``program`` is the slash command's own name."""
    if isinstance(answer, Unconfirmed):
        return unconfirmed(answer, program)
    sentence = cut(line(answer.message), 600)
    denied = answer.reason in _DENIALS
    head = [emoji("no_entry" if denied else "x"), words(" ")]
    if denied:
        head += [words("Denied", bold=True), words(": ")]
        sentence = f"{sentence[:1].upper()}{sentence[1:]}"
    head.append(words(sentence, bold=not denied))
    offered = bool(answer.correction_id and answer.suggestion)
    # The button says the same with the whole line.
    hint = "" if offered and answer.hint.startswith("Did you mean") else answer.hint
    if hint:
        head += [words("\n"), *prose(hint, 600)]
    blocks: list[Block] = [section(*head)]
    if answer.span is not None and answer.line:
        blocks.append(preformatted(_caret(answer.line, answer.span, program)))
    if offered:
        shown = cut(line(answer.suggestion), 400)
        blocks += [
            section(
                words("Run it after that: " if answer.ahead else "Did you mean "), code(shown), words("?")
            ),
            actions(*_choices(answer, program, shown)),
        ]
    rule = f"rule: {cut(line(answer.rule), 200)}" if answer.rule else ""
    blocks.append(context(rule, _more(answer, program), _ONLY_YOU, _NOTHING_RUN))
    meant = f" Did you mean {line(answer.suggestion)}?" if answer.suggestion else ""
    text = f"{'Denied' if denied else 'Refused'}: {sentence}.{meant} {hint}".replace("..", ".")
    return message("refusal", text, blocks)


def unconfirmed(answer: Unconfirmed, program: str) -> Message:
    """Where a change would go by its thread's target, the whole line, and the one click that lets it go."""
    shown = cut(line(answer.suggestion), 400)
    about = [part for name in answer.objects[:_OBJECTS] for part in (words(", "), code(cut(line(name), 80)))]
    more = len(answer.objects) - _OBJECTS
    run = press(
        "Run it",
        action_id=CORRECTION,
        value=answer.correction_id,
        spoken=f"Run {program} {shown}",
        danger=True,
    )
    cancel = press("Cancel", action_id=LEAVE, value=answer.correction_id, spoken="Run nothing")
    blocks = [
        section(
            emoji("question"),
            words(" Run this on ", bold=True),
            code(line(answer.host)),
            *about,
            words(f"{f' and {more:,} more' if more > 0 else ''}? This thread's target says where; "),
            user(answer.set_by),
            words(" set it."),
        ),
        preformatted(f"/{program} {shown}"),
        actions(run, cancel),
        context(_ONLY_YOU, _NOTHING_RUN, "a click means this line, whatever the thread's target is by then"),
    ]
    return message("unconfirmed", f"Confirm: run {shown}?", blocks)


def _choices(answer: Refusal, program: str, shown: str) -> list[Block]:
    """The line that would run; where a job does the same already, also the way to that one, and out."""
    run = press(
        f"Queue after {answer.ahead}" if answer.ahead else _label(answer),
        action_id=CORRECTION,
        value=answer.correction_id,
        spoken=f"Run {shown if shown.startswith('/') else f'{program} {shown}'}",
    )
    if not answer.ahead:
        return [run]
    spoken = f"Follow {answer.ahead}"
    follow = press(spoken, action_id=FOLLOW, value=f"follow {answer.ahead}", spoken=spoken)
    cancel = press("Cancel", action_id=LEAVE, value=answer.correction_id, spoken="Queue nothing")
    return [follow, run, cancel]


def _caret(typed: str, span: tuple[int, int], program: str) -> str:
    """The line with carets under its bad part, both cut to a phone's patience."""
    start, end = sorted(max(0, min(at, len(typed))) for at in span)
    before, bad, after = (_flat(part) for part in (typed[:start], typed[start:end], typed[end:]))
    before = f"/{program} {before}"
    if len(before) > _CARET_LINE:
        before = f"…{before[-_CARET_LINE:]}"
    bad = cut(bad, _CARET_LINE)
    under = " " * max(wcswidth(before), 0) + "^" * max(wcswidth(bad), 1)
    return f"{before}{bad}{cut(after, _CARET_LINE)}\n{under}"


def _flat(text: str) -> str:
    # One for one where it can be, so that the carets stay under what they mean.
    return clean(text.replace("\n", " ").replace("\t", " "))


def _label(answer: Refusal) -> str:
    """At most three words: the one word that the correction changes, if it is an option."""
    typed = set(answer.line.split())
    new = [word for word in answer.suggestion.split() if word not in typed]
    if len(new) == 1 and re.fullmatch(r"--?[a-z][a-z-]{0,24}", new[0]):
        return f"Run with {new[0]}"
    return "Run corrected line"


def _more(answer: Refusal, program: str) -> str:
    if answer.reason in _DENIALS or answer.reason in _NOTHING_MORE:
        return ""
    usage = re.search(r"Usage:\s+(docker|docktalk)((?: [a-z][a-z-]*)*)", answer.usage)
    if usage:  # a line of ours can be about one of Docker's
        return f"/{usage[1]}{usage[2]} --help lists every option"
    return f"/{program} help lists what you may run"
