"""The Web API answers, and refuses, as Slack does, seen through Slack's own client."""

import json
from urllib.parse import urlencode

import pytest
from slack_sdk.errors import SlackApiError

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
LONG = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}


async def refused(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def test_a_message_is_kept_as_it_was_given(standin, connect):
    client = connect(standin)
    text = "<!channel> & <b> &amp; <@U01ALICE>"
    answer = await client.chat_postMessage(channel="C01OPS", text=text, blocks=[SECTION])
    (message,) = standin.messages("C01OPS")
    assert (message.text, message.blocks, message.ts) == (text, [SECTION], answer["ts"])
    assert (message.user, answer["channel"]) == (standin.bot_user_id, "C01OPS")


async def test_every_call_is_recorded_without_its_token(standin, connect):
    await connect(standin).chat_postMessage(channel="C01OPS", text="hi")
    (call,) = standin.calls
    assert (call.method, call.arguments, call.response["ok"]) == (
        "chat.postMessage",
        {"channel": "C01OPS", "text": "hi"},
        True,
    )
    assert call.at == pytest.approx(standin.clock.now(), abs=5)


async def test_a_bad_block_is_refused_with_its_pointer(standin, connect):
    with pytest.raises(SlackApiError) as caught:
        await connect(standin).chat_postMessage(channel="C01OPS", text="x", blocks=[LONG])
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == ["must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {answer['errors'][0]}"]
    assert standin.messages("C01OPS") == []


async def test_the_validator_answers_without_a_token(standin, connect):
    client = connect(standin, token="")
    assert (await client.blocks_validate(blocks=[SECTION]))["ok"]
    with pytest.raises(SlackApiError) as caught:
        await client.blocks_validate(blocks=[LONG])
    (problem,) = caught.value.response["errors"]
    assert (problem["pointer"], problem["code"]) == ("/blocks/0/text/text", "too_long")


@pytest.mark.parametrize(
    ("token", "error"),
    [("", "not_authed"), ("xoxb-standin-other", "invalid_auth"), ("app", "not_allowed_token_type")],
)
async def test_a_bad_token_is_refused(standin, connect, token, error):
    client = connect(standin, standin.app_token if token == "app" else token)
    assert await refused(client.chat_postMessage(channel="C01OPS", text="hi")) == error


async def test_the_token_may_be_a_form_field(standin, session):
    form = {"token": standin.bot_token, "channel": "C01OPS", "text": "hi", "blocks": json.dumps([SECTION])}
    async with session.post(standin.api_url + "chat.postMessage", data=form) as answer:
        assert (await answer.json())["ok"]
    assert standin.messages("C01OPS")[0].blocks == [SECTION]
    assert "token" not in standin.calls[0].arguments


async def test_reading_methods_do_not_take_json(standin, session):
    headers = {"Authorization": f"Bearer {standin.bot_token}"}
    url = standin.api_url + "users.info"
    async with session.post(url, json={"user": "U01ALICE"}, headers=headers) as answer:
        assert (await answer.json())["error"] == "invalid_arguments"
    async with session.get(f"{url}?{urlencode({'user': 'U01ALICE'})}", headers=headers) as answer:
        assert (await answer.json())["user"]["name"] == "alice"


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"[]", "application/json", "json_not_object"),
        (b"blocks=%7B", "application/x-www-form-urlencoded", "invalid_blocks_format"),
        (b"text=%ff", "application/x-www-form-urlencoded", "invalid_arguments"),
        (b"x", "application/octet-stream", "invalid_post_type"),
    ],
)
async def test_a_body_that_is_none_is_refused(standin, session, body, content_type, error):
    headers = {"Authorization": f"Bearer {standin.bot_token}", "Content-Type": content_type}
    async with session.post(standin.api_url + "chat.postMessage", data=body, headers=headers) as answer:
        assert (await answer.json())["error"] == error


async def test_an_unknown_method_is_refused(standin, connect):
    assert await refused(connect(standin).api_call("chat.shout")) == "unknown_method"


async def test_a_missing_scope_is_named(standin, connect):
    standin.scopes.remove("users:read")
    with pytest.raises(SlackApiError) as caught:
        await connect(standin).users_info(user="U01ALICE")
    assert (caught.value.response["error"], caught.value.response["needed"]) == (
        "missing_scope",
        "users:read",
    )


CHANNELS = {
    "an unknown channel": ({}, "CNONE", "channel_not_found"),
    "a public channel without the bot": ({"bot_is_member": False}, "CX", "not_in_channel"),
    "a private channel without the bot": (
        {"bot_is_member": False, "private": True},
        "CX",
        "channel_not_found",
    ),
}


@pytest.mark.parametrize("name", CHANNELS)
async def test_posting_is_refused_into(standin, connect, name):
    settings, channel, error = CHANNELS[name]
    if settings:
        standin.world.add_channel("x", "CX", **settings)
    assert await refused(connect(standin).chat_postMessage(channel=channel, text="hi")) == error


async def test_an_archived_channel_takes_nothing(standin, connect):
    standin.world.channels["C01OPS"].archived = True
    assert await refused(connect(standin).chat_postMessage(channel="C01OPS", text="hi")) == "is_archived"


