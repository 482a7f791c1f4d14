"""The bot dies at any point of the path: what was promised is kept, and told once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import docker
import pytest

from bot.failpoints import POINTS, STATUS
from tests.soak.rig import Rig

OF_THE_BOT = {
    "intake": False,
    "stored": True,
    "acknowledged": True,
    "event heard": True,
    "event acknowledged": True,
    "before post": True,
    "posted": True,
}
"""The points of the bot, and whether the job was stored before it."""

OF_THE_WORKER = set(POINTS) - set(OF_THE_BOT)


@pytest.fixture
async def rig(tmp_path: Path, docker_host: str, start_store: Callable) -> AsyncIterator[Rig]:
    store = start_store()
    async with Rig(tmp_path, docker_host, store) as rig:
        yield rig
    store.stop()


@pytest.mark.parametrize("kind", ["read", "change"])
@pytest.mark.parametrize("point", OF_THE_BOT)
async def test_the_bot_dies_at_a_point_and_the_job_ends_as_promised(
    point: str, kind: str, rig: Rig, docker_host: str, unique: Callable[[str], str]
):
    name = unique("failpoint")
    client = docker.APIClient(base_url=docker_host, version="auto")
    await rig.start("worker")
    await rig.start("bot", failpoint=point)
    line = f"volume create {name}" if kind == "change" else f"volume ls -q --filter name={name}"
    ack = await rig.slash(line)
    assert await rig.died("bot") == STATUS
    await rig.start("bot")
    if OF_THE_BOT[point]:
        await rig.until("Done: ", name)
        await asyncio.sleep(1.0)
        told = [text for text in rig.shown() if "Done: " in text and name in text]
        # A message that was on its way when the bot died may be there twice; then the second says so.
        assert [text.startswith("(repeat) ") for text in told] in ([False], [True], [False, True])
        assert len(told) == 1 or point == "posted"
    else:
        assert not ack.ok
        await asyncio.sleep(1.0)
        assert not any(name in text for text in rig.shown())
    made = [volume["Name"] for volume in client.volumes(filters={"name": name})["Volumes"] or ()]
    assert made == ([name] if kind == "change" and OF_THE_BOT[point] else [])
    client.close()


def test_every_point_belongs_to_the_bot_or_to_the_worker():
    assert {"claimed", "end told"} <= OF_THE_WORKER
    assert len(OF_THE_BOT) + len(OF_THE_WORKER) == len(POINTS)
