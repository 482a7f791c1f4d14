"""What people see of locks and of held jobs: whoever wrote it, and however long it is."""

import json
import time

import pytest

from bot.jobs.wire import Held
from bot.slack import render
from bot.slack.lock_board import lock_message
from bot.slack.parent import Revision, pausing
from bot.store.kept_locks import KeptLock
from handlers.faults import Fault
from permissions.holds import Hold, Lock
from tests.bot.slack.test_render import check

from .conftest import record

TEXTS = ["x", "a heap dump", "<@U1> *bold* `code` & <!channel>", "\x1b[31m\u202ered", "ü" * 10_000, "`" * 999]


def kept(text, **changes):
    lock = Lock(
        id="K-3",
        owner_id="U0ANA",
        owner_name=text,
        reason=text,
        set_at=1.0,
        until=2e9,
        host=text[:200],
        container="web",
    )
    return KeptLock(id="K-3", lock=lock, delivery_id="d", channel_id="C1", **changes)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("ended", [{}, {"released_at": 3.0}, {"released_at": 3.0, "released_by": "U0BEN"}])
def test_a_lock_is_shown_whatever_its_reason_says(text, ended):
    shown = check(lock_message(kept(text, **ended)))
    blocks = json.dumps(shown.blocks)
    assert "K-3" in blocks
    assert "U0ANA" in blocks
    assert ("unlock K-3" in blocks) is (not ended)
    assert "\\u202e" not in blocks
    assert "<!channel>" not in shown.text


def test_who_released_it_is_named():
    by_ben = json.dumps(lock_message(kept("x", released_at=3.0, released_by="U0BEN")).blocks)
    assert "U0BEN" in by_ben
    assert "at its end" in json.dumps(lock_message(kept("x", released_at=3.0)).blocks)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_held_job_says_what_it_waits_for_and_can_be_taken_back(text):
    hold = Hold(lock="K-3", sentence=f"local/web is locked by {text}", hint=text)
    blocks = json.dumps(check(render.held(record(shown=text), hold, 1_234)).blocks)
    assert "Held" in blocks
    assert "local/web is locked by" in blocks
    assert "cancel J-1" in blocks
    check(render.freed(record(shown=text), 1_235))


def test_what_is_shown_later_while_a_job_is_held_replaces_the_earlier_and_running_replaces_it():
    assert Revision.BEHIND < Revision.ASKED <= pausing(100.0, 100.0) < pausing(100.0, 100.1)
    assert pausing(0.0, 1e12) < Revision.RUNNING < Revision.ENDED


class HeldJobs:
    def __init__(self, said):
        self.said = said

    async def keep(self, _record, _event):
        if isinstance(self.said, Fault):
            raise self.said
        return self.said


def held_event():
    return Held(job_id="J-1", worker="w", ticket="{}", lock="K-3", at=time.time())


async def test_a_held_job_is_shown_held_then_waiting_again(side):
    job = record(accepted_at=time.time())
    await side.accept(job)
    side.reporter._held = HeldJobs(Hold(lock="K-3", sentence="web is locked by ana", hint=""))
    await side.reporter.handle(held_event())
    [post] = await side.until_posts(1)
    assert post["text"].startswith("Held: ")
    assert "web is locked by ana" in json.dumps(post)

    async def anew(_record, event):
        assert event.ticket == "{}"
        return ""

    side.reporter._decide_anew = anew
    assert await side.reporter.released(job, "{}")
    await side.standin.until(lambda _: side.posts("chat.update"))
    assert side.posts("chat.update")[-1]["text"].startswith("Waiting: ")


async def test_a_job_that_was_held_for_long_is_asked_about(side):
    await side.accept(record())

    async def asks(_record, _event):
        return "opaque"

    side.reporter._decide_anew = asks
    assert not await side.reporter.released(record(), "{}")
    [post] = await side.until_posts(1)
    assert "Is it still wanted?" in json.dumps(post)


async def test_a_held_job_that_may_not_run_any_more_is_refused(side):
    await side.accept(record())
    side.reporter._held = HeldJobs(Fault("It waited too long. Nothing was run."))
    await side.reporter.handle(held_event())
    [post] = await side.until_posts(1)
    assert post["text"].startswith("Refused: ")
