"""Socket Mode with Bolt's own handler: several connections, refreshes, redelivery."""

import asyncio
import json

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient


class BoltSide:
    """An app on Bolt with its connections."""

    def __init__(self, standin, session):
        client = AsyncWebClient(standin.bot_token, base_url=standin.api_url, session=session)
        self.standin = standin
        self.app = AsyncApp(client=client, process_before_response=True)
        self.heard = []
        self.handlers = []

        @self.app.command("/docker")
        async def command(ack, body):
            self.heard.append(body["text"])
            await ack(text=f"you typed {body['text']}")

        @self.app.event("app_mention")
        async def mention(event, request):
            self.heard.append((event["text"], request.headers.get("x-slack-retry-num")))

        @self.app.action("go")
        async def action(ack, body):
            self.heard.append(body["actions"][0]["value"])
            await ack()

    async def connect(self):
        handler = AsyncSocketModeHandler(self.app, self.standin.app_token, ping_interval=60)
        before = self.standin.sockets.count
        self.handlers.append(handler)
        await handler.connect_async()
        await self.standin.until(lambda s: s.sockets.count == before + 1)

    async def close(self):
        # What the client left running is its own; it is ended here so that no test inherits it.
        for handler in self.handlers:
            await handler.close_async()
            tasks = [handler.client.message_receiver, handler.client.current_session_monitor]
            tasks.append(handler.client.message_processor)
            for task in filter(None, tasks):
                task.cancel()
            await asyncio.gather(*filter(None, tasks), return_exceptions=True)


@pytest.fixture
async def bolt(standin, session):
    standin.deliver_sockets()
    made = BoltSide(standin, session)
    yield made
    await made.close()


@pytest.fixture
async def raw(standin, session):
    """Opens a connection without any framework and reads its hello."""
    opened = []

    async def connect(expect="hello"):
        client = AsyncWebClient(base_url=standin.api_url, session=session)
        url = (await client.apps_connections_open(app_token=standin.app_token))["url"]
        wire = await session.ws_connect(url)
        opened.append(wire)
        first = await wire.receive_json()
        assert first["type"] == expect
        return wire, first

    yield connect
    for wire in opened:
        await wire.close()


async def test_two_connections_share_the_commands(standin, bolt):
    await bolt.connect()
    await bolt.connect()
    acks = [await standin.slash("U01ALICE", "C01OPS", f"n{number}") for number in range(6)]
    assert [ack.body["text"] for ack in acks] == [f"you typed n{number}" for number in range(6)]
    assert sorted(standin.sockets.received().values()) == [3, 3]
    assert [message.ephemeral_to for message in standin.messages("C01OPS")] == ["U01ALICE"] * 6


async def test_a_refresh_loses_nothing(standin, bolt):
    await bolt.connect()
    await bolt.connect()
    first = min(standin.sockets.received())
    await standin.sockets.disconnect("refresh_requested", number=first)
    acks = [await standin.slash("U01ALICE", "C01OPS", f"n{number}") for number in range(4)]
    assert all(ack.ok for ack in acks)
    await standin.until(lambda s: s.sockets.count == 2 and first not in s.sockets.received())
    assert bolt.heard == ["n0", "n1", "n2", "n3"]


async def test_mentions_and_clicks_arrive_too(standin, bolt, connect):
    await bolt.connect()
    await standin.mention("U01ALICE", "C01OPS", "ps")
    await standin.until(lambda _: bolt.heard)
    assert bolt.heard == [(f"<@{standin.bot_user_id}> ps", ["0"])]
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "v"}
    await connect(standin).chat_postMessage(
        channel="C01OPS", text="x", blocks=[{"type": "actions", "elements": [button]}]
    )
    ack = await standin.click("U01ALICE", standin.messages("C01OPS")[-1], "go")
    assert (ack.status, bolt.heard[-1]) == (200, "v")


async def test_a_redelivered_event_says_so(standin, bolt):
    await bolt.connect()
    await standin.mention("U01ALICE", "C01OPS", "ps")
    await standin.until(lambda s: s.deliveries and s.deliveries[0].ack)
    await standin.redeliver(standin.deliveries[0])
    assert [retry for _, retry in bolt.heard] == [["0"], ["1"]]


async def test_envelopes_have_slacks_shape(standin, raw):
    standin.deliver_sockets()
    wire, hello = await raw()
    assert (hello["num_connections"], hello["connection_info"]["app_id"]) == (1, "A0STANDIN")
    waiting = asyncio.ensure_future(standin.slash("U01ALICE", "C01OPS", "ps"))
    envelope = await wire.receive_json()
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
    assert envelope["payload"]["text"] == "ps"
    await wire.send_str("no json")
    await wire.send_json({"envelope_id": "another"})
    assert not waiting.done()
    await wire.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "hi"}})
    assert (await waiting).body == {"text": "hi"}
    await standin.mention("U01ALICE", "C01OPS", "ps")
    event = await wire.receive_json()
    assert (event["type"], event["accepts_response_payload"], event["retry_attempt"]) == (
        "events_api",
        False,
        0,
    )
    await wire.send_json({"envelope_id": event["envelope_id"]})
    await standin.until(lambda s: s.deliveries[-1].ack)


