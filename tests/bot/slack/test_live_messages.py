"""A running job in its message: what its worker tells, what people click, and what comes of forged clicks."""

import asyncio
import contextlib
import time

import pytest

from bot.jobs.names import bot_client
from bot.jobs.wire import Began, Ended, Page, Progress, Progressed, ShowOrder, Uploaded
from bot.reply import Accepted, JobRow, JobRows, Refusal, Told

from .conftest import eventually, record, result, texts

pytestmark = pytest.mark.store

QUIET_SECONDS = 0.3


@pytest.fixture
async def redis(store_url):
    async with contextlib.aclosing(bot_client(store_url)) as client:
        yield client


@pytest.fixture
def tell(served, redis):
    """What a worker does when a running job has news."""

    async def told(job_id="J-1", **news):
        now = time.time()
        progress = Progress(job_id=job_id, **{"began_at": now - 5, "at": now, "total_lines": 3, **news})
        await redis.set(f"{{test}}:live:{job_id}", progress.model_dump_json())
        await served.reporter.handle(Progressed(job_id=job_id, worker="w"))

    return told


async def begun(side, **changes):
    await side.accept(record(accepted_at=time.time() - 5, **changes))
    await side.reporter.handle(Began(job_id="J-1", worker="w", at=time.time()))
    await side.until_posts(1)
    return side.standin.messages("C01OPS")[0]


async def test_news_are_edits_of_the_parent_and_the_end_is_the_last(served, tell):
    message = await begun(served)
    await tell(tail="GET / 200\n")
    await served.until_posts(1, "chat.update")
    assert "GET / 200" in str(message.blocks)
    await served.reporter.handle(Ended(job_id="J-1", worker="w", result=result("web\n")))
    await served.until_posts(2, "chat.update")
    await tell(tail="too late\n")
    await asyncio.sleep(QUIET_SECONDS)
    assert texts(served, "chat.update")[-1].startswith("Done")
    assert len(served.standin.messages("C01OPS")) == 1


async def test_a_paused_message_rests_until_it_is_resumed(served, tell):
    message = await begun(served)
    await tell(tail="one\n")
    await served.until_posts(1, "chat.update")
    await served.displays.change("J-1", paused=True)
    await served.reporter.refresh("J-1")
    await served.until_posts(2, "chat.update")
    await tell(tail="two\n")
    await asyncio.sleep(QUIET_SECONDS)
    assert "two" not in str(message.blocks)
    await served.displays.change("J-1", paused=False)
    await served.reporter.refresh("J-1")
    await eventually(lambda: "two" in str(message.blocks))


async def test_news_of_a_job_that_is_not_ours_change_nothing(served, tell):
    await tell("J-9", tail="x\n")
    await asyncio.sleep(QUIET_SECONDS)
    assert served.posts() == served.posts("chat.update") == []


async def test_a_click_says_its_line_as_the_clicker_where_the_message_is(served, tell):
    message = await begun(served)
    await tell(tail="one\n")
    await served.until_posts(1, "chat.update")
    served.pipeline.reply = Told(text="J-1 is being stopped.\n")
    await served.standin.click("U02BOB", message, "job.stop")
    await served.standin.click("U02BOB", message, "job.pause")
    said = [(asked.user_id, asked.channel_id, asked.program, asked.text) for asked in served.pipeline.asked]
    assert said == [
        ("U02BOB", "C01OPS", "docktalk", "cancel J-1"),
        ("U02BOB", "C01OPS", "docktalk", "display --pause J-1"),
    ]
    await asyncio.sleep(QUIET_SECONDS)
    assert served.posts("response_url") == []


async def test_a_refused_click_is_told_to_the_clicker_alone(served):
    message = await begun(served)
    before = list(message.blocks)
    served.pipeline.reply = Refusal(reason="denied", message="only its asker may", rule="jobs of others")
    await served.standin.click("U02BOB", message, "job.stop")
    [told] = await served.standin.until(lambda s: [m for m in s.messages("C01OPS") if m.ephemeral_to])
    assert told.ephemeral_to == "U02BOB"
    assert message.blocks == before


