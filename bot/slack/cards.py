"""The cards of an approval: what would run, who has to agree, how it ended; and the forms behind them.

Pure functions from what is asked to messages and views. A button carries the token alone: what it is
about, and whether who clicked may, is looked up when it is clicked.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bot.jobs.wire import Target
from bot.lending.lines import LEAST_REASON
from bot.slack import card_budget
from bot.slack import card_parts as parts
from bot.slack import card_words as say
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    context,
    cut,
    emoji,
    line,
    link,
    message,
    moment,
    preformatted,
    section,
    user,
    words,
)
from bot.slack.card_parts import AGAIN, APPROVE, ASK_THEM, BREAK_GLASS, DENY, DETAILS, WHO_CAN, WITHDRAW
from bot.slack.parent import count
from bot.store.approvals import Asked
from bot.store.budgets import Budget
from bot.store.grants import GrantDraft
from bot.store.records import Draft
from bot.times import spoken_time
from permissions.approval import ASKED_AGAIN, MAX_REASON, State, Voter, last_told, possible

__all__ = [
    "AGAIN",
    "APPROVE",
    "ASK_THEM",
    "BREAK_GLASS",
    "DENY",
    "DETAILS",
    "REASON",
    "WHO_CAN",
    "WITHDRAW",
    "ask",
    "break_glass_form",
    "card",
    "deny_form",
    "details",
    "refused",
    "reminder",
]

REASON = "reason"
"""The block id and action id of the deny form's only field."""

VIEW_TARGETS, VIEW_LINES, FACT_CHARS = 30, 50, 400
VIEW_LINE_CHARS, VIEW_PART_CHARS, VIEW_SET_CHARS, CHUNK_CHARS = 10_500, 5_500, 27_000, 2_900
"""Characters in a view: of the line, of each other part, of each of its blocks."""

_NOBODY: Mapping[str, Voter] = MappingProxyType({})


def card(asked: Asked, voters: Mapping[str, Voter] = _NOBODY, budget: Budget | None = None) -> Message:
    """The message about an approval, as it stands.

    ``voters`` are those who have voted, as they are now, by user id (as for ``permissions.approval.cast``):
    with them the card says how far each way to a yes has come. ``budget`` is the one that came of it.
    """
    blocks = [parts.header(asked), parts.what_runs(asked)]
    if asked.approval.state is State.OPEN:
        blocks += _open(asked, voters)
    else:
        blocks += [*parts.over(asked), *card_budget.more_often(asked)]
        blocks += card_budget.standing(budget) if budget else []
        if asked.approval.state in ASKED_AGAIN and isinstance(asked.draft, Draft):
            blocks.append(actions(parts.click("Ask again", AGAIN, asked)))
    kind = f"card.{budget.id}.{budget.revision}." if budget else "card"
    return _message(kind, asked, [*blocks, parts.small_print(asked)])


def ask(asked: Asked, card_link: str | None = None) -> Message:
    """The direct message to somebody who could decide; ``card_link`` is where the card is.

    It leaves out the lines of the log: they stay in the channel that its asker may read them in.
    """
    blocks = [parts.header(asked), parts.what_runs(asked)]
    if asked.approval.state is State.OPEN:
        blocks += [parts.where_who_why(asked), parts.what_it_does(asked), *card_budget.more_often(asked)]
        blocks += [section(*say.needs(asked, _NOBODY)), *parts.now(asked)]
        # Its asker has no copy, and nobody else can run it at once.
        blocks.append(parts.buttons(asked.model_copy(update={"glass": False})))
    else:
        blocks += parts.over(asked)
    if card_link:
        blocks.append(section(link(card_link, "Go to the card")))
    return _message("ask", asked, [*blocks, parts.small_print(asked)])


def reminder(asked: Asked, escalated: bool) -> Message:
    """The reply in the card's thread that asks again, and names who could decide now."""
    approval = asked.approval
    opening = " Nobody has decided, so more people are asked now: " if escalated else " Still waiting for "
    said = [emoji("bell"), words(opening), *say.deciders(asked, last_told(approval))]
    if asked.told and not escalated:  # an edit of their copy tells them nothing
        said += [words(" ("), *say.people(asked.told), words(")")]
    said += [words(". Without an answer it ends at "), moment(approval.asked_at + approval.terms.expires)]
    said.append(words(" and nothing is run."))
    text = "Asked more people" if escalated else "Still waiting"
    text = f"{text}: {parts.asker(asked)} needs an approval for {parts.spoken(asked)}."
    return message(_key("told", asked), text, [section(*said), context(asked.job_id)])


