"""A Docker Engine for the run: the one that is there, or one of our own that ends with the run."""
# ruff: noqa: S603 - the engine is started with arguments of our own

import contextlib
import fcntl
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import DockerException

from scripts.packages import SetupError, as_root, ending_with_us, install_missing, program, say

DEFAULT_PATH = Path("/var/run/docker.sock")
DEFAULT_SOCKET = f"unix://{DEFAULT_PATH}"
READY_WITHIN = 60.0
STOPPED_WITHIN = 30.0


@contextlib.contextmanager
def usable_engine(folder: Path) -> Iterator[str]:
    """The URL of an engine that answers.

    In this order: DOCKER_HOST, the default socket, any other engine of this network namespace (a second
    one beside it would take its bridge down), and last one of our own with everything it owns in `folder`,
    whose path is short: the sockets below it may have 107 bytes.

    Raises:
        SetupError: No engine answers and none can be started.
    """
    if wanted := os.environ.get("DOCKER_HOST"):
        if not answers(wanted):
            raise SetupError(f"DOCKER_HOST is set to {wanted}, but no engine answers there")
        yield wanted
        return
    found = _already_there(folder)
    if found is None:
        install_missing({"dockerd": "docker.io", "iptables": "iptables"})
        found = _already_there(folder)  # where services start by themselves, the package's own is up now
    if found is not None:
        yield found
        return
    with _own_engine(folder) as url:
        yield url


def answers(url: str) -> bool:
    """Whether an engine answers at this URL within five seconds."""
    try:
        _client(url).close()
    except (DockerException, ValueError):
        return False
    return True


def _client(url: str) -> docker.APIClient:
    return docker.APIClient(base_url=url, version="auto", timeout=5)


def _url(folder: Path) -> str:
    return f"unix://{folder}/docker.sock"


def _already_there(folder: Path) -> str | None:
    if answers(DEFAULT_SOCKET):
        return DEFAULT_SOCKET
    ours = _ours(folder)
    others = [pid for pid in _engines_of_this_network() if pid != ours]
    for pid in others:
        for url in _listens_on(pid):
            if answers(url):
                say(f"using the engine at {url}")
                return url
    if others or (DEFAULT_PATH.exists() and not os.access(DEFAULT_PATH, os.W_OK)):
        raise SetupError(
            "there is a Docker Engine here that this user may not use; run this as root (sudo make …), "
            "join the group docker, or set DOCKER_HOST"
        )
    return None


def _engines_of_this_network() -> list[int]:
    found = []
    own_network = Path("/proc/self/ns/net")
    for entry in Path("/proc").glob("[0-9]*"):
        # A process may end while it is looked at, and another user's namespace may not be read.
        with contextlib.suppress(OSError):
            same_network = (entry / "ns/net").readlink() == own_network.readlink()
            if same_network and (entry / "comm").read_text() == "dockerd\n":
                found.append(int(entry.name))
    return found


def _listens_on(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
        return re.findall(r"(?:-H|--host)[ =]?((?:unix|tcp)://\S+)", line)
    return []


@contextlib.contextmanager
def _own_engine(folder: Path) -> Iterator[str]:
    with _alone(folder):
        # A run that was killed may have left its engine behind.
        stop_own_engine(folder)
        say(f"starting a Docker Engine in {folder}")
        try:
            _start(folder)
            yield _url(folder)
        finally:
            stop_own_engine(folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One run at a time has our engine: a second one would lose it when the first ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run in this folder to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(folder: Path) -> None:
    dockerd = program("dockerd")
    if dockerd is None:
        raise SetupError("dockerd is not installed")
    _forget_dead_pids(folder)
    command = [dockerd, f"--data-root={folder}/data", f"--exec-root={folder}/exec"]
    command += [f"--pidfile={folder}/docker.pid", f"--host={_url(folder)}", f"--group={os.getgid()}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            as_root(*ending_with_us("env", f"PATH={os.environ.get('PATH', '')}:/usr/sbin:/sbin", *command)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt at the terminal is ours to answer
        )
    until = time.monotonic() + READY_WITHIN
    while not answers(_url(folder)):
        if process.poll() is not None or time.monotonic() > until:
            last = "\n".join((folder / "log").read_text(errors="replace").splitlines()[-10:])
            raise SetupError(f"the Docker Engine did not start; the end of {folder}/log:\n{last}")
        time.sleep(0.1)


def _ours(folder: Path) -> int | None:
    """The pid of our own engine if it runs: a number in a file may since have become another's."""
    with contextlib.suppress(OSError, ValueError):
        pid = int((folder / "docker.pid").read_text())
        if f"--pidfile={folder}/docker.pid" in Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0"):
            return pid
    return None


def stop_own_engine(folder: Path) -> None:
    """End our engine if it runs, its containers first; returns when it and its mounts are gone."""
    if pid := _ours(folder):
        # The engine would give each one ten seconds to end; whatever still runs in it was left by a failure.
        with contextlib.suppress(DockerException, OSError), contextlib.closing(_client(_url(folder))) as own:
            for container in own.containers(all=True):
                own.remove_container(container["Id"], force=True, v=True)
        if not _ended(folder, pid, "TERM", STOPPED_WITHIN):
            _ended(folder, pid, "KILL", STOPPED_WITHIN)
    mounts = Path("/proc/mounts")
    mounted = [line.split()[1] for line in mounts.read_text().splitlines()] if mounts.exists() else []
    # The engine mounts its own folder on itself, and a killed one leaves those of its containers.
    if left := sorted((path for path in mounted if path.startswith(f"{folder}/")), reverse=True):
        subprocess.run(as_root("umount", *left), check=False)


def _ended(folder: Path, pid: int, signal: str, patience: float) -> bool:
    # The shell's own kill: a small machine has no program of that name.
    subprocess.run(as_root("sh", "-c", f"kill -{signal} {pid}"), check=False, stderr=subprocess.DEVNULL)
    until = time.monotonic() + patience
    while _ours(folder) is not None and time.monotonic() < until:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # our child would stay a zombie, which still has a pid
        time.sleep(0.05)
    return _ours(folder) is None


def remove_own_engine(folder: Path) -> None:
    """End our engine if it runs, and remove everything it kept."""
    if not folder.exists():
        return
    with _alone(folder):
        stop_own_engine(folder)
        subprocess.run(as_root("rm", "-rf", str(folder)), check=True)


def _forget_dead_pids(folder: Path) -> None:
    """A pid file of a killed engine makes the next one wait or refuse. A zombie's command line is empty."""
    files = [str(folder / name) for name in ("docker.pid", "exec/containerd/containerd.pid")]
    dead = 'pid=$(cat "$file" 2>/dev/null) && ! grep -q . "/proc/$pid/cmdline" 2>/dev/null'
    script = f'for file; do if {dead}; then rm -f "$file"; fi; done'
    subprocess.run(as_root("sh", "-c", script, "sh", *files), check=False)
