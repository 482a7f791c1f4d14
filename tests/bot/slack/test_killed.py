"""A bot process that is killed in the middle of its calls to Slack, and a Slack that does not answer."""

import asyncio
import contextlib
import itertools
import re
import time
from pathlib import Path

import pytest

from bot.failpoints import STATUS
from bot.jobs.names import bot_client
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Ended
from bot.keys import BotKeys
from bot.slack import client
from bot.standin.mishaps import Mishap
from bot.store.intake import IntakeEntry
from permissions.ticket import Ticket
from tests.soak.processes import launch

from .conftest import FAST, entry, record, result, wired

pytestmark = pytest.mark.store

ROOT = Path(__file__).parents[3]
NAMESPACE = "docktalk"


@pytest.fixture
def start_bot(standin, store_url, tmp_path):
    """``start_bot()`` starts a whole bot as a process of its own, to die at a failpoint if one is given."""
    own = {
        "REDIS_URL": store_url,
        "DOCKTALK_DATA_DIR": str(tmp_path),
        "DOCKTALK_SLACK_BOT_TOKEN": standin.bot_token,
        "DOCKTALK_SLACK_SIGNING_SECRET": standin.signing_secret,
        "DOCKTALK_SLACK_MODE": "http",
        "DOCKTALK_SLACK_API_URL": standin.api_url,
        "DOCKTALK_HTTP_PORT": "0",
        "DOCKTALK_POLICY_FILE": str(ROOT / "deploy" / "policy.example.yaml"),
        "DOCKTALK_LOG_LEVEL": "error",
    }
    started = []

    def start(failpoint=""):
        started.append(launch("bot", own, failpoint, tmp_path / "bot.log"))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.join()


async def accept(redis, keys, job_id):
    queue = BotQueue(redis, NAMESPACE, keys)
    await queue.accept(
        record(job_id, accepted_at=time.time()),
        Ticket(claims="{}", signature="", key_id=""),
        IntakeEntry(1, "{}", ""),
    )
    event = Ended(job_id=job_id, worker="w", result=result(f"a\n{job_id}\n"))
    await redis.xadd("{docktalk}:events", {"event": event.model_dump_json()})


async def test_loses_no_result_and_repeats_one_message_at_most(standin, store_url, tmp_path, start_bot):
    keys = BotKeys.load_or_create(tmp_path / "bot" / "keys")
    async with contextlib.aclosing(bot_client(store_url)) as redis:
        # The message is there, but its answer never comes.
        standin.mishaps.next("chat.postMessage", Mishap.TIME_OUT_AFTER)
        first = start_bot()
        for number in range(1, 6):
            await accept(redis, keys, f"J-{number}")
        await standin.until(lambda s: s.messages("C01OPS"), 30)
        async with asyncio.timeout(60):
            while await redis.xlen("{docktalk}:events"):  # noqa: ASYNC110 - the store rings no bell
                await asyncio.sleep(0.05)
        first.kill()
        first.join()
        # As if the time had passed after which a silent bot loses its channel.
        await redis.delete("{docktalk}:outbox:lease:C01OPS")
        start_bot()
        await standin.until(lambda s: len(s.messages("C01OPS")) == 11, 60)
    parents = [one for one in standin.messages("C01OPS") if one.thread_ts is None]
    said = [one.text.split(",")[0] for one in parents]
    assert len([text for text in said if text.startswith("(repeat) ")]) == 1
    jobs = [
        one.blocks[-2 if one.text.startswith("(repeat)") else -1]["elements"][0]["text"] for one in parents
    ]
    assert jobs == ["J-1", "J-1", "J-2", "J-3", "J-4", "J-5"]
    for one in parents[1:]:
        job_id = one.blocks[2]["elements"][0]["text"]
        [reply] = standin.thread("C01OPS", one.ts)
        assert reply.blocks[0]["elements"][0]["elements"][0]["text"] == f"a\n{job_id}"


@pytest.mark.parametrize("point", ["before post", "posted", "post noted"])
async def test_every_kill_repeats_one_message_at_most_and_threads_stay_in_order(
    point, standin, store_url, tmp_path, start_bot
):
    keys, kills = BotKeys.load_or_create(tmp_path / "bot" / "keys"), 3
    async with contextlib.aclosing(bot_client(store_url)) as redis:
        for number in range(1, 4):
            await accept(redis, keys, f"J-{number}")
        for _ in range(kills):
            dying = start_bot(point)
            await asyncio.to_thread(dying.join, 60)
            assert dying.exitcode == STATUS
            await redis.delete("{docktalk}:outbox:lease:C01OPS")
        start_bot()
        await standin.until(lambda s: _all_told(s.messages("C01OPS")), 60)
        async with asyncio.timeout(60):
            while await redis.zcard("{docktalk}:outbox:wake"):  # noqa: ASYNC110 - the store rings no bell
                await asyncio.sleep(0.02)
    shown = standin.messages("C01OPS")
    assert [job_id for job_id, _ in itertools.groupby(map(_job_of, _parents(shown)))] == ["J-1", "J-2", "J-3"]
    repeated = len(shown) - 6
    assert repeated <= (kills if point == "posted" else 0)
    assert sum("(repeat)" in str((one.text, one.blocks)) for one in shown) >= repeated
    for one in shown:
        if one.thread_ts is not None:
            [parent] = [parent for parent in _parents(shown) if parent.ts == one.thread_ts]
            assert _job_of(parent) in str(one.blocks)


def _parents(messages):
    return [one for one in messages if one.thread_ts is None]


def _job_of(message):
    return re.search(r"J-\d+", str(message.blocks))[0]


def _all_told(messages):
    """Whether every job has its parent and the reply below it."""
    return {
        (job_id, below) for one in messages for job_id, below in [(_job_of(one), one.thread_ts is not None)]
    } == {(f"J-{number}", below) for number in range(1, 4) for below in (False, True)}


@pytest.mark.parametrize("mishap", [Mishap.TIME_OUT_BEFORE, Mishap.TIME_OUT_AFTER])
async def test_calls_that_are_never_answered_lose_nothing_and_keep_the_order(
    mishap, standin, store_url, keys, monkeypatch
):
    monkeypatch.setattr(client.call, "__defaults__", (0.2,))
    standin.mishaps.next("chat.postMessage", mishap, times=2)
    async with wired(standin, store_url, keys, FAST) as side:
        for name in "abc":
            await side.outbox.put(entry(name))
        await standin.until(lambda s: s.messages("C01OPS")[-1:] and s.messages("C01OPS")[-1].text == "c", 30)
    shown = [one.text for one in standin.messages("C01OPS")]
    assert [name for name, _ in itertools.groupby(text.removeprefix("(repeat) ") for text in shown)] == [
        *"abc"
    ]
    came_through = 2 if mishap is Mishap.TIME_OUT_AFTER else 0
    assert len(shown) == 3 + came_through
    assert [text.startswith("(repeat)") for text in shown].count(False) == (3 if came_through else 2)