def refused(asked: Asked) -> Message:
    """The reply in the card's thread that tells its asker of a no, or that nobody answered."""
    approval, who = asked.approval, user(asked.draft.record.user_id)
    if approval.state is State.EXPIRED:
        said = [emoji("alarm_clock"), words(" "), who]
        said.append(words(f": nobody decided in time; {say.nothing(asked)}."))
    else:
        said = [emoji("no_entry"), words(" "), who, words(": denied")]
        said += [words(" by "), user(approval.ended_by)] if approval.ended_by else []
        why = say.short(approval.why, MAX_REASON)
        said.append(words(f": {why}" if why else "."))
    return message(_key("over", asked), _sentence(asked), [section(*said), context(asked.job_id)])


def deny_form(asked: Asked) -> dict[str, Any]:
    """The form that asks why not, as ``views.open`` takes it; the reason may stay empty."""
    field = {
        "type": "input",
        "block_id": REASON,
        "optional": True,
        "label": parts.plain("Why not?", 100),
        "hint": parts.plain(f"Shown to {parts.asker(asked)} and in the thread.", 200),
        "element": {
            "type": "plain_text_input",
            "action_id": REASON,
            "multiline": True,
            "max_length": MAX_REASON,
        },
    }
    return {
        "type": "modal",
        "callback_id": DENY,
        "private_metadata": asked.token,
        "title": parts.plain("Deny this request", 24),
        "submit": parts.plain("Deny", 24),
        "close": parts.plain("Back", 24),
        "blocks": [preformatted(cut(say.whole_line(asked.draft.record), CHUNK_CHARS)), field],
    }


def break_glass_form(asked: Asked) -> dict[str, Any]:
    """The form that asks why it cannot wait, as ``views.open`` takes it."""
    told = (
        "Shown in the channel and to those who review it. It runs at once, and you hold the role for a time."
    )
    field = {
        "type": "input",
        "block_id": REASON,
        "label": parts.plain("Why can it not wait?", 100),
        "hint": parts.plain(told, 200),
        "element": {
            "type": "plain_text_input",
            "action_id": REASON,
            "multiline": True,
            "min_length": LEAST_REASON,
            "max_length": MAX_REASON,
        },
    }
    return {
        "type": "modal",
        "callback_id": BREAK_GLASS,
        "private_metadata": asked.token,
        "title": parts.plain("Break the glass", 24),
        "submit": parts.plain("Run it at once", 24),
        "close": parts.plain("Back", 24),
        "blocks": [preformatted(cut(say.whole_line(asked.draft.record), CHUNK_CHARS)), field],
    }


def details(asked: Asked) -> dict[str, Any]:
    """Everything that is known, as ``views.open`` takes it: the line, calls, ids, logs, terms and times."""
    blocks = [*_part("What exactly runs", say.whole_line(asked.draft.record), VIEW_LINE_CHARS)]
    probed = asked.probed
    if isinstance(asked.draft, GrantDraft):
        blocks.append(parts.what_it_does(asked))
    elif probed is None or probed.reason:
        blocks.append(parts.looking(asked))
    else:
        calls = "\n".join(say.log_line(call, FACT_CHARS) for call in probed.calls)
        blocks += _part("Calls of the engine to come", calls or "none", VIEW_PART_CHARS)
        listed = say.listed(probed.targets)
        targets = listed or "\n\n".join(map(_target_in_full, probed.targets[:VIEW_TARGETS]))
        limit = VIEW_SET_CHARS if listed else VIEW_PART_CHARS
        blocks += _part("What it is bound to", targets or "nothing that is there now", limit)
        logs = "\n\n".join(_log_in_full(one) for one in probed.targets[:VIEW_TARGETS] if one.log)
        blocks += _part("Last lines of the log", logs, VIEW_PART_CHARS) if logs else []
    return {
        "type": "modal",
        "callback_id": DETAILS,
        "private_metadata": asked.token,
        "title": parts.plain(f"Details of {line(asked.job_id)}", 24),
        "close": parts.plain("Close", 24),
        "blocks": [*blocks, section(*_terms(asked)), parts.small_print(asked)],
    }


