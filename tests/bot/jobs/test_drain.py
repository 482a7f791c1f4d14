"""A deployment that is told to end: short jobs end, what has not begun waits for the next, streams say so."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import docker
import pytest

from bot.jobs.host_queue import HostQueue
from bot.jobs.wire import Began
from bot.jobs.worker import GRACE
from tests.bot.jobs.commands import Echo, Follow, Stuck, Touch
from tests.soak.rig import Rig

ROOT = Path(__file__).resolve().parents[3]
DEAF = ["sh", "-c", "trap '' TERM; while :; do echo tick; sleep 0.1; done"]


@pytest.fixture
async def rig(tmp_path: Path, docker_host: str, start_store: Callable) -> AsyncIterator[Rig]:
    store = start_store()
    async with Rig(tmp_path, docker_host, store) as rig:
        yield rig
    store.stop()


@pytest.fixture
def deaf(docker_host: str, image: str, unique: Callable[[str], str]) -> str:
    """The name of a container that takes all the time it is given to stop, and prints meanwhile."""
    name = unique("drain")
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        client.start(client.create_container(image, DEAF, name=name))
    return name


def start_up(rig: Rig) -> "subprocess.Popen[bytes]":
    command, environ = [sys.executable, "-m", "bot.cli", "up"], {**os.environ, **rig.environ()}
    with (rig.folder / "up.log").open("ab") as log:
        return subprocess.Popen(command, env=environ, cwd=ROOT, stdout=log, stderr=log)


async def run_and_wait(rig: Rig, name: str) -> None:
    """A stream that runs, a short job at work, and a change that waits for it."""
    await rig.slash(f"container logs -f {name}")
    await rig.until("Running: ", "container logs", name)
    await rig.slash(f"container stop -t 2 {name}")
    await rig.holds_a_lock()
    await rig.slash(f"container start {name}")


async def drained(rig: Rig, name: str) -> None:
    """The short job has ended well, the stream says why it ended, the one that waited has not begun."""
    await rig.until("Done: ", "container stop", name)
    stream = await rig.until("Stopped: ", "container logs", name)
    assert "The worker was stopped; the stream ends here." in stream
    assert not any("Done: " in text and "container start" in text for text in rig.shown())


async def test_a_worker_that_is_told_to_end_finishes_cuts_and_leaves_the_rest_to_the_next(
    rig: Rig, deaf: str
):
    await rig.start("worker")
    await rig.start("bot")
    await run_and_wait(rig, deaf)
    began = time.monotonic()
    assert await rig.end("worker", signal.SIGTERM) == 0
    assert time.monotonic() - began < GRACE + 20
    await drained(rig, deaf)
    await rig.start("worker")
    await rig.until("Done: ", "container start", deaf)
    await rig.quiet()
    assert sum("container start" in text and "Done" in text for text in rig.shown()) == 1


async def test_all_of_up_ends_in_order_and_the_next_takes_what_was_left(rig: Rig, deaf: str):
    for life in (1, 2):
        up = start_up(rig)
        try:
            await rig.up()
            if life == 1:
                await run_and_wait(rig, deaf)
            else:
                await rig.until("Done: ", "container start", deaf)
        finally:
            up.terminate()
            assert await asyncio.to_thread(up.wait, 60) == 0
        if life == 1:
            await drained(rig, deaf)


async def test_what_was_claimed_but_not_begun_is_handed_back(bot, new_worker, tmp_path, monkeypatch):
    claim, told_to_stop = HostQueue.claim, asyncio.Event()
    loop, workers = asyncio.get_running_loop(), []

    def told_meanwhile(queue, *free):
        claimed = claim(queue, *free)
        if claimed and not told_to_stop.is_set():
            workers[0]._stopping.set()
            loop.call_soon_threadsafe(told_to_stop.set)
        return claimed

    monkeypatch.setattr(HostQueue, "claim", told_meanwhile)
    workers.append(new_worker())
    job_id = await bot.order(Touch(file=str(tmp_path / "f")))
    await asyncio.wait_for(told_to_stop.wait(), 60)
    await asyncio.to_thread(workers[0].stop, 10.0)
    assert bot.heard(job_id) == []
    new_worker()
    assert (await bot.ended(job_id)).result.exit_code == 0
    assert (tmp_path / "f").read_text() == f"{job_id}\n"
    began = [event for event in bot.events if isinstance(event, Began) and event.job_id == job_id]
    assert len(began) == 1


async def test_what_outlasts_the_grace_is_told_and_the_worker_ends_all_the_same(bot, new_worker, tmp_path):
    worker = new_worker()
    deaf = await bot.order(Stuck(gate=str(tmp_path / "never")))
    follow = await bot.order(Follow())
    await bot.began(deaf)
    await bot.began(follow)
    began = time.monotonic()
    await asyncio.to_thread(worker.stop, 0.5)
    assert time.monotonic() - began < 30
    assert (await bot.ended(follow)).result.reason == "cancelled"
    result = (await bot.ended(deaf)).result
    assert (result.reason, result.stderr.text) == (
        "cancelled",
        "The worker was stopped and ended this job.\n",
    )
    assert len(bot.heard(deaf)) == 1
    (tmp_path / "never").touch()
    new_worker()
    assert (await bot.ended(await bot.order(Echo(words=("next",))))).result.exit_code == 0
