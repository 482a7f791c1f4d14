# ruff: noqa: ARG002 - what one peer has no use for
"""The peers of the queue benchmark: `python -m tests.bench.peer_queues NAME SCENARIO FOLDER STORE`.

It runs in the peers' environment; the last line it prints is JSON. Each peer runs as its documentation
starts it, without results, with one process and room for 64 jobs (RQ: for one), late acknowledgement and the
same lease as ours wherever it knows such a thing.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import redis
import rq
import uvloop
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError

from tests.bench.marks import work
from tests.bench.scenarios import Bench, Queue

BIN = Path(sys.executable).parent
JOBS = "tests.bench.peer_jobs"
ROOM = "64"


class Rq(Queue):
    """One job at a time, in a fork of its own or, ``simple``, in the worker itself."""

    workers = 2

    def __init__(self, folder: Path, store: str) -> None:
        super().__init__(folder, store)
        self._redis = redis.Redis.from_url(store)
        self._queue = rq.Queue(connection=self._redis)

    def worker(self) -> list[str]:
        kind = "rq.SimpleWorker" if self.name == "rq simple" else "rq.Worker"
        return [str(BIN / "rq"), "worker", "--quiet", "--worker-class", kind, "--url", self.store]

    async def enqueue(self, kind: str, key: str, *, user: str = "U0", seconds: float = 0.0) -> Any:
        return self._queue.enqueue(work, kind, key, seconds, result_ttl=0)

    async def cancel(self, handle: Any) -> bool:
        send_stop_job_command(self._redis, handle.id)
        return True

    async def state(self, handle: Any) -> str:
        try:
            status = handle.get_status()
        except (NoSuchJobError, InvalidJobOperation):
            return "no record"
        return "failed" if status == "failed" else ""


class Dramatiq(Queue):
    def worker(self) -> list[str]:
        return [str(BIN / "dramatiq"), f"{JOBS}:app", "--processes", "1", "--threads", ROOM]

    async def enqueue(self, kind: str, key: str, *, user: str = "U0", seconds: float = 0.0) -> Any:
        return jobs().job.send(kind, key, seconds)

    async def cancel(self, handle: Any) -> bool:
        return False


class Taskiq(Queue):
    started = False

    def worker(self) -> list[str]:
        room = ["--max-threadpool-threads", ROOM, "--max-async-tasks", ROOM, "--log-level", "WARNING"]
        return [str(BIN / "taskiq"), "worker", f"{JOBS}:app", "--workers", "1", *room]

    async def enqueue(self, kind: str, key: str, *, user: str = "U0", seconds: float = 0.0) -> Any:
        if not self.started:
            await jobs().app.startup()
            self.started = True
        return await jobs().job.kiq(kind, key, seconds)

    async def cancel(self, handle: Any) -> bool:
        return False


class Huey(Queue):
    def worker(self) -> list[str]:
        return [
            str(BIN / "huey_consumer"),
            f"{JOBS}.app",
            "--workers",
            ROOM,
            "--worker-type",
            "thread",
            "--quiet",
        ]

    async def enqueue(self, kind: str, key: str, *, user: str = "U0", seconds: float = 0.0) -> Any:
        jobs().job(kind, key, seconds)

    async def cancel(self, handle: Any) -> bool:
        return False  # revoke() is for what has not begun


class Celery(Queue):
    def worker(self) -> list[str]:
        quiet = ["--without-mingle", "--without-gossip", "--loglevel", "WARNING"]
        room = ["--pool", "threads", "--concurrency", ROOM]
        return [str(BIN / "celery"), "--app", f"{JOBS}:app", "worker", *room, *quiet]

    async def enqueue(self, kind: str, key: str, *, user: str = "U0", seconds: float = 0.0) -> Any:
        return jobs().job.delay(kind, key, seconds)

    async def cancel(self, handle: Any) -> bool:
        jobs().app.control.revoke(handle.id, terminate=True)
        return True


PEERS = {
    "rq simple": Rq,
    "rq fork": Rq,
    "dramatiq": Dramatiq,
    "taskiq": Taskiq,
    "huey": Huey,
    "celery": Celery,
}


def jobs() -> Any:
    """The module of their jobs, once the environment says whose."""
    return importlib.import_module(JOBS)


async def main(name: str, scenarios: str, folder: str, store: str) -> None:
    os.environ |= {"DOCKTALK_BENCH_QUEUE": name, "REDIS_URL": store}
    queue = PEERS[name](Path(folder), store)
    queue.name = name
    found = await getattr(Bench(queue), scenarios)()
    print(json.dumps(found), flush=True)
    os._exit(0)  # some clients leave threads and connections that complain


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
