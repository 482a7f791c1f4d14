"""Whatever is cancelled or out of time ends, leaves nothing behind, and says what was done by then."""

import asyncio
import contextlib
import json
import os
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import docker
import pytest
import pytest_asyncio

from bot.trial.trial import Trial

pytestmark = pytest.mark.asyncio(loop_scope="module")

WITHIN = 60.0
"""Generous: how long it takes is measured in the soak, where nothing else runs."""

TICKS = "while true; do echo tick; sleep 0.1; done"
DEAF = "trap '' TERM INT; while true; do sleep 0.1; done"
HELD = re.compile(rb"DELETE \S*/containers/\S*held")
"""The engine's call that never comes through."""


class Proxy:
    """A socket before the engine's that holds what HELD fits."""

    def __init__(self, engine: str, path: Path) -> None:
        self._engine = engine.removeprefix("unix://")
        self._path = path
        self._calls: set[asyncio.Task[None]] = set()
        self._asked: dict[asyncio.StreamWriter, bytes] = {}
        self.answered: list[bytes] = []
        """The first line of every request whose answer has begun to come."""
        self.url = f"unix://{path}"

    def has_answered(self, name: str) -> bool:
        """Whether a change of what has this name was answered."""
        return any(name.encode() in line and not line.startswith(b"GET ") for line in self.answered)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._begin, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.create_task(self._serve(reader, writer))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_unix_connection(self._engine)
        back = asyncio.create_task(self._pour(there, writer))
        try:
            while data := await reader.read(65536):
                if HELD.match(data):
                    await reader.read()
                    return
                self._asked[writer] = data.partition(b"\r\n")[0]
                here.write(data)
            here.write_eof()
            await back  # perhaps only stdin is over
        except OSError:
            pass  # either side was faster
        finally:
            back.cancel()
            for end in (here, writer):
                end.close()

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
                self.answered.append(self._asked.get(writer, b""))
            writer.close()


