"""Signed HTTP: commands, events, clicks; the 3 seconds; tries again; replays."""

import asyncio
import json
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.standin.delivery import RETRIES, Kind

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "v1"}
ACTIONS = {"type": "actions", "block_id": "a1", "elements": [BUTTON]}
MENU = {
    "type": "overflow",
    "action_id": "menu",
    "options": [
        {"text": {"type": "plain_text", "text": "One"}, "value": "1"},
        {"text": {"type": "plain_text", "text": "Two"}, "value": "2"},
    ],
}


class App:
    """An app that keeps what it is sent and answers what it is told to."""

    def __init__(self):
        self.requests = []
        self.answers = []
        self.hang = None
        self.came = asyncio.Event()

    async def __call__(self, request):
        body = await request.read()
        self.requests.append((dict(request.headers), body))
        self.came.set()
        if self.hang is not None:
            await self.hang.wait()
        return self.answers.pop(0) if self.answers else web.Response()

    def form(self, index=-1):
        return {name: values[0] for name, values in parse_qs(self.requests[index][1].decode()).items()}

    def payload(self, index=-1):
        return json.loads(self.form(index)["payload"])

    def event(self, index=-1):
        return json.loads(self.requests[index][1])


@pytest.fixture
def app():
    return App()


@pytest.fixture
async def reached(standin, listen, app):
    standin.deliver_http(await listen(app))
    return standin


@pytest.fixture
async def reached_still(still, listen, app):
    still.deliver_http(await listen(app))
    return still


async def test_the_signature_passes_slacks_own_verifier(reached, app):
    await reached.slash("U01ALICE", "C01OPS", "ps -a é & <x>")
    headers, body = app.requests[0]
    verifier = SignatureVerifier(reached.signing_secret)
    assert verifier.is_valid_request(body, headers)
    assert not verifier.is_valid_request(body + b" ", headers)
    assert not SignatureVerifier("another").is_valid_request(body, headers)


async def test_a_command_carries_every_field_and_no_thread(reached, app):
    ack = await reached.slash("U01ALICE", "C01OPS", 'run -e "K=a b" http://x <!channel>')
    form = app.form()
    assert form.pop("response_url").startswith(reached.url)
    assert form.pop("trigger_id")
    assert form.pop("token")
    assert form == {
        "team_id": reached.team_id,
        "team_domain": "standin",
        "channel_id": "C01OPS",
        "channel_name": "ops",
        "user_id": "U01ALICE",
        "user_name": "alice",
        "command": "/docker",
        "text": 'run -e "K=a b" http://x <!channel>',
        "api_app_id": "A0STANDIN",
        "is_enterprise_install": "false",
    }
    assert (ack.status, ack.body, ack.timed_out, ack.ok) == (200, None, False, True)


@pytest.mark.parametrize(
    ("answer", "text", "to", "count"),
    [
        (web.json_response, "only you", "U01ALICE", 1),
        (lambda body: web.Response(text=body["text"]), "only you", "U01ALICE", 1),
        (lambda body: web.json_response({**body, "response_type": "in_channel"}), "only you", None, 2),
    ],
)
async def test_the_answer_to_a_command_is_shown(reached, app, answer, text, to, count):
    app.answers = [answer({"text": text})]
    ack = await reached.slash("U01ALICE", "C01OPS", "ps")
    assert ack.body["text"] == text
    shown = reached.messages("C01OPS")
    assert len(shown) == count
    assert (shown[-1].text, shown[-1].ephemeral_to, shown[-1].user) == (text, to, reached.bot_user_id)
    if count == 2:
        assert (shown[0].text, shown[0].user) == ("/docker ps", "U01ALICE")


async def test_bad_blocks_in_the_answer_are_told_to_the_user(reached, app):
    app.answers = [web.json_response({"blocks": [{"type": "blink"}]})]
    await reached.slash("U01ALICE", "C01OPS", "ps")
    assert "invalid_command_response" in reached.messages("C01OPS")[0].text


async def test_an_error_status_is_told_to_the_user(reached, app):
    app.answers = [web.Response(status=500)]
    ack = await reached.slash("U01ALICE", "C01OPS", "ps")
    assert (ack.status, ack.ok) == (500, False)
    (message,) = reached.messages("C01OPS")
    assert (message.text, message.ephemeral_to) == (
        "/docker failed with the error “dispatch_failed”",
        "U01ALICE",
    )


async def test_nobody_listening_is_told_to_the_user(standin, unused_tcp_port):
    standin.deliver_http(f"http://127.0.0.1:{unused_tcp_port}/")
    ack = await standin.slash("U01ALICE", "C01OPS", "ps")
    assert (ack.status, ack.timed_out) == (0, False)
    assert "dispatch_failed" in standin.messages("C01OPS")[0].text


