"""The stand-in itself: a server on loopback, the workspace behind it, the hands of the people in it."""

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping
from typing import TypeVar

from aiohttp import web

from bot.standin.clock import Clock, RealClock
from bot.standin.delivery import Ack, Courier, Delivery
from bot.standin.front import Call, Front
from bot.standin.gestures import Gestures, Posted
from bot.standin.guard import OWN, check_surroundings
from bot.standin.mishaps import Mishaps
from bot.standin.passes import Passes
from bot.standin.picture import channel_picture, thread_picture
from bot.standin.rates import Rates
from bot.standin.sockets import Sockets
from bot.standin.webapi import Workspace
from bot.standin.world import Json, Message, View, World

T = TypeVar("T")


class StandIn:
    """A workspace of Slack on loopback, with one app installed.

    ``clock`` is the machine's unless given; ``rates`` False lifts the rate limits but still counts.
    ``world`` is what exists, ``calls`` every Web API call in order, ``deliveries`` everything brought to
    the app, ``mishaps`` what shall fail next, ``scopes`` what the bot token may do (add
    ``chat:write.public`` to let it post where it is no member), ``subscriptions`` the events it hears.
    """

    def __init__(self, clock: Clock | None = None, *, rates: bool = True, host: str = "127.0.0.1") -> None:
        self.clock = clock or RealClock()
        self.host = host
        self.port = 0
        self.bot_token = f"xoxb-{OWN}-{secrets.token_hex(8)}"
        self.app_token = f"xapp-{OWN}-{secrets.token_hex(8)}"
        self.signing_secret = secrets.token_hex(16)
        self._waiters: list[asyncio.Future[None]] = []
        self.world = World(self.clock, self._changed)
        self.rates = Rates(self.clock, on=rates)
        self.mishaps = Mishaps()
        self.sockets = Sockets(self.clock, self.world.app_id, self._changed)
        passes = Passes(self.clock)
        self._slack = Workspace(self.world, self.clock, passes, self._socket_url)
        self.courier = Courier(self.clock, self.sockets, self.signing_secret, self._changed)
        self._gestures = Gestures(self._slack, self.courier)
        self._front = Front(self._slack, self.rates, self.mishaps, self.sockets, self._changed)
        self._front.tokens = {self.bot_token: "bot", self.app_token: "app"}
        self._runner: web.ServerRunner | None = None

    async def start(self, environ: Mapping[str, str] | None = None, port: int = 0) -> None:
        """Listens on ``port`` (any free one by default).

        Raises UnsafeSurroundingsError beside real tokens or off loopback; ``environ`` is the process's own
        unless given.
        """
        check_surroundings(os.environ if environ is None else environ, self.host, port)
        self._front.stopping.clear()
        # With cancellation, a call whose client has gone ends at once, as behind Slack's own front.
        server = web.Server(self._front.handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, port).start()
        self.port = int(self._runner.addresses[0][1])
        self._slack.upload_base = f"{self.url}upload/v1/"
        self._gestures.response_base = f"{self.url}commands/"
        self.courier.start()

    async def stop(self) -> None:
        """Ends everything that is open; harmless when it was not started."""
        self._front.stopping.set()
        await self.courier.stop()
        await self.sockets.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT/``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"

    @property
    def api_url(self) -> str:
        """The base URL for a Web API client."""
        return f"{self.url}api/"

    @property
    def bot_user_id(self) -> str:
        """The bot's user id."""
        return self.world.bot.id

    @property
    def team_id(self) -> str:
        """The workspace's id."""
        return self.world.team_id

    @property
    def scopes(self) -> set[str]:
        """What the bot token may do."""
        return self._slack.scopes

    @property
    def subscriptions(self) -> set[str]:
        """The events the app hears."""
        return self._gestures.subscriptions

    @property
    def calls(self) -> list[Call]:
        """Every Web API call, in order; answers to response URLs as ``response_url``."""
        return self._front.calls

    @property
    def deliveries(self) -> list[Delivery]:
        """Everything brought to the app, in order, tries again included."""
        return self.courier.deliveries

    def deliver_http(self, url: str) -> None:
        """From now on the app is reached by signed HTTP at ``url``."""
        self.courier.url = url

    def deliver_sockets(self) -> None:
        """From now on the app is reached over its Socket Mode connections."""
        self.courier.url = None

    async def slash(self, user_id: str, channel_id: str, text: str, command: str = "/docker") -> Ack:
        """A person types a command; the app's answer."""
        return await self._gestures.slash(user_id, channel_id, text, command)

    async def mention(self, user_id: str, channel_id: str, text: str, thread_ts: str | None = None) -> Posted:
        """A person mentions the bot, in a thread or not; the event travels in the background."""
        return self._gestures.say(user_id, channel_id, f"<@{self.bot_user_id}> {text}", thread_ts)

    async def say(self, user_id: str, channel_id: str, text: str, thread_ts: str | None = None) -> Posted:
        """A person writes a message."""
        return self._gestures.say(user_id, channel_id, text, thread_ts)

    async def open_home(self, user_id: str) -> str:
        """A person opens the app's home tab; the event's id."""
        return self._gestures.open_home(user_id)

    async def click(
        self, user_id: str, target: Message | View, action_id: str, value: str | None = None
    ) -> Ack:
        """A person clicks a button, or picks the option ``value`` of a menu; raises LookupError."""
        return await self._gestures.click(user_id, target, action_id, value)

    async def submit(self, user_id: str, view: View, values: dict[str, dict[str, Json]]) -> Ack:
        """A person submits a modal with these values, by block_id and action_id."""
        return await self._gestures.submit(user_id, view, values)

    async def close_view(self, user_id: str, view: View) -> Ack | None:
        """A person closes a modal; None when the app does not want to hear of it."""
        return await self._gestures.close(user_id, view)

    async def redeliver(self, delivery: Delivery) -> Ack:
        """Brings the very same bytes again."""
        return await self.courier.redeliver(delivery)

    async def raw_post(self, url: str, headers: Mapping[str, str], body: bytes) -> Ack:
        """Posts anything to the app: a delivery that was tampered with, a forged one."""
        return await self.courier.raw_post(url, headers, body)

    def messages(self, channel_id: str) -> list[Message]:
        """Everything in a channel, replies and ephemeral messages too, oldest first."""
        return self.world.messages(channel_id)

    def thread(self, channel_id: str, ts: str) -> list[Message]:
        """The replies below a message, oldest first."""
        return self.world.replies(channel_id, ts)

    async def until(
        self,
        predicate: Callable[["StandIn"], T | None],
        timeout: float = 30.0,  # noqa: ASYNC109
    ) -> T:
        """Waits until ``predicate`` is true of the stand-in and returns what it returned.

        It is asked again whenever anything has happened. ``timeout`` is in seconds of the machine's time;
        then AssertionError with a picture of all channels.
        """
        try:
            async with asyncio.timeout(timeout):
                while not (found := predicate(self)):
                    stirred: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiters.append(stirred)
                    await stirred
                return found
        except TimeoutError:
            raise AssertionError(f"Not within {timeout} s. The workspace:\n{self.picture()}") from None

    def as_text(self, channel_id: str, ts: str | None = None) -> str:
        """A thread, or a whole channel, as a reader of Slack sees it."""
        if ts is None:
            return channel_picture(self.world, channel_id)
        return thread_picture(self.world, channel_id, ts)

    def picture(self) -> str:
        """All channels and the last calls, for a person who has to find out what went wrong."""
        parts = [
            f"#{channel.name} ({channel.id})\n{channel_picture(self.world, channel.id) or '  (empty)'}"
            for channel in self.world.channels.values()
        ]
        last = [f"  {call.method} -> {call.response.get('error', 'ok')}" for call in self.calls[-15:]]
        return "\n".join([*parts, "last calls:", *(last or ["  (none)"])])

    def _changed(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _socket_url(self) -> str:
        query = f"ticket={self.sockets.ticket()}&app_id={self.world.app_id}"
        return f"ws{self.url.removeprefix('http')}link/?{query}"
