"""Slack's rate limits, on a clock that the test moves."""

import pytest
from slack_sdk.errors import SlackApiError

from bot.standin.rates import CHANNEL_BURST, Rates


async def limited(call):
    """Seconds of Retry-After, None when the call went through."""
    try:
        await call
    except SlackApiError as error:
        if (error.response.status_code, error.response["error"]) != (429, "ratelimited"):
            raise
        return int(error.response.headers["Retry-After"])
    return None


async def test_a_channel_takes_a_burst_then_one_a_second(still, connect):
    client = connect(still)
    for _ in range(CHANNEL_BURST):
        assert await limited(client.chat_postMessage(channel="C01OPS", text="x")) is None
    assert await limited(client.chat_postMessage(channel="C01OPS", text="x")) == 1
    await still.clock.advance(1)
    assert await limited(client.chat_postMessage(channel="C01OPS", text="x")) is None
    assert len(still.messages("C01OPS")) == CHANNEL_BURST + 1


async def test_another_channel_has_its_own_burst(still, connect):
    client = connect(still)
    still.world.add_channel("dev", "C02DEV")
    for _ in range(CHANNEL_BURST + 1):
        last = await limited(client.chat_postMessage(channel="C01OPS", text="x"))
    assert last == 1
    assert await limited(client.chat_postMessage(channel="C02DEV", text="x")) is None


async def test_edits_have_fifty_a_minute_for_the_whole_workspace(still, connect):
    client = connect(still)
    ts = (await client.chat_postMessage(channel="C01OPS", text="x"))["ts"]
    for _ in range(50):
        assert await limited(client.chat_update(channel="C01OPS", ts=ts, text="y")) is None
    wait = await limited(client.chat_update(channel="C01OPS", ts=ts, text="y"))
    assert wait == 2
    assert await limited(client.chat_postMessage(channel="C01OPS", text="x")) is None
    await still.clock.advance(wait)
    assert await limited(client.chat_update(channel="C01OPS", ts=ts, text="y")) is None


async def test_user_groups_have_twenty_a_minute(still, connect):
    client = connect(still)
    waits = [await limited(client.usergroups_list()) for _ in range(21)]
    assert waits[:20] == [None] * 20
    assert waits[20] == 3


async def test_switched_off_nothing_is_refused_but_it_is_counted(standin, connect):
    client = connect(standin)
    for _ in range(CHANNEL_BURST + 20):
        assert await limited(client.chat_postMessage(channel="C01OPS", text="x")) is None
    assert standin.rates.refused > 0


async def test_waiting_exactly_as_told_is_enough(still):
    rates = Rates(still.clock, on=True)
    for method in ("chat.update", "usergroups.list", "users.info"):
        for _ in range(500):
            seconds = rates.wait(method, "T", None)
            if seconds is not None:
                await still.clock.advance(seconds)
                assert rates.wait(method, "T", None) is None


@pytest.mark.parametrize("method", ["api.test", "no.such.method"])
async def test_a_method_without_a_tier_is_not_limited(still, method):
    rates = Rates(still.clock, on=True)
    assert {rates.wait(method, "T", None) for _ in range(1000)} == {None}
