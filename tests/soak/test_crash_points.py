"""The crash-point matrix: whatever process dies at whatever point, what was promised is told, once.

A whole deployment on a real engine. A read is asked for again and told; a change is asked of the engine once
at most, and what is told of it is true.
"""

import ast
import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

import bot
from bot.failpoints import POINTS, STATUS
from tests.soak.rig import Rig

LEASE = 0.6
STAYS_UP = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
REFUSED = "refused"
"""The asker sees that his line was not taken."""


@dataclass(frozen=True)
class Point:
    """What is promised when the process ``of`` dies at a point: what is told, and what the engine was asked.

    ``change`` is what is told of a change and how often the engine was asked for it, ``read`` what is told
    of a read; "" where it does not come by. ``twice`` when a message may be there a second time, labelled.
    ``after`` is where an earlier worker died; ``behind`` when the change waits for another.
    """

    of: str
    change: tuple[str, int]
    read: str = "Done"
    twice: bool = False
    after: str = ""
    behind: bool = False


MATRIX = {
    "intake": Point("bot", (REFUSED, 0), read=REFUSED),
    "stored": Point("bot", ("Done", 1)),
    "acknowledged": Point("bot", ("Done", 1)),
    "claimed": Point("worker", ("Not done", 0)),
    "verified": Point("worker", ("Not done", 0)),
    "before lock": Point("worker", ("Not done", 0), read=""),
    "parked": Point("worker", ("Done", 1), read="", behind=True),
    "locked": Point("worker", ("Not done", 0), read=""),
    "nonce consumed": Point("worker", ("Not done", 0), read=""),
    "before the engine": Point("worker", ("Not done", 0)),
    "after the engine": Point("worker", ("Done", 1)),
    "before the end is told": Point("worker", ("Done", 1)),
    "end told": Point("worker", ("Done", 1)),
    "orphan seen": Point("worker", ("Done", 1), after="after the engine"),
    "orphan told": Point("worker", ("Done", 1), read="", after="after the engine"),
    "event heard": Point("bot", ("Done", 1)),
    "event shown": Point("bot", ("Done", 1)),
    "event acknowledged": Point("bot", ("Done", 1)),
    "event forgotten": Point("bot", ("Done", 1)),
    "before post": Point("bot", ("Done", 1)),
    "posted": Point("bot", ("Done", 1), twice=True),
    "post noted": Point("bot", ("Done", 1)),
}
READS = [point for point, promised in MATRIX.items() if promised.read]


def test_every_point_of_the_code_is_in_the_matrix():
    named = set()
    for file in Path(bot.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "failpoint":
                assert isinstance(node.args[0], ast.Constant), f"{file}: a failpoint without a name"
                named.add(node.args[0].value)
    assert tuple(MATRIX) == POINTS
    assert named == set(MATRIX)


@pytest.fixture
async def rig(tmp_path: Path, docker_host: str, start_store: Callable) -> AsyncIterator[Rig]:
    store = start_store()
    async with Rig(tmp_path, docker_host, store, lease=LEASE) as rig:
        yield rig
    store.stop()


@pytest.fixture
def engine(docker_host: str) -> Iterator[docker.APIClient]:
    client = docker.APIClient(base_url=docker_host, version="auto")
    yield client
    client.close()


def asked(engine: docker.APIClient, kind: str, name: str, action: str, since: float) -> int:
    """How often the engine was asked to do this, as its own events say."""
    filters = {kind: name, "event": action}
    return sum(1 for _ in engine.events(since=since, until=time.time(), filters=filters, decode=True))


async def dies(rig: Rig, point: str, line: str) -> None:
    """Has a line typed; a process dies at the point, and all come back."""
    promised = MATRIX[point]
    first = promised.after or point
    for name in ("worker", "bot"):
        await rig.start(name, failpoint=first if name == promised.of else "")
    if promised.behind:
        await rig.slash("container stop -t 2 " + line.split()[2])
        await rig.holds_a_lock()
    ack = await rig.slash(line)
    assert await rig.died(promised.of) == STATUS
    if promised.after:
        await rig.start(promised.of, failpoint=point)
        assert await rig.died(promised.of) == STATUS
    await rig.start(promised.of)
    assert ack.ok or promised.of == "bot"


async def told(rig: Rig, point: str, words: str, *about: str) -> None:
    """Waits until it is told, then until nothing more can come, and counts."""
    if words != REFUSED:
        await rig.until(f"{words}: ", *about)
    await rig.slash("volume ls -q --filter name=last-of-all", user=1)
    await rig.until("Done: ", "last-of-all")
    await rig.quiet()
    parents = [one.text for one in rig.standin.messages(rig.channel) if one.thread_ts is None]
    asked_for = [text for text in parents if all(word in text for word in about)]
    ends = [text for text in asked_for if not text.startswith(("Running", "Waiting"))]
    if words == REFUSED:
        assert ends == []
        return
    first, *second = ends
    assert first.removeprefix("(repeat) ").startswith(f"{words}: ")
    assert [text.startswith(f"(repeat) {words}: ") for text in second] in (
        [[], [True]] if MATRIX[point].twice else [[]]
    )


@pytest.mark.parametrize("point", MATRIX)
async def test_a_change_is_told_truly_and_never_runs_again_when_a_process_dies(
    point: str, rig: Rig, engine: docker.APIClient, image: str, unique: Callable[[str], str]
):
    name, since = unique("crash"), time.time()
    kind, action, line = "volume", "create", f"volume create {name}"
    if MATRIX[point].behind:
        kind, action, line = "container", "restart", f"container restart {name} -t 1"
        engine.start(engine.create_container(image, STAYS_UP, name=name))
    await dies(rig, point, line)
    words, times = MATRIX[point].change
    await told(rig, point, words, f"{kind} {action}", name)
    assert await asyncio.to_thread(asked, engine, kind, name, action, since) == times


@pytest.mark.parametrize("point", READS)
async def test_a_read_is_told_once_when_a_process_dies(point: str, rig: Rig, unique: Callable[[str], str]):
    name = unique("crash")
    await dies(rig, point, f"volume ls -q --filter name={name}")
    await told(rig, point, MATRIX[point].read, name)
