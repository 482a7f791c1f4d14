"""The blocks that the cards of an approval are made of, each of one thing and inside its limits."""

from collections.abc import Iterator
from typing import Any

from bot.jobs.wire import Target
from bot.slack import card_budget
from bot.slack import card_words as say
from bot.slack.blocks import (
    Block,
    actions,
    clean,
    code,
    context,
    cut,
    emoji,
    line,
    moment,
    preformatted,
    press,
    section,
    size,
    user,
    words,
)
from bot.slack.parent import Said, lasting
from bot.store.approvals import Asked
from bot.store.grants import GrantDraft
from bot.store.records import Draft
from bot.times import spoken_time
from permissions.approval import MAX_REASON, State, Vote
from permissions.verbs import Danger

APPROVE, DENY, DETAILS = "approval_approve", "approval_deny", "approval_details"
WITHDRAW, AGAIN = "approval_withdraw", "approval_again"
WHO_CAN, ASK_THEM = "approval_who_can", "approval_ask_them"
BREAK_GLASS = "approval_break_glass"
"""The action ids; the value of each button is the token of what was asked."""

HEADER_CHARS, LINE_CHARS, LOG_CHARS = 150, 2_000, 1_200
VOTES, LOG_LINES, MOVED_LINES = 6, 6, 10


class Standing(Said):
    """How an approval stands."""

    OPEN = ("Approval needed", "raised_hand")
    APPROVED = ("Approved", "white_check_mark")
    WAIVED = ("No approval needed", "unlock")
    DENIED = ("Denied", "no_entry")
    EXPIRED = ("Expired", "alarm_clock")
    WITHDRAWN = ("Withdrawn", "leftwards_arrow_with_hook")
    VOID = ("Void", "warning")


def standing(asked: Asked) -> Standing:
    """How it stands."""
    approval = asked.approval
    # Whoever agreed to it would have ended it.
    waived = approval.state is State.APPROVED and not approval.ended_by
    return Standing.WAIVED if waived else Standing[approval.state.name]


def asker(asked: Asked) -> str:
    """The asker's name, where Slack shows none by itself."""
    return say.name(asked.draft.record.user_name)


def spoken(asked: Asked) -> str:
    """What would run and where, on one line."""
    record = asked.draft.record
    return f"{cut(line(say.whole_line(record)), 150)} on {', '.join(say.hosts(asked))}"


def header(asked: Asked) -> Block:
    """How it stands, and what is asked for."""
    text = f"{standing(asked).word}: {say.purpose(asked)}"
    return {"type": "header", "text": plain(text, HEADER_CHARS)}


def what_runs(asked: Asked) -> Block:
    """What exactly runs, or its beginning; :func:`where_who_why` says so then."""
    return preformatted(cut(say.whole_line(asked.draft.record), LINE_CHARS))


def where_who_why(asked: Asked) -> Block:
    """Where it would run, who asks, why, until when, and what of the line cannot be seen."""
    record, approval = asked.draft.record, asked.approval
    said = [words("On ", bold=True), *_where(asked), words(", asked by "), user(record.user_id)]
    said += [words(", ends at "), moment(approval.asked_at + approval.terms.expires)]
    # Where its asker gives none, the incident stands for the reason.
    if (reason := say.short(approval.reason, MAX_REASON)) and approval.reason != approval.incident:
        said += [words("\nWhy: ", bold=True), words(reason)]
    if approval.incident:
        said += [words("\nIncident: ", bold=True), words(say.name(approval.incident))]
    if asked.probed is not None and asked.probed.excepted:
        freezes = ", ".join(say.name(one) for one in asked.probed.excepted[: say.TARGETS])
        said += [words("\nException: ", bold=True), words(f"to the freeze {freezes}")]
    if size(say.whole_line(record)) > LINE_CHARS:
        said.append(words("\nThe line is longer than shown here; Details has more of it.", bold=True))
    if say.hides(record):
        said.append(words("\nThe line holds characters that cannot be shown.", bold=True))
    return section(*said)


