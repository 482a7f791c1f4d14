# ruff: noqa: ARG002 - a signature is kept where its arguments are not needed
"""Commands that need no engine, and a worker of them as a process of its own."""

import sys
import threading
import time
from pathlib import Path
from typing import Annotated, Any

from bot.jobs.names import worker_client
from bot.jobs.worker import Worker
from bot.settings import WorkerSettings
from handlers.faults import NotFound
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Lines, Output, Stream, Table
from handlers.outcome import Finding
from permissions.verbs import Danger, Kind, Verb


class Echo(
    Command,
    path="test echo",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="test echo hi",
):
    """Say something."""

    words: Annotated[tuple[str, ...], Arg("WORD", least=0)] = ()
    env: Annotated[tuple[str, ...], Opt("-e", "--env", help="Secret", secret=True)] = ()
    times: Annotated[int, Opt("-n", "--times", help="How often")] = 1

    def run(self, ctx: Any) -> Output:
        return Lines(lines=(*self.words * self.times, *self.env))


class Block(
    Command,
    path="test block",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="test block",
):
    """Read until closed."""

    def run(self, ctx: Any) -> Output:
        closed = threading.Event()
        ctx.on_cancel(closed.set)
        ctx.stdout(b"begun\n")
        closed.wait()
        ctx.check()
        return Stream()


class Touch(
    Command,
    path="test touch",
    verb=Verb.CREATE,
    danger=Danger.LOSES_DATA,
    example="test touch f",
):
    """Add a line to a file, then wait while another file is not there."""

    file: Annotated[str, Arg("FILE")]
    gate: Annotated[str, Opt("--gate", help="Waited for")] = ""
    on: Annotated[tuple[str, ...], Opt("--on", help="Containers in hand", resource=Kind.CONTAINER)] = ()

    def outcome(self, engine: Any, begun: Any) -> tuple[Finding, ...]:
        if not self.on:
            return ()
        there = Path(self.file).exists()
        return (Finding(target="f", verdict="done" if there else "not done", seen=f"since {begun.since}"),)

    def run(self, ctx: Any) -> Output:
        with Path(self.file).open("a", encoding="utf-8") as file:
            file.write(f"{ctx.job_id}\n")
        while self.gate and not Path(self.gate).exists():
            time.sleep(0.01)
        return Lines(lines=("touched",))


class Sweep(
    Command,
    path="test sweep prune",
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="test sweep prune f",
):
    """As touch, with the whole host in hand."""

    file: Annotated[str, Arg("FILE")]
    gate: Annotated[str, Opt("--gate", help="Waited for")] = ""

    def run(self, ctx: Any) -> Output:
        return Touch(file=self.file, gate=self.gate).run(ctx)


class Follow(
    Command,
    path="test follow",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="test follow",
):
    """As block, in the lane of follows."""

    def endless(self) -> bool:
        return True

    def run(self, ctx: Any) -> Output:
        return Block().run(ctx)


class Stuck(
    Command,
    path="test stuck",
    verb=Verb.CHANGE,
    danger=Danger.LOSES_DATA,
    example="test stuck",
):
    """Wait for a file, deaf to everything else."""

    gate: Annotated[str, Opt("--gate", help="Waited for")]

    def run(self, ctx: Any) -> Output:
        while not Path(self.gate).exists():
            time.sleep(0.01)
        ctx.stdout(b"came back")
        return Stream()


class Fail(
    Command,
    path="test fail",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="test fail fault",
):
    """Fail in one of several ways."""

    how: Annotated[str, Arg("HOW")]

    def run(self, ctx: Any) -> Output:
        if self.how == "fault":
            raise NotFound("No such container: web")
        if self.how == "table":
            rows = tuple((str(row), "PASSWORD=hunter2hunter2") for row in range(1500))
            return Table(header=("ID", "ENV"), rows=rows, text="table\n")
        raise RuntimeError("password is hunter2hunter2")


class Fresh(Command, path="fresh", verb=Verb.LIST, danger=Danger.SAFE, example="docker fresh"):
    """Has an option that only the newest engines know."""

    zone: Annotated[str, Opt("--zone", help="Where", min_api=(1, 42))] = ""

    def run(self, ctx: Any) -> Output:
        return Lines(lines=("ran",))


COMMANDS: dict[str, type[Command]] = {
    cls.path: cls for cls in (Echo, Block, Touch, Sweep, Follow, Stuck, Fail, Fresh)
}


class TestCatalogue:
    """Finds the commands above."""

    __test__ = False

    def by_path(self, path: str) -> type[Command] | None:
        return COMMANDS.get(path)


class NoEngine:
    """An engine that knows the environment of every target, and nothing else."""

    api_version = (1, 41)
    env = ("DB_PASSWORD=target-secret-1",)

    def get(self, path: str, query: Any = None) -> Any:
        if not path.startswith("/containers/"):
            raise NotFound(f"no {path}")
        name = path.split("/")[2]
        return {
            "Id": f"id-of-{name}",
            "Name": f"/{name}",
            "Image": "sha256:0",
            "Config": {"Env": list(self.env), "Labels": {}},
            "HostConfig": {
                "Privileged": False,
                "NetworkMode": "default",
                "Runtime": "runc",
                "CgroupParent": "",
                **dict.fromkeys(("CapAdd", "Binds", "Devices", "SecurityOpt")),
                **dict.fromkeys(("PidMode", "IpcMode", "UTSMode", "UsernsMode"), ""),
            },
            "Mounts": [],
            "NetworkSettings": {"Networks": {}},
        }


def _serve() -> None:
    url, data_dir, trust_dir, lease = sys.argv[1:]
    settings = WorkerSettings(
        REDIS_URL=url, data_dir=Path(data_dir), trust_dir=Path(trust_dir), slots=4, lease=float(lease)
    )
    worker = Worker(settings, client=worker_client(url), catalogue=TestCatalogue(), engine=NoEngine())
    worker.start()
    threading.Event().wait()


if __name__ == "__main__":
    _serve()