async def test_an_unanswered_event_comes_again_on_the_next_connection(still, session):
    still.deliver_sockets()
    client = AsyncWebClient(base_url=still.api_url, session=session)
    wires = []
    for _ in range(2):
        url = (await client.apps_connections_open(app_token=still.app_token))["url"]
        wires.append(await session.ws_connect(url))
        await wires[-1].receive_json()
    await still.mention("U01ALICE", "C01OPS", "ps")
    first = await wires[0].receive_json()
    await still.clock.advance(3.1)
    second = await wires[1].receive_json()
    assert second["payload"]["event_id"] == first["payload"]["event_id"]
    assert (second["retry_attempt"], second["retry_reason"]) == (1, "timeout")
    await wires[1].send_json({"envelope_id": second["envelope_id"]})
    await still.until(lambda s: s.deliveries[-1].ack)
    for wire in wires:
        await wire.close()


async def test_no_acknowledgement_in_three_seconds_shows_operation_timeout(still, session):
    still.deliver_sockets()
    client = AsyncWebClient(base_url=still.api_url, session=session)
    url = (await client.apps_connections_open(app_token=still.app_token))["url"]
    async with session.ws_connect(url) as wire:
        await wire.receive_json()
        waiting = asyncio.ensure_future(still.slash("U01ALICE", "C01OPS", "ps"))
        await wire.receive_json()
        await still.clock.advance(3.1)
        assert (await waiting).timed_out
    assert "operation_timeout" in still.messages("C01OPS")[0].text


async def test_without_a_connection_the_command_fails(standin):
    standin.deliver_sockets()
    ack = await standin.slash("U01ALICE", "C01OPS", "ps")
    assert (ack.status, ack.timed_out) == (0, False)
    assert "dispatch_failed" in standin.messages("C01OPS")[0].text


async def test_a_warning_ends_the_connection_ten_seconds_later(still, session):
    client = AsyncWebClient(base_url=still.api_url, session=session)
    url = (await client.apps_connections_open(app_token=still.app_token))["url"]
    async with session.ws_connect(url) as wire:
        await wire.receive_json()
        await still.sockets.disconnect("warning")
        assert (await wire.receive_json())["reason"] == "warning"
        assert still.sockets.count == 1
        await still.clock.advance(10.1)
        assert (await wire.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    await still.until(lambda s: s.sockets.count == 0)


async def test_a_disabled_link_closes_all_and_lets_nobody_in(standin, raw):
    wire, _ = await raw()
    await asyncio.gather(standin.sockets.disconnect("link_disabled"), _read_disconnect(wire, "link_disabled"))
    _, first = await raw(expect="disconnect")
    assert first["reason"] == "link_disabled"


async def _read_disconnect(wire, reason):
    assert json.loads((await wire.receive()).data)["reason"] == reason
    await wire.receive()


async def test_the_eleventh_connection_is_one_too_many(standin, raw):
    for number in range(10):
        _, hello = await raw()
        assert hello["num_connections"] == number + 1
    _, first = await raw(expect="disconnect")
    assert first["reason"] == "too_many_websockets"
    assert standin.sockets.count == 10


async def test_a_url_opens_one_connection_once_and_soon(still, session):
    client = AsyncWebClient(base_url=still.api_url, session=session)
    url = (await client.apps_connections_open(app_token=still.app_token))["url"]
    async with session.ws_connect(url) as wire:
        await wire.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
    late = (await client.apps_connections_open(app_token=still.app_token))["url"]
    await still.clock.advance(31)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(late)


async def test_only_the_app_token_opens_connections(standin, connect):
    with pytest.raises(SlackApiError, match="not_allowed_token_type"):
        await connect(standin).apps_connections_open(app_token=standin.bot_token)


async def test_an_old_connection_is_used_only_when_told_so(standin, raw):
    standin.deliver_sockets()
    wire, _ = await raw()
    await standin.sockets.disconnect("refresh_requested")
    await wire.receive_json()
    assert (await standin.slash("U01ALICE", "C01OPS", "ps")).status == 0
    standin.sockets.send_while_leaving = True
    waiting = asyncio.ensure_future(standin.slash("U01ALICE", "C01OPS", "ps"))
    await wire.send_json({"envelope_id": (await wire.receive_json())["envelope_id"]})
    assert (await waiting).status == 200
