"""`container ls` of 10,000 containers against the docker CLI's own time on the same answer of one engine."""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.jobs.context import JobContext, WorkerClock, local_zone
from bot.jobs.host_queue import Claimed
from bot.jobs.live import LiveOutputs
from bot.jobs.results import of_output
from bot.jobs.running import Job
from bot.jobs.spool import Spool
from handlers import catalogue
from handlers.engine import DockerEngine
from handlers.grammar.parser import parse
from handlers.redact import Masks
from tests.fakes.context import FakeContext

CONTAINERS, ROUNDS = 10_000, 7
LINES = (
    "container ls -a",
    "container ls -a --no-trunc",
    "container ls -a --format '{{.ID}} {{.Names}} {{.Ports}}'",
)


@contextlib.contextmanager
def engine_of(count: int) -> Iterator[str]:
    """The URL of a stand-in with so many containers."""
    with tempfile.TemporaryDirectory(prefix="docktalk-bench-") as folder:
        socket = f"{folder}/s"
        command = [sys.executable, "-m", "tests.bench.listing_engine", socket, str(count)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                process.stdout.readline()
                yield f"unix://{socket}"
            finally:
                process.terminate()


def main() -> None:
    print(
        f"\n`container ls` of {CONTAINERS:,} containers: ms, median of {ROUNDS}, alternating with the CLI\n"
    )
    commands, docker = catalogue.load(), shutil.which("docker")
    clock = WorkerClock(None, local_zone())
    with engine_of(CONTAINERS) as url, tempfile.TemporaryDirectory() as folder:
        engine = DockerEngine(url)
        spool = Spool(Path(folder), 2**30, 3600.0)
        for line in LINES:
            command = parse(line, commands).command
            took: dict[str, list[float]] = {"ours": [], "kept": [], "cli": []}
            texts = set()
            for number in range(ROUNDS):
                context = FakeContext(engine, clock=clock)
                took["ours"].append(timed(lambda: command.run(context)))  # noqa: B023 - called at once
                job_id = f"J-{len(line)}{number}"
                took["kept"].append(timed(lambda: whole(command, engine, spool, clock, job_id)))  # noqa: B023
                texts.add(command.run(context).stdout)
                if docker:
                    took["cli"].append(timed(lambda: texts.add(cli(docker, url, line))))  # noqa: B023
            show(line, took, same=len(texts) == 1)
        engine.close()


def whole(command, engine, spool, clock, job_id) -> None:
    """As the worker does it: masked, kept on disk, cut to what a result carries."""
    job = Job(Claimed(job_id, "t", 1, ""))
    lives = LiveOutputs(lambda _: None)
    context = JobContext(
        job_id=job_id,
        engine=engine,
        clock=clock,
        logins={},
        output=spool.open(job_id),
        masks=Masks(["a-secret-of-the-worker"]),
        live=lives.open(job_id),
    )
    of_output(job, context, command.run(context))


def cli(docker: str, url: str, line: str) -> str:
    words = line.replace("'{{", "{{").replace("}}'", "}}").split(" ", 4)
    command = [docker, "-H", url, *words]
    return subprocess.run(command, env={**os.environ}, capture_output=True, check=True, text=True).stdout


def timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


def show(line: str, took: dict[str, list[float]], *, same: bool) -> None:
    ours, kept = statistics.median(took["ours"]), statistics.median(took["kept"])
    print(f"  {line}")
    print(f"      asked and rendered {ours:6.0f}, also masked and kept {kept:6.0f}")
    if took["cli"]:
        base = statistics.median(took["cli"])
        texts = "the same text" if same else "not the same text"
        times = f"{ours / base:.2f} and {kept / base:.2f} times that"
        print(f"      the CLI's process  {base:6.0f}: ours {times}; {texts}")


if __name__ == "__main__":
    main()
