"""A thread's target is that thread's alone, for an idle hour, and believed only as it was set."""

import contextlib

import pytest

from bot.jobs.names import bot_client
from bot.jobs.queue import StoreDown
from bot.store.thread_targets import IDLE_SECONDS, ThreadTarget, ThreadTargets

pytestmark = pytest.mark.store

HERE = ("C1", "1.5")


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(redis, keys, clock):
    return ThreadTargets(redis, "test", keys, clock)


def target(clock, **changes):
    fields = {"host": "prod-1", "container": "web", "user_id": "U1", "user_name": "ana"}
    place = {"channel_id": HERE[0], "thread_ts": HERE[1], "used_at": clock()}
    return ThreadTarget(**{**fields, **place, **changes})


async def test_it_is_of_its_thread_and_of_no_other(store, clock):
    await store.set(target(clock))
    assert await store.of(*HERE) == target(clock)
    for other in (("C1", "1.6"), ("C2", "1.5"), ("C1", "")):
        assert await store.of(*other) is None


async def test_the_last_one_set_wins_and_clearing_says_whether_there_was_one(store, clock):
    await store.set(target(clock))
    await store.set(target(clock, container="db", user_id="U2"))
    assert (await store.of(*HERE)).container == "db"
    assert await store.clear(*HERE)
    assert not await store.clear(*HERE)
    assert await store.of(*HERE) is None


async def test_it_ends_after_an_idle_hour_that_every_use_begins_anew(store, clock, redis):
    await store.set(target(clock))
    clock.now += IDLE_SECONDS - 1
    assert await store.of(*HERE, used=True)
    clock.now += IDLE_SECONDS - 1
    assert await store.of(*HERE)  # looking is no use
    clock.now += 2
    assert await store.of(*HERE) is None
    [key] = await redis.keys("*thread-target*")
    assert 0 < await redis.ttl(key) <= IDLE_SECONDS


async def test_an_old_one_put_back_has_ended_all_the_same(store, clock, redis):
    await store.set(target(clock))
    [key] = await redis.keys("*thread-target*")
    old = await redis.get(key)
    clock.now += IDLE_SECONDS
    await redis.set(key, old)
    assert await store.of(*HERE) is None


async def test_one_of_another_thread_or_altered_or_written_by_others_is_none(store, clock, redis):
    await store.set(target(clock))
    [key] = await redis.keys("*thread-target*")
    kept = await redis.get(key)
    await redis.set(key.replace(b"1.5", b"1.6"), kept)
    assert await store.of("C1", "1.6") is None
    for forged in (kept[:-3], b"", b"\xff", target(clock).model_dump_json().encode()):
        await redis.set(key, forged)
        assert await store.of(*HERE) is None


async def test_a_use_does_not_undo_what_somebody_sets_meanwhile(store, clock, monkeypatch):
    await store.set(target(clock))
    refresh = store._refresh

    async def later(script_keys, args):
        await store.set(target(clock, container="db"))
        return await refresh(script_keys, args)

    monkeypatch.setattr(store, "_refresh", later)
    await store.of(*HERE, used=True)
    assert (await store.of(*HERE)).container == "db"


async def test_a_store_that_is_down_is_said_by_every_method(keys, clock):
    async with contextlib.aclosing(bot_client("redis://127.0.0.1:1/0")) as client:
        store = ThreadTargets(client, "test", keys, clock)
        for call in (store.set(target(clock)), store.clear(*HERE), store.of(*HERE, used=True)):
            with pytest.raises(StoreDown):
                await call
