"""The outbox's script does on every server what its words promise."""

import contextlib

import pytest

from bot.jobs.names import bot_client
from bot.jobs.queue import StoreDown
from bot.keys import BotKeys
from bot.slack.blocks import Message
from bot.store.outbox import Again, Entry, Kind, OutboxStore, Outgoing, Over, Pace, Put, Sent, Wait

pytestmark = pytest.mark.store

NOW = 1_790_000_000.0
FAST = Pace(rate=1000, burst=1000, edit_rate=1000, edit_burst=1000)


@pytest.fixture
async def redis(each_store_url):
    async with contextlib.aclosing(bot_client(each_store_url)) as client:
        yield client


@pytest.fixture
def make(redis, tmp_path):
    keys = BotKeys.load_or_create(tmp_path / "keys")

    def made(owner="one", pace=FAST, locks=keys):
        return OutboxStore(redis, "test", locks, owner=owner, pace=pace)

    return made


def entry(key="a", **changes) -> Entry:
    values = {
        "key": key,
        "kind": Kind.SHOW,
        "channel_id": "C1",
        "user_id": "U1",
        "message": Message(text=key),
        "made_at": NOW,
    }
    return Entry.model_validate(values | changes)


def sent(key="a", ts="1.1") -> Sent:
    return Sent(key=key, channel_id="C1", ts=ts)


async def test_the_first_to_put_owns_the_channel(make):
    one, two = make("one"), make("two")
    assert await one.put(entry("a"), now=NOW) is Put.START
    assert await one.put(entry("b"), now=NOW) is Put.MINE
    assert await two.put(entry("c"), now=NOW) is Put.THEIRS
    assert await two.take("C1", now=NOW) is Over.LOST


async def test_the_channel_is_given_back_when_nothing_is_left(make):
    one, two = make("one"), make("two")
    await one.put(entry(), now=NOW)
    out = await one.take("C1", now=NOW)
    assert await one.done("C1", out, sent(), now=NOW) is Over.EMPTY
    assert await two.put(entry("b"), now=NOW) is Put.START


async def test_a_later_revision_replaces_an_earlier_one_and_never_the_other_way(make):
    store = make()
    assert await store.put(entry(revision=2), now=NOW) is Put.START
    assert await store.put(entry(revision=1), now=NOW) is Put.KNOWN
    assert await store.put(entry(revision=2), now=NOW) is Put.KNOWN
    assert await store.put(entry(revision=3), now=NOW) is Put.MINE
    out = await store.take("C1", now=NOW)
    assert (out.revision, out.lane) == (3, "post")
    await store.done("C1", out, sent(), now=NOW)
    assert await store.put(entry(revision=3), now=NOW) is Put.KNOWN


async def test_a_revision_that_comes_during_the_call_becomes_an_edit(make):
    store = make()
    await store.put(entry(revision=1), now=NOW)
    out = await store.take("C1", now=NOW)
    await store.put(entry(revision=3), now=NOW)
    following = await store.done("C1", out, sent(), now=NOW)
    assert (following.revision, following.lane, following.sent) == (3, "edit", sent())
    assert not following.ambiguous


async def test_a_call_whose_end_was_not_seen_is_marked(make):
    store = make()
    await store.put(entry(), now=NOW)
    assert not (await store.take("C1", now=NOW)).ambiguous
    assert (await store.take("C1", now=NOW)).ambiguous


async def test_what_was_handed_out_and_not_called_is_not_marked(make):
    store = make()
    await store.put(entry(), now=NOW)
    await store.release("C1", await store.take("C1", now=NOW), now=NOW)
    assert not (await make("two").take("C1", now=NOW)).ambiguous


async def test_nobody_gives_back_what_is_another_s(make):
    one, two = make("one"), make("two")
    await one.put(entry(), now=NOW)
    await two.release("C1", None, now=NOW)
    assert await two.take("C1", now=NOW) is Over.LOST


async def test_keeps_an_entry_back_until_its_time(make):
    store = make()
    await store.put(entry("late"), now=NOW, after=NOW + 5)
    await store.put(entry("now"), now=NOW)
    out = await store.take("C1", now=NOW)
    assert out.entry.key == "now"
    assert await store.done("C1", out, sent("now"), now=NOW) == Wait(NOW + 5)
    assert (await store.take("C1", now=NOW + 5)).entry.key == "late"


