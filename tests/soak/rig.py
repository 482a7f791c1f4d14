"""The processes of a deployment on loopback, each to be killed and started again; the stand-in is Slack."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self

import redis.asyncio

from bot.jobs.names import LANES, Names
from bot.keys import BotKeys, HostKeys
from bot.slack.serve import EVENTS_PATH
from bot.standin.server import StandIn
from tests.services.store import Store
from tests.soak.processes import launch

HOST = "local"
PREFIX = Names("docktalk").prefix
READY_WITHIN = 60.0
POLICY = """\
version: 1
roles:
  all:
    rules:
      - commands: ["*"]
        max_danger: ROOT_EQUIVALENT
bindings:
  - {role: all, users: [U0ONE, U0TWO]}
"""


class Rig:
    """Bot, worker and store as processes of their own, on ``docker_host``.

    ``lease`` is in seconds. An async context manager; ``bot``, ``worker`` and ``store`` name the processes.
    """

    def __init__(self, folder: Path, docker_host: str, store: Store, *, lease: float = 2.0) -> None:
        self.folder = folder
        self.store = store
        self.lease = lease
        self._docker_host = docker_host
        self._processes: dict[str, BaseProcess] = {}
        self._port = _free_port()

    async def __aenter__(self) -> Self:
        self.standin = StandIn(rates=False)
        await self.standin.start(os.environ)
        self.standin.deliver_http(f"http://127.0.0.1:{self._port}{EVENTS_PATH}")
        world = self.standin.world
        self.users = [world.add_user("one", "U0ONE").id, world.add_user("two", "U0TWO").id]
        self.channel = world.add_channel("ops").id
        policy = self.folder / "policy.yaml"
        policy.write_text(POLICY, encoding="utf-8")
        # Both sides' keys first, so that either may start or die at any moment.
        trust = self.folder / "trust"
        BotKeys.load_or_create(self.folder / "bot" / "keys").publish(trust)
        HostKeys.load_or_create(self.folder / "worker" / HOST / "keys").publish(trust, HOST)
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in list(self._processes):
            await self.end(name, signal.SIGKILL)
        await self.standin.stop()

    def environ(self) -> dict[str, str]:
        """The variables of bot and worker."""
        settings = {
            "REDIS_URL": self.store.url,
            "DOCKER_HOST": self._docker_host,
            "DATA_DIR": str(self.folder),
            "HOST": HOST,
            "LEASE": str(self.lease),
            # A call that a restarted engine never answers ends here, and is told as that.
            "DEADLINE": "45",
            "UPLOAD_HOSTS": json.dumps([self.standin.host]),
            "LOG_LEVEL": "warning",
            "SLACK_BOT_TOKEN": self.standin.bot_token,
            "SLACK_SIGNING_SECRET": self.standin.signing_secret,
            "SLACK_MODE": "http",
            "SLACK_API_URL": self.standin.api_url,
            "HTTP_PORT": str(self._port),
            "POLICY_FILE": str(self.folder / "policy.yaml"),
            "DEFAULT_HOST": HOST,
        }
        plain = {"REDIS_URL", "DOCKER_HOST"}
        return {name if name in plain else f"DOCKTALK_{name}": text for name, text in settings.items()}

    async def start(self, name: str, failpoint: str = "") -> None:
        """Starts the bot or the worker; returns when it is ready for work."""
        process = launch(name, self.environ(), failpoint, self.folder / f"{name}.log")
        self._processes[name] = process
        ready = self._bot_ready if name == "bot" else self._worker_ready
        async with asyncio.timeout(READY_WITHIN):
            while not await ready():
                if not process.is_alive():
                    log = (self.folder / f"{name}.log").read_text(encoding="utf-8")
                    raise AssertionError(f"the {name} ended at its start: {log[-2000:]}")
                await asyncio.sleep(0.02)

    async def up(self) -> None:
        """Waits for a bot and a worker that others have started."""
        async with self._client() as client, asyncio.timeout(READY_WITHIN):
            while not (await self._bot_ready() and await client.exists(f"{PREFIX}alive:{HOST}")):
                await asyncio.sleep(0.02)

    async def end(self, name: str, how: int = signal.SIGKILL) -> int:
        """Ends a process by a signal; its status."""
        process = self._processes[name]
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, how)
        return await self.died(name)

    async def died(self, name: str) -> int:
        """Waits until a process has ended; its status."""
        process = self._processes.pop(name)
        await asyncio.to_thread(process.join, READY_WITHIN)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"the {name} does not end")
        return process.exitcode

    async def slash(self, line: str, user: int = 0) -> Any:
        """A person types a line; the acknowledgement."""
        return await self.standin.slash(self.users[user], self.channel, line)

    def shown(self) -> list[str]:
        """The text of every message of the channel, oldest first."""
        return [message.text for message in self.standin.messages(self.channel)]

    async def until(self, *words: str, within: float = 60.0) -> str:
        """Waits for a message with all these words in it."""
        give_up = time.monotonic() + within
        while time.monotonic() < give_up:
            found = next((text for text in self.shown() if all(word in text for word in words)), None)
            if found is not None:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"{words} is not told, but {self.shown()}")

    async def holds_a_lock(self) -> None:
        """Waits until a change holds a lock of the host."""
        async with self._client() as client, asyncio.timeout(READY_WITHIN):
            while not await client.exists(f"{PREFIX}lock:{HOST}:some"):
                await asyncio.sleep(0.01)

    async def quiet(self) -> None:
        """Waits until nothing is queued, at work, to be heard of or to be posted."""
        names = Names("docktalk")
        streams = [names.events, *(names.stream(HOST, lane) for lane in LANES)]
        async with self._client() as client, asyncio.timeout(READY_WITHIN):
            while True:
                left = [await client.zcard(names.claims(HOST)), await client.zcard(f"{PREFIX}outbox:wake")]
                left += [await client.xlen(stream) for stream in streams]
                if not any(left):
                    return
                await asyncio.sleep(0.02)

    async def _bot_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        answer = await reader.readline()
        writer.close()
        return b" 200 " in answer

    async def _worker_ready(self) -> bool:
        """Whether this very worker has said that it lives: a dead one's word outlives it."""
        pid = self._processes["worker"].pid
        async with self._client() as client:
            with contextlib.suppress(redis.exceptions.RedisError):
                alive = await client.get(f"{PREFIX}alive:{HOST}")
                return alive is not None and f":{pid}:" in alive.decode()
        return False

    def _client(self) -> Any:
        return contextlib.aclosing(redis.asyncio.Redis.from_url(self.store.url))


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
