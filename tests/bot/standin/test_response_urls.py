"""Response URLs work five times within half an hour; trigger ids once within three seconds."""

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "v1"}
ACTIONS = {"type": "actions", "elements": [BUTTON]}
MODAL = {
    "type": "modal",
    "callback_id": "why",
    "title": {"type": "plain_text", "text": "Why?"},
    "blocks": [{"type": "divider"}],
}


@pytest.fixture
async def app(still, listen):
    async def quiet(_request):
        return web.Response()

    still.deliver_http(await listen(quiet))
    return still


async def command(standin):
    await standin.slash("U01ALICE", "C01OPS", "ps")
    return standin.deliveries[-1].payload


async def clicked(standin):
    await standin.click("U01ALICE", standin.messages("C01OPS")[0], "go")
    return standin.deliveries[-1].payload


async def test_it_works_five_times(app, session):
    url = (await command(app))["response_url"]
    client = AsyncWebhookClient(url, session=session)
    answers = [await client.send(text=f"n{number}") for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert "used_url" in answers[-1].body
    assert [message.ephemeral_to for message in app.messages("C01OPS")] == ["U01ALICE"] * 5
    assert [call.method for call in app.calls] == ["response_url"] * 6


async def test_it_works_for_half_an_hour(app, session):
    client = AsyncWebhookClient((await command(app))["response_url"], session=session)
    await app.clock.advance(1799)
    assert (await client.send(text="late")).status_code == 200
    await app.clock.advance(2)
    answer = await client.send(text="too late")
    assert (answer.status_code, "expired_url" in answer.body) == (404, True)


async def test_it_can_speak_to_all_also_where_the_bot_is_no_member(app, session):
    app.world.add_channel("x", "CX", private=True, bot_is_member=False)
    await app.slash("U01ALICE", "CX", "ps")
    client = AsyncWebhookClient(app.deliveries[-1].payload["response_url"], session=session)
    await client.send(text="all", response_type="in_channel")
    assert [(message.text, message.ephemeral_to) for message in app.messages("CX")] == [("all", None)]


async def test_bad_blocks_are_refused_there_too(app, session):
    client = AsyncWebhookClient((await command(app))["response_url"], session=session)
    answer = await client.send(text="x", blocks=[{"type": "blink"}])
    assert (answer.status_code, "invalid_blocks" in answer.body) == (400, True)


async def test_after_a_click_it_replaces_or_deletes_an_ephemeral_message(app, connect, session):
    await connect(app).chat_postEphemeral(channel="C01OPS", user="U01ALICE", text="x", blocks=[ACTIONS])
    client = AsyncWebhookClient((await clicked(app))["response_url"], session=session)
    await client.send(text="beside", replace_original=False)
    assert len(app.messages("C01OPS")) == 2
    await client.send(text="done", replace_original=True)
    first = app.messages("C01OPS")[0]
    assert (first.text, first.blocks, first.ephemeral_to) == ("done", [], "U01ALICE")
    await client.send(delete_original=True)
    assert [message.text for message in app.messages("C01OPS")] == ["beside"]


async def opened(client, trigger, view=MODAL):
    try:
        return (await client.views_open(trigger_id=trigger, view=view))["view"]
    except SlackApiError as error:
        return error.response["error"]


async def test_a_trigger_opens_one_modal_within_three_seconds(app, connect):
    client = connect(app)
    trigger = (await command(app))["trigger_id"]
    assert (await opened(client, trigger))["callback_id"] == "why"
    assert await opened(client, trigger) == "exchanged_trigger_id"
    late = (await command(app))["trigger_id"]
    await app.clock.advance(3.1)
    assert await opened(client, late) == "expired_trigger_id"
    assert await opened(client, "1.2.3") == "invalid_trigger_id"


async def test_a_bad_view_does_not_use_the_trigger_up(app, connect):
    client = connect(app)
    trigger = (await command(app))["trigger_id"]
    assert await opened(client, trigger, {**MODAL, "blocks": [{"type": "blink"}]}) == "invalid_arguments"
    large = [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3000}}] * 90
    assert await opened(client, trigger, {**MODAL, "blocks": large}) == "view_too_large"
    assert "id" in await opened(client, trigger)
