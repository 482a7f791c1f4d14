"""A Docker Engine of our own that may be killed: its containers live on, and its log tells what it was asked.

It lies in a network namespace of its own, without a bridge, so that no other engine notices it.
"""

import contextlib
import json
import os
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import docker
import requests

from scripts.engine import READY_WITHIN, _forget_dead_pids, answers, stop_own_engine
from scripts.packages import as_root, ending_with_us, program

_ASKED = re.compile(r'msg="(?:Calling POST (\S+)"|form data: (.*)"$)')


class Engine:
    """One engine in ``folder``, whose path is short; it is started, killed and started again on its data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{folder}/docker.sock"

    def start(self) -> None:
        """Returns when it answers."""
        _forget_dead_pids(self._folder)
        folder, dockerd = self._folder, program("dockerd") or "dockerd"
        command = [
            "unshare",
            "--net",
            dockerd,
            "--debug",
            "--live-restore",
            "--bridge=none",
            "--iptables=false",
        ]
        command += [f"--data-root={folder}/data", f"--exec-root={folder}/exec"]
        command += [f"--pidfile={folder}/docker.pid", f"--host={self.url}", f"--group={os.getgid()}"]
        path = f"PATH={os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                as_root(*ending_with_us("env", path, *command)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        give_up = time.monotonic() + READY_WITHIN
        while not answers(self.url):
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise AssertionError(f"the engine did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends it as a power cut would, but for its containers."""
        if self._process is None:
            return
        pid = (self._folder / "docker.pid").read_text()
        subprocess.run(as_root("sh", "-c", f"kill -KILL {pid}"), check=True)
        self._process.wait(READY_WITHIN)
        self._process = None

    def remove(self) -> None:
        """Ends it with its containers; returns when its mounts are gone."""
        stop_own_engine(self._folder)
        left = f"cut -d' ' -f2 /proc/mounts | grep '^{self._folder}/' | sort -r | xargs -r umount -l"
        subprocess.run(as_root("sh", "-c", left), check=True)
        subprocess.run(as_root("rm", "-rf", f"{self._folder}/data", f"{self._folder}/exec"), check=True)

    def asked(self) -> Iterator[str]:
        """Every change that was asked of it in any of its lives: a path, or what was sent along."""
        for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines():
            found = _ASKED.search(line)
            if found:
                yield found[1] or json.loads(f'"{found[2]}"')


class Witness:
    """Hears all events of an engine's lives; ``actions`` counts them by object's name and what happened."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ended = threading.Event()
        self.actions: Counter[tuple[str, str]] = Counter()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._ended.is_set():
            # A killed engine has forgotten its earlier life: what it tells from the start on is new.
            with contextlib.suppress(docker.errors.DockerException, requests.RequestException, OSError):
                client = docker.APIClient(base_url=self._engine.url, version="auto")
                with contextlib.closing(client):
                    for event in client.events(since=1, decode=True):
                        name = event["Actor"]["Attributes"].get("name") or event["Actor"]["ID"]
                        self.actions[name, event["Action"]] += 1
            self._ended.wait(0.05)

    def close(self) -> None:
        """Call it once the engine has ended."""
        self._ended.set()
        self._thread.join(10)
