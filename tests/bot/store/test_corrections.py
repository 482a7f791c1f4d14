"""A corrected line is kept for its asker, once, and unreadable in the store."""

import contextlib

import pytest

from bot.jobs.names import bot_client
from bot.jobs.queue import StoreDown
from bot.store.corrections import KEPT_SECONDS, Corrections

pytestmark = pytest.mark.store

LINE = "run -e PASSWORD=swordfish --name web app"


@pytest.fixture
def corrections(redis, keys):
    return Corrections(redis, "test", keys)


async def put(corrections, **changes):
    values = {"user_id": "U1", "channel_id": "C1", "thread_ts": "1.1", "program": "docker", "text": LINE}
    return await corrections.put(**(values | changes))


async def test_the_asker_gets_the_line_once(corrections):
    correction_id = await put(corrections)
    taken = await corrections.take(correction_id, "U1")
    assert (taken.text, taken.channel_id, taken.thread_ts, taken.program) == (LINE, "C1", "1.1", "docker")
    assert await corrections.take(correction_id, "U1") is None


async def test_somebody_else_gets_nothing_and_takes_nothing_away(corrections):
    correction_id = await put(corrections)
    assert await corrections.take(correction_id, "U2") is None
    assert (await corrections.take(correction_id, "U1")).text == LINE


async def test_ids_cannot_be_guessed_from_each_other(corrections):
    made = {await put(corrections) for _ in range(20)}
    assert len(made) == 20
    assert all(len(one) >= 22 for one in made)


async def test_the_line_lies_locked_and_for_ten_minutes_only(corrections, redis):
    correction_id = await put(corrections)
    [key] = await redis.keys("*")
    assert 0 < await redis.ttl(key) <= KEPT_SECONDS == 600
    assert b"swordfish" not in await redis.get(key)
    assert correction_id.encode() in key


@pytest.mark.parametrize("value", [b"AAAA", b"", b"\xff\xfe", None])
async def test_an_altered_line_is_not_given_out(corrections, redis, value):
    correction_id = await put(corrections)
    key = "{test}:correction:" + correction_id
    locked = await redis.get(key)
    await redis.set(key, locked[:-8] + b"AAAAAAA=" if value is None else value)
    assert await corrections.take(correction_id, "U1") is None


async def test_a_line_moved_under_another_id_is_not_given_out(corrections, redis):
    mine, theirs = await put(corrections), await put(corrections, user_id="U2", text="rm -f web")
    await redis.rename("{test}:correction:" + theirs, "{test}:correction:" + mine)
    assert await corrections.take(mine, "U1") is None
    assert await corrections.take(mine, "U2") is None


async def test_another_kind_of_locked_record_is_no_line(corrections, redis, keys):
    await redis.set("{test}:correction:x", keys.lock(b'{"id":"x","user_id":"U1","text":"rm"}'))
    assert await corrections.take("x", "U1") is None


async def test_a_store_that_is_down_is_said_to_be(keys):
    async with contextlib.aclosing(bot_client("unix:///nowhere/s")) as client:
        corrections = Corrections(client, "test", keys)
        with pytest.raises(StoreDown):
            await put(corrections)
        with pytest.raises(StoreDown):
            await corrections.take("x", "U1")