async def test_public_posting_needs_no_membership(standin, connect):
    standin.world.add_channel("x", "CX", bot_is_member=False)
    standin.scopes.add("chat:write.public")
    assert (await connect(standin).chat_postMessage(channel="CX", text="hi"))["ok"]


async def test_a_user_id_opens_the_direct_conversation(standin, connect):
    answer = await connect(standin).chat_postMessage(channel="U01ALICE", text="hi")
    assert answer["channel"] == "D01ALICE"
    assert (await connect(standin).conversations_info(channel="D01ALICE"))["channel"]["is_im"]


async def test_a_reply_joins_its_thread_and_a_reply_to_it_too(standin, connect):
    client = connect(standin)
    parent = await client.chat_postMessage(channel="C01OPS", text="one")
    first = await client.chat_postMessage(channel="C01OPS", text="two", thread_ts=parent["ts"])
    await client.chat_postMessage(channel="C01OPS", text="three", thread_ts=first["ts"])
    assert [reply.text for reply in standin.thread("C01OPS", parent["ts"])] == ["two", "three"]


async def test_a_thread_that_is_none_is_refused(standin, connect):
    call = connect(standin).chat_postMessage(channel="C01OPS", text="x", thread_ts="1.000001")
    assert await refused(call) == "thread_not_found"


async def test_text_over_40000_is_cut_and_an_edit_over_4000_refused(standin, connect):
    client = connect(standin)
    ts = (await client.chat_postMessage(channel="C01OPS", text="x" * 40_001))["ts"]
    assert len(standin.messages("C01OPS")[0].text) == 40_000
    assert await refused(client.chat_update(channel="C01OPS", ts=ts, text="x" * 4001)) == "msg_too_long"
    assert (await client.chat_update(channel="C01OPS", ts=ts, text="x" * 4000))["ok"]


async def test_nothing_at_all_is_refused(standin, connect):
    assert (
        await refused(connect(standin).api_call("chat.postMessage", json={"channel": "C01OPS"})) == "no_text"
    )


async def test_an_edit_replaces_text_and_blocks_and_keeps_metadata(standin, connect):
    client = connect(standin)
    metadata = {"event_type": "job", "event_payload": {"id": "1"}}
    ts = (await client.chat_postMessage(channel="C01OPS", text="a", blocks=[SECTION], metadata=metadata))[
        "ts"
    ]
    await client.chat_update(channel="C01OPS", ts=ts, text="b", blocks=[])
    (message,) = standin.messages("C01OPS")
    assert (message.text, message.blocks, message.metadata, message.revisions) == ("b", [], metadata, 1)
    assert message.edited


async def test_an_edit_without_blocks_keeps_them(standin, connect):
    client = connect(standin)
    ts = (await client.chat_postMessage(channel="C01OPS", text="a", blocks=[SECTION]))["ts"]
    await client.chat_update(channel="C01OPS", ts=ts, text="b")
    assert standin.messages("C01OPS")[0].blocks == [SECTION]


@pytest.mark.parametrize("metadata", [{"event_type": "job"}, {"event_payload": {}}, [1]])
async def test_metadata_of_another_shape_is_refused(standin, connect, metadata):
    call = connect(standin).chat_postMessage(channel="C01OPS", text="x", metadata=metadata)
    assert await refused(call) == "invalid_metadata_format"


async def test_an_ephemeral_message_is_seen_by_one_and_cannot_be_touched(standin, connect):
    client = connect(standin)
    ts = (await client.chat_postEphemeral(channel="C01OPS", user="U01ALICE", text="psst"))["message_ts"]
    assert [message.ephemeral_to for message in standin.messages("C01OPS")] == ["U01ALICE"]
    assert await refused(client.chat_update(channel="C01OPS", ts=ts, text="x")) == "message_not_found"
    assert await refused(client.chat_delete(channel="C01OPS", ts=ts)) == "message_not_found"
    reply = client.chat_postMessage(channel="C01OPS", text="x", thread_ts=ts)
    assert await refused(reply) == "thread_not_found"
    assert (await client.conversations_history(channel="C01OPS"))["messages"] == []


async def test_nobody_outside_the_channel_gets_an_ephemeral_message(standin, connect):
    standin.world.channels["C01OPS"].members = {"U02BOB"}
    call = connect(standin).chat_postEphemeral(channel="C01OPS", user="U01ALICE", text="psst")
    assert await refused(call) == "user_not_in_channel"


async def test_only_own_messages_can_be_edited_or_deleted(standin, connect):
    client = connect(standin)
    theirs = await standin.say("U01ALICE", "C01OPS", "mine")
    assert (
        await refused(client.chat_update(channel="C01OPS", ts=theirs.ts, text="x")) == "cant_update_message"
    )
    assert await refused(client.chat_delete(channel="C01OPS", ts=theirs.ts)) == "cant_delete_message"
    ours = (await client.chat_postMessage(channel="C01OPS", text="ours"))["ts"]
    await client.chat_delete(channel="C01OPS", ts=ours)
    assert [message.ts for message in standin.messages("C01OPS")] == [theirs.ts]


