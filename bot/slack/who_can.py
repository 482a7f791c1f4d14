"""Who can approve this now, shown to whoever asked: by name, what is missing, and a button that asks them."""

from bot.reply import CanDecide
from bot.slack import card_parts as parts
from bot.slack import card_words as say
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    context,
    emoji,
    line,
    message,
    moment,
    section,
    user,
    words,
)
from bot.slack.parent import count

CONTACT_CHARS = 200


def can_decide(answer: CanDecide, now: float) -> Message:
    """The answer; ``now`` is epoch seconds."""
    asked, approval = answer.asked, answer.asked.approval
    blocks = [section(*_who(answer)), section(*say.needs(asked, answer.voters), *parts.votes(asked))]
    blocks.append(section(*_clocks(answer)))
    if answer.askable:
        ask = parts.click("Ask them", parts.ASK_THEM, asked)
        blocks.append(actions(ask))
    small = "not everybody could be looked at: there may be more" if answer.unsure else ""
    able = len(answer.users) + answer.more
    text = "Nobody can approve" if not able else f"{count(able, 'account')} can approve"
    return message(
        f"{asked.job_id}.who{approval.revision}.{int(now * 1000)}",
        f"{text} {asked.job_id}: {parts.spoken(asked)}.",
        [*blocks, context(line(asked.job_id), small, "only you see this")],
    )


def _who(answer: CanDecide) -> list[Block]:
    job = line(answer.asked.job_id)
    if not answer.users:
        said = [emoji("warning"), words(f" Nobody can approve {job} at this moment.", bold=True)]
        contact = say.short(answer.contact, CONTACT_CHARS) or "whoever keeps the policy"
        return [*said, words(f" Ask {contact}.")]
    people = [[user(one), *_notes(answer, number)] for number, one in enumerate(answer.users)]
    said = [words(f"Who can approve {job} now: ", bold=True), *say.joined(people)]
    said += [words(f" {one}") for one in say.more(answer.more)]
    if answer.new:
        asked = say.joined([[user(one)] for one in answer.new])
        said += [words("\nAsked just now: ", bold=True), *asked]
    return said


def _notes(answer: CanDecide, number: int) -> list[Block]:
    notes = ["on call"] if number < answer.on_call else []
    if answer.users[number] in answer.asked.told:
        notes.append("was asked")
    return [words(f" ({', '.join(notes)})")] if notes else []


def _clocks(answer: CanDecide) -> list[Block]:
    approval = answer.asked.approval
    said = []
    if answer.next_at is not None:
        said += [words("From "), moment(answer.next_at), words(" on more people can. ")]
    said += [words("Without an answer it ends at "), moment(approval.asked_at + approval.terms.expires)]
    return [*said, words(".")]
