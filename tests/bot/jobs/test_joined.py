"""Calls of one script that go out together: each has its own reply, and its own failure."""

import asyncio

import pytest
import redis.asyncio
from redis.exceptions import RedisError

from bot.jobs.joined import MOST, JoinedScript
from bot.jobs.names import bot_client

pytestmark = pytest.mark.store

SCRIPT = """
if ARGV[1] == 'bad' then return redis.error_reply('refused') end
redis.call('RPUSH', KEYS[1], ARGV[1])
return ARGV[1]
"""


@pytest.fixture
async def client(store_url):
    async with bot_client(store_url) as made:
        yield made


@pytest.fixture
def joined(client: redis.asyncio.Redis) -> JoinedScript:
    return JoinedScript(client, SCRIPT)


async def all_of(joined, words):
    return await asyncio.gather(*(joined(["{test}:list"], [word]) for word in words), return_exceptions=True)


@pytest.mark.parametrize("number", [1, 2, MOST + 2, 3 * MOST])
async def test_every_call_has_its_own_reply_in_the_order_of_the_calls(joined, store, number):
    words = [f"w{n}" for n in range(number)]
    assert await all_of(joined, words) == [word.encode() for word in words]
    assert store.lrange("{test}:list", 0, -1) == [word.encode() for word in words]


async def test_one_that_is_refused_leaves_the_others_alone(joined, store):
    first, refused, last = await all_of(joined, ["a", "bad", "b"])
    assert (first, last) == (b"a", b"b")
    assert isinstance(refused, RedisError)
    assert store.lrange("{test}:list", 0, -1) == [b"a", b"b"]


async def test_a_store_that_lost_the_script_is_told_it_again(joined, store):
    await joined(["{test}:list"], ["a"])
    first = asyncio.create_task(joined(["{test}:list"], ["b"]))
    await asyncio.sleep(0)
    store.script_flush()
    assert await all_of(joined, ["c", "d"]) == [b"c", b"d"]
    assert await first == b"b"
    assert store.lrange("{test}:list", 0, -1) == [b"a", b"b", b"c", b"d"]


async def test_a_caller_that_is_gone_takes_nobody_with_it(joined):
    first, gone, other = (asyncio.create_task(joined(["{test}:list"], [word])) for word in "abc")
    await asyncio.sleep(0)
    gone.cancel()
    assert (await first, await other) == (b"a", b"c")
    assert await joined(["{test}:list"], ["d"]) == b"d"


async def test_a_store_that_is_away_is_told_to_every_caller(tmp_path):
    async with bot_client(f"unix://{tmp_path}/nothing") as client:
        failures = await all_of(JoinedScript(client, SCRIPT), ["a", "b", "c"])
    assert all(isinstance(failure, RedisError) for failure in failures)
