"""How Slack reaches the app: signed HTTP through uvicorn, or Socket Mode over two connections."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import uvicorn
from slack_bolt.adapter.asgi.async_handler import AsyncSlackRequestHandler
from slack_bolt.adapter.asgi.utils import scope_type
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

EVENTS_PATH = "/slack/events"
CONNECTIONS = 2
"""Slack closes a connection now and then; the other one takes what comes meanwhile."""
PING_SECONDS = 2.0
"""How soon a connection that was cut without a word is noticed."""

Receive = Callable[[], Awaitable[dict[str, object]]]
Send = Callable[[dict[str, object]], Awaitable[None]]


class Probes(Protocol):
    """What others may ask of the process."""

    def healthy(self) -> bool:
        """Whether everything that was started still runs."""
        ...

    async def ready(self) -> bool:
        """Whether requests can be taken."""
        ...

    async def metrics(self, authorization: str) -> bytes | None:
        """What Prometheus reads; None for who may not."""
        ...


class Web:
    """The ASGI app: Slack's requests, ``/healthz`` (alive), ``/readyz`` (able to take work), ``/metrics``."""

    def __init__(self, app: AsyncApp, probes: Probes) -> None:
        self._slack = AsyncSlackRequestHandler(app, path=EVENTS_PATH)
        self._probes = probes

    async def __call__(self, scope: scope_type, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path in {"/healthz", "/readyz"}:
            probes = self._probes
            well = probes.healthy() if path == "/healthz" else await probes.ready()
            await _plain(send, 200 if well else 503, b"ok\n" if well else b"not ready\n")
        elif path == "/metrics":
            headers: Any = scope["headers"]
            given = next((value for name, value in headers if name.lower() == b"authorization"), b"")
            text = await self._probes.metrics(given.decode("latin-1"))
            await _plain(send, 200 if text is not None else 404, text or b"not found\n")
        else:
            await self._slack(scope, receive, send)


async def _plain(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leaves signals to the process: it has more to end than this server."""
        return nullcontext()


def http_server(app: AsyncApp, probes: Probes, *, host: str, port: int) -> uvicorn.Server:
    """A server to be run with ``serve()`` and ended by ``should_exit``; it logs no request."""
    config = uvicorn.Config(
        Web(app, probes),
        host=host,
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        # Nobody's address means anything here: what is signed is believed.
        proxy_headers=False,
        # Longer than whoever stands in front keeps an idle connection, so that none is cut under a request.
        timeout_keep_alive=75,
    )
    return _Server(config)


class Sockets:
    """Socket Mode over :data:`CONNECTIONS` connections."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        self._app = app
        self._app_token = app_token
        self._handlers: list[AsyncSocketModeHandler] = []

    async def start(self) -> None:
        """Opens the connections; raises what the SDK raises when Slack refuses the token."""
        self._handlers = [
            AsyncSocketModeHandler(self._app, self._app_token, ping_interval=PING_SECONDS)
            for _ in range(CONNECTIONS)
        ]
        await asyncio.gather(
            *(handler.connect_async() for handler in self._handlers)  # type: ignore[no-untyped-call]
        )

    async def connected(self) -> bool:
        """Whether Slack can reach us now."""
        states = [await handler.client.is_connected() for handler in self._handlers]
        return any(states)

    async def stop(self) -> None:
        """Closes the connections."""
        await asyncio.gather(
            *(handler.close_async() for handler in self._handlers),  # type: ignore[no-untyped-call]
            return_exceptions=True,
        )
        self._handlers = []
