"""What nobody gets done with a click or a form: guessed, played again, from an old card, bent."""

from typing import Any

import pytest

from bot.approvals.behind import Behind
from bot.approvals.lines import Approve, AskAgain, Deny, Withdraw
from bot.jobs.wire import Target
from bot.own.job_lines import job_line
from bot.reply import Refusal, Reply
from bot.request import Origin, Request
from bot.slack import cards
from bot.slack.approval_forms import ApprovalForms
from bot.slack.intake import Intake
from handlers.faults import ApprovalClosed, Fault
from permissions.approval import MAX_REASON, State
from permissions.operation import Standing
from tests.bot.approvals.approval_side import WEB, Side
from tests.bot.approvals.attacked import KEY, attacked, kept, untouched

pytestmark = pytest.mark.store

side = attacked


@pytest.mark.parametrize("named", ["J-999", "A" * 22, "J-0", "J-00000001"])
async def test_a_guess_finds_nothing(side: Side, named: str):
    job_id = await side.asked()
    with pytest.raises(ApprovalClosed, match="no such approval"):
        await side.say(Approve(approval=named), "U0LEAD")
    await untouched(side, job_id)


async def test_a_click_that_is_played_again_changes_nothing(side: Side):
    job_id = await side.asked()
    token = (await kept(side, job_id)).token
    await side.say(Approve(approval=token), "U0LEAD", delivery_id="click")
    before = await kept(side, job_id)
    for delivery in ("click", "another"):
        with pytest.raises(ApprovalClosed, match="decided already"):
            await side.say(Approve(approval=token), "U0LEAD", delivery_id=delivery)
    assert await kept(side, job_id) == before
    assert len(await side.queued()) == 1


