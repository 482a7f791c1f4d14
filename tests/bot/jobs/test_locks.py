"""One change at a time on each object, in the order of arrival; nobody takes all slots."""

import asyncio
import contextlib
from typing import Any

import pytest

from bot.jobs.host_queue import Free, HostQueue
from bot.jobs.names import worker_client
from bot.jobs.unsent import UnsentFolder
from bot.jobs.wire import Began, Ended, Result, Waits
from tests.bot.jobs.commands import Echo, Touch

pytestmark = pytest.mark.store

WEB, DB = ("container web",), ("container db",)


def room(quick: int = 50, *, bulk: int = 50, follow: int = 50, share: int = 50) -> Free:
    return Free(quick=quick, bulk=bulk, follow=follow, share=share, follow_share=share)


class Side:
    """A worker's queue; jobs go by the order in which they were asked for."""

    def __init__(self, queue: HostQueue) -> None:
        self.queue = queue
        self.tokens: dict[str, str] = {}

    def take(self, **limits: int) -> list[str]:
        claimed = self.queue.claim(room(**limits), 0)
        self.tokens |= {one.job_id: one.token for one in claimed}
        return [one.job_id for one in claimed]

    def lock(self, job_id: str, *targets: str, some: bool = True) -> bool:
        return self.queue.lock(job_id, self.tokens[job_id], targets if some else None, 0)

    def end(self, job_id: str) -> None:
        ended = Ended(job_id=job_id, worker="w", result=Result(exit_code=0, began_at=1, ended_at=2))
        self.queue.finish(job_id, self.tokens[job_id], ended)


@pytest.fixture
def side(store_url: str, settings: Any, tmp_path: Any):
    with contextlib.closing(worker_client(store_url)) as client:
        folder = UnsentFolder(tmp_path / "unsent")
        yield Side(HostQueue(client, settings.namespace, "local", "w", 0.2, folder))


async def orders(bot: Any, count: int) -> list[str]:
    return [await bot.order(Touch(file="f")) for _ in range(count)]


async def test_a_second_change_of_the_same_object_waits_without_a_slot_and_comes_by_itself(bot, side, store):
    first, second, third = await orders(bot, 3)
    side.take()
    assert side.lock(first, *WEB)
    assert not side.lock(second, *WEB)
    assert not side.lock(third, *WEB)
    assert side.take() == []
    side.end(first)
    assert side.take() == [second]  # in the order of arrival, one at a time
    assert side.lock(second, *WEB)
    side.end(second)
    assert side.take() == [third]
    assert side.lock(third, *WEB)
    side.end(third)
    await bot.ended(third)
    waits = [(event.job_id, event.behind) for event in bot.events if isinstance(event, Waits)]
    assert waits == [(second, first), (third, second)]
    began = [event.job_id for event in bot.events if isinstance(event, Began)]
    assert began == [first, second, third]
    assert not [key for key in store.keys("*") if b":lock:" in key and b":number" not in key]


async def waits(bot: Any, last: str, count: int) -> list[tuple[str, str, int]]:
    """Who waits behind whom, as it was told, once ``last`` was told of so often."""

    def told() -> list[Waits]:
        return [event for event in bot.events if isinstance(event, Waits)]

    async with asyncio.timeout(60):
        while sum(event.job_id == last for event in told()) < count:  # noqa: ASYNC110 - events ring no bell
            await asyncio.sleep(0.01)
    return [(event.job_id, event.behind, event.number) for event in told()]


async def test_each_of_those_who_wait_is_told_who_is_right_before_it(bot, side):
    first, second, third, fourth = await orders(bot, 4)
    side.take()
    assert side.lock(first, *WEB, *DB)
    for job in (second, third, fourth):
        assert not side.lock(job, *WEB)
    assert await waits(bot, fourth, 1) == [(second, first, 1), (third, second, 1), (fourth, third, 1)]
    # Who stood right before it was taken back: only what was told to the next one is wrong now.
    assert await bot.queue.cancel(third, "local") == "removed"
    assert (await waits(bot, fourth, 2))[3:] == [(fourth, second, 2)]
    side.end(first)
    assert side.take() == [second]
    assert side.lock(second, *WEB)
    side.end(second)
    assert side.take() == [fourth]
    assert side.lock(fourth, *WEB)
    await bot.said(fourth, Began)
    assert len(await waits(bot, fourth, 2)) == 4


async def test_whoever_waits_for_the_whole_host_is_told_the_last_before_it(bot, side):
    web, db, prune, other, late = await orders(bot, 5)
    side.take()
    assert side.lock(web, *WEB)
    assert side.lock(db, *DB)
    assert not side.lock(prune)
    assert not side.lock(other, "container x")
    assert not side.lock(late, *DB)
    told = [(prune, db, 1), (other, prune, 1), (late, prune, 1)]
    assert await waits(bot, late, 1) == told
    assert await bot.queue.cancel(prune, "local") == "removed"
    # The one has nobody before it any more, the other still waits for its object.
    assert await waits(bot, late, 2) == [*told, (late, db, 2)]
    assert side.take() == [other]


