"""Calls fail on demand: before they take effect, or after."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.standin.mishaps import Mishap


def post(client, text="x"):
    return client.chat_postMessage(channel="C01OPS", text=text)


async def test_only_the_next_calls_of_that_method_fail(standin, connect):
    client = connect(standin)
    standin.mishaps.next("chat.postMessage", Mishap.INTERNAL_ERROR, times=2)
    await client.auth_test()
    for _ in range(2):
        with pytest.raises(SlackApiError, match="internal_error"):
            await post(client)
    await post(client)
    assert len(standin.messages("C01OPS")) == 1


async def test_any_error_of_slack_can_be_ordered(standin, connect):
    standin.mishaps.next("chat.postMessage", "restricted_action")
    with pytest.raises(SlackApiError, match="restricted_action"):
        await post(connect(standin))


async def test_a_server_error_is_http_500(standin, connect):
    standin.mishaps.next("chat.postMessage", Mishap.SERVER_ERROR)
    with pytest.raises((SlackApiError, SlackClientError)):
        await post(connect(standin))
    assert standin.calls[-1].response["error"] == "server_error"
    assert standin.messages("C01OPS") == []


async def test_a_rate_limit_can_be_ordered_with_its_wait(standin, connect):
    standin.mishaps.next("chat.postMessage", Mishap.RATE_LIMITED, retry_after=30)
    with pytest.raises(SlackApiError) as caught:
        await post(connect(standin))
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "30")


@pytest.mark.parametrize(("mishap", "applied"), [(Mishap.DROP_BEFORE, 0), (Mishap.DROP_AFTER, 1)])
async def test_a_dropped_connection_leaves_it_open_whether_it_took_effect(standin, connect, mishap, applied):
    standin.mishaps.next("chat.postMessage", mishap)
    with pytest.raises(aiohttp.ClientError):
        await post(connect(standin))
    assert len(standin.messages("C01OPS")) == applied


@pytest.mark.parametrize(("mishap", "applied"), [(Mishap.TIME_OUT_BEFORE, 0), (Mishap.TIME_OUT_AFTER, 1)])
async def test_an_answer_that_never_comes(standin, connect, mishap, applied):
    standin.mishaps.next("chat.postMessage", mishap)
    waiting = asyncio.ensure_future(post(connect(standin)))
    await standin.until(lambda s: s.calls)
    assert not waiting.done()
    assert len(standin.messages("C01OPS")) == applied
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_stopping_ends_what_hangs(standin, connect):
    standin.mishaps.next("chat.postMessage", Mishap.TIME_OUT_BEFORE)
    waiting = asyncio.ensure_future(post(connect(standin)))
    await standin.until(lambda s: s.calls)
    await standin.stop()
    with pytest.raises(aiohttp.ClientError):
        await waiting