async def test_one_of_two_votes_that_is_played_again_is_not_the_second(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0BEN", delivery_id="click")
    for delivery in ("click", "another"):
        with pytest.raises(ApprovalClosed, match="counts once"):
            await side.say(Approve(approval=job_id), "U0BEN", delivery_id=delivery)
    assert await side.state(job_id) is State.OPEN
    assert await side.queued() == []


async def test_a_yes_that_is_played_again_does_not_undo_the_no_after_it(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0BEN", delivery_id="click")
    await side.say(Deny(approval=job_id), "U0BEN", delivery_id="form")
    with pytest.raises(ApprovalClosed, match="counts once"):
        await side.say(Approve(approval=job_id), "U0BEN", delivery_id="click")
    [vote] = (await kept(side, job_id)).approval.votes
    assert not vote.approves
    await side.say(Approve(approval=job_id), "U0CLEO")
    assert await side.queued() == []


async def test_the_buttons_of_a_card_from_before_the_look_are_about_nothing(side: Side):
    job_id = await side.ask()
    before = (await kept(side, job_id)).token
    await side.look(job_id)
    with pytest.raises(ApprovalClosed, match="no such approval"):
        await side.say(Approve(approval=before), "U0LEAD")
    await untouched(side, job_id)


async def test_the_card_of_one_look_does_not_approve_what_another_look_found(side: Side):
    """Whoever writes to the store can bring back the moment before the look, and have it taken again."""
    job_id = await side.ask()
    before = await side.client.hgetall(KEY + job_id)
    await side.look(job_id)
    seen = (await kept(side, job_id)).token
    await side.client.hset(KEY + job_id, mapping=before)
    other = WEB.model_copy(update={"id": "b" * 64})
    await side.look(job_id, targets=(Target(bound=other),))
    assert (await kept(side, job_id)).approval.bound == (other,)
    with pytest.raises(ApprovalClosed, match="no such approval"):
        await side.say(Approve(approval=seen), "U0LEAD")
    await untouched(side, job_id)


async def test_a_second_look_changes_nothing_of_what_was_shown(side: Side):
    job_id = await side.asked()
    shown = await kept(side, job_id)
    other = WEB.model_copy(update={"id": "b" * 64})
    await side.look(job_id, targets=(Target(bound=other),))
    await side.look(job_id, free=True)
    assert await kept(side, job_id) == shown
    await untouched(side, job_id)


async def test_the_card_of_what_was_asked_before_does_not_approve_what_is_asked_again(side: Side):
    job_id = await side.asked()
    old = (await kept(side, job_id)).token
    await side.say(Approve(approval=old), "U0LEAD")
    await side.desk.moved(job_id, "container web is another one")
    again = (await side.say(AskAgain(approval=old), "U0ANA")).job_id
    await side.look(again)
    for says in (Approve, Deny, Withdraw):
        with pytest.raises(ApprovalClosed):
            await side.say(says(approval=old), "U0LEAD")
    assert (await kept(side, again)).approval.votes == ()
    assert len(await side.queued()) == 1


def behind(side: Side) -> Behind:
    return Behind(side.desk.store, side.people)


class Lines:
    """Stands where the pipeline does: the lines of a form, as their sender says them."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.said: list[Request] = []

    async def submit(self, request: Request) -> Reply:
        self.said.append(request)
        try:
            return await self.side.answer(job_line(request.text), request)
        except Fault as fault:
            return Refusal(reason=fault.reason, message=fault.message, exit_code=1)


async def send(side: Side, user_id: str, token: str, values: Any, **view: Any) -> tuple[Lines, list[Any]]:
    """Somebody sends the form that asks why not; the lines it says, and what its sender alone is told."""
    lines, whispered = Lines(side), list[Any]()
    intake = Intake(lines, None, side.accepted.append, lambda: side.now, None)
    forms = ApprovalForms(None, behind(side), intake, None, lambda _, message: whispered.append(message))
    body = {
        "user": {"id": user_id, "team_id": "T1", "username": user_id.lower()},
        "team": {"id": "T1"},
        "view": {
            "id": "V1",
            "callback_id": cards.DENY,
            "private_metadata": token,
            "state": {"values": values},
            **view,
        },
    }

    async def ack() -> None:
        pass

    await forms.sent(ack, body)
    return lines, whispered


def why(text: Any) -> dict[str, Any]:
    return {cards.REASON: {cards.REASON: {"type": "plain_text_input", "value": text}}}


REASONS = [
    "drain it first",
    "x' --reason=y J-1 '",
    "--reason=y",
    "-- J-2",
    "two\nlines\n/docktalk approve J-1",
    '"quoted" $(rm -rf /) `x` \\',
    "<!channel> <@U0BOB>",
    "y" * MAX_REASON,
]


@pytest.mark.parametrize("text", REASONS)
async def test_a_reason_is_a_reason_whatever_it_holds(side: Side, text: str):
    job_id, other = await side.asked(), await side.ask("restart db", "d2")
    token = (await kept(side, job_id)).token
    await send(side, "U0BEN", token, why(text))
    [vote] = (await kept(side, job_id)).approval.votes
    assert (vote.user_id, vote.approves, vote.reason) == ("U0BEN", False, " ".join(text.split()))
    assert (await kept(side, other)).approval.votes == ()
    assert await side.queued() == []


VALUES = {
    "no value": {},
    "no value in its block": {cards.REASON: {}},
    "another type": {cards.REASON: {cards.REASON: "text"}},
    "a list": [],
    "too long a reason": why("y" * 10_000),
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
async def test_a_form_that_was_bent_says_nothing(side: Side, values: Any):
    job_id = await side.asked()
    await send(side, "U0BEN", (await kept(side, job_id)).token, values)
    await untouched(side, job_id)


async def test_fields_that_the_form_does_not_have_are_not_read(side: Side):
    job_id = await side.asked()
    token = (await kept(side, job_id)).token
    more = {
        **why("no"),
        "user": {"user": {"value": "U0LEAD"}},
        "approval": {"approval": {"value": "J-9"}},
        "approves": {"approves": {"value": "true"}},
    }
    lines, _ = await send(side, "U0BEN", token, more, user={"id": "U0LEAD"}, approves=True)
    [request] = lines.said
    assert (request.origin, request.user_id, request.channel_id) == (Origin.MODAL, "U0BEN", "C1")
    [vote] = (await kept(side, job_id)).approval.votes
    assert (vote.user_id, vote.approves) == ("U0BEN", False)


@pytest.mark.parametrize("callback_id", [cards.APPROVE, cards.WITHDRAW, cards.DETAILS, "", "approve"])
async def test_a_form_that_asks_for_no_reason_says_nothing(side: Side, callback_id: str):
    job_id = await side.asked()
    token = (await kept(side, job_id)).token
    lines, _ = await send(side, "U0LEAD", token, why("no"), callback_id=callback_id)
    assert lines.said == []
    await untouched(side, job_id)


BENT = {
    "an id": lambda _: "J-1",
    "a line": lambda token: f"{token} --reason=x",
    "two of them": lambda token: f"{token} {token}",
    "part of it": lambda token: token[:-1],
    "a guess": lambda _: "A" * 22,
    "nothing": lambda _: "",
}


@pytest.mark.parametrize("bend", BENT.values(), ids=BENT)
async def test_a_form_without_its_token_is_about_nothing(side: Side, bend):
    job_id = await side.asked()
    lines, _ = await send(side, "U0LEAD", bend((await kept(side, job_id)).token), why("no"))
    assert lines.said == []
    await untouched(side, job_id)


async def test_a_form_with_the_token_of_another_approval_is_about_that_one_by_its_own_rules(side: Side):
    mine = await side.asked()
    theirs = await side.ask("create nginx", "d2")
    await side.look(theirs, terms=(await kept(side, theirs)).approval.terms)
    _, whispered = await send(side, "U0BEN", (await kept(side, theirs)).token, why("no"))
    assert "none of those" in str(whispered)
    assert (await kept(side, theirs)).approval.votes == ()
    await untouched(side, mine)


SENDERS = {
    "the asker": ("U0ANA", {}),
    "somebody of no group": ("U0EVE", {}),
    "a guest": ("U0BEN", {"U0BEN": Standing.GUEST}),
}


@pytest.mark.parametrize(("user_id", "standing"), SENDERS.values(), ids=SENDERS)
async def test_a_form_is_of_who_sends_it(side: Side, user_id: str, standing: dict[str, Standing]):
    job_id = await side.asked()
    side.people.standing |= standing
    _, whispered = await send(side, user_id, (await kept(side, job_id)).token, why("no"))
    assert len(whispered) == 1
    await untouched(side, job_id)


async def test_a_form_that_is_sent_twice_is_one_no(side: Side):
    job_id = await side.asked()
    token = (await kept(side, job_id)).token
    for _ in range(2):
        await send(side, "U0BEN", token, why("no"))
    assert len((await kept(side, job_id)).approval.votes) == 1
    assert await side.state(job_id) is State.OPEN


class Views:
    """Slack, as far as it opens views."""

    def __init__(self) -> None:
        self.opened: list[str] = []

    async def views_open(self, *, view: Any, **_: Any) -> None:
        self.opened.append(str(view))


async def details(side: Side, user_id: str, channel_id: str) -> list[str]:
    """The views that a click on Details opens for somebody, in a channel."""
    views, token = Views(), (await kept(side, await looked_with_a_log(side))).token
    intake = Intake(Lines(side), None, side.accepted.append, lambda: side.now, None)
    forms = ApprovalForms(views, behind(side), intake, None, None)
    body = {
        "user": {"id": user_id, "team_id": "T1"},
        "team": {"id": "T1"},
        "channel": {"id": channel_id},
        "trigger_id": "1.2",
        "actions": [{"action_id": cards.DETAILS, "value": token, "action_ts": "1.2"}],
    }

    async def nothing(**_: Any) -> None:
        pass

    await forms.details(nothing, body, nothing)
    return views.opened


async def looked_with_a_log(side: Side) -> str:
    job_id = await side.ask()
    await side.look(job_id, targets=(Target(bound=WEB, log=("no connection to the database",)),))
    return job_id


@pytest.mark.parametrize(("channel_id", "log"), [("C1", True), ("D0LEAD", False), ("C2", False)])
async def test_the_lines_of_a_log_are_shown_in_the_channel_of_the_card_alone(
    side: Side, channel_id: str, log: bool
):
    [view] = await details(side, "U0LEAD", channel_id)
    assert ("no connection" in view) is log
    assert WEB.id[:12] in view


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.EXTERNAL, Standing.DELETED, Standing.UNKNOWN])
async def test_details_are_for_members(side: Side, standing: Standing):
    side.people.standing["U0LEAD"] = standing
    assert await details(side, "U0LEAD", "C1") == []
