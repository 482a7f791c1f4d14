"""Ours in the queue benchmark: the real BotQueue and Worker, with tickets, locks, decisions and audit.

`python -m tests.bench.our_queue SCENARIO FOLDER STORE` measures; `worker FOLDER STORE` is its worker.
A change takes the lock of a container of its own and writes its nonce to the disk; a read does neither.
"""

import asyncio
import json
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import uvloop

from bot import logs
from bot.jobs.names import worker_client
from bot.jobs.wire import Ended, Event
from bot.jobs.worker import Worker
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Lines, Output, Stream
from permissions.verbs import Danger, Kind, Verb
from tests.bench.marks import mark, work
from tests.bench.our_bot import OurBot, worker_settings
from tests.bench.scenarios import Bench, Queue
from tests.bot.jobs.commands import NoEngine


class Read(Command, path="bench read", verb=Verb.LIST, danger=Danger.SAFE, example="bench read k"):
    """Do as the peers' job does."""

    key: Annotated[str, Arg("KEY")]
    nap: Annotated[int, Opt("--nap", help="Milliseconds")] = 0

    def run(self, ctx: Any) -> Output:  # noqa: ARG002 - as every command
        work("nap" if self.nap else "noop", self.key, self.nap / 1000)
        return Lines(lines=())


class Change(
    Command, path="bench change", verb=Verb.OPERATE, danger=Danger.INTERRUPTS, example="bench change k c"
):
    """The same, with a container in hand."""

    key: Annotated[str, Arg("KEY")]
    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    nap: Annotated[int, Opt("--nap", help="Milliseconds")] = 0

    def run(self, ctx: Any) -> Output:
        return Read(key=self.key, nap=self.nap).run(ctx)


class Follow(Command, path="bench follow", verb=Verb.LIST, danger=Danger.SAFE, example="bench follow k"):
    """Wait until closed, as what follows a log does."""

    key: Annotated[str, Arg("KEY")]

    def endless(self) -> bool:
        return True

    def run(self, ctx: Any) -> Output:
        closed = threading.Event()
        ctx.on_cancel(closed.set)
        mark("begun", self.key)
        closed.wait()
        mark("ended", self.key)
        ctx.check()
        return Stream()


class Commands:
    """Finds the commands above."""

    def by_path(self, path: str) -> type[Command] | None:
        return {"bench read": Read, "bench change": Change, "bench follow": Follow}.get(path)


class Docktalk(Queue):
    name = "docktalk"
    kinds = ("read", "change")
    naps = ("change nap", "read nap")

    def __init__(self, folder: Path, store: str) -> None:
        super().__init__(folder, store)
        self._keys: dict[str, str] = {}
        self.bot = OurBot(worker_settings(folder, store), self._heard)

    def worker(self) -> list[str]:
        return [sys.executable, "-m", "tests.bench.our_queue", "worker", str(self.folder), self.store]

    async def enqueue(self, kind: str, key: str, *, user: str = "U0", seconds: float = 0.0) -> Any:
        job_id = await self.bot.order(self._command(kind, key, int(seconds * 1000)), user)
        self._keys[job_id] = key
        return job_id

    async def cancel(self, handle: Any) -> bool:
        await self.bot.queue.cancel(handle, "local")
        return True

    def _command(self, kind: str, key: str, nap: int) -> Command:
        if kind == "follow":
            return Follow(key=key)
        if kind.startswith("change"):
            return Change(key=key, container=f"c-{key}", nap=nap)
        return Read(key=key, nap=nap)

    def _heard(self, event: Event) -> None:
        key = self._keys.get(event.job_id)
        if key and isinstance(event, Ended):
            self.told.setdefault(key, []).append((event.result.reason or "done", time.time()))


def serve(folder: str, store: str) -> None:
    """A worker with its defaults, until SIGTERM."""
    logs.configure("warning")
    settings = worker_settings(Path(folder), store)
    worker = Worker(settings, client=worker_client(store), catalogue=Commands(), engine=NoEngine())
    asked = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    signal.signal(signal.SIGTERM, stop)
    worker.start()
    asked.wait()
    worker.stop()


async def main(scenarios: str, folder: str, store: str) -> None:
    logs.configure("error")
    queue = Docktalk(Path(folder), store)
    async with queue.bot:
        found = await getattr(Bench(queue), scenarios)()
        await asyncio.sleep(0)
    print(json.dumps(found))


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        serve(*sys.argv[2:])
    else:
        uvloop.run(main(*sys.argv[1:]))