async def test_a_newcomer_does_not_overtake_who_waits(bot, side):
    first, second, late = await orders(bot, 3)
    assert side.take(quick=2) == [first, second]
    assert side.lock(first, *WEB)
    assert not side.lock(second, *WEB)
    assert side.take() == [late]
    side.end(first)
    assert not side.lock(late, *WEB)
    assert side.take() == [second]
    assert side.lock(second, *WEB)


async def test_changes_of_other_objects_and_such_without_locks_go_on(bot, side):
    first, other, free = await orders(bot, 3)
    side.take()
    assert side.lock(first, *WEB)
    assert side.lock(other, *DB)
    assert side.lock(free, some=False)


async def test_two_that_want_the_same_two_objects_in_another_order_do_not_block_each_other(bot, side):
    first, second = await orders(bot, 2)
    side.take()
    assert side.lock(first, *WEB, *DB)
    assert not side.lock(second, *DB, *WEB)
    side.end(first)
    assert side.take() == [second]
    assert side.lock(second, *DB, *WEB)


async def test_a_prune_waits_for_all_before_it_and_all_after_it_wait(bot, side):
    web, prune, db, other = await orders(bot, 4)
    side.take()
    assert side.lock(web, *WEB)
    assert not side.lock(prune)
    assert not side.lock(db, *DB)
    assert not side.lock(other, "container x")
    assert side.take() == []
    side.end(web)
    assert side.take() == [prune]
    assert side.lock(prune)
    assert side.take() == []
    side.end(prune)
    assert side.take() == [db, other]
    assert side.lock(db, *DB)
    assert side.lock(other, "container x")


async def test_a_lock_ends_with_a_cancel_of_who_waits_and_with_the_death_of_who_has_it(bot, side):
    first, second, third = await orders(bot, 3)
    side.take()
    assert side.lock(first, *WEB)
    assert not side.lock(second, *WEB)
    assert not side.lock(third, *WEB)
    assert await bot.queue.cancel(second, "local") == "removed"
    assert (await bot.ended(second)).result.exit_code == 130
    side.queue.finish(first, "not its token", Ended(job_id=first, worker="x", result=_result()))
    assert side.take() == []  # only the holder gives a lock away
    side.end(first)
    assert side.take() == [third]
    assert side.lock(third, *WEB)


def _result() -> Result:
    return Result(exit_code=0, began_at=1, ended_at=2)


async def test_asking_for_the_locks_twice_changes_nothing(bot, side):
    first, second = await orders(bot, 2)
    side.take()
    assert side.lock(first, *WEB)
    assert side.lock(first, *WEB)
    assert not side.lock(second, *WEB)
    assert not side.lock(second, *WEB)  # the reply to the first call was lost: it is not ours any more


async def test_nobody_takes_all_slots_and_the_rest_comes_in_order(bot, side):
    mine = [await bot.order(Echo()) for _ in range(6)]
    claims = await bot.claims(Echo())
    other = await bot.send(claims, bot.keys.sign(claims), user_id="U2")
    assert side.take(quick=4, share=3) == [*mine[:3], other]
    side.end(other)
    assert side.take(quick=1, share=3) == []
    side.end(mine[1])
    side.end(mine[0])
    assert side.take(quick=4, share=3) == mine[3:5]
    side.end(mine[2])
    assert side.take(quick=4, share=3) == [mine[5]]


async def test_a_job_taken_back_from_the_rest_does_not_stop_the_others(bot, side):
    mine = [await bot.order(Echo()) for _ in range(4)]
    assert side.take(share=1) == mine[:1]
    assert await bot.queue.cancel(mine[1], "local") == "removed"
    side.end(mine[0])
    assert side.take(share=1) == [mine[2]]


async def test_a_job_taken_back_when_its_turn_had_come_gives_its_place_to_the_asker_s_next(bot, side):
    first, second, third = await orders(bot, 3)
    assert side.take(share=1) == [first]
    side.end(first)  # now the second is to be taken next, and still is not taken
    assert await bot.queue.cancel(second, "local") == "removed"
    assert side.take(share=1) == [third]


async def test_pulls_leave_slots_to_others_and_follows_have_their_own(bot, side):
    lanes = ["bulk", "bulk", "bulk", "follow", "follow", "normal"]
    jobs = []
    for lane in lanes:
        claims = await bot.claims(Echo())
        jobs.append(await bot.send(claims, bot.keys.sign(claims), lane=lane))
    assert side.take(quick=3, bulk=2, follow=1) == [jobs[5], jobs[0], jobs[1], jobs[3]]
    assert side.take(quick=0, follow=1) == [jobs[4]]
    assert side.take(quick=1, bulk=0) == []


async def test_a_thousand_jobs_of_one_asker_do_not_hide_the_one_of_another(bot, side):
    one = await bot.claims(Echo())
    for number in range(1000):
        claims = one.model_copy(update={"job_id": f"J-{number + 1000}"})
        await bot.send(claims, bot.keys.sign(one))
    other = await bot.claims(Echo())
    job_id = await bot.send(other, bot.keys.sign(other), user_id="U2")
    taken: list[str] = []
    for _ in range(10):
        taken += side.take(quick=5 - len(taken), share=4)
    assert taken == ["J-1000", "J-1001", "J-1002", "J-1003", job_id]