class Place:
    """A workspace whose worker reaches the engine through the proxy; ``docker`` goes there directly."""

    def __init__(self, trial: Trial, proxy: Proxy, client: docker.APIClient, image: str, unique) -> None:
        self.trial, self.proxy, self.docker = trial, proxy, client
        self.image, self.unique = image, unique
        self.most = 0
        self.known: dict[str, str] = {}
        self.admin, self.ops = trial.user("admin"), trial.channel("ops")

    def up(self, stem: str, script: str = TICKS, **config) -> str:
        """A container that runs; its name."""
        name = self.unique(stem)
        host = self.docker.create_host_config(**config)
        self.docker.start(
            self.docker.create_container(self.image, ["sh", "-c", script], name=name, host_config=host)
        )
        return name

    def there(self, name: str) -> bool:
        return bool(self.docker.containers(all=True, filters={"name": name}))

    def running(self, name: str) -> bool:
        return bool(self.docker.containers(filters={"name": name}))

    async def begin(self, line: str) -> str:
        """Types a line that goes on; its job's id, once its message shows that it runs."""
        await self.trial.say(line, self.admin, self.ops, "")
        job_id = (await self.trial.reply()).job_id
        await self.shown(job_id, "job.stop")
        return job_id

    async def shown(self, job_id: str, *words: str) -> str:
        """What the job's message shows, once all these words are in it."""

        def found(standin):
            for message in standin.messages(self.ops.id):
                text = json.dumps(message.blocks, ensure_ascii=False)
                own = message.thread_ts is None and not message.ephemeral_to
                if own and job_id in json.dumps(message.blocks[-1:]) and all(word in text for word in words):
                    return message
            return None

        return json.dumps((await self.trial.standin.until(found, WITHIN)).blocks, ensure_ascii=False)

    async def click(self, job_id: str, action: str):
        message = next(
            m
            for m in self.trial.standin.messages(self.ops.id)
            if action in str(m.blocks) and job_id in str(m.blocks)
        )
        await self.trial.standin.click(self.admin.id, message, action)
        return await self.trial.reply()

    async def ended(self, job_id: str):
        return (await asyncio.wait_for(self.trial.ended(job_id), WITHIN)).result

    async def cancel(self, job_id: str):
        """Stops it as a person does; how it ended."""
        answer = await self.trial.ask(f"/docktalk cancel {job_id}", user=self.admin, channel=self.ops)
        assert answer.exit_code == 0, answer.stderr
        return await self.ended(job_id)

    def held(self) -> tuple[int, int]:
        """How many threads and descriptors the worker has."""
        process = Path(f"/proc/{self.trial.worker.pid}")
        return tuple(len(list(process.joinpath(what).iterdir())) for what in ("task", "fd"))

    async def at_rest(self, threads: int) -> None:
        """Waits until the worker has no more threads than that, and no more connections than at first."""
        most = threads, self.most
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                while any(now > then for now, then in zip(self.held(), most, strict=True)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        now = self.held()
        assert now[0] <= most[0]
        assert now[1] <= most[1]


@contextlib.asynccontextmanager
async def placed(docker_host, policy, image, unique, folder, **environ) -> AsyncIterator[Place]:
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        environ |= os.environ
        async with (
            Proxy(docker_host, folder / "s") as proxy,
            Trial(policy=policy, environ=environ | {"DOCKER_HOST": proxy.url}) as trial,
        ):
            yield Place(trial, proxy, client, image, unique)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def place(docker_host, policy, image, unique, tmp_path_factory):
    async with placed(docker_host, policy, image, unique, tmp_path_factory.mktemp("p")) as made:
        name = made.up("warm")
        # As many connections as a kind needs at once may stay open.
        jobs = [await made.begin(f"/docker logs -f {name}") for _ in range(3)]
        made.most = made.held()[1]
        for job_id in jobs:
            await made.cancel(job_id)
        yield made


@pytest.fixture(scope="module")
def silence():
    """The port of a registry that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


LINES = {
    "logs": "logs -f {up}",
    "stats": "stats {up}",
    "events": "events --filter container={up}",
    "wait": "wait {up}",
    "exec": "exec {up} sh -c 'while true; do echo tick; sleep 0.1; done'",
    "run": "run --name {new} {image} sh -c 'while true; do echo tick; sleep 0.1; done'",
    "run --rm": "run --rm --name {new} {image} sh -c 'while true; do echo tick; sleep 0.1; done'",
    "attach": "attach --no-stdin {up}",
    "pull": "pull 127.0.0.1:{silence}/held:1",
    "stop": "stop -t 600 {deaf}",
    "rm": "rm -f {held}",
}

CHANGES = {"run", "run --rm", "exec", "pull", "stop", "rm", "attach"}


def line_of(place: Place, kind: str, silence: int) -> tuple[str, dict[str, str]]:
    """The line and the names in it."""
    line = LINES[kind]
    names = {"new": place.unique("new"), "image": place.image, "silence": str(silence)}
    for stem, script in (("up", TICKS), ("deaf", DEAF), ("held", TICKS)):
        if f"{{{stem}}}" in line:
            # Nobody changes it: one is enough for all.
            names[stem] = place.known[stem] = place.known.get(stem) or place.up(stem, script)
    return f"/docker {line.format(**names)}", names


async def until(condition) -> None:
    """Waits for what rings no bell."""
    async with asyncio.timeout(WITHIN):
        while not condition():  # noqa: ASYNC110 - as said
            await asyncio.sleep(0.05)


async def nothing_left(place: Place, kind: str, names: dict[str, str]) -> None:
    """What the kind has on the engine when it was ended."""
    for stem in names.keys() & {"up", "deaf", "held"}:
        assert place.running(names[stem]), stem
    if kind == "run --rm":
        await until(lambda: not place.there(names["new"]))


@pytest.mark.parametrize("kind", LINES)
async def test_a_cancel_ends_it_and_nothing_is_left_behind(place, silence, kind):
    line, names = line_of(place, kind, silence)
    before, _ = place.held()
    job_id = await place.begin(line)
    if "new" in names and "run" in kind:
        await until(lambda: place.running(names["new"]))
    result = await place.cancel(job_id)
    assert (result.exit_code, result.reason) == (130, "cancelled")
    shown = await place.shown(job_id, "Stopped", place.admin.id)
    await nothing_left(place, kind, names)
    await place.at_rest(before)
    if kind == "run --rm":
        assert "ended and removed, as --rm says" in shown
    if kind == "run":
        assert "The container goes on: " in shown
        assert place.running(names["new"])
    if kind == "exec":
        assert "The command goes on: " in shown


MULTI = {
    "stop": ("stop -t 600 {one} {held} {two}", DEAF),
    "rm": ("rm -f {one} {held} {two}", TICKS),
}


@pytest.mark.parametrize("kind", MULTI)
async def test_what_was_done_by_then_is_said(place, kind):
    line, slow = MULTI[kind]
    names = {"one": place.up("one", "sleep 600", init=True), "two": place.up("two", "sleep 600", init=True)}
    names["held"] = place.up("held", slow)
    job_id = await place.begin(f"/docker {line.format(**names)}")
    for name in (names["one"], names["two"]):
        await until(lambda name=name: place.proxy.has_answered(name))
    result = await place.cancel(job_id)
    assert result.stdout.text.split() == [names["one"], names["two"]]
    assert (result.exit_code, result.reason) == (130, "cancelled")
    assert place.running(names["held"])
    shown = await place.shown(job_id, "Stopped", "Check again")
    assert "look at the target before you run it again" in shown


async def test_a_stopped_change_is_looked_at_again_and_then_run_again(place):
    name = place.up("deaf", DEAF)
    job_id = await place.begin(f"/docker stop -t 600 {name}")
    await place.cancel(job_id)
    await place.shown(job_id, "Stopped", "job.check")
    await place.click(job_id, "job.check")
    await place.shown(job_id, f"{name}: unknown", "was told to stop and still runs", "Outcome unknown")
    started = await place.click(job_id, "job.again")
    assert started.job_id != job_id
    await place.shown(job_id, "It was run again as ", started.job_id)
    await place.shown(started.job_id, f"run again after {job_id}", "job.stop")
    place.docker.kill(name)
    assert (await place.ended(started.job_id)).exit_code == 0
    assert not place.running(name)


async def test_a_change_that_came_to_its_end_after_its_stop_is_found_done(place):
    name = place.up("deaf", DEAF)
    job_id = await place.begin(f"/docker stop -t 600 {name}")
    await place.cancel(job_id)
    await place.shown(job_id, "Stopped", "job.check")
    place.docker.kill(name)
    await place.click(job_id, "job.check")
    shown = await place.shown(job_id, "Done", f"{name}: done")
    assert "job.again" not in shown
    answer = await place.trial.ask(f"/docktalk check {job_id}", user=place.admin, channel=place.ops)
    assert answer.exit_code == 1
    assert "no doubt" in answer.picture


async def test_nobody_but_who_may_run_it_has_it_looked_at(place):
    name = place.up("deaf", DEAF)
    job_id = await place.begin(f"/docker stop -t 600 {name}")
    await place.cancel(job_id)
    await place.shown(job_id, "Stopped", "job.check")
    viewer = place.trial.user("viewer")
    answer = await place.trial.ask(f"/docktalk check {job_id}", user=viewer, channel=place.ops)
    assert answer.exit_code == 1
    assert "jobs of others" in answer.picture


async def test_the_same_change_leads_to_the_one_that_is_there(place):
    name = place.up("deaf", DEAF)
    job_id = await place.begin(f"/docker stop -t 600 {name}")
    refused = await place.trial.ask(f"/docker stop -t 600 {name}", user=place.admin, channel=place.ops)
    assert refused.exit_code == 1
    found = await place.click(job_id, "job.follow")
    message = next(
        m
        for m in place.trial.standin.messages(place.ops.id)
        if m.text.startswith("Running") and job_id in str(m.blocks)
    )
    assert found.link.endswith(f"/archives/{place.ops.id}/p{message.ts.replace('.', '')}")
    waiting = await place.click(job_id, "correction")
    await place.shown(waiting.job_id, "Waiting", "'s stop, ", job_id)
    await place.cancel(waiting.job_id)
    await place.cancel(job_id)


async def test_a_deadline_ends_every_kind_and_nothing_is_left_behind(
    docker_host, policy, image, unique, tmp_path, silence, monkeypatch
):
    monkeypatch.setenv("DOCKTALK_DEADLINE", "3")
    async with placed(docker_host, policy, image, unique, tmp_path) as place:
        begun = []
        for kind in LINES:
            line, names = line_of(place, kind, silence)
            await place.trial.say(line, place.admin, place.ops, "")
            begun.append((kind, names, (await place.trial.reply()).job_id))
        for kind, names, job_id in begun:
            result = await place.ended(job_id)
            assert (kind, result.exit_code, result.reason) == (kind, 124, "timed_out")
            assert "longer than its deadline of 3 s" in result.stderr.text
            await place.shown(job_id, "Timed out")
            await nothing_left(place, kind, names)
