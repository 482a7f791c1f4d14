"""Nothing is lost, nothing is out of order, nothing is too fast, whatever Slack does."""

import asyncio
import contextlib
import time

import pytest

from bot.jobs.names import bot_client
from bot.jobs.wire import Began, Ended
from bot.slack import outbox
from bot.slack.blocks import preformatted, table
from bot.standin.mishaps import Mishap
from bot.store.outbox import Kind, Over, Pace

from .conftest import FAST, entry, record, result, texts, wired

pytestmark = pytest.mark.store

QUIET_SECONDS = 0.3
"""Long enough for a message too many to show up."""


async def nothing_left(side):
    async with asyncio.timeout(60):
        while await side.store.waiting(time.time() + 1e6):  # noqa: ASYNC110 - the store rings no bell
            await asyncio.sleep(0.01)


async def test_a_quick_job_posts_its_parent_already_finished(side):
    await side.accept(record(accepted_at=time.time()))
    side.reporter.accepted("J-1")
    await side.reporter.handle(Began(job_id="J-1", worker="w", at=time.time()))
    await side.reporter.handle(Ended(job_id="J-1", worker="w", result=result("web\n")))
    await side.until_posts(1)
    await asyncio.sleep(0.6)
    assert len(texts(side)) == 1
    assert texts(side)[0].startswith("Done: docker container restart web -t 2 on prod-1")
    assert side.posts("chat.update") == []


async def test_a_long_job_posts_running_and_is_edited_once_it_ends(side):
    await side.accept(record(accepted_at=time.time()))
    await side.reporter.handle(Began(job_id="J-1", worker="w", at=time.time()))
    await side.until_posts(1)
    await side.reporter.handle(Ended(job_id="J-1", worker="w", result=result("web\n")))
    [edit] = await side.until_posts(1, "chat.update")
    assert texts(side)[0].startswith("Running: ")
    assert edit["text"].startswith("Done: ")
    assert edit["parse"] == "none"
    before = {block["block_id"] for block in side.posts()[0]["blocks"]}
    assert not before & {block["block_id"] for block in edit["blocks"]}


async def test_a_job_that_nobody_begins_says_that_it_waits(side):
    await side.accept(record(accepted_at=time.time() - 1))
    side.reporter.accepted("J-1")
    await side.until_posts(1)
    assert texts(side) == ["Waiting: docker container restart web -t 2 on prod-1"]


async def test_a_repeated_ending_changes_nothing(side):
    await side.accept(record())
    event = Ended(job_id="J-1", worker="w", result=result("a\nb\n"))
    for _ in range(3):
        await side.reporter.handle(event)
    await side.until_posts(2)
    await side.reporter.handle(event)
    await asyncio.sleep(QUIET_SECONDS)
    assert len(texts(side)) == 2
    assert side.posts("chat.update") == []


async def test_the_output_stands_in_the_thread_of_its_parent(side):
    for number in range(5):
        await side.accept(record(f"J-{number}"))
        await side.reporter.handle(Ended(job_id=f"J-{number}", worker="w", result=result(f"a\n{number}\n")))
    await side.until_posts(10)
    parents = [one for one in side.standin.messages("C01OPS") if one.thread_ts is None]
    assert len(parents) == 5
    for number, parent in enumerate(parents):
        [reply] = side.standin.thread("C01OPS", parent.ts)
        assert reply.blocks[0]["elements"][0]["elements"][0]["text"] == f"a\n{number}"


async def test_a_mention_is_answered_in_its_own_thread(side):
    said = await side.standin.say("U01ALICE", "C01OPS", "anyone?")
    await side.accept(record(thread_ts=said.ts))
    await side.reporter.handle(Ended(job_id="J-1", worker="w", result=result("a\nb\n")))
    await side.until_posts(2)
    assert len(side.standin.thread("C01OPS", said.ts)) == 2


