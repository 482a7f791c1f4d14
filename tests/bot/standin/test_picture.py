"""A thread in a terminal reads as it does in Slack; waiting for something shows it when it does not come."""

import pytest


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def raw(text):
    return {"type": "raw_text", "text": text}


async def shown(standin, connect, *blocks, text="x"):
    ts = (await connect(standin).chat_postMessage(channel="C01OPS", text=text, blocks=list(blocks)))["ts"]
    return standin.as_text("C01OPS", ts).split("\n")[1:]


LINES = {
    "who ran what": (
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "user", "user_id": "U01ALICE"},
                        {"type": "text", "text": " ran "},
                        {"type": "text", "text": "docker ps", "style": {"code": True}},
                    ],
                }
            ],
        },
        ["  @alice ran `docker ps`"],
    ),
    "output": (
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_preformatted",
                    "elements": [{"type": "text", "text": "a *b*\n<!here> &amp;"}],
                },
                {"type": "rich_text_quote", "elements": [{"type": "text", "text": "no"}]},
            ],
        },
        ["  │ a *b*", "  │ <!here> &amp;", "  > no"],
    ),
    "lists": (
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": style,
                    "indent": indent,
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
                }
                for style, indent in (("bullet", 0), ("ordered", 1))
            ],
        },
        ["  • x", "    1. x"],
    ),
    "mentions of every kind": (
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "channel", "channel_id": "C01OPS"},
                        {"type": "usergroup", "usergroup_id": "S1"},
                        {"type": "broadcast", "range": "here"},
                        {"type": "emoji", "name": "x"},
                        {"type": "link", "url": "http://a", "text": "b"},
                        {"type": "date", "timestamp": 1, "format": "{time}", "fallback": "noon"},
                        {"type": "color", "value": "#fff"},
                    ],
                }
            ],
        },
        ["  #ops@on-call@here❌b (http://a)noon#fff"],
    ),
    "slack's own markup": (
        {
            "type": "section",
            "text": mrkdwn(
                ":warning: *Wait* `*not bold*` *`--force`* 2*3*4 <@U02BOB> <#C01OPS> <!subteam^S1> <!channel>"
            ),
        },
        ["  ⚠ Wait `*not bold*` `--force` 2*3*4 @bob #ops @on-call @channel"],
    ),
    "links, dates, escapes": (
        {
            "type": "section",
            "text": mrkdwn("<http://a|b> <http://c> <!date^1^{time}|noon> &lt;x&gt; &amp;lt;"),
        },
        ["  b (http://a) http://c noon <x> &lt;"],
    ),
    "fields and a menu": (
        {
            "type": "section",
            "fields": [mrkdwn("*Where*\n`prod-1`"), mrkdwn("*Needs*\n1 of 2")],
            "accessory": {
                "type": "overflow",
                "action_id": "m",
                "options": [
                    {"text": {"type": "plain_text", "text": "One"}, "value": "1"},
                    {"text": {"type": "plain_text", "text": "Two"}, "value": "2"},
                ],
            },
        },
        ["  Where: `prod-1`", "  Needs: 1 of 2", "  [⋯ One | Two]"],
    ),
    "a header": (
        {"type": "header", "text": {"type": "plain_text", "text": "Approval"}},
        ["  Approval", "  ────────"],
    ),
    "a table": (
        {
            "type": "table",
            "column_settings": [None, {"align": "right"}],
            "rows": [[raw("NAME"), raw("SIZE")], [raw("wëb鯨"), raw("1 MB")], [raw("x"), raw("12.5 MB")]],
        },
        ["  NAME      SIZE", "  wëb鯨     1 MB", "  x      12.5 MB"],
    ),
    "buttons and a select": (
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Run again"}, "action_id": "a"},
                {
                    "type": "static_select",
                    "action_id": "h",
                    "placeholder": {"type": "plain_text", "text": "Host"},
                    "options": [{"text": {"type": "plain_text", "text": "p"}, "value": "p"}],
                },
            ],
        },
        ["  [Run again] [Host ▾]"],
    ),
    "a context": ({"type": "context", "elements": [mrkdwn("`J-1`"), mrkdwn("exit 0")]}, ["  `J-1`  exit 0"]),
    "a plan": (
        {
            "type": "plan",
            "title": "Pull",
            "tasks": [
                {"type": "task_card", "task_id": "1", "title": "Check", "status": "complete"},
                {"type": "task_card", "task_id": "2", "title": "Pull", "status": "in_progress"},
            ],
        },
        ["  Pull", "  ✅ Check", "  ⏳ Pull"],
    ),
    "an input": (
        {
            "type": "input",
            "label": {"type": "plain_text", "text": "Why?"},
            "element": {"type": "plain_text_input", "action_id": "why"},
        },
        ["  Why?: [why ▾]"],
    ),
    "a divider": ({"type": "divider"}, ["  ───"]),
    "what is not drawn is named": (
        {"type": "data_visualization", "title": "t", "chart": {}},
        ["  (data_visualization)"],
    ),
}


