"""A started stand-in, its clock in the test's hand where wanted, clients and a listening app."""

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.standin.clock import ManualClock
from bot.standin.server import StandIn


@pytest.fixture
async def standin() -> AsyncIterator[StandIn]:
    """Real time, no rate limits; alice, bob and #ops exist."""
    made = StandIn(rates=False)
    async for started in _started(made):
        yield started


@pytest.fixture
async def still() -> AsyncIterator[StandIn]:
    """Time stands still; rate limits hold."""
    made = StandIn(ManualClock(1_790_000_000.0), rates=True)
    async for started in _started(made):
        yield started


async def _started(made: StandIn) -> AsyncIterator[StandIn]:
    made.world.add_user("alice", "U01ALICE")
    made.world.add_user("bob", "U02BOB")
    made.world.add_channel("ops", "C01OPS")
    await made.start(environ={})
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def connect(session: aiohttp.ClientSession) -> Callable[[StandIn], AsyncWebClient]:
    """Makes Slack's own client for a stand-in."""

    def made(standin: StandIn, token: str | None = None) -> AsyncWebClient:
        chosen = standin.bot_token if token is None else token
        return AsyncWebClient(chosen, base_url=standin.api_url, session=session, retry_handlers=[])

    return made


@pytest.fixture
async def listen() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Starts an app that answers with a handler; its URL."""
    runners: list[web.BaseRunner] = []

    async def serve(handler) -> str:
        if isinstance(handler, web.Application):
            runner: web.BaseRunner = web.AppRunner(handler, shutdown_timeout=0.1)
        else:
            runner = web.ServerRunner(web.Server(handler, handler_cancellation=True), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"

    yield serve
    for runner in runners:
        await runner.cleanup()
