"""Brings payloads to the app, by signed HTTP or Socket Mode, and knows whether it answered in time."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlencode

import aiohttp

from bot.standin.clock import Clock
from bot.standin.sockets import Sockets
from bot.standin.world import Json

ACK_SECONDS = 3.0
RETRIES = (0.0, 60.0, 300.0)
"""Seconds before each further try of an event that was not acknowledged."""


class Kind(StrEnum):
    """What is delivered; the value is the type of its Socket Mode envelope."""

    SLASH = "slash_commands"
    EVENT = "events_api"
    INTERACTIVE = "interactive"


@dataclass(frozen=True, slots=True)
class Ack:
    """How the app answered.

    ``status`` is HTTP's, 200 for an acknowledged envelope, 0 when nobody was reached or none came in time.
    ``body`` is the decoded answer, a plain text as ``{"text": …}``, None when empty. ``elapsed`` is in
    seconds of the machine's time.
    """

    status: int
    body: dict[str, Json] | None
    elapsed: float
    timed_out: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether Slack is content."""
        return 200 <= self.status < 300


@dataclass(slots=True)
class Delivery:
    """One payload on its way: exactly what was sent, so that it can be sent again.

    ``body`` and ``headers`` are the bytes of the HTTP request ("" ``url``: Socket Mode). ``attempt`` is 0
    for the first. ``ack`` is None while the answer is awaited.
    """

    kind: Kind
    payload: dict[str, Json]
    url: str
    headers: dict[str, str]
    body: bytes
    envelope_id: str
    at: float
    attempt: int = 0
    reason: str = ""
    ack: Ack | None = None
    then: Callable[[Ack], None] | None = None


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Slack's ``v0`` signature over a request."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Courier:
    """Delivers, keeps every delivery, tries events again as Slack does."""

    def __init__(self, clock: Clock, sockets: Sockets, secret: str, changed: Callable[[], None]) -> None:
        self.url: str | None = None
        self.deliveries: list[Delivery] = []
        self._clock = clock
        self._sockets = sockets
        self._secret = secret
        self._changed = changed
        self._session: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Opens the HTTP client."""
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0),
            # The limit of 3 s is kept on the stand-in's clock, which may stand still.
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def stop(self) -> None:
        """Gives up what is still on its way."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def deliver(
        self, kind: Kind, payload: dict[str, Json], then: Callable[[Ack], None] | None = None
    ) -> Ack:
        """Delivers once and waits for the answer; ``then`` does what Slack does with it."""
        return await self._carry(self._wrap(kind, payload, then))

    def deliver_event(self, payload: dict[str, Json]) -> None:
        """Delivers an event in the background, again and again until acknowledged, four times at most."""
        task = asyncio.ensure_future(self._insist(self._wrap(Kind.EVENT, payload, None)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def redeliver(self, delivery: Delivery) -> Ack:
        """Sends the same bytes with the same signature again; events say in a header that they do."""
        return await self._carry(self._again(delivery, delivery.reason or "http_timeout"))

    async def raw_post(self, url: str, headers: Mapping[str, str], body: bytes) -> Ack:
        """Posts anything, for instance a delivery that was tampered with; kept nowhere."""
        return await self._post(url, headers, body)

    def signed_headers(self, body: bytes, content_type: str) -> dict[str, str]:
        """The headers of a signed request, dated by the machine's time: apps check against that."""
        timestamp = str(int(time.time()))
        return {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": sign(self._secret, timestamp, body),
        }

    def _wrap(self, kind: Kind, payload: dict[str, Json], then: Callable[[Ack], None] | None) -> Delivery:
        headers: dict[str, str] = {}
        body = b""
        if self.url is not None:
            if kind is Kind.EVENT:
                content_type, text = "application/json", json.dumps(payload)
            else:
                fields = payload if kind is Kind.SLASH else {"payload": json.dumps(payload)}
                content_type, text = "application/x-www-form-urlencoded", urlencode(fields)
            body = text.encode()
            headers = self.signed_headers(body, content_type)
        return Delivery(
            kind, payload, self.url or "", headers, body, str(uuid.uuid4()), self._clock.now(), then=then
        )

    def _again(self, delivery: Delivery, reason: str) -> Delivery:
        attempt = delivery.attempt + 1
        headers = dict(delivery.headers)
        if delivery.kind is Kind.EVENT and headers:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        return Delivery(
            delivery.kind,
            delivery.payload,
            delivery.url,
            headers,
            delivery.body,
            delivery.envelope_id,
            self._clock.now(),
            attempt,
            reason,
            then=delivery.then,
        )

    async def _insist(self, delivery: Delivery) -> None:
        ack = await self._carry(delivery)
        for pause in RETRIES:
            if ack.ok or ack.headers.get("X-Slack-No-Retry") == "1":
                return
            reason = "http_timeout" if ack.timed_out else "http_error" if ack.status else "connection_failed"
            await self._clock.sleep(pause)
            delivery = self._again(delivery, reason if delivery.url else "timeout")
            if delivery.headers:
                # Each of Slack's own tries is signed anew; a replay would be refused after five minutes.
                delivery.headers |= self.signed_headers(delivery.body, delivery.headers["Content-Type"])
            ack = await self._carry(delivery)

    async def _carry(self, delivery: Delivery) -> Ack:
        self.deliveries.append(delivery)
        self._changed()
        if delivery.url:
            ack = await self._post(delivery.url, delivery.headers, delivery.body)
        else:
            ack = await self._send(delivery)
        delivery.ack = ack
        if delivery.then is not None:
            delivery.then(ack)
        self._changed()
        return ack

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Ack:
        if self._session is None:
            raise RuntimeError("The stand-in is not started.")
        began = time.perf_counter()
        try:
            async with self._deadline(), self._session.post(url, data=body, headers=headers) as answer:
                text = await answer.text()
                status, kind, received = answer.status, answer.content_type, dict(answer.headers)
        except TimeoutError:
            return Ack(0, None, time.perf_counter() - began, timed_out=True)
        except aiohttp.ClientError:
            return Ack(0, None, time.perf_counter() - began)
        return Ack(status, _decoded(kind, text), time.perf_counter() - began, headers=received)

    async def _send(self, delivery: Delivery) -> Ack:
        began = time.perf_counter()
        envelope: dict[str, Json] = {
            "envelope_id": delivery.envelope_id,
            "type": delivery.kind.value,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind is not Kind.EVENT,
        }
        if delivery.kind is Kind.EVENT:
            envelope |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
        waiting = await self._sockets.send(envelope)
        if waiting is None:
            return Ack(0, None, time.perf_counter() - began)
        try:
            async with self._deadline():
                body = await waiting
        except TimeoutError:
            return Ack(0, None, time.perf_counter() - began, timed_out=True)
        return Ack(200, body if type(body) is dict and body else None, time.perf_counter() - began)

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """Raises TimeoutError 3 s later on the stand-in's clock."""
        async with asyncio.timeout(None) as limit:
            now = asyncio.get_running_loop().time
            timer = self._clock.after(ACK_SECONDS, lambda: limit.reschedule(now()))
            try:
                yield
            finally:
                timer.cancel()


def _decoded(content_type: str, text: str) -> dict[str, Json] | None:
    if not text.strip():
        return None
    if content_type == "application/json":
        try:
            value = json.loads(text)
        except ValueError:
            return {"text": text}
        return value if type(value) is dict else {"text": text}
    return {"text": text}
