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


async def word(putting) -> Put:
    """What became of what was put."""
    return (await putting)[0]


async def first(putting):
    """What whoever starts to send is given."""
    put, step = await putting
    assert put is Put.START
    return step


async def test_the_first_to_put_owns_the_channel(make):
    one, two = make("one"), make("two")
    assert await word(one.put(entry("a"), now=NOW)) is Put.START
    assert await one.put(entry("b"), now=NOW) == (Put.MINE, None)
    assert await two.put(entry("c"), now=NOW) == (Put.THEIRS, None)
    assert await two.take("C1", now=NOW) is Over.LOST


async def test_the_channel_is_given_back_when_nothing_is_left(make):
    one, two = make("one"), make("two")
    out = await first(one.put(entry(), now=NOW))
    assert await one.done("C1", out, sent(), now=NOW) is Over.EMPTY
    assert await word(two.put(entry("b"), now=NOW)) is Put.START


async def test_a_later_revision_replaces_an_earlier_one_and_never_the_other_way(make):
    store = make()
    assert await word(store.put(entry(revision=2), now=NOW)) is Put.START
    assert await word(store.put(entry(revision=1), now=NOW)) is Put.KNOWN
    assert await word(store.put(entry(revision=2), now=NOW)) is Put.KNOWN
    assert await word(store.put(entry(revision=3), now=NOW)) is Put.MINE
    out = await store.take("C1", now=NOW)
    assert (out.revision, out.lane) == (3, "post")
    await store.done("C1", out, sent(), now=NOW)
    assert await word(store.put(entry(revision=3), now=NOW)) is Put.KNOWN


async def test_a_revision_that_comes_during_the_call_becomes_an_edit(make):
    store = make()
    out = await first(store.put(entry(revision=1), now=NOW))
    await store.put(entry(revision=3), now=NOW)
    following = await store.done("C1", out, sent(), now=NOW)
    assert (following.revision, following.lane, following.sent) == (3, "edit", sent())
    assert not following.ambiguous


async def test_a_call_whose_end_was_not_seen_is_marked(make):
    store = make()
    assert not (await first(store.put(entry(), now=NOW))).ambiguous
    assert (await store.take("C1", now=NOW)).ambiguous


async def test_what_was_handed_out_and_not_called_is_not_marked(make):
    store = make()
    await store.release("C1", await first(store.put(entry(), now=NOW)), now=NOW)
    assert not (await make("two").take("C1", now=NOW)).ambiguous


async def test_nobody_gives_back_what_is_another_s(make):
    one, two = make("one"), make("two")
    await one.put(entry(), now=NOW)
    await two.release("C1", None, now=NOW)
    assert await two.take("C1", now=NOW) is Over.LOST


async def test_keeps_an_entry_back_until_its_time(make):
    store = make()
    assert await first(store.put(entry("late"), now=NOW, after=NOW + 5)) == Wait(NOW + 5)
    await store.put(entry("now"), now=NOW)
    out = await store.take("C1", now=NOW)
    assert out.entry.key == "now"
    assert await store.done("C1", out, sent("now"), now=NOW) == Wait(NOW + 5)
    assert (await store.take("C1", now=NOW + 5)).entry.key == "late"


async def test_a_failed_post_blocks_those_behind_it(make):
    store = make()
    out = await first(store.put(entry("a"), now=NOW))
    await store.put(entry("b"), now=NOW + 1)
    assert await store.again("C1", out, Again(NOW + 9), now=NOW + 1) == Wait(NOW + 9)
    again = await store.take("C1", now=NOW + 9)
    assert (again.entry.key, again.tries, again.ambiguous) == ("a", 1, False)


async def test_a_held_lane_is_held_for_every_channel_and_no_other_lane(make):
    store = make()
    out = await first(store.put(entry("a"), now=NOW))
    await store.again("C1", out, Again(NOW + 9, hold=NOW + 9), now=NOW)
    assert await first(store.put(entry("b", channel_id="C2"), now=NOW)) == Wait(NOW + 9)
    await store.put(entry("w", kind=Kind.WHISPER), now=NOW)
    assert (await store.take("C1", now=NOW)).entry.key == "w"


async def test_a_channel_gets_a_burst_and_then_one_a_second(make):
    store = make(pace=Pace(rate=1.0, burst=2.0))
    step = await first(store.put(*map(entry, "abc"), now=NOW))
    for key in "ab":
        assert step.entry.key == key
        step = await store.done("C1", step, sent(key), now=NOW)
    assert step == Wait(NOW + 1)
    assert isinstance(await store.take("C1", now=NOW + 1), Outgoing)


