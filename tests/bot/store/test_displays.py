"""What people changed about a running job's message is theirs alone; what its worker told is bounded."""

import contextlib

import pytest

from bot.jobs.names import bot_client
from bot.jobs.queue import StoreDown
from bot.jobs.wire import Progress
from bot.keys import BotKeys
from bot.store.displays import Display, Displays

pytestmark = pytest.mark.store


@pytest.fixture
async def redis(store_url):
    async with contextlib.aclosing(bot_client(store_url)) as client:
        yield client


@pytest.fixture
def displays(redis, tmp_path):
    return Displays(redis, "test", BotKeys.load_or_create(tmp_path / "keys"))


async def test_nothing_is_changed_or_told_at_first(displays):
    assert await displays.read("J-1") == (Display(job_id="J-1"), None)


async def test_changes_add_up(displays):
    await displays.change("J-1", paused=True)
    await displays.change("J-1", stopped_by="U1")
    display, _ = await displays.read("J-1")
    assert (display.paused, display.stopped_by) == (True, "U1")


async def test_reading_what_was_told_lets_the_next_news_be_an_event(displays, redis):
    news = Progress(job_id="J-1", tail="a\n", began_at=1.0, at=2.0)
    await redis.set("{test}:live:J-1", news.model_dump_json())
    await redis.set("{test}:live-told:J-1", "1")
    assert (await displays.read("J-1"))[1] == news
    assert not await redis.exists("{test}:live-told:J-1")


FORGED = {
    "not of the bot": lambda blob: b"AAAA",  # noqa: ARG005
    "of another job": lambda blob: blob,
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_what_others_wrote_is_as_if_nothing_were_changed(displays, redis, forge):
    await displays.change("J-2", paused=True, stopped_by="U2")
    await redis.set("{test}:display:J-1", forge(await redis.get("{test}:display:J-2")))
    assert (await displays.read("J-1"))[0] == Display(job_id="J-1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "{}",
        Progress(job_id="J-2", began_at=1.0, at=2.0).model_dump_json(),
        Progress(job_id="J-1", tail="x" * 100_000, began_at=1.0, at=2.0).model_dump_json(),
    ],
    ids=["empty", "not json", "no progress", "another job's", "far too long"],
)
async def test_what_no_worker_would_tell_is_not_shown(displays, redis, text):
    await redis.set("{test}:live:J-1", text)
    assert (await displays.read("J-1"))[1] is None


async def test_nothing_readable_of_people_lies_in_the_store(displays, redis):
    await displays.change("J-1", stopped_by="U1SECRET")
    for key in await redis.keys("*"):
        assert b"U1SECRET" not in await redis.dump(key)
        assert await redis.ttl(key) > 0


async def test_a_store_that_is_down_is_said_to_be(tmp_path):
    async with contextlib.aclosing(bot_client("unix:///nowhere/s")) as client:
        displays = Displays(client, "test", BotKeys.load_or_create(tmp_path / "keys"))
        for call in (displays.read("J-1"), displays.change("J-1", paused=True)):
            with pytest.raises(StoreDown):
                await call