def what_it_does(asked: Asked) -> Block:
    """What it does in words; until its targets were looked at, that they are."""
    if isinstance(asked.draft, GrantDraft):
        return section(emoji("key"), words(" Lends the role ", bold=True), *say.gives(asked.draft))
    if asked.probed is None or asked.probed.reason:
        return looking(asked)
    sign = "information_source" if asked.operation.danger is Danger.SAFE else "warning"
    return section(emoji(sign), words(" What it does: ", bold=True), *say.does(asked))


def looking(asked: Asked) -> Block:
    """That its targets are being looked at, or could not be."""
    if asked.probed is None:
        what = [say.name(one.name) for one in asked.operation.resources[: say.TARGETS]]
        where = say.name(asked.draft.record.host)
        return section(
            emoji("mag"), words(f" Looking at {', '.join(what) or 'what it would do'} on {where}…")
        )
    why = say.short(asked.probed.message, 300) or "The targets could not be looked at."
    return section(emoji("x"), words(f" {why} Nothing can be approved."))


def _where(asked: Asked) -> list[Block]:
    return say.joined([[code(one)] for one in say.hosts(asked)])


def votes(asked: Asked) -> Iterator[Block]:
    """Who has said what so far."""
    for word, approves in (("Yes", True), ("No", False)):
        those = [vote for vote in asked.approval.votes if vote.approves is approves]
        if not those:
            continue
        yield words(f"\n{word} so far: ", bold=True)
        yield from say.joined([_vote(vote) for vote in those[-VOTES:]])
        if len(those) > VOTES:
            yield words(f" and {len(those) - VOTES:,} before")
        if not approves:
            yield words(f" ({len(those)} of the {asked.approval.terms.denials} that deny it)")


def _vote(vote: Vote) -> list[Block]:
    reason = say.short(vote.reason, 100)
    return [user(vote.user_id), *([words(f": {reason}")] if reason else [])]


def now(asked: Asked) -> Iterator[Block]:
    """How its first targets fare, and who shares their networks, as far as its asker may be shown it."""
    if asked.probed is None or asked.probed.reason:
        return
    for target in asked.probed.targets[: say.TARGETS]:
        yield section(words("Now: ", bold=True), *say.state_of(target))


