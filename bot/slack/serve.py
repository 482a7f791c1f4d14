"""How Slack reaches the app: signed HTTP through uvicorn, or Socket Mode over two connections."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

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
Ready = Callable[[], Awaitable[bool]]


class Web:
    """The ASGI app: Slack's requests, ``/healthz`` (alive), ``/readyz`` (able to take work)."""

    def __init__(self, app: AsyncApp, ready: Ready) -> None:
        self._slack = AsyncSlackRequestHandler(app, path=EVENTS_PATH)
        self._ready = ready

    async def __call__(self, scope: scope_type, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] == "http" and scope["path"] in {"/healthz", "/readyz"}:
            well = scope["path"] == "/healthz" or await self._ready()
            await _plain(send, 200 if well else 503, b"ok\n" if well else b"not ready\n")
            return
        await self._slack(scope, receive, send)


async def _plain(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leaves signals to the process: it has more to end than this server."""
        return nullcontext()


def http_server(app: AsyncApp, ready: Ready, *, host: str, port: int) -> uvicorn.Server:
    """A server to be run with ``serve()`` and ended by ``should_exit``; it logs no request."""
    config = uvicorn.Config(
        Web(app, ready),
        host=host,
        port=port,
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
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