async def test_no_answer_in_three_seconds_shows_operation_timeout(reached_still, app):
    app.hang = asyncio.Event()
    waiting = asyncio.ensure_future(reached_still.slash("U01ALICE", "C01OPS", "ps"))
    await app.came.wait()
    await reached_still.clock.advance(2.9)
    assert not waiting.done()
    await reached_still.clock.advance(0.2)
    ack = await waiting
    assert (ack.timed_out, ack.status) == (True, 0)
    (message,) = reached_still.messages("C01OPS")
    assert message.text == "/docker failed with the error “operation_timeout”"
    assert message.ephemeral_to == "U01ALICE"
    assert len(reached_still.deliveries) == 1


async def test_deleted_people_do_nothing(reached):
    reached.world.users["U01ALICE"].deleted = True
    with pytest.raises(LookupError):
        await reached.slash("U01ALICE", "C01OPS", "ps")


async def test_a_mention_is_an_event_and_carries_its_thread(reached, app):
    first = await reached.mention("U01ALICE", "C01OPS", "ps -a")
    await reached.until(lambda s: s.deliveries and s.deliveries[-1].ack)
    body = app.event()
    assert (body["type"], body["event_id"], body["team_id"]) == (
        "event_callback",
        first.event_id,
        reached.team_id,
    )
    assert body["event"]["type"] == "app_mention"
    assert body["event"]["text"] == f"<@{reached.bot_user_id}> ps -a"
    assert "thread_ts" not in body["event"]
    second = await reached.mention("U01ALICE", "C01OPS", "logs", thread_ts=first.ts)
    await reached.until(lambda s: len(app.requests) == 2 and s.deliveries[-1].ack)
    assert app.event()["event"]["thread_ts"] == first.ts
    assert [reply.ts for reply in reached.thread("C01OPS", first.ts)] == [second.ts]


async def test_a_mention_is_escaped_as_slack_does(reached, app):
    await reached.mention("U01ALICE", "C01OPS", "a<b & c http://x/?a=1&b=2 <@U02BOB>")
    await app.came.wait()
    text = app.event()["event"]["text"].split(" ", 1)[1]
    assert text == "a&lt;b &amp; c <http://x/?a=1&amp;b=2> <@U02BOB>"


async def test_no_event_from_where_the_bot_is_no_member(reached):
    reached.world.add_channel("x", "CX", bot_is_member=False)
    assert (await reached.mention("U01ALICE", "CX", "ps")).event_id == ""
    assert reached.deliveries == []


@pytest.mark.parametrize(
    ("subscription", "private", "kind"),
    [("message.channels", False, "channel"), ("message.groups", True, "group")],
)
async def test_a_plain_message_is_heard_when_subscribed(reached, app, subscription, private, kind):
    reached.world.add_channel("x", "CX", private=private)
    assert (await reached.say("U01ALICE", "CX", "hello")).event_id == ""
    reached.subscriptions.add(subscription)
    posted = await reached.say("U01ALICE", "CX", "hello")
    await app.came.wait()
    assert app.event()["event_id"] == posted.event_id
    assert app.event()["event"]["channel_type"] == kind


async def test_a_direct_message_is_heard(reached, app):
    channel = reached.world.direct_channel("U01ALICE").id
    await reached.say("U01ALICE", channel, "ps")
    await app.came.wait()
    assert app.event()["event"]["channel_type"] == "im"


async def test_an_event_is_tried_again_at_once_after_a_minute_and_after_five(reached_still, app):
    app.answers = [web.Response(status=500) for _ in range(4)]
    await reached_still.mention("U01ALICE", "C01OPS", "ps")
    tries = 1
    for pause in RETRIES:
        await reached_still.until(lambda s, n=tries: sum(bool(d.ack) for d in s.deliveries) == n)
        await _settle()
        assert len(app.requests) == tries
        await reached_still.clock.advance(pause)
        tries += 1
    await reached_still.until(lambda s: sum(bool(d.ack) for d in s.deliveries) == 4)
    await reached_still.clock.advance(3600)
    assert len(app.requests) == 4
    assert len({body for _, body in app.requests}) == 1
    assert [headers.get("X-Slack-Retry-Num") for headers, _ in app.requests] == [None, "1", "2", "3"]
    assert {headers.get("X-Slack-Retry-Reason") for headers, _ in app.requests[1:]} == {"http_error"}


async def _settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_event_is_not_tried_again_once_answered_or_when_the_app_says_so(reached_still, app):
    app.answers = [web.Response(), web.Response(status=500, headers={"X-Slack-No-Retry": "1"})]
    for count in (1, 2):
        await reached_still.mention("U01ALICE", "C01OPS", "ps")
        await reached_still.until(lambda s, n=count: len(s.deliveries) == n and s.deliveries[-1].ack)
    await _settle()
    await reached_still.clock.advance(3600)
    assert len(app.requests) == 2