def log(targets: tuple[Target, ...]) -> str:
    """The last lines of each target that is shown, the newest of all last."""
    shown = [one for one in targets[: say.TARGETS] if one.log]
    lines: list[str] = []
    for one in shown:
        lines += [f"{say.name(one.bound.name)}:"] if len(targets) > 1 else []
        lines += [say.log_line(entry, 160) for entry in one.log[-LOG_LINES // len(shown) :]]
    return cut("\n".join(lines), LOG_CHARS)


def buttons(asked: Asked) -> Block:
    """What can be clicked while it is open; before there is something to vote on, only to withdraw it."""
    withdraw = click("Withdraw", WITHDRAW, asked, confirm=("Withdraw it?", "It ends, and nothing is run."))
    own = [*([click("Break glass…", BREAK_GLASS, asked, danger=True)] if asked.glass else []), withdraw]
    of_job = isinstance(asked.draft, Draft)
    if asked.approval.bound is None or (of_job and (asked.probed is None or asked.probed.reason)):
        return actions(*own)
    approve = click("Approve", APPROVE, asked)
    approve["style"] = "primary"
    approve["confirm"] = {
        "title": plain("Approve this?", 100),
        "text": plain(_agreed_to(asked), 300),
        "confirm": plain("Approve", 30),
        "deny": plain("Back", 30),
        "style": "primary",
    }
    deny = click("Deny…", DENY, asked, danger=True)
    who = click("Who can approve?", WHO_CAN, asked)
    return actions(approve, deny, click("Details", DETAILS, asked), who, *own)


def _agreed_to(asked: Asked) -> str:
    if isinstance(asked.draft, GrantDraft):
        lasting = f"for {spoken_time(asked.draft.seconds)} on {', '.join(say.hosts(asked))}"
        return (
            f"{asker(asked)} has the role {say.name(asked.draft.role)} {lasting} when enough have approved."
        )
    more = card_budget.in_words(asked)
    return f"{spoken(asked)} runs at once when enough have approved, in your name too.{more}"


def click(label: str, action_id: str, asked: Asked, **how: Any) -> Block:
    """A button about this one; ``how`` as for :func:`bot.slack.blocks.press`."""
    heard = f"{label.rstrip('…')}: {say.purpose(asked)}"
    return press(label, action_id=action_id, value=asked.token, spoken=heard, **how)


def over(asked: Asked) -> Iterator[Block]:
    """How it ended, by whom, when and why."""
    approval, record, now = asked.approval, asked.draft.record, standing(asked)
    said = [emoji(now.emoji), words(f" {now.word}", bold=True)]
    if approval.ended_by:
        said += [words(" by "), user(approval.ended_by)]
    said += [words(" at "), moment(approval.ended_at), words(", on "), *_where(asked)]
    said += [words(", asked by "), user(record.user_id), *_outcome(asked)]
    others = [one.user_id for one in approval.votes if one.approves and one.user_id != approval.ended_by]
    if others:
        said += [words(" Yes had been said by "), *say.joined([[user(one)] for one in others[:VOTES]])]
        said.append(words(" ".join(["", *say.more(len(others) - VOTES)]).rstrip() + "."))
    yield section(*said)
    if approval.state is State.DENIED and (why := say.short(approval.why, MAX_REASON)):
        yield _quote(why)
    if approval.state is State.VOID and (moved := _lines(approval.why)):
        yield _bullets([*moved[:MOVED_LINES], *say.more(len(moved) - MOVED_LINES)])


def _outcome(asked: Asked) -> list[Block]:
    approval, draft = asked.approval, asked.draft
    nothing = say.nothing(asked)
    if approval.state is State.APPROVED and isinstance(draft, GrantDraft):
        return _lent(draft, approval.ended_at + draft.seconds)
    if approval.state is State.APPROVED:
        return [words(". The result is in the thread.")]
    if approval.state is State.EXPIRED:
        waited = lasting(approval.terms.expires).removesuffix(" 0 s")
        return [words(f". It was not decided in {waited}; {nothing}.")]
    if approval.state is State.WITHDRAWN and approval.why:
        return [words(f". {say.short(approval.why, MAX_REASON)}")]
    return [words(f". {nothing.capitalize()}.")]


def _lent(draft: GrantDraft, until: float) -> list[Block]:
    """How long a role is lent, or that it was."""
    said = [words(". The role "), code(say.name(draft.role))]
    if not draft.ended_at:
        return [*said, words(" is lent until "), moment(until), words(f" as {draft.grant_id}.")]
    by = [words(" by "), user(draft.ended_by)] if draft.ended_by else []
    return [
        *said,
        words(f" was lent as {draft.grant_id}; it ended at "),
        moment(draft.ended_at),
        *by,
        words("."),
    ]


def _lines(text: str) -> list[str]:
    return [cut(one, 200) for one in map(line, clean(text).split("\n")) if one]


def _quote(text: str) -> Block:
    return {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": [words(text)]}]}


def _bullets(lines: list[str]) -> Block:
    entries = [{"type": "rich_text_section", "elements": [words(one)]} for one in lines]
    content = {"type": "rich_text_list", "style": "bullet", "elements": entries}
    return {"type": "rich_text", "elements": [content]}


def small_print(asked: Asked) -> Block:
    """The job, the rule, and what holds for the asker."""
    named = say.short((asked.probed and asked.probed.rule) or asked.rule, 200)
    rule = f"rule: {named}" if named else ""
    is_open = asked.approval.state is State.OPEN
    own = "the asker cannot approve their own request, and alone can withdraw it" if is_open else ""
    notes = (say.short(note, 100) for note in asked.draft.record.notes[:2])
    return context(asked.job_id, rule, own, *notes)


def plain(text: str, limit: int) -> Block:
    """A plain_text object; Slack refuses an empty one."""
    return {"type": "plain_text", "text": cut(text, limit) or " ", "emoji": False}
