"""The checks for a real workspace, run against the stand-in: they pass there and can fail."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.standin.server import StandIn
from scripts.slack_smoke import main


@pytest.fixture
async def standin() -> AsyncIterator[StandIn]:
    made = StandIn(rates=False)
    made.world.add_channel("ops", "C01OPS")
    await made.start(environ={})
    yield made
    await made.stop()


async def run(standin: StandIn) -> tuple[int, list[str]]:
    said: list[str] = []
    environ = {
        "SLACK_BOT_TOKEN": standin.bot_token,
        "SLACK_CHANNEL": "C01OPS",
        "SLACK_API_URL": standin.api_url,
    }
    status = await asyncio.to_thread(main, environ, said.append, 0.0)
    return status, said


async def test_everything_passes_and_nothing_is_left(standin: StandIn) -> None:
    status, said = await run(standin)
    assert (status, [line.split()[0] for line in said]) == (0, ["ok", "ok", "ok"]), said
    assert "chat.delete" in {call.method for call in standin.calls}


async def test_a_missing_scope_is_named(standin: StandIn) -> None:
    standin.scopes.discard("usergroups:read")
    status, said = await run(standin)
    assert status == 1
    assert said[0].startswith("FAILED")
    assert said[0].endswith("usergroups:read")


def test_without_a_token_it_says_what_it_needs() -> None:
    said: list[str] = []
    assert main({}, said.append) == 2
    assert "SLACK_BOT_TOKEN" in said[0]
