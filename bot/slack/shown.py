"""A page of an output that was read again: one message, whose buttons turn the page in place."""

import shlex

from bot.jobs.wire import Page, Result, ShowOrder
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    clean,
    code,
    context,
    cut,
    emoji,
    line,
    message,
    preformatted,
    press,
    section,
    user,
    words,
)
from bot.slack.parent import State, count
from bot.store.records import RequestRecord

PAGE = "page"
"""The front of the action ids; the value of each button is the line of ``/docktalk`` that a click says."""
PAGE_CHARS = 6_500


def page(record: RequestRecord, order: ShowOrder, result: Result, revision: int) -> Message:
    """The message of a ``show`` job that has ended."""
    head = section(user(record.user_id), words(" looked at the output of "), code(order.job_id), *_how(order))
    key = f"{record.instead or record.job_id}.{revision}"
    if result.page is None:
        sentence = cut(line(result.stderr.text), 300) or "The output could not be read."
        failed = section(emoji(State.FAILED.emoji), words(f" {sentence}"))
        return message(key, f"Failed: {sentence}", [head, failed, context(record.job_id, *record.notes)])
    found = result.page
    text = clean(result.stdout.text).rstrip("\n")
    body = preformatted(cut(text, PAGE_CHARS)) if text else section(words(_nothing(order, found)))
    spoken = f"Showed {_where(found)} of {order.job_id} on {record.host}"
    return message(
        key,
        f"{spoken}: {line(text.rpartition(chr(10))[2])}" if text else spoken,
        [head, body, *_buttons(record, order, found), context(record.job_id, _where(found), *record.notes)],
    )


def _how(order: ShowOrder) -> list[Block]:
    stream = [words(" (stderr)")] if order.stream == "stderr" else []
    return [*stream, words(", lines with "), code(cut(line(order.pattern), 100))] if order.pattern else stream


def _nothing(order: ShowOrder, found: Page) -> str:
    if order.pattern and found.total_lines:
        return f"None of {count(found.total_lines, 'line')} fits."
    other = "stdout" if order.stream == "stderr" else "stderr"
    return f"There is no {order.stream}" + (f", but there is {other}." if found.other_bytes else ".")


def _where(found: Page) -> str:
    if not found.last:
        return f"0 of {count(found.total_lines, 'line')}"
    lines = f"{found.first:,}" if found.first == found.last else f"{found.first:,} to {found.last:,}"
    matched = f", {found.matched:,} of which fit" if found.matched else ""
    return f"line {lines} of {found.total_lines:,}{matched}"


def _buttons(record: RequestRecord, order: ShowOrder, found: Page) -> list[Block]:
    here = record.instead or record.job_id
    buttons = []

    def turn(name: str, label: str, changed: ShowOrder, *more: str) -> None:
        say = _line(changed, here, *more)
        buttons.append(
            press(label, action_id=f"{PAGE}.{name}", value=say, spoken=f"{label} of {order.job_id}")
        )

    if found.older:
        turn("older", "Older", order.model_copy(update={"below": found.first, "above": 0}))
    if found.newer:
        turn("newer", "Newer", order.model_copy(update={"above": found.last, "below": 0}))
    if found.other_bytes:
        other = "stdout" if order.stream == "stderr" else "stderr"
        turn(other, other, order.model_copy(update={"stream": other, "below": 0, "above": 0}))
    if found.total_bytes:
        turn("file", "Whole as a file", order, "--file")
    return [actions(*buttons)] if buttons else []


def _line(order: ShowOrder, here: str, *more: str) -> str:
    """The line that asks for this page, in the message of the job ``here``."""
    given = ["show", order.job_id, "--tail", str(order.lines), "--instead", here]
    if order.stream == "stderr":
        given.append("--stderr")
    if order.pattern:
        given.append(f"--grep={order.pattern}")
    for name in ("before", "after"):
        if number := getattr(order, name):
            given += [f"--{name}-context", str(number)]
    for name in ("below", "above"):
        if number := getattr(order, name):
            given += [f"--{name}", str(number)]
    return shlex.join([*given, *more])