async def test_a_failed_post_blocks_those_behind_it(make):
    store = make()
    await store.put(entry("a"), now=NOW)
    await store.put(entry("b"), now=NOW + 1)
    out = await store.take("C1", now=NOW + 1)
    assert await store.again("C1", out, Again(NOW + 9), now=NOW + 1) == Wait(NOW + 9)
    again = await store.take("C1", now=NOW + 9)
    assert (again.entry.key, again.tries, again.ambiguous) == ("a", 1, False)


async def test_a_held_lane_is_held_for_every_channel_and_no_other_lane(make):
    store = make()
    await store.put(entry("a"), now=NOW)
    out = await store.take("C1", now=NOW)
    await store.again("C1", out, Again(NOW + 9, hold=NOW + 9), now=NOW)
    await store.put(entry("b", channel_id="C2"), now=NOW)
    assert await store.take("C2", now=NOW) == Wait(NOW + 9)
    await store.put(entry("w", kind=Kind.WHISPER), now=NOW)
    assert (await store.take("C1", now=NOW)).entry.key == "w"


async def test_a_channel_gets_a_burst_and_then_one_a_second(make):
    store = make(pace=Pace(rate=1.0, burst=2.0))
    for key in "abc":
        await store.put(entry(key), now=NOW)
    step = await store.take("C1", now=NOW)
    for key in "ab":
        assert step.entry.key == key
        step = await store.done("C1", step, sent(key), now=NOW)
    assert step == Wait(NOW + 1)
    assert isinstance(await store.take("C1", now=NOW + 1), Outgoing)


async def test_changed_content_is_what_is_sent_next(make):
    store = make()
    await store.put(entry(kind=Kind.WHISPER), now=NOW)
    out = await store.take("C1", now=NOW)
    direct = out.entry.model_copy(update={"kind": Kind.SHOW, "direct": True})
    following = await store.again("C1", out, Again(NOW, changed=direct), now=NOW)
    assert (following.entry.direct, following.lane) == (True, "post")


async def test_a_reply_comes_with_its_parent_s_place(make):
    store = make()
    await store.put(entry("a"), now=NOW)
    await store.put(entry("a/1", under="a"), now=NOW)
    following = await store.done("C1", await store.take("C1", now=NOW), sent("a", "7.7"), now=NOW)
    assert following.under == sent("a", "7.7")


async def test_a_place_that_was_altered_is_not_used(make, redis):
    store = make()
    await store.put(entry("a"), now=NOW)
    await store.put(entry("b"), now=NOW + 1)
    step = await store.done("C1", await store.take("C1", now=NOW + 1), sent("a"), now=NOW + 1)
    await store.done("C1", step, sent("b"), now=NOW + 1)
    await redis.hset("{test}:outbox:sent:a", "blob", await redis.hget("{test}:outbox:sent:b", "blob"))
    assert await store.sent("a") is None
    assert await store.sent("b") == sent("b")


async def test_knows_the_channels_that_wait(make):
    store = make()
    await store.put(entry("a"), now=NOW)
    await store.put(entry("b", channel_id="C2"), now=NOW, after=NOW + 60)
    await store.take("C2", now=NOW)
    assert await store.waiting(NOW) == ["C1"]
    assert await store.waiting(NOW + 60) == ["C1", "C2"]


async def test_everything_ends_by_itself(make, redis):
    store = make()
    await store.put(entry("a"), now=NOW)
    await store.done("C1", await store.take("C1", now=NOW), sent("a"), now=NOW)
    for key in await redis.keys("*"):
        assert await redis.ttl(key) > 0, key


async def test_a_store_that_is_down_is_said_to_be(tmp_path):
    keys = BotKeys.load_or_create(tmp_path / "keys")
    async with contextlib.aclosing(bot_client("unix:///nowhere/s")) as client:
        store = OutboxStore(client, "test", keys, owner="one", pace=FAST)
        for call in (
            store.put(entry(), now=NOW),
            store.take("C1", now=NOW),
            store.sent("a"),
            store.expect(sent()),
            store.waiting(NOW),
            store.release("C1", None, now=NOW),
        ):
            with pytest.raises(StoreDown):
                await call