def _message(kind: str, asked: Asked, blocks: list[Block]) -> Message:
    return message(_key(kind, asked), _sentence(asked), blocks)


def _key(kind: str, asked: Asked) -> str:
    return f"{asked.job_id}.{kind}{asked.approval.revision}"


def _sentence(asked: Asked) -> str:
    """What a notification says."""
    what, approval = parts.spoken(asked), asked.approval
    by = _voted_name(asked)
    match approval.state:
        case State.OPEN:
            return f"Approval needed: {parts.asker(asked)} asks {_wish(asked)}."
        case State.APPROVED:
            return f"{parts.standing(asked).word}{by}: {what}."
        case State.DENIED:
            return f"Denied{by}: {what} is not run."
        case State.EXPIRED:
            return f"Expired: it was not decided in time, and {what} is not run."
        case State.WITHDRAWN:
            end = f". {say.short(approval.why, 150)}" if approval.why else " is not run."
            return f"Withdrawn by {parts.asker(asked)}: {what}{end}"
        case State.VOID:
            return f"Void: {what} is not run. {say.short(approval.why, 150)}"


def _wish(asked: Asked) -> str:
    draft = asked.draft
    if not isinstance(draft, GrantDraft):
        return f"to run {parts.spoken(asked)}"
    lasting = spoken_time(draft.seconds)
    return f"for the role {say.name(draft.role)} for {lasting} on {', '.join(say.hosts(asked))}"


def _voted_name(asked: Asked) -> str:
    names = {vote.user_id: vote.name for vote in asked.approval.votes}
    ended_by = names.get(asked.approval.ended_by)
    return f" by {say.name(ended_by)}" if ended_by else ""


def _open(asked: Asked, voters: Mapping[str, Voter]) -> Iterator[Block]:
    yield parts.where_who_why(asked)
    yield parts.what_it_does(asked)
    yield from card_budget.more_often(asked)
    yield section(*say.needs(asked, voters), *parts.votes(asked))
    yield from parts.now(asked)
    if asked.probed is not None and (log := parts.log(asked.probed.targets)):
        yield preformatted(log)
    yield parts.buttons(asked)


def _part(title: str, text: str, limit: int) -> Iterator[Block]:
    """A part of a view: its title, its text as monospaced blocks that Slack takes, cut at the limit."""
    yield section(words(title, bold=True))
    rest = cut(text, limit)
    while rest:
        chunk = cut(rest, CHUNK_CHARS)
        chunk = chunk[:-1] if chunk != rest else chunk
        yield preformatted(chunk)
        rest = rest[len(chunk) :]


def _target_in_full(target: Target) -> str:
    bound = target.bound
    facts = {
        "id": bound.id,
        "image": " ".join(part for part in (target.image, bound.image) if part),
        "state": target.state,
        "restarts": str(target.restarts) if target.restarts else "",
        "last exit": "" if target.exit_code is None else str(target.exit_code),
        "ports": target.ports,
        "shares networks with": ", ".join(target.peers),
        "bound parts": ", ".join(bound.parts),
    }
    lines = [f"  {key}: {said}" for key, value in facts.items() if (said := say.short(value, FACT_CHARS))]
    return "\n".join([f"{bound.kind} {say.name(bound.name)}", *lines])


def _log_in_full(target: Target) -> str:
    return "\n".join(
        [
            f"{say.name(target.bound.name)}:",
            *(say.log_line(one, FACT_CHARS) for one in target.log[-VIEW_LINES:]),
        ]
    )


def _terms(asked: Asked) -> Iterator[Block]:
    approval, terms = asked.approval, asked.approval.terms
    yield words("Terms", bold=True)
    yield words("\nAsked at ")
    yield moment(approval.asked_at)
    yield words(", reminds at ")
    yield moment(approval.asked_at + terms.remind)
    yield words(", ends at ")
    yield moment(approval.asked_at + terms.expires)
    enough = "One no is" if terms.denials == 1 else f"{terms.denials} noes are"
    yield words(f". {enough} enough to end it.\n")
    yield from say.needs(asked, _NOBODY)
    left_out = len(terms.any) - len(list(possible(approval)))
    if left_out:
        yield words(f"\n{count(left_out, 'more way')} would need another reason.")
