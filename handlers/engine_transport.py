"""Connections to an engine: on a unix socket or TCP, each known to the call that waits on it."""

import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool


class Call:
    """One request on its way: ``close`` from any thread, at any moment, ends it in milliseconds."""

    def __init__(self) -> None:
        self.closed = False
        self._lock = threading.Lock()
        self._connection: Any = None

    def uses(self, connection: Any) -> None:
        """Learns the connection, before it is used."""
        with self._lock:
            if not self.closed:
                self._connection = connection
                return
        connection.close()
        raise ConnectionAbortedError

    def close(self) -> None:
        """Ends the call."""
        with self._lock:
            self.closed = True
            self._shut(socket.SHUT_RDWR)

    def close_stdin(self) -> None:
        """Tells the other side that nothing more will be sent."""
        with self._lock:
            self._shut(socket.SHUT_WR)

    def over(self) -> None:
        """The connection goes back to the pool and may be somebody else's the next moment."""
        with self._lock:
            self._connection = None

    def _shut(self, how: int) -> None:
        sock = getattr(self._connection, "sock", None)
        if sock is None:
            return
        try:
            # The plain socket's own method: a TLS socket's would forget its keys while another
            # thread still reads.
            socket.socket.shutdown(sock, how)
        except OSError:
            return  # the other side was faster


class Current(threading.local):
    """The call that a thread is making."""

    call: Call | None = None


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.timeout)
            sock.connect(self._path)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


class _UnixPool(HTTPConnectionPool):
    def __init__(self, path: str, slots: int) -> None:
        super().__init__("localhost", maxsize=slots)
        self._path = path

    def _new_conn(self) -> _UnixConnection:
        return _UnixConnection(self._path)


class UnixAdapter(HTTPAdapter):
    """One pool for everything on a socket; the SDK's own has one for each address that was ever asked."""

    def __init__(self, path: str, slots: int) -> None:
        super().__init__()
        self._pool = _UnixPool(path, slots)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The pool, whatever the address."""
        return self._pool

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        """The path alone: there is no host, and no proxy."""
        del proxies
        return request.path_url

    def close(self) -> None:
        """Closes the idle connections."""
        self._pool.close()
        super().close()


def watch(adapter: HTTPAdapter, current: Current) -> None:
    """Lets each call see its connection before it waits: requests shows it once the answer has begun."""
    choose: Callable[..., Any] = adapter.get_connection_with_tls_context

    def choose_and_watch(*args: Any, **kwargs: Any) -> Any:
        pool = choose(*args, **kwargs)
        if not hasattr(pool, "unwatched"):
            pool.unwatched = pool._get_conn, pool._put_conn  # noqa: SLF001 - urllib3 has no hook for it
            pool._get_conn = partial(_take, pool, current)  # noqa: SLF001 - as above
            pool._put_conn = partial(_give_back, pool)  # noqa: SLF001 - as above
        return pool

    adapter.get_connection_with_tls_context = choose_and_watch  # type: ignore[method-assign]


def _take(pool: Any, current: Current, timeout: float | None = None) -> Any:
    connection = pool.unwatched[0](timeout)
    connection.call = current.call
    if current.call is not None:
        current.call.uses(connection)
    return connection


def _give_back(pool: Any, connection: Any) -> None:
    if connection is not None and connection.call is not None:
        connection.call.over()
        connection.call = None
    pool.unwatched[1](connection)
