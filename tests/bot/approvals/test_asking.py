"""Who asks others to agree: the same is asked for once, and nobody can flood people with cards."""

import asyncio

import pytest

from bot.approvals.lines import Approve, Withdraw
from bot.approvals.lines import Deny as DenyLine
from bot.jobs.names import Names
from bot.policy.limits import MOST_ASKS
from bot.reply import Accepted, Found
from handlers.faults import Denied, Reason
from permissions.ticket import Mode
from tests.bot.approvals.approval_side import Side
from tests.bot.lending.lending_side import Lenders, elevate

pytestmark = pytest.mark.store

SAME = f"{Names('docktalk').prefix}approval-same:*"


async def test_what_is_asked_for_once_more_leads_to_the_card_that_is_there(side: Side):
    job_id = await side.ask("restart web", "d1")
    shown = len(side.shown)
    for looked_at in (False, True):
        again = await side.asks("restart web", f"d2 {looked_at}")
        assert again == Found(
            text=f"You ask for the same already, as {job_id}, and nobody has decided yet. "
            "Nobody is asked a second time.",
            link=f"https://example.slack.com/{job_id}/0.card",
        )
        if not looked_at:
            assert len(side.shown) == shown
            await side.look(job_id)
    assert len(await side.queued(Mode.PROBE)) == 1


async def test_of_ten_such_lines_at_once_one_is_asked_about(side: Side):
    said = await asyncio.gather(*(side.asks("restart web", f"d{number}") for number in range(10)))
    assert sum(isinstance(one, Accepted) for one in said) == 1
    assert sum(isinstance(one, Found) for one in said) == 9
    assert len(side.cards) == 1


OTHERS = {
    "another object": {"line": "restart db"},
    "another option": {"line": "restart -t 3 web"},
    "another reason": {"line": 'restart --reason "INC-12 down" web'},
    "several runs": {"line": "restart --times 3 web"},
    "another channel": {"line": "restart web", "channel_id": "C2"},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
async def test_what_is_not_the_same_is_asked_about_by_itself(side: Side, other: dict[str, str]):
    await side.ask("restart web", "d1")
    assert isinstance(await side.asks(delivery="d2", **other), Accepted)
    assert len(side.cards) == 2


ENDS = {
    "withdrawn": (lambda job_id: Withdraw(approval=job_id), "U0ANA"),
    "denied": (lambda job_id: DenyLine(approval=job_id), "U0BEN"),
    "approved": (lambda job_id: Approve(approval=job_id), "U0LEAD"),
}


@pytest.mark.parametrize(("line", "user_id"), ENDS.values(), ids=ENDS)
async def test_what_was_decided_may_be_asked_for_anew(side: Side, line, user_id: str):
    job_id = await side.asked()
    await side.say(line(job_id), user_id)
    assert await side.client.keys(SAME) == []
    assert isinstance(await side.asks("restart web", "d2"), Accepted)


async def test_what_expired_may_be_asked_for_anew(side: Side):
    await side.asked()
    side.now += 600
    await side.tick()
    assert isinstance(await side.asks("restart web", "d2"), Accepted)


async def test_whoever_writes_to_the_store_keeps_nobody_from_asking(side: Side):
    other = await side.ask("restart db", "d0")
    ended = await side.ask("restart web", "d1")
    [key] = [key for key in await side.client.keys(SAME) if await side.client.get(key) == ended.encode()]
    await side.say(Withdraw(approval=ended), "U0ANA")
    for number, forged in enumerate((other, ended, "J-999", "\n")):
        await side.client.set(key, forged)
        said = await side.asks("restart web", f"d-{number}")
        assert isinstance(said, Accepted)
        await side.say(Withdraw(approval=said.job_id), "U0ANA")


async def test_nobody_floods_people_with_cards(side: Side):
    for number in range(MOST_ASKS):
        await side.ask(f"restart web-{number}", f"d{number}")
    with pytest.raises(Denied, match="20 of these in 10 minutes is the limit for you") as refused:
        await side.ask("restart one-more", "d")
    assert refused.value.reason is Reason.RATE_LIMITED
    assert len(side.cards) == MOST_ASKS


async def test_nobody_floods_people_by_asking_for_roles(side: Side):
    lenders = Lenders(side.client, side.policy_file.parent)
    for number in range(MOST_ASKS):
        said = await lenders.tell_desk(elevate(60.0 + number), "U0ANA")
        assert isinstance(said, Accepted)
    with pytest.raises(Denied) as refused:
        await lenders.tell_desk(elevate(59.0), "U0ANA")
    assert refused.value.reason is Reason.RATE_LIMITED
    assert isinstance(await lenders.tell_desk(elevate(59.0), "U0LEAD"), Accepted), "others still may"


async def test_a_role_that_is_asked_for_once_more_leads_to_the_card_that_is_there(side: Side):
    lenders = Lenders(side.client, side.policy_file.parent)
    asked = await lenders.tell_desk(elevate(), "U0ANA")
    again = await lenders.tell_desk(elevate(), "U0ANA")
    assert isinstance(again, Found)
    assert again.link == f"https://example.slack.com/{asked.job_id}/0.card"
    assert isinstance(await lenders.tell_desk(elevate(), "U0LEAD"), Accepted), "others ask for themselves"
    await lenders.say(Withdraw(approval=asked.job_id), "U0ANA")
    assert isinstance(await lenders.tell_desk(elevate(), "U0ANA"), Accepted)