async def test_a_delivery_can_be_sent_again_byte_by_byte(reached, app):
    await reached.slash("U01ALICE", "C01OPS", "ps")
    await reached.redeliver(reached.deliveries[0])
    first, again = app.requests
    assert first[1] == again[1]
    for name in ("X-Slack-Signature", "X-Slack-Request-Timestamp"):
        assert first[0][name] == again[0][name]
    assert [delivery.attempt for delivery in reached.deliveries] == [0, 1]


async def test_a_delivery_can_be_tampered_with(reached, app):
    await reached.slash("U01ALICE", "C01OPS", "ps")
    (delivery,) = reached.deliveries
    body = delivery.body.replace(b"U01ALICE", b"U02BOB")
    ack = await reached.raw_post(delivery.url, delivery.headers, body)
    assert ack.status == 200
    headers, received = app.requests[1]
    assert received == body
    assert not SignatureVerifier(reached.signing_secret).is_valid_request(received, headers)
    assert len(reached.deliveries) == 1


async def test_a_click_finds_its_button_and_says_what_it_holds(reached, app, connect):
    ts = (await connect(reached).chat_postMessage(channel="C01OPS", text="x", blocks=[ACTIONS]))["ts"]
    await reached.click("U02BOB", reached.messages("C01OPS")[0], "go")
    payload = app.payload()
    assert payload["type"] == "block_actions"
    assert payload["user"]["id"] == "U02BOB"
    (action,) = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("go", "a1", "v1")
    assert payload["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": "C01OPS",
        "is_ephemeral": False,
    }
    assert payload["message"]["ts"] == ts
    assert payload["trigger_id"]
    assert reached.deliveries[0].kind is Kind.INTERACTIVE


async def test_a_click_on_a_menu_picks_an_option(reached, app, connect):
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "accessory": MENU}]
    await connect(reached).chat_postMessage(channel="C01OPS", text="x", blocks=blocks)
    (message,) = reached.messages("C01OPS")
    await reached.click("U02BOB", message, "menu", "2")
    assert app.payload()["actions"][0]["selected_option"]["value"] == "2"
    with pytest.raises(LookupError, match="'3'"):
        await reached.click("U02BOB", message, "menu", "3")


async def test_an_ephemeral_message_is_clicked_by_its_reader_only_and_is_not_in_the_payload(
    reached, app, connect
):
    await connect(reached).chat_postEphemeral(channel="C01OPS", user="U01ALICE", text="x", blocks=[ACTIONS])
    (message,) = reached.messages("C01OPS")
    with pytest.raises(LookupError, match="does not see"):
        await reached.click("U02BOB", message, "go")
    await reached.click("U01ALICE", message, "go")
    assert app.payload()["container"]["is_ephemeral"] is True
    assert "message" not in app.payload()


async def test_a_button_that_is_not_there_cannot_be_clicked(reached, connect):
    await connect(reached).chat_postMessage(channel="C01OPS", text="x", blocks=[ACTIONS])
    with pytest.raises(LookupError, match="there is: go"):
        await reached.click("U01ALICE", reached.messages("C01OPS")[0], "stop")


async def test_a_click_without_an_answer_is_told_to_the_user(reached_still, app, connect):
    await connect(reached_still).chat_postMessage(channel="C01OPS", text="x", blocks=[ACTIONS])
    app.hang = asyncio.Event()
    click = reached_still.click("U01ALICE", reached_still.messages("C01OPS")[0], "go")
    waiting = asyncio.ensure_future(click)
    await app.came.wait()
    await reached_still.clock.advance(3.1)
    assert (await waiting).timed_out
    notice = reached_still.messages("C01OPS")[-1]
    assert ("operation_timeout" in notice.text, notice.ephemeral_to) == (True, "U01ALICE")


async def test_bolt_answers_commands_events_and_refuses_what_is_forged(standin, listen, session):
    client = AsyncWebClient(standin.bot_token, base_url=standin.api_url, session=session)
    app = AsyncApp(client=client, signing_secret=standin.signing_secret, process_before_response=True)
    heard = []

    @app.command("/docker")
    async def command(ack, body):
        await ack(text=f"you typed {body['text']}")

    @app.event("app_mention")
    async def mention(event, say):
        heard.append(event)
        await say(text="in the thread", thread_ts=event["ts"])

    standin.deliver_http(await listen(app.web_app(path="/slack/events")))
    ack = await standin.slash("U01ALICE", "C01OPS", "ps -a")
    assert ack.body["text"] == "you typed ps -a"
    posted = await standin.mention("U01ALICE", "C01OPS", "ps")
    reply = await standin.until(lambda s: next(iter(s.thread("C01OPS", posted.ts)), None))
    assert reply.text == "in the thread"
    assert len(heard) == 1
    genuine = standin.deliveries[0]
    forged = await standin.raw_post(genuine.url, genuine.headers, genuine.body + b"x")
    assert forged.status == 401