FAILURES = {
    "too many calls": (Mishap.RATE_LIMITED, False),
    "a server error": (Mishap.SERVER_ERROR, True),
    "an internal error": (Mishap.INTERNAL_ERROR, True),
    "a connection that drops before": (Mishap.DROP_BEFORE, True),
}


@pytest.mark.parametrize(("mishap", "ambiguous"), FAILURES.values(), ids=FAILURES)
async def test_is_posted_all_the_same_after(side, mishap, ambiguous):
    side.standin.mishaps.next("chat.postMessage", mishap)
    await side.outbox.put(entry("a"))
    await side.outbox.put(entry("b"))
    await side.standin.until(lambda s: len(s.messages("C01OPS")) == 2)
    shown = [one.text for one in side.standin.messages("C01OPS")]
    assert shown == (["(repeat) a", "b"] if ambiguous else ["a", "b"])
    await nothing_left(side)


async def test_says_repeat_when_an_answer_was_lost(side):
    side.standin.mishaps.next("chat.postMessage", Mishap.DROP_AFTER)
    await side.outbox.put(entry("a"))
    await side.standin.until(lambda s: len(s.messages("C01OPS")) == 2)
    first, second = side.standin.messages("C01OPS")
    assert (first.text, second.text) == ("a", "(repeat) a")
    assert second.blocks[-1]["elements"][0]["text"] == "(repeat)"


async def test_an_edit_whose_answer_was_lost_is_simply_made_again(side):
    await side.outbox.put(entry("a"))
    await side.until_posts(1)
    side.standin.mishaps.next("chat.update", Mishap.DROP_AFTER)
    await side.outbox.put(entry("a", "done", revision=3))
    await side.until_posts(2, "chat.update")
    assert [one.text for one in side.standin.messages("C01OPS")] == ["done"]


async def test_an_older_revision_never_overwrites_a_newer_one(side):
    await side.outbox.put(entry("a", "ended", revision=3))
    await side.until_posts(1)
    await side.outbox.put(entry("a", "running", revision=2))
    await asyncio.sleep(QUIET_SECONDS)
    assert texts(side) == ["ended"]
    assert side.posts("chat.update") == []


async def test_what_a_killed_bot_left_behind_another_posts(standin, store_url, keys, monkeypatch):
    monkeypatch.setattr(outbox, "STOP_SECONDS", 0.0)
    async with wired(standin, store_url, keys, FAST) as first:
        standin.mishaps.next("chat.postMessage", Mishap.TIME_OUT_BEFORE)
        await first.outbox.put(entry("a"))
        await first.outbox.put(entry("b"))
        await first.until_posts(1)
    async with wired(standin, store_url, keys, FAST):
        await standin.until(lambda s: len(s.messages("C01OPS")) == 2)
    # The first call's end was never seen, so its message says that it may be there twice.
    assert [one.text for one in standin.messages("C01OPS")] == ["(repeat) a", "b"]


async def test_a_channel_is_another_bots_once_its_owner_is_silent(standin, store_url, keys, monkeypatch):
    monkeypatch.setattr("bot.store.outbox.LEASE_MS", 300)
    monkeypatch.setattr(outbox, "SCAN_SECONDS", 0.05)
    async with (
        wired(standin, store_url, keys, FAST) as silent,
        wired(standin, store_url, keys, FAST) as living,
    ):
        standin.mishaps.next("chat.postMessage", Mishap.TIME_OUT_BEFORE)
        await silent.outbox.put(entry("a"))
        await silent.until_posts(1)
        await living.outbox.put(entry("b"))
        assert standin.messages("C01OPS") == []
        await standin.until(lambda s: len(s.messages("C01OPS")) == 2)
        assert [one.text for one in standin.messages("C01OPS")] == ["(repeat) a", "b"]
        monkeypatch.setattr(outbox, "STOP_SECONDS", 0.0)


