"""The queue's own promises, on the embedded server and on redis-server."""

import asyncio
import contextlib
from typing import Any

import pytest
import redis

from bot.jobs.host_queue import Free, HostQueue
from bot.jobs.lanes import lane_of
from bot.jobs.names import BOTS, Names, bot_client, worker_client
from bot.jobs.queue import ADOPT_AFTER_MS, BotQueue, StoreDown
from bot.jobs.unsent import UnsentFolder
from bot.jobs.wire import Ended, Result
from bot.keys import BotKeys
from tests.bot.jobs.commands import Echo, Touch
from tests.bot.jobs.conftest import NOTE

pytestmark = pytest.mark.store

LEASE = 1.0
"""Seconds; the tests that need it to lapse wait for that."""


@pytest.fixture
def store_url(each_store_url: str) -> str:
    return each_store_url


@pytest.fixture
def host_queue(store_url: str, settings: Any, tmp_path: Any):
    """``host_queue("w1")`` is the queue as that worker sees it."""
    with contextlib.ExitStack() as stack:

        def make(worker_id: str, host: str = "local") -> HostQueue:
            client = stack.enter_context(contextlib.closing(worker_client(store_url)))
            unsent = UnsentFolder(tmp_path / "unsent" / worker_id)
            return HostQueue(client, settings.namespace, host, worker_id, LEASE, unsent)

        yield make


def free(quick: int, *, bulk: int = 50, follow: int = 0, share: int = 100) -> Free:
    """Room for so many jobs."""
    return Free(quick=quick, bulk=bulk, follow=follow, share=share, follow_share=share)


def ended(job_id: str, exit_code: int = 0) -> Ended:
    return Ended(job_id=job_id, worker="w", result=Result(exit_code=exit_code, began_at=1, ended_at=2))


async def test_a_redelivery_finds_the_job_that_is_there(bot, host_queue):
    first, second = await bot.claims(Echo()), await bot.claims(Echo())
    accepted = await bot.queue.accept(bot.record(first, "d-1"), bot.keys.sign(first), NOTE)
    again = await bot.queue.accept(bot.record(second, "d-1"), bot.keys.sign(second), NOTE)
    assert accepted == (first.job_id, False)
    assert again == (first.job_id, True)
    # The same call sent twice, as a client does after a lost reply, is no redelivery.
    assert await bot.queue.accept(bot.record(first, "d-1"), bot.keys.sign(first), NOTE) == accepted
    assert [one.job_id for one in host_queue("w").claim(free(10), 0)] == [first.job_id]
    assert await bot.queue.request(second.job_id) is None


async def test_simultaneous_deliveries_become_one_job(bot, host_queue):
    claims = [await bot.claims(Echo()) for _ in range(20)]
    replies = await asyncio.gather(
        *(bot.queue.accept(bot.record(one, "same"), bot.keys.sign(one), NOTE) for one in claims)
    )
    assert len({job_id for job_id, _ in replies}) == 1
    assert sum(not duplicate for _, duplicate in replies) == 1
    assert len(host_queue("w").claim(free(50), 0)) == 1


async def test_job_ids_never_repeat_across_bots(bot, store_url, settings):
    client = bot_client(store_url)
    other = BotQueue(client, settings.namespace, bot.keys)
    ids = await asyncio.gather(*(queue.next_job_id() for _ in range(100) for queue in (bot.queue, other)))
    assert len(set(ids)) == 200
    await client.aclose()


async def test_a_worker_claims_no_more_than_it_has_slots_and_nothing_of_other_hosts(bot, host_queue):
    jobs = [await bot.order(Echo()) for _ in range(5)]
    queue = host_queue("w")
    assert host_queue("o", host="other").claim(free(10), 0) == []
    assert [one.job_id for one in queue.claim(free(2), 0)] == jobs[:2]
    assert [one.job_id for one in host_queue("w2").claim(free(10), 0)] == jobs[2:]
    assert queue.claim(free(10), 0) == []


