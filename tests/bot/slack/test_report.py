"""What workers say reaches the channel of the signed record, and no other."""

import asyncio
import contextlib
import time

import aiohttp
import pytest

from bot.jobs.names import bot_client
from bot.jobs.queue import StoreDown
from bot.jobs.wire import Began, Ended, Refused, Tail, Uploaded
from permissions.ticket import TicketRefusal

from .conftest import FAST, eventually, record, result, wired

pytestmark = pytest.mark.store

QUIET_SECONDS = 0.3


def long_result(**changes):
    text = "".join(f"line {number}\n" for number in range(2000))
    outcome = result().model_copy(update={"stdout": Tail(text=text, total_bytes=len(text), total_lines=2000)})
    return outcome.model_copy(update=changes)


async def ended(side, job_id="J-1", outcome=None):
    await side.reporter.handle(Ended(job_id=job_id, worker="w", result=outcome or result("web\n")))


async def test_an_event_of_an_unknown_job_is_dropped(side):
    await ended(side, "J-99")
    await asyncio.sleep(QUIET_SECONDS)
    assert side.posts() == []


FORGERIES = {
    "another channel": ("record", record(channel_id="C02DEV").model_dump_json()),
    "another signature": ("signature", "0123456789abcdef.AAAA"),
    "no signature": ("signature", ""),
    "another job's record": ("record", record("J-2").model_dump_json()),
}


@pytest.mark.parametrize(("field", "value"), FORGERIES.values(), ids=FORGERIES)
async def test_an_event_of_an_altered_record_is_dropped(side, standin, keys, store_url, field, value):
    # What a bot has accepted itself it has at hand: this one was another's.
    async with wired(standin, store_url, keys, FAST) as other:
        await other.accept(record())
    async with contextlib.aclosing(bot_client(store_url)) as redis:
        await redis.hset("{test}:request:J-1", field, value)
    await ended(side)
    await asyncio.sleep(QUIET_SECONDS)
    assert side.posts() == []


async def test_a_refused_ticket_is_told(side):
    await side.accept(record())
    await side.reporter.handle(
        Refused(job_id="J-1", worker="w", refusal=TicketRefusal.TOO_LATE, at=time.time())
    )
    [post] = await side.until_posts(1)
    assert post["text"].startswith("Refused: ")
    assert "send it again" in post["text"]


async def test_events_of_the_queue_are_shown_and_leave_the_store(side, store_url):
    await side.accept(record())
    event = Ended(job_id="J-1", worker="w", result=result("web\n"))
    async with contextlib.aclosing(bot_client(store_url)) as redis:
        await redis.xadd("{test}:events", {"event": "not an event"})
        await redis.xadd(
            "{test}:events", {"event": Ended(job_id="J-9", worker="w", result=result()).model_dump_json()}
        )
        await redis.xadd("{test}:events", {"event": event.model_dump_json()})
        running = asyncio.create_task(side.reporter.run("bot-a"))
        try:
            [post] = await side.until_posts(1)
            async with asyncio.timeout(60):
                while await redis.xlen("{test}:events"):  # noqa: ASYNC110 - the store rings no bell
                    await asyncio.sleep(0.01)
        finally:
            running.cancel()
    assert post["channel"] == "C01OPS"


class Recorded:
    """What the audit is told, call by call; it takes nothing while ``down``."""

    def __init__(self):
        self.calls = []
        self.down = False

    async def __call__(self, events):
        if self.down:
            raise StoreDown(unsure=True)
        self.calls.append([event.kind for event in events])


@contextlib.asynccontextmanager
async def heard_by(standin, store_url, keys, recorded, *events, **changes):
    """A bot that has just accepted J-1 and reads these events; yields it and the store."""
    async with (
        wired(standin, store_url, keys, FAST, recorded=recorded, **changes) as side,
        contextlib.aclosing(bot_client(store_url)) as redis,
    ):
        await side.accept(record(accepted_at=time.time()))
        side.reporter.accepted("J-1")
        for event in events:
            await redis.xadd("{test}:events", {"event": event.model_dump_json()})
        running = asyncio.create_task(side.reporter.run("bot-a"))
        try:
            yield side, redis
        finally:
            running.cancel()


async def left(redis, count):
    """Waits until so many events are in the store."""
    async with asyncio.timeout(60):
        while await redis.xlen("{test}:events") != count:  # noqa: ASYNC110 - the store rings no bell
            await asyncio.sleep(0.01)


