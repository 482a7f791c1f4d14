"""A real registry with a password on a loopback port."""

import base64
import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.packages import ending_with_us, program
from tests.services.missing import missing

READY_WITHIN = 15.0
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
auth:
  htpasswd: {{realm: tests, path: {folder}/htpasswd}}
"""


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
    binary = program("docker-registry")
    if binary is None:
        missing("docker-registry is not installed")
    folder = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "htpasswd").write_text(HTPASSWD)
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, port=port))
    with (folder / "log").open("wb") as log:
        command = ending_with_us(binary, "serve", str(folder / "config.yml"))
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_until_it_lets_us_in(port, process, folder / "log")
        yield Registry("127.0.0.1", port, USERNAME, PASSWORD)
    finally:
        process.terminate()
        process.wait(READY_WITHIN)


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