async def test_the_more_urgent_lane_comes_first(bot, host_queue):
    for lane in ("bulk", "normal", "incident"):
        claims = await bot.claims(Echo())
        await bot.send(claims, bot.keys.sign(claims), lane=lane)
    queue = host_queue("w")
    assert [one.lane for one in queue.claim(free(1), 0)] == ["incident"]
    assert [one.lane for one in queue.claim(free(5), 0)] == ["normal", "bulk"]


async def test_what_belongs_to_an_incident_overtakes_what_waits(bot, host_queue):
    waiting = [await bot.order(Echo()) for _ in range(3)]
    claims = await bot.claims(Echo())
    urgent = await bot.send(claims, bot.keys.sign(claims), lane=lane_of(Echo(), "INC-12"))
    assert [one.job_id for one in host_queue("w").claim(free(5), 0)] == [urgent, *waiting]


async def test_a_waiting_worker_wakes_when_a_job_comes(bot, host_queue):
    queue = host_queue("w")
    waiting = asyncio.create_task(asyncio.to_thread(queue.claim, free(1), 40.0))
    await asyncio.sleep(0.1)
    job_id = await bot.order(Echo())
    async with asyncio.timeout(20):
        assert [one.job_id for one in await waiting] == [job_id]


async def test_only_the_holder_of_a_claim_ends_a_job_and_only_once(bot, host_queue, store, names):
    job_id = await bot.order(Echo())
    queue = host_queue("w")
    claimed = queue.claim(free(1), 0)[0]
    queue.finish(job_id, "another token", ended(job_id, 1))
    queue.finish(job_id, claimed.token, ended(job_id, 0))
    queue.finish(job_id, claimed.token, ended(job_id, 0))
    queue.finish(job_id, "another token", ended(job_id, 1))
    assert (await bot.ended(job_id)).result.exit_code == 0
    await bot.ended(await end_of_another(bot, queue))
    assert len(bot.heard(job_id)) == 1
    assert store.xlen(names.stream("local", "normal")) == 0
    assert store.xpending(names.stream("local", "normal"), "workers")["pending"] == 0
    assert store.zcard(names.claims("local")) == 0


async def end_of_another(bot: Any, queue: HostQueue) -> str:
    """Orders and ends one more job: whatever came before it was heard then."""
    job_id = await bot.order(Echo())
    queue.finish(job_id, queue.claim(free(1), 0)[0].token, ended(job_id))
    return job_id


async def test_a_lapsed_read_is_put_back_and_a_lapsed_change_is_told(bot, host_queue, tmp_path):
    read, change = await bot.order(Echo()), await bot.order(Touch(file=str(tmp_path / "f")))
    dead, alive = host_queue("dead"), host_queue("alive")
    tokens = {one.job_id: one.token for one in dead.claim(free(2), 0)}
    assert alive.orphans() == []
    dead.renew(tokens)
    await asyncio.sleep(1.5 * LEASE)
    orphans = alive.orphans()
    assert {(one.job_id, one.effect) for one in orphans} == {(read, "read"), (change, "change")}
    by_id = {orphan.job_id: orphan for orphan in orphans}
    assert [alive.run_again(by_id[read]) for _ in range(2)] == ["ok", "lost"]
    assert [alive.settle(by_id[change], ended(change, 9)) for _ in range(2)] == ["ok", "ok"]
    assert (await bot.ended(change)).result.exit_code == 9
    again = alive.claim(free(5), 0)
    assert [(one.job_id, one.attempt) for one in again] == [(read, 2)]
    # The dead worker comes back with results: they are too late.
    for job_id, token in tokens.items():
        dead.finish(job_id, token, ended(job_id))
    alive.finish(read, again[0].token, ended(read, 3))
    assert (await bot.ended(read)).result.exit_code == 3
    assert [len(bot.heard(job_id)) for job_id in (read, change)] == [1, 1]


async def test_events_of_a_lost_reply_come_at_once(bot, store, names, monkeypatch):
    read = bot.queue._read
    lost = []

    async def lossy(consumer, cursor):
        entries = await read(consumer, cursor)
        if entries and not lost:
            lost.extend(entries)
            raise redis.exceptions.TimeoutError
        return entries

    monkeypatch.setattr(bot.queue, "_read", lossy)
    store.xadd(names.events, {"event": ended("J-9").model_dump_json()})
    assert (await bot.ended("J-9", ADOPT_AFTER_MS / 1000 - 1)).job_id == "J-9"
    assert lost