BEGAN = Began(job_id="J-1", worker="w", at=time.time())


async def test_an_event_that_cannot_be_shown_does_not_hold_up_the_others(side, store_url, monkeypatch):
    await side.accept(record())
    genuine = side.reporter._ended

    async def broken(request, event):
        if event.result.exit_code == 7:
            raise RuntimeError("boom")
        await genuine(request, event)

    monkeypatch.setattr(side.reporter, "_ended", broken)
    async with contextlib.aclosing(bot_client(store_url)) as redis:
        for outcome in (result(exit_code=7), result("web\n")):
            event = Ended(job_id="J-1", worker="w", result=outcome)
            await redis.xadd("{test}:events", {"event": event.model_dump_json()})
    running = asyncio.create_task(side.reporter.run("bot-a"))
    try:
        await side.until_posts(1)
    finally:
        running.cancel()


async def test_a_long_output_is_attached_in_its_thread(side):
    await side.accept(record())
    outcome = long_result()
    await ended(side, outcome=outcome)
    [(request, file_id, url, file)] = await eventually(lambda: side.uploads)
    assert (request.job_id, file.stream) == ("J-1", "stdout")
    async with aiohttp.ClientSession() as session, session.post(url, data=outcome.stdout.text) as answer:
        assert answer.status == 200
    await side.reporter.handle(Uploaded(job_id="J-1", worker="w", upload_id=file_id, ok=True))
    parent, reply, shared = await side.standin.until(
        lambda s: len(s.messages("C01OPS")) == 3 and s.messages("C01OPS")
    )
    assert "first 40 of 2,000 lines" in str(reply.blocks)
    assert shared.thread_ts == parent.ts
    [attached] = shared.files
    assert attached.name == "docker-container-restart-J-1.txt"
    assert attached.content.decode() == outcome.stdout.text


async def test_both_outputs_may_be_attached(side):
    await side.accept(record())
    both = long_result()
    await ended(side, outcome=both.model_copy(update={"stderr": both.stdout}))
    await eventually(lambda: len(side.uploads) == 2)
    assert {order[3].stream for order in side.uploads} == {"stdout", "stderr"}


async def test_a_failed_upload_is_told(side):
    await side.accept(record())
    await ended(side, outcome=long_result())
    [(_, file_id, _, _)] = await eventually(lambda: side.uploads)
    failed = Uploaded(job_id="J-1", worker="w", upload_id=file_id, ok=False, error="413 <!channel>")
    await side.reporter.handle(failed)
    posts = await side.until_posts(3)
    assert posts[2]["text"] == "The full output could not be attached: 413 &lt;!channel&gt;."


async def test_an_upload_of_another_job_is_not_shown_in_this_ones_channel(side):
    await side.accept(record())
    await side.accept(record("J-2", channel_id="C01OPS"))
    await ended(side, outcome=long_result())
    [(_, file_id, _, _)] = await eventually(lambda: side.uploads)
    await side.reporter.handle(Uploaded(job_id="J-2", worker="w", upload_id=file_id, ok=True))
    await side.reporter.handle(Uploaded(job_id="J-1", worker="w", upload_id="F0FORGED", ok=True))
    await asyncio.sleep(QUIET_SECONDS)
    assert side.posts("files.completeUploadExternal") == []


async def test_an_upload_whose_order_failed_is_ordered_again(side):
    await side.accept(record())
    side.standin.mishaps.next("files.getUploadURLExternal", "internal_error")
    await ended(side, outcome=long_result())
    await eventually(lambda: side.uploads)


async def test_an_upload_that_slack_gives_no_address_for_is_told(side):
    await side.accept(record())
    side.standin.mishaps.next("files.getUploadURLExternal", "file_uploads_disabled")
    await ended(side, outcome=long_result())
    posts = await side.until_posts(3)
    assert posts[2]["text"] == "The full output could not be attached: file_uploads_disabled."


async def test_a_late_beginning_does_not_reopen_an_ended_job(side):
    await side.accept(record())
    await ended(side)
    await side.until_posts(1)
    await side.reporter.handle(Began(job_id="J-1", worker="w", at=time.time()))
    await asyncio.sleep(QUIET_SECONDS)
    assert side.posts("chat.update") == []
