"""The embedded store: private, durable, one for a data folder, gone when its owner is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis

from bot.store import embedded

pytestmark = pytest.mark.store

ROOT = Path(__file__).parents[2]
OWNER = (
    "import sys, time, pathlib; from bot.store import embedded; "
    "store = embedded.start(pathlib.Path(sys.argv[1])); print(store.url, store.owned, flush=True); "
    "sys.stdin.read(); store.stop()"
)


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, protocol=2)


def owner(folder: Path) -> subprocess.Popen[str]:
    """A process that keeps the store until its stdin ends."""
    command = [sys.executable, "-c", OWNER, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline().endswith(" True\n")
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("")


def gone(pid: int) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_it_starts_quickly_on_a_private_socket_without_a_port(tmp_path):
    begun = time.monotonic()
    with embedded.start(tmp_path) as store, client(store.url) as redis_client:
        assert time.monotonic() - begun < 20
        config = redis_client.config_get("*")
        assert (config["port"], config["appendonly"], config["appendfsync"]) == ("0", "yes", "always")
        socket = Path(store.url.removeprefix("unix://"))
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert socket.stat().st_mode & 0o777 == 0o600
    assert not socket.exists()


def test_data_survives_a_clean_stop_and_a_kill(tmp_path):
    with embedded.start(tmp_path) as store, client(store.url) as redis_client:
        redis_client.set("clean", "1")
    with embedded.start(tmp_path) as store, client(store.url) as redis_client:
        assert redis_client.get("clean") == b"1"
        redis_client.set("killed", "1")
        os.kill(redis_client.info("server")["process_id"], signal.SIGKILL)
    with embedded.start(tmp_path) as store, client(store.url) as redis_client:
        assert redis_client.get("killed") == b"1"


def test_a_second_process_joins_and_does_not_stop_what_it_does_not_own(tmp_path):
    process = owner(tmp_path)
    try:
        with embedded.start(tmp_path) as store:
            assert not store.owned
            with client(store.url) as redis_client:
                redis_client.set("a", "1")
        with client(store.url) as redis_client:
            assert redis_client.get("a") == b"1"
    finally:
        end(process)


def test_it_dies_with_its_owner(tmp_path):
    process = owner(tmp_path)
    with embedded.start(tmp_path) as store, client(store.url) as redis_client:
        pid = redis_client.info("server")["process_id"]
    process.kill()
    end(process)
    assert gone(pid)


def test_a_leftover_without_an_owner_is_replaced_and_its_data_kept(tmp_path):
    with embedded.start(tmp_path) as store:
        command = embedded._command(tmp_path / "store", Path(store.url.removeprefix("unix://")))
    # A server that outlived its owner: nobody holds the lock.
    server = command.index(next(word for word in command if word.endswith("valkey-server")))
    leftover = subprocess.Popen(command[server:], stdout=subprocess.DEVNULL)
    embedded._await(store.url, "the leftover")
    with client(store.url) as redis_client:
        redis_client.set("kept", "1")
    with embedded.start(tmp_path) as again, client(again.url) as redis_client:
        assert again.owned
        assert leftover.wait(60) == 0
        assert redis_client.get("kept") == b"1"
        assert redis_client.info("server")["process_id"] != leftover.pid


def test_a_long_folder_gets_a_short_private_socket(tmp_path):
    deep = tmp_path / ("d" * 100)
    with embedded.start(deep) as store, client(store.url) as redis_client:
        socket = Path(store.url.removeprefix("unix://"))
        assert len(str(socket)) < 100
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert redis_client.ping()
    socket.parent.rmdir()


def test_a_server_that_cannot_start_is_told(tmp_path, monkeypatch):
    (tmp_path / "store" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "store" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(embedded.StoreFailed, match=r"store\.log"):
        embedded.start(tmp_path)
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    with pytest.raises(embedded.StoreFailed, match="did not start"):
        embedded.start(tmp_path / "other")


def test_stopping_twice_is_harmless(tmp_path):
    store = embedded.start(tmp_path)
    store.stop()
    store.stop()
    assert not store.owned
