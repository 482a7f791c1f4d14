"""`python -m scripts.run_with demo|test COMMAND…`: run a command with the services it needs.

Whatever way the run ends, what was started here is stopped, by its own pid. `clean` in place of a mode ends
an engine of our own that a killed run left behind and removes its data.
"""
# ruff: noqa: S603 - running the given command is the purpose

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import docker
from docker.errors import DockerException

from scripts.engine import remove_own_engine, usable_engine
from scripts.image import make_tiny_image
from scripts.packages import SetupError, install_missing, say

CACHE = Path(__file__).resolve().parent.parent / ".cache"
LABEL = "org.docktalk.made-by=scripts"
SERVERS = {"redis-server": "redis-server", "docker-registry": "docker-registry"}
LONGEST_FOLDER = 60
"""Sockets lie up to 45 bytes below the engine's folder; Linux allows 107 in all."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; its exit status, or 2 when the machine could not be made ready."""
    match arguments:
        case ["clean"]:
            remove_own_engine(_engine_folder())
            return 0
        case ["demo" | "test" as mode, *command] if command:
            pass
        case _:
            say("usage: scripts/services.sh demo|test COMMAND…")
            return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with contextlib.ExitStack() as started:
            if mode == "test":
                install_missing(SERVERS)
            url = started.enter_context(usable_engine(_engine_folder()))
            image = started.enter_context(_tiny_image(url))
            started.callback(_finish_undisturbed)
            return _run(command, {**os.environ, "DOCKER_HOST": url, "DOCKTALK_IMAGE": image})
    except SetupError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _finish_undisturbed() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _engine_folder() -> Path:
    folder = CACHE / "engine"
    if len(os.fsencode(folder)) <= LONGEST_FOLDER:
        return folder
    short = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path("~/.cache").expanduser() / f"docktalk-engine-{short}"


@contextlib.contextmanager
def _tiny_image(url: str) -> Iterator[str]:
    name = f"docktalk-busybox:{os.getpid()}"
    with contextlib.closing(docker.APIClient(base_url=url, version="auto")) as client:
        make_tiny_image(client, name, CACHE, labels=[LABEL])
        try:
            yield name
        finally:
            with contextlib.suppress(DockerException, OSError):  # an engine that died took it along
                client.remove_image(name, force=True)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    process = subprocess.Popen(command, env=environment)
    # A terminal sends ^C to the command as well: it ends, then so do we. The others reach us alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
