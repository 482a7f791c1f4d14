"""What an approval's clock has to do, and what whoever took the last step has left undone, is due."""

import pytest

from bot.store.approvals import LOOK_WITHIN, CameBefore
from permissions import approval as step
from permissions.approval import State
from tests.bot.store.test_approvals_store import (
    NOW,
    SOON,
    entries,
    moved_on,
    noted,
    opened,
    seen,
    taken,
    yes,
)

pytestmark = pytest.mark.store


async def settled(approvals, one):
    """The same, once all is done that it asks for."""
    await approvals.settled(one)
    return one


async def test_what_is_due_comes_in_the_order_of_its_moment(approvals):
    for number, later in ((1, 20), (2, 0), (3, 10)):
        await settled(approvals, await opened(approvals, f"J-{number}", at=NOW + later))
    assert await approvals.due(NOW + LOOK_WITHIN - 1) == []
    assert await approvals.due(NOW + LOOK_WITHIN) == ["J-2"]
    assert await approvals.due(NOW + LOOK_WITHIN + 100) == ["J-2", "J-3", "J-1"]


async def test_what_nobody_has_finished_is_due_soon_after_each_step(approvals):
    one = await opened(approvals)
    for after in (
        seen,
        lambda one: yes(one, "U2"),
        lambda one: moved_on(one, step.tell(one.approval, NOW + 300)),
    ):
        assert await approvals.due(SOON - 1) == []
        assert await approvals.due(SOON) == ["J-1"]
        await settled(approvals, one)
        assert await approvals.due(SOON) == []
        one = await taken(approvals, after(one))
    assert await approvals.due(SOON) == ["J-1"]


async def test_the_clock_of_one_goes_on_step_by_step(approvals):
    one = await settled(approvals, await taken(approvals, seen(await opened(approvals))))
    assert await approvals.due(NOW + 299) == []
    assert await approvals.due(NOW + 300) == ["J-1"]
    one = await settled(approvals, await taken(approvals, moved_on(one, step.tell(one.approval, NOW + 300))))
    assert await approvals.due(NOW + 899) == []
    assert await approvals.due(NOW + 900) == ["J-1"]
    await settled(approvals, await taken(approvals, moved_on(one, step.expire(one.approval, NOW + 900))))
    assert await approvals.due(NOW + 10_000) == []


async def test_what_was_approved_is_due_at_once_until_its_job_is_in_the_queue(approvals):
    one = await settled(approvals, await taken(approvals, seen(await opened(approvals))))
    one = await settled(approvals, await taken(approvals, yes(one, "U2")))
    one = await taken(approvals, yes(one, "U3"))
    assert one.approval.ended_at < NOW + 300
    assert await approvals.due(one.approval.ended_at) == ["J-1"]
    await approvals.settled(one)
    assert await approvals.due(NOW + 10_000) == []
    assert (await approvals.of_job("J-1")) == one


async def test_who_has_finished_an_earlier_step_settles_nothing_of_a_later_one(approvals):
    one = await taken(approvals, seen(await opened(approvals)))
    first = await taken(approvals, yes(one, "U2"))
    last = await taken(approvals, yes(first, "U3"))
    await approvals.settled(first)
    assert await approvals.due(last.approval.ended_at) == ["J-1"]


async def test_what_is_forgotten_is_due_no_more(approvals):
    await opened(approvals)
    await approvals.forget("J-1")
    assert await approvals.due(NOW + 10_000) == []


ENDS = {
    "withdrawn": lambda one: step.withdraw(one, "U1", NOW + 1),
    "void": lambda one: step.void(one, "gone", NOW + 1),
    "expired": lambda one: step.expire(one, NOW + 900),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_nothing_is_due_for_what_is_over_and_was_told(approvals, end):
    one = await opened(approvals)
    one = await taken(approvals, moved_on(one, end(one.approval)))
    assert await approvals.due(SOON) == ["J-1"]
    await approvals.settled(one)
    assert await approvals.due(NOW + 10_000) == []


async def test_a_delivery_changes_it_once(approvals, redis):
    one = await taken(approvals, seen(await opened(approvals)))
    assert await approvals.change(yes(one, "U2"), noted(3), SOON, "click")
    now = await approvals.of_job("J-1")
    with pytest.raises(CameBefore):
        await approvals.change(yes(now, "U3"), noted(4), SOON, "click")
    assert await approvals.of_job("J-1") == now
    assert len(await entries(redis)) == 3
    assert await approvals.change(yes(now, "U3"), noted(4), SOON, "another click")
    assert (await approvals.of_job("J-1")).approval.state is State.APPROVED


async def test_a_delivery_that_came_second_may_come_again(approvals):
    one = await taken(approvals, seen(await opened(approvals)))
    late = yes(one, "U3")
    now = await taken(approvals, yes(one, "U2"))
    assert not await approvals.change(late, noted(3), SOON, "click")
    assert await approvals.change(yes(now, "U3"), noted(4), SOON, "click")


async def test_a_token_leads_to_it_until_another_one_does(approvals):
    one = await opened(approvals)
    after = await taken(approvals, seen(one).model_copy(update={"token": "another-token"}))
    assert await approvals.of_token("another-token") == after
    assert await approvals.of_token(one.token) is None