async def test_changed_content_is_what_is_sent_next(make):
    store = make()
    out = await first(store.put(entry(kind=Kind.WHISPER), now=NOW))
    direct = out.entry.model_copy(update={"kind": Kind.SHOW, "direct": True})
    following = await store.again("C1", out, Again(NOW, changed=direct), now=NOW)
    assert (following.entry.direct, following.lane) == (True, "post")


async def test_a_reply_comes_with_its_parent_s_place(make):
    store = make()
    parent = await first(store.put(entry("a"), entry("a/1", under="a"), now=NOW))
    following = await store.done("C1", parent, sent("a", "7.7"), now=NOW)
    assert following.under == sent("a", "7.7")


async def test_a_place_that_was_altered_is_not_used(make, redis):
    store = make()
    out = await first(store.put(entry("a"), now=NOW))
    await store.put(entry("b"), now=NOW + 1)
    step = await store.done("C1", out, sent("a"), now=NOW + 1)
    await store.done("C1", step, sent("b"), now=NOW + 1)
    await redis.hset("{test}:outbox:sent:a", "blob", await redis.hget("{test}:outbox:sent:b", "blob"))
    assert await store.sent("a") is None
    assert await store.sent("b") == sent("b")


async def test_several_entries_of_one_call_appear_in_their_order(make):
    store = make()
    step = await first(store.put(*map(entry, ("a", "a/1", "a/2")), now=NOW))
    for key in ("a", "a/1", "a/2"):
        assert (step.entry.key, step.ambiguous) == (key, False)
        step = await store.done("C1", step, sent(key), now=NOW)
    assert step is Over.EMPTY


async def test_of_several_entries_only_the_news_is_kept(make):
    store = make()
    out = await first(store.put(entry("a"), now=NOW))
    assert await word(store.put(entry("a"), entry("a/1"), now=NOW)) is Put.MINE
    following = await store.done("C1", out, sent("a"), now=NOW)
    assert following.entry.key == "a/1"
    assert await word(store.put(entry("a"), entry("a/1"), now=NOW)) is Put.KNOWN


async def shown(store, *keys):
    """Messages that are there already, so that what follows is an edit."""
    for key in keys:
        await store.done("C1", await first(store.put(entry(key), now=NOW - 60)), sent(key), now=NOW - 60)


def passing(key, revision=2, **changes):
    return entry(key, revision=revision, spacing=3.0, **changes)


async def test_passing_states_keep_their_distance_and_the_final_one_does_not(make):
    store = make()
    await shown(store, "a")
    out = await first(store.put(passing("a"), now=NOW))
    assert out.lane == "edit"
    await store.done("C1", out, sent("a"), now=NOW)
    assert await first(store.put(passing("a", 3), now=NOW + 1)) == Wait(NOW + 3)
    await store.put(passing("a", 4), now=NOW + 2)
    assert await store.take("C1", now=NOW + 2) == Wait(NOW + 3)
    await store.put(entry("a", revision=9), now=NOW + 2)
    assert (await store.take("C1", now=NOW + 2)).revision == 9


async def test_passing_states_leave_half_of_the_burst_to_what_stays(make):
    store = make(pace=Pace(rate=1000, burst=1000, edit_rate=1.0, edit_burst=4.0))
    await shown(store, *"abcd")
    step = await first(store.put(*map(passing, "abcd"), now=NOW))
    for key in "abc":
        assert step.entry.key == key
        step = await store.done("C1", step, sent(key), now=NOW)
    assert step == Wait(NOW + 1)
    await store.put(entry("a", revision=9), now=NOW)
    assert (await store.take("C1", now=NOW)).revision == 9


async def test_a_busy_job_does_not_lose_its_turn_to_others(make):
    store = make(pace=Pace(rate=1000, burst=1000, edit_rate=1.0, edit_burst=1.0))
    await shown(store, *"abc")
    turns = []
    for second in range(9):
        now = NOW + second
        _, step = await store.put(*(passing(key, 2 + second) for key in "abc"), now=now)
        step = step or await store.take("C1", now=now)
        turns.append(step.entry.key)
        await store.done("C1", step, sent(step.entry.key), now=now)
    assert sorted(turns) == [*"aaabbbccc"]


async def test_knows_the_channels_that_wait(make):
    store = make()
    await store.put(entry("a"), now=NOW)
    await store.put(entry("b", channel_id="C2"), now=NOW, after=NOW + 60)
    await store.take("C2", now=NOW)
    assert await store.waiting(NOW) == ["C1"]
    assert await store.waiting(NOW + 60) == ["C1", "C2"]


async def test_everything_ends_by_itself(make, redis):
    store = make()
    await store.done("C1", await first(store.put(entry("a"), now=NOW)), sent("a"), now=NOW)
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