async def test_a_reaction_is_added_once(standin, connect):
    client = connect(standin)
    ts = (await client.chat_postMessage(channel="C01OPS", text="x"))["ts"]
    await client.reactions_add(channel="C01OPS", timestamp=ts, name="eyes")
    call = client.reactions_add(channel="C01OPS", timestamp=ts, name="eyes")
    assert await refused(call) == "already_reacted"
    assert (
        await refused(client.reactions_add(channel="C01OPS", timestamp=ts, name="no emoji")) == "invalid_name"
    )


PEOPLE = {
    "deleted": ({"deleted": True}, {"deleted": True}),
    "a bot": ({"is_bot": True}, {"is_bot": True}),
    "a guest": ({"restricted": True}, {"is_restricted": True, "is_ultra_restricted": False}),
    "a guest of one channel": (
        {"ultra_restricted": True},
        {"is_restricted": True, "is_ultra_restricted": True},
    ),
    "of another company": ({"stranger": True, "team_id": "T9"}, {"is_stranger": True, "team_id": "T9"}),
}


@pytest.mark.parametrize("name", PEOPLE)
async def test_users_info_tells_who_is(standin, connect, name):
    settings, expected = PEOPLE[name]
    standin.world.add_user("x", "UX", **settings)
    user = (await connect(standin).users_info(user="UX"))["user"]
    assert {key: user[key] for key in expected} == expected


async def test_a_user_who_is_none_is_refused(standin, connect):
    assert await refused(connect(standin).users_info(user="UNONE")) == "user_not_found"


async def test_user_groups_need_a_paid_plan(standin, connect):
    standin.world.add_group("ops", "S1", ["U01ALICE"])
    client = connect(standin)
    (group,) = (await client.usergroups_list(include_users=True))["usergroups"]
    assert (group["id"], group["handle"], group["users"]) == ("S1", "ops", ["U01ALICE"])
    assert (await client.usergroups_users_list(usergroup="S1"))["users"] == ["U01ALICE"]
    assert await refused(client.usergroups_users_list(usergroup="S2")) == "no_such_subteam"
    standin.world.paid_plan = False
    assert await refused(client.usergroups_list()) == "plan_upgrade_required"
    assert await refused(client.usergroups_users_list(usergroup="S1")) == "plan_upgrade_required"


async def test_a_disabled_group_is_shown_only_when_asked_for(standin, connect):
    standin.world.add_group("ops", "S1", ["U01ALICE"]).disabled = True
    client = connect(standin)
    assert (await client.usergroups_list())["usergroups"] == []
    assert (await client.usergroups_list(include_disabled=True))["usergroups"][0]["date_delete"] == 1
    assert (await client.usergroups_users_list(usergroup="S1"))["users"] == []


async def test_history_is_newest_first_and_replies_oldest_first_in_pages(standin, connect):
    client = connect(standin)
    parent = (await client.chat_postMessage(channel="C01OPS", text="p"))["ts"]
    for text in ("a", "b", "c"):
        await client.chat_postMessage(channel="C01OPS", text=text, thread_ts=parent)
    await client.chat_postMessage(channel="C01OPS", text="q")
    history = await client.conversations_history(channel="C01OPS")
    assert [message["text"] for message in history["messages"]] == ["q", "p"]
    assert history["messages"][1]["reply_count"] == 3
    first = await client.conversations_replies(channel="C01OPS", ts=parent, limit=2)
    assert ([message["text"] for message in first["messages"]], first["has_more"]) == (["p", "a"], True)
    cursor = first["response_metadata"]["next_cursor"]
    rest = await client.conversations_replies(channel="C01OPS", ts=parent, limit=2, cursor=cursor)
    assert [message["text"] for message in rest["messages"]] == ["b", "c"]


async def test_history_between_two_moments(standin, connect):
    client = connect(standin)
    stamps = [(await client.chat_postMessage(channel="C01OPS", text=text))["ts"] for text in "abc"]
    after = await client.conversations_history(channel="C01OPS", oldest=stamps[1])
    assert [message["text"] for message in after["messages"]] == ["c"]
    edge = await client.conversations_history(channel="C01OPS", latest=stamps[1], inclusive=True)
    assert [message["text"] for message in edge["messages"]] == ["b", "a"]


async def test_auth_test_tells_who_the_bot_is_and_its_scopes(standin, connect):
    answer = await connect(standin).auth_test()
    assert (answer["user_id"], answer["team_id"]) == (standin.bot_user_id, standin.team_id)
    assert "chat:write" in answer.headers["X-OAuth-Scopes"].split(",")


async def test_api_test_gives_back_what_it_got(standin, connect):
    client = connect(standin)
    assert (await client.api_test(foo="bar"))["args"]["foo"] == "bar"
    assert await refused(client.api_test(error="oops")) == "oops"


async def test_stamps_never_repeat_even_when_time_stands_still(still, connect):
    client = connect(still)
    stamps = [(await client.chat_postMessage(channel="C01OPS", text="x"))["ts"] for _ in range(3)]
    assert sorted(set(stamps)) == stamps
    assert stamps[0] == "1790000000.000000"