async def test_a_bot_that_stops_in_good_order_leaves_nothing_in_doubt(standin, store_url, keys):
    async with wired(standin, store_url, keys, Pace(rate=1.0, burst=1.0)) as first:
        for name in "abc":
            await first.outbox.put(entry(name))
        await first.until_posts(1)
    async with wired(standin, store_url, keys, FAST):
        await standin.until(lambda s: len(s.messages("C01OPS")) == 3)
    assert [one.text for one in standin.messages("C01OPS")] == ["a", "b", "c"]


async def test_two_bots_post_each_message_once_and_in_order(standin, store_url, keys):
    async with (
        wired(standin, store_url, keys, FAST) as one,
        wired(standin, store_url, keys, FAST) as other,
    ):
        for number in range(40):
            bot = one if number % 2 else other
            await bot.outbox.put(entry(f"{number:02}"))
        await standin.until(lambda s: len(s.messages("C01OPS")) >= 40)
        await asyncio.sleep(QUIET_SECONDS)
    assert [message.text for message in standin.messages("C01OPS")] == [f"{n:02}" for n in range(40)]


async def test_a_table_that_slack_refuses_is_shown_as_text(side):
    side.standin.mishaps.next("chat.postMessage", "invalid_blocks")
    rows = [("NAME", "STATUS"), ("web", "Up 3 hours")]
    await side.outbox.put(entry("a", blocks=[table(rows)]))
    await side.until_posts(2)
    [shown] = side.standin.messages("C01OPS")
    assert shown.blocks[0]["elements"][0]["type"] == "rich_text_preformatted"
    assert shown.blocks[0]["elements"][0]["elements"][0]["text"] == "NAME   STATUS\nweb    Up 3 hours"


async def test_blocks_that_slack_refuses_are_left_out_and_the_text_stays(side):
    side.standin.mishaps.next("chat.postMessage", "msg_blocks_too_long")
    await side.outbox.put(entry("a", "Done: ps", blocks=[preformatted("x")]))
    await side.until_posts(2)
    [shown] = side.standin.messages("C01OPS")
    assert (shown.text, shown.blocks) == ("Done: ps", [])


async def test_a_channel_without_the_bot_gets_nothing_and_the_asker_is_told(side):
    side.standin.world.channels["C01OPS"].bot_is_member = False
    await side.accept(record())
    await side.reporter.handle(Ended(job_id="J-1", worker="w", result=result("a\nb\n")))
    direct = await side.standin.until(
        lambda s: next((c for c in s.world.channels.values() if c.direct and s.messages(c.id)), None)
    )
    await side.standin.until(lambda s: len(s.messages(direct.id)) == 2)
    parent, reply = side.standin.messages(direct.id)
    assert "/invite" in str(parent.blocks)
    assert reply.thread_ts == parent.ts
    assert side.standin.messages("C01OPS") == []


async def test_an_ephemeral_is_seen_by_its_asker_alone(side):
    await side.outbox.put(entry("w", kind=Kind.WHISPER))
    [shown] = await side.standin.until(lambda s: s.messages("C01OPS"))
    assert shown.ephemeral_to == "U01ALICE"
    await nothing_left(side)


async def test_an_outcome_whose_parent_was_deleted_is_posted_anew(side):
    await side.outbox.put(entry("a", "Running"))
    await side.until_posts(1)
    side.standin.mishaps.next("chat.update", "message_not_found")
    await side.outbox.put(entry("a", "Done", revision=3))
    await side.until_posts(2)
    assert texts(side) == ["Running", "Done"]


async def test_a_store_that_was_away_is_waited_for(standin, start_store, keys):
    store = start_store()
    async with wired(standin, store.url, keys, FAST) as side:
        await side.outbox.put(entry("a"))
        await side.until_posts(1)
        standin.mishaps.next("chat.postMessage", Mishap.RATE_LIMITED, retry_after=1)
        await side.outbox.put(entry("b"))
        await side.until_posts(2)
        store.kill()
        store.start()
        await standin.until(lambda s: [one.text for one in s.messages("C01OPS")][-1:] == ["b"])


