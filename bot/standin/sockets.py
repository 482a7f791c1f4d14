"""Socket Mode: several connections of one app, each payload to any one of them."""

import asyncio
import itertools
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from aiohttp import WSCloseCode, WSMsgType, web

from bot.standin.clock import Clock
from bot.standin.world import Json

MOST = 10
"""Connections an app may hold at once."""
TICKET_SECONDS = 30.0
WARNING_SECONDS = 10.0
"""From the ``warning`` to the end of a connection."""


@dataclass(slots=True)
class _Socket:
    """One connection; ``leaving`` after it was told to go."""

    number: int
    wire: web.WebSocketResponse
    leaving: bool = False
    sent: list[str] = field(default_factory=list)


class Sockets:
    """The open connections and the envelopes that wait for their acknowledgement.

    ``send_while_leaving`` also uses connections that were told to go: whether Slack does is not settled.
    """

    def __init__(self, clock: Clock, app_id: str, changed: Callable[[], None]) -> None:
        self._clock = clock
        self._app_id = app_id
        self._tickets: dict[str, float] = {}
        self._open: list[_Socket] = []
        self._numbers = itertools.count(1)
        self._turn = 0
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self.link_enabled = True
        self.send_while_leaving = False
        self._changed = changed
        self._ending: set[asyncio.Task[bool]] = set()

    @property
    def count(self) -> int:
        """How many connections take payloads."""
        return sum(not socket.leaving for socket in self._open)

    def ticket(self) -> str:
        """The secret part of a URL that opens one socket, once, within 30 s."""
        name = secrets.token_urlsafe(18)
        self._tickets[name] = self._clock.now()
        return name

    async def serve(self, request: web.BaseRequest, ticket: str) -> web.StreamResponse:
        """One connection, from hello to its end."""
        issued = self._tickets.pop(ticket, None)
        if issued is None or self._clock.now() - issued > TICKET_SECONDS:
            return web.Response(status=403, text="link expired")
        wire = web.WebSocketResponse()
        await wire.prepare(request)
        if not self.link_enabled:
            await self._leave(_Socket(0, wire), "link_disabled")
            return wire
        if self.count >= MOST:
            await self._leave(_Socket(0, wire), "too_many_websockets")
            return wire
        socket = _Socket(next(self._numbers), wire)
        self._open.append(socket)
        try:
            await wire.send_json(
                {
                    "type": "hello",
                    "num_connections": self.count,
                    "connection_info": {"app_id": self._app_id},
                    "debug_info": {"host": f"standin-{socket.number}", "approximate_connection_time": 18060},
                }
            )
            self._changed()
            async for message in wire:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        finally:
            self._open.remove(socket)
            self._changed()
        return wire

    def _acknowledge(self, data: str) -> None:
        try:
            answer = json.loads(data)
        except ValueError:
            return
        waiting = self._waiting.get(str(answer.get("envelope_id"))) if type(answer) is dict else None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer.get("payload"))

    async def send(self, envelope: dict[str, Json]) -> asyncio.Future[Json] | None:
        """Sends an envelope to the next connection in turn: the future of its answer, None without one."""
        ready = [socket for socket in self._open if self.send_while_leaving or not socket.leaving]
        if not ready:
            return None
        socket = ready[self._turn % len(ready)]
        self._turn += 1
        name = envelope["envelope_id"]
        waiting: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[name] = waiting
        waiting.add_done_callback(lambda _: self._waiting.pop(name, None))
        socket.sent.append(name)
        try:
            await socket.wire.send_json(envelope)
        except ConnectionError:
            waiting.cancel()
            return None
        return waiting

    def received(self) -> dict[int, int]:
        """How many envelopes each open connection was sent, by its number."""
        return {socket.number: len(socket.sent) for socket in self._open}

    async def disconnect(self, reason: str, *, number: int | None = None) -> None:
        """Tells connection ``number`` (all by default) to go, as Slack does.

        ``warning`` ends it 10 s later, ``refresh_requested`` leaves the closing to the app for as long,
        ``link_disabled`` closes at once and lets no new one live.
        """
        if reason == "link_disabled":
            self.link_enabled = False
        for socket in [one for one in self._open if number in (None, one.number)]:
            if reason == "link_disabled":
                await self._leave(socket, reason)
            else:
                socket.leaving = reason != "warning"
                await self._tell(socket, reason)
                self._clock.after(WARNING_SECONDS, partial(self._end_later, socket))

    def _end_later(self, socket: _Socket) -> None:
        if not socket.wire.closed:
            ending = asyncio.ensure_future(socket.wire.close(code=WSCloseCode.GOING_AWAY))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def _leave(self, socket: _Socket, reason: str) -> None:
        socket.leaving = True
        await self._tell(socket, reason)
        await socket.wire.close(code=WSCloseCode.GOING_AWAY)

    async def _tell(self, socket: _Socket, reason: str) -> None:
        await socket.wire.send_json(
            {"type": "disconnect", "reason": reason, "debug_info": {"host": f"standin-{socket.number}"}}
        )

    async def close(self) -> None:
        """Closes every connection."""
        for socket in list(self._open):
            await socket.wire.close(code=WSCloseCode.GOING_AWAY)
        for waiting in list(self._waiting.values()):
            waiting.cancel()