async def test_lines_are_chosen_in_a_form(served, tell):
    message = await begun(served)
    await tell(tail="one\n")
    await served.until_posts(1, "chat.update")
    served.pipeline.reply = Told(text="J-1 shows only lines with 'x'.\n")
    await served.standin.click("U01ALICE", message, "job.narrow")
    view = await served.standin.until(lambda s: next(iter(s.world.views.values()), None))
    ack = await served.standin.submit("U01ALICE", view, {"pattern": {"pattern": {"value": "("}}})
    assert "not a pattern" in str(ack.body)
    assert served.pipeline.asked == []
    await served.standin.submit("U01ALICE", view, {"pattern": {"pattern": {"value": "it's -v"}}})
    [asked] = await eventually(lambda: served.pipeline.asked)
    assert (asked.text, asked.channel_id) == ("grep J-1 -- 'it'\"'\"'s -v'", "C01OPS")


async def test_a_form_is_nobody_else_s_and_good_once(served, tell):
    message = await begun(served)
    await tell(tail="one\n")
    await served.until_posts(1, "chat.update")
    await served.standin.click("U01ALICE", message, "job.narrow")
    view = await served.standin.until(lambda s: next(iter(s.world.views.values()), None))
    kept = view.content["private_metadata"]
    assert await served.corrections.take(kept, "U02BOB") is None
    assert (await served.corrections.take(kept, "U01ALICE")).text == "grep J-1"
    await served.standin.submit("U01ALICE", view, {"pattern": {"pattern": {"value": "x"}}})
    await asyncio.sleep(QUIET_SECONDS)
    assert served.pipeline.asked == []


async def test_the_jobs_are_listed_with_a_button_where_one_may_stop_them(served):
    row = JobRow(
        job_id="J-1",
        state="running",
        user_id="U01ALICE",
        user_name="alice",
        shown="docker logs -f web",
        host="prod-1",
        since=1.0,
        may_cancel=True,
    )
    served.pipeline.reply = JobRows(text="", rows=(row, row.model_copy(update={"may_cancel": False})))
    await served.standin.slash("U01ALICE", "C01OPS", "jobs", "/docktalk")
    [listed] = await served.standin.until(lambda s: s.messages("C01OPS"))
    assert str(listed.blocks).count("'cancel J-1'") == 1
    served.pipeline.reply = Told(text="J-1 is being stopped.\n")
    await served.standin.click("U01ALICE", listed, "job.stop")
    # This message does not change by itself, so the clicker is told.
    await served.standin.until(lambda s: len(s.messages("C01OPS")) == 2)


def page_of(text, **found):
    page = Page(stream="stdout", first=5, last=6, total_lines=9, total_bytes=50, older=True, newer=True)
    return result(text).model_copy(update={"page": page.model_copy(update=found)})


async def test_a_page_turns_in_its_own_message(served):
    order = ShowOrder(job_id="J-1")
    await served.accept(record("J-5", command="docktalk show", page=order))
    await served.reporter.handle(Ended(job_id="J-5", worker="w", result=page_of("five\nsix\n")))
    await served.until_posts(1)
    [message] = served.standin.messages("C01OPS")
    served.pipeline.reply = Accepted(job_id="J-6")
    await served.standin.click("U01ALICE", message, "page.older")
    assert served.pipeline.asked[0].text == "show J-1 --tail 50 --instead J-5 --below 5"
    await served.accept(
        record("J-6", command="docktalk show", page=order, instead="J-5", accepted_at=time.time())
    )
    await served.reporter.handle(Began(job_id="J-6", worker="w", at=time.time()))
    await served.reporter.handle(Ended(job_id="J-6", worker="w", result=page_of("three\nfour\n")))
    await eventually(lambda: "three" in str(message.blocks))
    assert len(served.standin.messages("C01OPS")) == 1


async def test_the_whole_is_attached_under_the_page(served):
    order = ShowOrder(job_id="J-1", whole=True)
    await served.accept(record("J-5", command="docktalk show", page=order))
    await served.reporter.handle(Ended(job_id="J-5", worker="w", result=page_of("five\nsix\n")))
    [(request, file_id, _, file)] = await eventually(lambda: served.uploads)
    assert (request.page.job_id, file.name, file.length) == ("J-1", "docktalk-J-1.txt", 50)
    assert await served.outbox.expected("J-5", file_id, "stdout")
    # The worker's word for another job's upload attaches nothing.
    await served.accept(record("J-7"))
    await served.reporter.handle(Uploaded(job_id="J-7", worker="w", upload_id=file_id, ok=True))
    await asyncio.sleep(QUIET_SECONDS)
    assert served.posts("files.completeUploadExternal") == []
