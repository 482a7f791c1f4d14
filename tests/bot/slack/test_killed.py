"""A bot process that is killed in the middle of a call to Slack."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.jobs.names import bot_client
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Ended
from bot.keys import BotKeys
from bot.standin.mishaps import Mishap
from bot.store.intake import IntakeEntry
from permissions.ticket import Ticket

from .conftest import record, result

pytestmark = pytest.mark.store

ROOT = Path(__file__).parents[3]
NAMESPACE = "docktalk"


@pytest.fixture
def start_bot(standin, store_url, tmp_path):
    """``start_bot()`` starts a whole bot as a process of its own."""
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
    with contextlib.ExitStack() as stack:

        def start():
            command = [sys.executable, "-m", "bot.cli", "bot"]
            process = subprocess.Popen(command, env={**os.environ, **own}, cwd=ROOT)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


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
        async with asyncio.timeout(10):
            while await redis.xlen("{docktalk}:events"):  # noqa: ASYNC110 - the store rings no bell
                await asyncio.sleep(0.05)
        first.kill()
        first.wait()
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
