"""A change whose outcome is not sure, in its message: what was seen, and buttons to look or run again."""

from bot.slack.blocks import (
    Block,
    Message,
    actions,
    code,
    context,
    cut,
    line,
    moment,
    press,
    prose,
    user,
    words,
)
from bot.slack.parent import State, parent_of, typed
from bot.store.displays import Doubt
from bot.store.records import RequestRecord
from handlers.faults import Reason

CHECK, AGAIN = "job.check", "job.again"
"""The action ids: the value of the first is a line of ``/docktalk``, of the second an opaque id."""

SEEN_CHARS = 1_500

_STATES = {
    "": State.DONE,
    Reason.NOT_DONE: State.NOT_DONE,
    Reason.CANCELLED: State.CANCELLED,
    Reason.TIMED_OUT: State.TIMED_OUT,
}


def looked(record: RequestRecord, doubt: Doubt, revision: int) -> Message:
    """The parent of a job that has ended, with what was seen since."""
    state = _STATES.get(doubt.reason, State.OUTCOME_UNKNOWN)
    rest: list[Block] = [words(" · seen at "), moment(doubt.seen_at), words("\n")]
    rest += prose(doubt.text.strip(), SEEN_CHARS)
    if doubt.looking:
        rest += [words("\n"), user(doubt.asked_by), words(" has it looked at again, asked at ")]
        rest.append(moment(doubt.asked_at))
    if doubt.again:
        rest += [words("\nIt was run again as "), code(doubt.again)]
    spoken = f": {cut(line(doubt.text), 200)}"
    return parent_of(record, state, revision, rest, spoken, below=buttons(record, doubt))


def buttons(record: RequestRecord, doubt: Doubt) -> tuple[Block, ...]:
    """What can be done about it; nothing once it was found done, or was run again."""
    if not doubt.reason or doubt.again:
        return ()
    what = cut(typed(record), 150)
    check = press(
        "Check again",
        action_id=CHECK,
        value=f"check {record.job_id}",
        spoken=f"Look again at {record.job_id}",
    )
    if not doubt.line_id:
        return (
            actions(check),
            context("it had secret values, which are gone: send the line again to run it"),
        )
    sure = doubt.reason == Reason.NOT_DONE
    sentence = f"{what} on {record.host} may have been carried out already."
    run = press(
        "Run again",
        action_id=AGAIN,
        value=doubt.line_id,
        spoken=f"Run again {cut(line(record.shown), 60)}",
        danger=not sure,
        confirm=None if sure else ("Run it a second time?", sentence),
    )
    return (actions(check, run), context("only the asker can run it again"))