FORGERIES = {
    "not locked by this bot": lambda _: b"AAAA",
    "an entry of another key": lambda blobs: blobs["b"],
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_an_altered_entry_is_never_posted_and_blocks_nobody(standin, store_url, keys, forge):
    async with (
        wired(standin, store_url, keys, FAST) as side,
        contextlib.aclosing(bot_client(store_url)) as redis,
    ):
        side.standin.mishaps.next("chat.postMessage", Mishap.RATE_LIMITED, retry_after=1)
        await side.outbox.put(entry("a"))
        await side.outbox.put(entry("b"))
        await side.until_posts(1)
        prefix = "{test}:outbox:entry:"
        blobs = {key: await redis.hget(prefix + key, "blob") for key in ("a", "b")}
        await redis.hset(prefix + "a", "blob", forge(blobs))
        [shown] = await side.standin.until(lambda s: s.messages("C01OPS"))
        assert shown.text == "b"
        await nothing_left(side)


async def test_nothing_readable_lies_in_redis(side, store_url):
    side.standin.mishaps.next("chat.postMessage", Mishap.RATE_LIMITED, times=99)
    await side.outbox.put(entry("a", "swordfish-output"))
    await side.until_posts(1)
    async with contextlib.aclosing(bot_client(store_url)) as redis:
        for key in await redis.keys("*outbox*"):
            assert b"swordfish" not in (await redis.dump(key))
    side.standin.mishaps._planned.clear()


async def test_a_result_waits_for_no_timer_of_ours(side):
    lasted = []
    for number in range(150):
        await side.accept(record(f"J-{number}"))
        began = time.time()
        await side.reporter.handle(Ended(job_id=f"J-{number}", worker="w", result=result("web\n")))
        # The next one is put while the sender finds out that nothing is left.
        await side.until_posts(number + 1)
        lasted.append(side.standin.calls[-1].at - began)
    # Loose, because machines are shared; alone it is below 2 ms.
    assert sorted(lasted)[len(lasted) // 2] < 0.02
    assert max(lasted) < outbox.SCAN_SECONDS / 2


async def test_what_comes_while_the_sender_learns_that_nothing_is_left_is_sent_at_once(side, monkeypatch):
    genuine = side.store.done

    async def done(channel_id, out, sent, *, now):
        step = await genuine(channel_id, out, sent, now=now)
        if out.entry.key == "a":
            assert step is Over.EMPTY
            await side.outbox.put(entry("b"))
        return step

    monkeypatch.setattr(side.store, "done", done)
    await side.outbox.put(entry("a"))
    async with asyncio.timeout(outbox.SCAN_SECONDS / 2):
        await side.until_posts(2)


async def test_a_lapsed_lease_makes_no_second_sender(side, monkeypatch):
    monkeypatch.setattr("bot.store.outbox.LEASE_MS", 30)
    for number in range(30):
        await side.outbox.put(entry(f"{number:02}"))
        await side.outbox.put(entry("late", revision=number + 1), after=time.time() + 0.02)
        await asyncio.sleep(0.01)
    await nothing_left(side)
    shown = [one.text for one in side.standin.messages("C01OPS") if one.text != "late"]
    assert shown == [f"{number:02}" for number in range(30)]


async def test_an_entry_is_as_old_as_the_outbox_has_it_whoever_made_it(side, monkeypatch):
    kept = []
    put = side.store.put

    async def noted(*entries, **more):
        kept.extend(entries)
        return await put(*entries, **more)

    monkeypatch.setattr(side.store, "put", noted)
    before = time.time()
    await side.outbox.put(entry("a"), entry("b", made_at=1.0))
    assert all(before <= one.made_at <= time.time() for one in kept)
    assert [one.key for one in kept] == ["a", "b"]
