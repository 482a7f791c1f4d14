"""What Slack shows of a broken glass: where it was broken, where others are told, until it is reviewed."""

from bot.slack import card_words as say
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    channel,
    code,
    context,
    cut,
    emoji,
    line,
    message,
    moment,
    press,
    section,
    user,
    words,
)
from bot.slack.parent import count, typed_line
from bot.store.grants import Review
from permissions.approval import MAX_REASON
from permissions.operation import Principal

REVOKE = "lending_revoke"
"""The action id of the button that ends a grant; its value is the line that says so."""
JOBS_SHOWN = 10


def broken(review: Review, now: float, *, here: bool) -> Message:
    """That a glass was broken, and how it stands; ``here`` in the channel where it was."""
    lasts = now < review.ended_at
    until = [words(" until " if lasts else " ended at "), moment(review.ended_at)]
    if review.ended_by:
        until += [words(", revoked by "), user(review.ended_by)]
    blocks = [
        section(
            emoji("rotating_light"),
            words(" Break-glass", bold=True),
            words(": "),
            user(review.user_id),
            words(" took the role "),
            code(say.name(review.role)),
            words(" on "),
            code(say.name(review.host)),
            words(f" to {', '.join(review.verbs)}," if lasts else ". It"),
            *until,
            *([] if here else [words(", in "), channel(review.channel_id)]),
            words("."),
        ),
        _why(review),
        _ran(review),
        section(
            emoji("memo"),
            words(f" Review {review.id} is open", bold=True),
            words(", to be closed by "),
            *say.step(review.reviewers),
            words(": "),
            code(f'/docktalk review {review.id} --note "…"'),
        ),
    ]
    if lasts and here:
        spoken = f"Revoke {review.grant_id} of {say.name(review.user_name)}"
        line_of = f"revoke {review.grant_id}"
        sure = ("End it now?", "What runs goes on; nothing new runs under it.")
        end = press("Revoke", action_id=REVOKE, value=line_of, spoken=spoken, danger=True, confirm=sure)
        blocks.append(actions(end))
    text = f"Break-glass by {say.name(review.user_name)} on {say.name(review.host)}: {_reason(review)}"
    return _message(review, f"broken.{_stage(review, lasts)}", text, [*blocks, _small(review)])


def reviewed(review: Review, by: Principal, note: str) -> Message:
    """The same once somebody else has looked at it."""
    blocks = [
        section(
            emoji("white_check_mark"),
            words(" Break-glass", bold=True),
            words(" of "),
            user(review.user_id),
            words(" with the role "),
            code(say.name(review.role)),
            words(" on "),
            code(say.name(review.host)),
            words(" was reviewed by "),
            user(by.user_id),
            words("."),
        ),
        section(words("Note: ", bold=True), words(say.short(note, MAX_REASON))),
        _why(review),
        _ran(review),
    ]
    text = f"Reviewed by {say.name(by.name)}: break-glass of {say.name(review.user_name)}."
    return _message(review, "reviewed", text, [*blocks, _small(review)])


def reminder(review: Review, days: int) -> Message:
    """That a review is still open, in the thread of what was told."""
    said = [
        emoji("bell"),
        words(f" {review.id} has been open for {count(days, 'day')}. "),
        *say.step(review.reviewers),
        words(" can close it: "),
        code(f'/docktalk review {review.id} --note "…"'),
    ]
    text = f"Still open: {review.id}, {count(days, 'day')} after the glass was broken."
    return _message(review, f"remind.{days}", text, [section(*said)])


def _why(review: Review) -> Block:
    return section(words("Why: ", bold=True), words(_reason(review)))


def _ran(review: Review) -> Block:
    shown = ", ".join(review.jobs[:JOBS_SHOWN])
    more = review.ran - len(review.jobs[:JOBS_SHOWN])
    said = [words("Ran under it: ", bold=True), code(cut(line(typed_line(review.shown)), 300))]
    others = f" and {count(review.ran - 1, 'more line')}" if review.ran > 1 else ""
    said.append(words(f"{others} ({shown}{f' and {more:,} more' if more > 0 else ''})"))
    return section(*said)


def _reason(review: Review) -> str:
    return say.short(review.reason, MAX_REASON)


def _small(review: Review) -> Block:
    rule = f"rule: {say.short(review.rule, 200)}"
    return context(review.grant_id, review.id, review.incident, rule)


def _stage(review: Review, lasts: bool) -> int:
    return 2 * review.revision + (0 if lasts else 1)


def _message(review: Review, kind: str, text: str, blocks: list[Block]) -> Message:
    return message(f"{review.grant_id}.{kind}", text, blocks)
