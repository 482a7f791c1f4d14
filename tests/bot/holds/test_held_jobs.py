"""Held jobs on the bot's side: let go, taken back, asked about, ended."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.jobs.names import AGAIN_SECONDS, bot_client
from handlers.faults import Fault
from permissions.ticket import Effect
from tests.bot.holds.hold_side import FREEZE, POLICY, Side, store


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Side]:
    async with bot_client(store_url) as client:
        yield Side(client, store_url, tmp_path)


@store
async def test_a_held_job_is_decided_anew_under_its_own_nonce_once_the_lock_is_gone(side: Side):
    await side.say("lock prod-1/web --reason heap")
    claims = side.claims()
    hold = await side.hold(claims, lock="K-1")
    assert "heap" in hold.sentence
    await side.tick()
    assert await side.is_held()
    assert await side.queued() == []
    await side.say("unlock K-1")
    await asyncio.gather(side.tick(), side.tick())
    [queued] = await side.queued()
    assert (queued.job_id, queued.nonce) == ("J-1", claims.nonce)
    assert not await side.is_held()


@store
async def test_a_hold_that_is_told_again_once_it_is_over_holds_nothing(side: Side):
    await side.say("lock prod-1/web --reason heap")
    claims = side.claims()
    await side.hold(claims, lock="K-1")
    await side.say("unlock K-1")
    await side.tick()
    record = await side.bot.queue.request("J-1")
    assert await side.heard(record, claims, lock="K-1") is None
    assert not await side.is_held()
    await side.tick()
    assert len(await side.queued()) == 1


@store
async def test_a_hold_that_is_heard_twice_before_the_end_of_the_lock_is_told_twice_and_kept_once(side: Side):
    await side.say("lock prod-1/web --reason heap")
    claims = side.claims()
    first = await side.hold(claims, lock="K-1")
    record = await side.bot.queue.request("J-1")
    assert await side.heard(record, claims, lock="K-1") == first
    await side.say("unlock K-1")
    await side.tick()
    assert len(await side.queued()) == 1


@store
async def test_a_hold_by_what_is_not_there_lets_the_job_go_with_the_next_tick(side: Side):
    assert await side.hold(side.claims(), lock="K-9") is None
    assert await side.queued() == []
    await side.tick()
    assert len(await side.queued()) == 1


@store
@pytest.mark.parametrize(
    "changes",
    [{"job_id": "J-2"}, {"host": "test-1"}, {"effect": Effect.READ}],
    ids=["another job", "another host", "a read"],
)
async def test_a_ticket_that_is_not_the_jobs_own_is_never_kept(side: Side, changes):
    await side.say("lock prod-1/web --reason heap")
    claims = side.claims()
    await side.hold(claims, lock="K-1")
    record = await side.bot.queue.request("J-1")
    with pytest.raises(Fault):
        await side.heard(record, side.claims().model_copy(update=changes), lock="K-1")


@store
async def test_a_held_job_is_taken_back_once(side: Side):
    await side.say("lock prod-1/web --reason heap")
    await side.hold(side.claims(), lock="K-1")
    assert await side.bot.queue.cancel("J-1", "prod-1") == "removed"
    assert await side.bot.queue.cancel("J-1", "prod-1") == "ended"
    await side.say("unlock K-1")
    await side.tick()
    assert await side.queued() == []


@store
async def test_one_that_was_held_for_long_is_asked_about_and_after_a_day_it_ends(side: Side):
    await side.say("lock prod-1/web --reason heap")
    await side.hold(side.claims(1), lock="K-1")
    side.now += 1000
    await side.hold(side.claims(2), lock="K-1")
    await side.say("unlock K-1")
    await side.say("lock prod-1/web --reason more", "U0CHIEF")
    await side.tick()
    assert [queued.job_id for queued in await side.queued()] == ["J-2"]
    assert not await side.is_held("J-1")
    await side.hold(side.claims(3), lock="K-2")
    side.now += AGAIN_SECONDS + 1
    await side.tick()
    assert side.ended == ["It waited too long. Nothing was run."]
    assert not await side.is_held("J-3")


@store
async def test_one_that_the_policy_forbids_by_then_ends(side: Side):
    await side.say("lock prod-1/web --reason heap")
    await side.hold(side.claims(), lock="K-1")
    await side.say("unlock K-1")
    side.policy_file.write_text(POLICY.replace("U0BEN", "U0OTHER"), encoding="utf-8")
    await side.tick()
    assert await side.queued() == []
    assert not await side.is_held()
    assert len(side.ended) == 1


@store
async def test_a_freeze_lets_go_what_it_held_when_it_ends_or_leaves_the_policy(side: Side):
    side.policy_file.write_text(POLICY + FREEZE, encoding="utf-8")
    hold = await side.hold(side.claims(), freeze="stock")
    assert "books" in hold.sentence
    await side.tick()
    assert await side.is_held()
    side.policy_file.write_text(POLICY, encoding="utf-8")
    await side.tick()
    assert [queued.job_id for queued in await side.queued()] == ["J-1"]
