"""Modals: their stack, their hash, what a submission does; the home tab."""

import json
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError


def modal(title="One", **more):
    return {
        "type": "modal",
        "callback_id": "why",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Go"},
        "blocks": [
            {
                "type": "input",
                "block_id": "b",
                "label": {"type": "plain_text", "text": "Why?"},
                "element": {"type": "plain_text_input", "action_id": "why"},
            },
            {
                "type": "actions",
                "elements": [
                    {"type": "button", "text": {"type": "plain_text", "text": "More"}, "action_id": "more"}
                ],
            },
        ],
        **more,
    }


class App:
    def __init__(self):
        self.payloads = []
        self.answers = []

    async def __call__(self, request):
        form = parse_qs((await request.read()).decode())
        self.payloads.append(json.loads(form["payload"][0]) if "payload" in form else form)
        return web.json_response(self.answers.pop(0)) if self.answers else web.Response()


@pytest.fixture
def app():
    return App()


@pytest.fixture
async def reached(standin, listen, app):
    standin.deliver_http(await listen(app))
    return standin


async def trigger(standin):
    await standin.slash("U01ALICE", "C01OPS", "ps")
    return standin.deliveries[-1].payload["trigger_id"]


async def opened(standin, client, view=None):
    answer = await client.views_open(trigger_id=await trigger(standin), view=view or modal())
    return standin.world.views[answer["view"]["id"]]


async def refused(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_three_views_stack_and_no_more(reached, connect):
    client = connect(reached)
    root = await opened(reached, client)
    for _ in range(2):
        answer = await client.views_push(trigger_id=await trigger(reached), view=modal("More"))
        assert answer["view"]["root_view_id"] == root.id
    call = client.views_push(trigger_id=await trigger(reached), view=modal("More"))
    assert await refused(call) == "push_limit_reached"


async def test_an_update_with_an_old_hash_is_refused(reached, connect):
    client = connect(reached)
    view = await opened(reached, client)
    old = view.hash
    answer = await client.views_update(view_id=view.id, hash=old, view=modal("Two"))
    assert answer["view"]["title"]["text"] == "Two"
    call = client.views_update(view_id=view.id, hash=old, view=modal("Three"))
    assert await refused(call) == "hash_conflict"
    assert await refused(client.views_update(view_id="VNONE", view=modal())) == "not_found"


async def test_a_view_is_found_by_its_external_id(reached, connect):
    client = connect(reached)
    view = await opened(reached, client, modal(external_id="mine"))
    await client.views_update(external_id="mine", view=modal("Two"))
    assert view.content["title"]["text"] == "Two"


VALUES = {"b": {"why": {"type": "plain_text_input", "value": "because"}}}


async def test_a_submission_carries_the_values_and_closes_the_view(reached, app, connect):
    view = await opened(reached, connect(reached))
    await reached.submit("U01ALICE", view, VALUES)
    payload = app.payloads[-1]
    assert (payload["type"], payload["user"]["id"]) == ("view_submission", "U01ALICE")
    assert payload["view"]["state"]["values"] == VALUES
    assert reached.world.views == {}


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        ({"response_action": "errors", "errors": {"b": "no"}}, ["One"]),
        ({"response_action": "update", "view": modal("Two")}, ["Two"]),
        ({"response_action": "push", "view": modal("Two")}, ["One", "Two"]),
        ({"response_action": "push", "view": {"type": "modal"}}, ["One"]),
        ({"response_action": "clear"}, []),
    ],
)
async def test_the_answer_to_a_submission_decides(reached, app, connect, answer, titles):
    view = await opened(reached, connect(reached))
    app.answers = [answer]
    await reached.submit("U01ALICE", view, VALUES)
    assert [one.content["title"]["text"] for one in reached.world.views.values()] == titles


async def test_a_button_in_a_view_is_clicked_there(reached, app, connect):
    view = await opened(reached, connect(reached))
    await reached.click("U01ALICE", view, "more")
    assert app.payloads[-1]["container"] == {"type": "view", "view_id": view.id}
    assert app.payloads[-1]["view"]["id"] == view.id


async def test_closing_is_told_only_when_asked_for(reached, app, connect):
    client = connect(reached)
    view = await opened(reached, client)
    assert await reached.close_view("U01ALICE", view) is None
    view = await opened(reached, client, modal(notify_on_close=True))
    await reached.close_view("U01ALICE", view)
    assert app.payloads[-1]["type"] == "view_closed"
    assert reached.world.views == {}


async def test_a_home_tab_is_published_and_its_opening_heard(reached, connect):
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    client = connect(reached)
    await client.views_publish(user_id="U01ALICE", view=home)
    assert reached.world.users["U01ALICE"].home["blocks"] == home["blocks"]
    assert await refused(client.views_publish(user_id="UNONE", view=home)) == "user_not_found"
    assert await refused(client.views_publish(user_id="U01ALICE", view=home, hash="x")) == "hash_conflict"
    assert await refused(client.views_publish(user_id="U01ALICE", view=modal())) == "invalid_arguments"