async def test_a_renewed_lease_is_not_settled(bot, host_queue):
    job_id = await bot.order(Echo())
    slow, other = host_queue("slow"), host_queue("other")
    token = slow.claim(free(1), 0)[0].token
    await asyncio.sleep(1.5 * LEASE)
    orphan = other.orphans()[0]
    assert slow.renew({job_id: token}) == ([], [])
    assert other.run_again(orphan) == "alive"
    assert other.settle(orphan, ended(job_id)) == "alive"
    assert slow.renew({job_id: "not ours"}) == ([job_id], [])


async def test_a_job_handed_back_is_taken_by_another(bot, host_queue):
    job_id = await bot.order(Echo())
    queue = host_queue("w")
    claimed = queue.claim(free(1), 0)[0]
    queue.hand_back(job_id, claimed.token)
    again = host_queue("w2").claim(free(1), 0)[0]
    assert (again.job_id, again.attempt, again.ticket) == (job_id, 1, claimed.ticket)
    assert await bot.queue.cancel(job_id, "local") == "told"


async def test_a_put_back_job_can_still_be_cancelled_where_it_waits(bot, host_queue):
    job_id = await bot.order(Echo())
    queue = host_queue("w")
    queue.hand_back(job_id, queue.claim(free(1), 0)[0].token)
    assert await bot.queue.cancel(job_id, "local") == "removed"
    assert queue.claim(free(1), 0) == []


@pytest.mark.parametrize("job_id", ["J-404", "nonsense"])
async def test_nothing_is_cancelled_that_is_not_there(job_id, bot):
    assert await bot.queue.cancel(job_id, "local") == "unknown"


async def test_events_that_were_not_acknowledged_come_again_after_a_restart(
    store, names, store_url, settings, tmp_path
):
    keys = BotKeys.load_or_create(tmp_path / "k")
    store.xgroup_create(names.events, BOTS, id="0", mkstream=True)
    for number in range(3):
        store.xadd(names.events, {"event": ended(f"J-{number}").model_dump_json()})
    async with bot_client(store_url) as client:
        got = []
        for acknowledged in (1, 3):
            queue = BotQueue(client, settings.namespace, keys)
            events = queue.events("bot-2")
            for _ in range(acknowledged):
                entry_id, event = await anext(events)
                got.append(event.job_id)
                await queue.ack_event(entry_id)
            if acknowledged == 1:  # it dies before it could forget the one it dealt with
                await events.aclose()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(anext(events), 0.2)
    assert got == ["J-0", "J-0", "J-1", "J-2"]
    assert store.xlen(names.events) == 0


async def test_events_that_a_dead_bot_left_are_adopted(bot_on, store, names, store_url, monkeypatch):
    monkeypatch.setattr("bot.jobs.queue.ADOPT_AFTER_MS", 100)
    store.xgroup_create(names.events, BOTS, id="0", mkstream=True)
    store.xadd(names.events, {"event": ended("J-5").model_dump_json()})
    store.xreadgroup(BOTS, "dead", {names.events: ">"})
    bot = await bot_on(store_url)
    assert (await bot.ended("J-5")).job_id == "J-5"


async def test_a_store_that_is_away_is_told_as_such(tmp_path, settings):
    client = bot_client(f"unix://{tmp_path}/nothing")
    queue = BotQueue(client, settings.namespace, BotKeys.load_or_create(tmp_path / "k"))
    for call in (
        queue.next_job_id(),
        queue.request("J-1"),
        queue.cancel("J-1", "local"),
        queue.alive("local"),
    ):
        with pytest.raises(StoreDown) as info:
            await call
        assert info.value.reason == "store_down"
    await client.aclose()


def test_every_key_of_a_namespace_lies_in_one_slot():
    names = Names("docktalk")
    keys = [
        names.job_number,
        names.events,
        names.delivery("{x}"),
        names.request("J-1"),
        names.stream("a{b}", "normal"),
        names.ready("a{b}", "quick"),
    ]
    assert all(key.startswith("{docktalk}:") for key in keys)