@pytest.mark.parametrize("name", LINES)
async def test_is_drawn(standin, connect, name):
    standin.world.add_group("on-call", "S1")
    block, lines = LINES[name]
    assert await shown(standin, connect, block) == lines


async def test_text_stands_in_where_there_are_no_blocks(standin, connect):
    assert await shown(standin, connect, text="a *b*\nc") == ["  a b", "  c"]


async def test_a_thread_shows_replies_edits_files_and_who_sees_what(standin, connect):
    client = connect(standin)
    parent = (await client.chat_postMessage(channel="C01OPS", text="first"))["ts"]
    await client.chat_update(channel="C01OPS", ts=parent, text="done")
    await client.chat_postEphemeral(channel="C01OPS", user="U01ALICE", text="psst", thread_ts=parent)
    content = "\n".join(f"line {number}" for number in range(10))
    await client.files_upload_v2(channel="C01OPS", thread_ts=parent, filename="out.txt", content=content)
    await standin.until(lambda s: len(s.thread("C01OPS", parent)) == 2)
    assert standin.as_text("C01OPS", parent).split("\n") == [
        "docktalk (edited)",
        "  done",
        "",
        "  ↳ docktalk (only alice sees this)",
        "      psst",
        "",
        "  ↳ docktalk",
        "      📎 out.txt (69 bytes)",
        *(f"      │ line {number}" for number in range(8)),
        "      │ … 2 more lines",
    ]


async def test_a_channel_is_its_threads_one_after_the_other(standin):
    first = await standin.say("U01ALICE", "C01OPS", "one")
    await standin.say("U02BOB", "C01OPS", "two")
    await standin.say("U02BOB", "C01OPS", "below one", thread_ts=first.ts)
    assert standin.as_text("C01OPS") == "alice\n  one\n\n  ↳ bob\n      below one\n\nbob\n  two"


async def test_nothing_in_a_message_commands_the_terminal(standin):
    await standin.say("U01ALICE", "C01OPS", "a\x1b[2Jb\x9bc\u202ed\x07\te")
    assert standin.as_text("C01OPS") == "alice\n  a␛[2Jb\ufffdc\ufffdd␇\te"


async def test_a_thread_that_is_none_is_empty(standin):
    assert standin.as_text("C01OPS", "1.2") == ""


async def test_waiting_in_vain_shows_the_workspace(standin, connect):
    await connect(standin).chat_postMessage(channel="C01OPS", text="only this")
    with pytest.raises(AssertionError) as caught:
        await standin.until(lambda s: len(s.messages("C01OPS")) == 2, timeout=0.01)
    assert "#ops (C01OPS)\ndocktalk\n  only this" in str(caught.value)
    assert "chat.postMessage -> ok" in str(caught.value)


async def test_waiting_returns_what_was_found(standin):
    await standin.say("U01ALICE", "C01OPS", "one")
    message = await standin.until(lambda s: next(iter(s.messages("C01OPS")), None))
    assert message.text == "one"
