"""A real registry with a password on a loopback port, and a road to it that can be slow, break and refuse."""

import base64
import contextlib
import http.client
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.packages import ending_with_us, program
from tests.services.missing import missing

READY_WITHIN = 60.0
USERNAME = "tester"
PASSWORD = "a password for tests only"
HTPASSWD = f"{USERNAME}:$2b$04$dktlkdktlkdktlkdktlkdu1xolE.yRhy7UfAyYJZ8smqykgUuJMbO\n"
"""The registry takes bcrypt alone, which the standard library cannot make: made once, for PASSWORD."""
CONFIG = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", secret: for-tests}}
"""
AUTH = """\
auth:
  htpasswd: {{realm: tests, path: {folder}/htpasswd}}
"""
PIECE = 16 * 1024


@dataclass(frozen=True)
class Registry:
    """Where the registry listens and who may use it."""

    host: str
    port: int
    username: str
    password: str

    @property
    def address(self) -> str:
        """The part of an image's name before the first slash."""
        return f"{self.host}:{self.port}"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that starts empty and asks for USERNAME and PASSWORD; the engine takes it without TLS."""
    binary = registry_program()
    folder = tmp_path_factory.mktemp("registry")
    port = free_port()
    config = configure(folder, port, AUTH)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(ending_with_us(binary, "serve", str(config)), stdout=log, stderr=log)
    try:
        _wait_until_it_lets_us_in(port, process, folder / "log")
        yield Registry("127.0.0.1", port, USERNAME, PASSWORD)
    finally:
        process.terminate()
        process.wait(READY_WITHIN)


@pytest.fixture
def road(registry: Registry) -> Iterator["Road"]:
    """A road to the registry: under its address everything of the registry has a second name."""
    with contextlib.closing(Road(registry.port)) as road:
        yield road


def registry_program() -> str:
    """The registry's program; the test is skipped, or fails in CI, where there is none."""
    binary = program("docker-registry")
    if binary is None:
        missing("docker-registry is not installed")
    return binary


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def configure(folder: Path, port: int, more: str = "") -> Path:
    """Writes a registry's configuration and the one login it knows into a folder."""
    (folder / "htpasswd").write_text(HTPASSWD)
    config = folder / "config.yml"
    config.write_text((CONFIG + more).format(folder=folder, port=port))
    return config


class Road:
    """A proxy on a loopback port: ``slow`` it, ``break_down`` in the midst, or ``refuse`` requests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._rate = 0
        self._refused: tuple[bytes, ...] = ()
        self._broken = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        # A small window: what waits in buffers would look as if it had arrived.
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def address(self) -> str:
        """The part of an image's name before the first slash."""
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def open(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._open)

    def slow(self, rate: int) -> None:
        """From now on so many bytes a second and direction go through each connection; 0 lifts it."""
        self._rate = rate

    def refuse(self, *heads: str) -> None:
        """A request whose first line begins with one of these is turned away by the registry."""
        self._refused = tuple(head.encode() for head in heads)

    def break_down(self) -> None:
        """Cuts every connection; whoever comes anew is told that the registry is not available."""
        self._broken = True
        self._rate = 0
        with self._lock:
            for side in self._open:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends it and everything on it."""
        self.break_down()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with self._lock:
            self._open.add(near)
        try:
            with near, socket.create_connection(("127.0.0.1", self._port)) as far:
                back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
                back.start()
                self._carry(near, far, asking=True)
                back.join()
        finally:
            with self._lock:
                self._open.discard(near)

    def _carry(self, source: socket.socket, target: socket.socket, *, asking: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(PIECE):
                if asking and (self._broken or any(map(data.startswith, self._refused))):
                    source.sendall(_UNAVAILABLE if self._broken else _DENIED)
                    break
                target.sendall(data)
                if self._rate:
                    time.sleep(len(data) / self._rate)
        for side in (source, target):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


def _answer(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


_DENIED = _answer(
    "403 Forbidden", '{"errors":[{"code":"DENIED","message":"this repository may not be used today"}]}'
)
_UNAVAILABLE = _answer("503 Service Unavailable", "the registry is not available")


def _wait_until_it_lets_us_in(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    login = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    until = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_WITHIN)
        try:
            connection.request("GET", "/v2/", headers={"Authorization": f"Basic {login}"})
            if connection.getresponse().status == 200:
                return
        except ConnectionError:
            time.sleep(0.02)
        finally:
            connection.close()
    pytest.fail(f"docker-registry did not start:\n{log.read_text(errors='replace')[-2000:]}")
