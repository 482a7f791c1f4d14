"""What is shown of jobs that wait, came too late, or were taken by nobody."""

import time
from typing import Any

import pytest

from bot.jobs.wire import Began, Ended, Expired, Late, Waits
from bot.reply import Accepted
from bot.slack.replies import CORRECTION
from handlers.faults import Denied, Reason

from .conftest import eventually, record, result

pytestmark = pytest.mark.store

LATE = Late(job_id="J-1", worker="w", ticket="{}", at=0.0)


def decides(side: Any, answer: Any) -> None:
    async def decide(*_: object) -> str:
        if isinstance(answer, Exception):
            raise answer
        return answer

    side.reporter._decide_anew = decide


async def test_who_waits_sees_behind_whom(side):
    await side.accept(record("J-41"))
    await side.accept(record())
    await side.reporter.handle(Waits(job_id="J-1", worker="w", behind="J-41", at=time.time()))
    [post] = await side.until_posts(1)
    assert post["text"].startswith("Waiting: docker container restart web -t 2 on prod-1 after J-41")
    assert "'s restart, " in str(post["blocks"])


async def test_a_job_that_is_decided_anew_shows_nothing_new(side):
    await side.accept(record())
    decides(side, "")
    await side.reporter.handle(LATE)
    await side.reporter.handle(Began(job_id="J-1", worker="w", at=time.time()))
    [post] = await side.until_posts(1)
    assert post["text"].startswith("Running: ")


async def test_a_job_that_waited_long_is_asked_about(side):
    await side.accept(record())
    decides(side, "opaque")
    await side.reporter.handle(LATE)
    [post] = await side.until_posts(1)
    assert post["text"].startswith("Asking: ")
    assert "Is it still wanted?" in post["text"]
    [button] = [block["elements"][0] for block in post["blocks"] if block["type"] == "actions"]
    assert (button["action_id"], button["value"]) == (CORRECTION, "opaque")


async def test_a_job_that_may_not_run_any_more_says_why(side):
    await side.accept(record())
    decides(side, Denied("no rule allows this", rule="default deny", hint="Ask ada."))
    await side.reporter.handle(LATE)
    [post] = await side.until_posts(1)
    assert post["text"] == (
        "Refused: docker container restart web -t 2 on prod-1. no rule allows this Nothing was run. Ask ada."
    )


async def test_a_job_that_nobody_took_is_told(side):
    await side.accept(record())
    await side.reporter.handle(Expired(job_id="J-1", worker="", at=time.time()))
    [post] = await side.until_posts(1)
    assert "Nobody took it: the worker of prod-1 is silent. Nothing was run." in post["text"]


async def test_what_was_found_not_done_is_no_plain_failure(side):
    await side.accept(record())
    outcome = result(stderr="web: not done\n", exit_code=1, reason=Reason.NOT_DONE)

    await side.reporter.handle(Ended(job_id="J-1", worker="w", result=outcome))
    posts = await side.until_posts(1)
    assert posts[0]["text"].startswith("Not done: ")


async def test_a_yes_to_still_wanted_queues_it_and_the_message_says_so(served):
    await served.accept(record())
    yes = await served.corrections.put(
        user_id="U01ALICE", channel_id="C01OPS", thread_ts="", program="late", text="{}"
    )
    decides(served, yes)
    await served.reporter.handle(LATE)
    [post] = await served.standin.until(lambda s: s.messages("C01OPS"))
    served.pipeline.reply = Accepted(job_id="J-1")
    await served.standin.click("U02BOB", post, CORRECTION)
    assert served.pipeline.asked == []
    await served.standin.click("U01ALICE", post, CORRECTION)
    await eventually(lambda: "still wants it" in str(post.blocks))
    assert [asked.program for asked in served.pipeline.asked] == ["late"]
    await served.reporter.handle(Began(job_id="J-1", worker="w", at=time.time()))
    await eventually(lambda: post.text.startswith("Running: "))
