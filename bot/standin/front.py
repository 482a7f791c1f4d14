"""The HTTP front: Web API, uploads, response URLs, sockets; and the record of every call."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from bot.standin.mishaps import Mishap, Mishaps
from bot.standin.rates import Rates
from bot.standin.responses import respond
from bot.standin.sockets import Sockets
from bot.standin.webapi import METHODS, Arguments, Refused, Workspace, decode
from bot.standin.webapi.files import receive
from bot.standin.world import Json


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the app: what it asked (the token left out), what it was answered, when (epoch seconds)."""

    method: str
    arguments: Arguments
    response: dict[str, Json]
    at: float


class Front:
    """Takes every request; ``tokens`` are the good ones with whose they are (bot, app)."""

    def __init__(
        self,
        slack: Workspace,
        rates: Rates,
        mishaps: Mishaps,
        sockets: Sockets,
        changed: Callable[[], None],
    ) -> None:
        self.calls: list[Call] = []
        self.tokens: dict[str, str] = {}
        self.stopping = asyncio.Event()
        self._slack = slack
        self._rates = rates
        self._mishaps = mishaps
        self._sockets = sockets
        self._changed = changed

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request."""
        _, where, *rest = request.path.split("/", 2)
        name = rest[0] if rest else ""
        if where == "api":
            return await self._api(request, name)
        if where == "link":
            return await self._sockets.serve(request, request.query.get("ticket", ""))
        if where == "upload" and request.method == "POST":
            status, text = receive(self._slack, name.removeprefix("v1/"), await _content(request))
            return web.Response(status=status, text=text)
        if where == "commands" and request.method == "POST":
            return await self._response_url(request, name)
        return web.Response(status=404, text="not found")

    async def _api(self, request: web.BaseRequest, method: str) -> web.StreamResponse:
        body = await request.content.read()
        arguments: Arguments = {}
        mishap = self._mishaps.take(method)
        try:
            arguments = decode(method, request.rel_url.raw_query_string, request.content_type, body)
            token = _token(request, arguments)
            if mishap is not None and not (isinstance(mishap[0], Mishap) and mishap[0].applies):
                return await self._fail(request, method, arguments, *mishap)
            answer = {"ok": True, **self._run(method, arguments, token)}
        except _TooMany as refusal:
            return self._limited(method, arguments, refusal.seconds)
        except Refused as refusal:
            answer = refusal.as_json()
        self._record(method, arguments, answer)
        if mishap is not None:
            return await self._lose(request, mishap[0])
        headers = {"X-OAuth-Scopes": ",".join(sorted(self._slack.scopes))} if method == "auth.test" else None
        return _json(answer, headers=headers)

    def _run(self, method: str, arguments: Arguments, token: str) -> dict[str, Json]:
        known = METHODS.get(method)
        if known is None:
            raise Refused("unknown_method", req_method=method)
        if known.caller != "anybody":
            if not token:
                raise Refused("not_authed")
            whose = self.tokens.get(token)
            if whose is None:
                raise Refused("invalid_auth")
            if whose != known.caller:
                raise Refused("not_allowed_token_type")
        seconds = self._rates.wait(method, self._slack.world.team_id, arguments.get("channel"))
        if seconds is not None:
            raise _TooMany(seconds)
        if known.scope and known.scope not in self._slack.scopes:
            raise Refused("missing_scope", needed=known.scope, provided=",".join(sorted(self._slack.scopes)))
        return known.run(self._slack, arguments)

    async def _response_url(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        body = await _content(request)
        arguments: Arguments = {}
        mishap = self._mishaps.take("response_url")
        try:
            arguments = decode("response_url", "", request.content_type, body)
            if mishap is not None and not (isinstance(mishap[0], Mishap) and mishap[0].applies):
                return await self._fail(request, "response_url", arguments, *mishap)
            respond(self._slack, name, arguments)
        except Refused as refusal:
            answer = refusal.as_json()
            self._record("response_url", arguments, answer)
            return _json(answer, 404 if refusal.error in ("expired_url", "used_url") else 400)
        self._record("response_url", arguments, {"ok": True})
        if mishap is not None:
            return await self._lose(request, mishap[0])
        return web.Response(text="ok")

    def _limited(self, method: str, arguments: Arguments, seconds: int) -> web.Response:
        answer: dict[str, Json] = {"ok": False, "error": "ratelimited"}
        self._record(method, arguments, answer)
        return _json(answer, 429, {"Retry-After": str(seconds)})

    async def _fail(
        self,
        request: web.BaseRequest,
        method: str,
        arguments: Arguments,
        kind: Mishap | str,
        retry_after: int,
    ) -> web.StreamResponse:
        if kind == Mishap.RATE_LIMITED:
            return self._limited(method, arguments, retry_after)
        error = kind.value if isinstance(kind, Mishap) else kind
        self._record(method, arguments, {"ok": False, "error": error})
        if kind == Mishap.SERVER_ERROR:
            return web.Response(status=500, text="server error")
        if kind in (Mishap.TIME_OUT_BEFORE, Mishap.DROP_BEFORE):
            return await self._lose(request, kind)
        return _json({"ok": False, "error": error})

    async def _lose(self, request: web.BaseRequest, kind: Mishap | str) -> web.StreamResponse:
        if kind in (Mishap.TIME_OUT_BEFORE, Mishap.TIME_OUT_AFTER):
            await self.stopping.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _record(self, method: str, arguments: Arguments, answer: dict[str, Json]) -> None:
        self.calls.append(Call(method, arguments, answer, self._slack.clock.now()))
        self._changed()


class _TooMany(Exception):  # noqa: N818 - said in one place and caught in one
    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def _token(request: web.BaseRequest, arguments: Arguments) -> str:
    given = str(arguments.pop("token", "") or "")
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else given


async def _content(request: web.BaseRequest) -> bytes:
    if request.content_type.startswith("multipart/"):
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader):
                return bytes(await part.read())
        return b""
    return await request.content.read()


def _json(body: dict[str, Json], status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=json.dumps(body).encode(), status=status, headers=headers, content_type="application/json"
    )
