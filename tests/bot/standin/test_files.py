"""Files: announced, sent, completed; the message appears a moment later."""

import io
import json

import pytest
from slack_sdk.errors import SlackApiError


async def refused(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response["error"]


async def announced(client, session, content=b"hello"):
    answer = await client.files_getUploadURLExternal(filename="a.txt", length=len(content))
    async with session.post(answer["upload_url"], data=content) as sent:
        assert (sent.status, await sent.text()) == (200, f"OK - {len(content)}")
    return answer["file_id"]


async def test_slacks_own_client_uploads_into_a_thread(standin, connect):
    client = connect(standin)
    parent = (await client.chat_postMessage(channel="C01OPS", text="p"))["ts"]
    answer = await client.files_upload_v2(
        channel="C01OPS",
        thread_ts=parent,
        filename="out.txt",
        title="Output",
        content="hello",
        initial_comment="all",
    )
    message = await standin.until(lambda s: next(iter(s.thread("C01OPS", parent)), None))
    (file,) = message.files
    assert (file.name, file.title, file.content, message.text) == ("out.txt", "Output", b"hello", "all")
    assert "ts" not in answer
    assert answer["file"]["id"] == file.id


async def test_the_bytes_may_come_as_a_form(standin, connect, session):
    answer = await connect(standin).files_getUploadURLExternal(filename="a.txt", length=5)
    async with session.post(answer["upload_url"], data={"filename": io.BytesIO(b"hello")}) as sent:
        assert sent.status == 200
    assert standin.world.files[answer["file_id"]].content == b"hello"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"filename": "a", "length": 0}, "missing_argument"),
        ({"filename": "", "length": 5}, "missing_argument"),
        ({"filename": "a", "length": 1_000_001, "snippet_type": "text"}, "snippet_too_large"),
    ],
)
async def test_an_announcement_is_refused(standin, connect, arguments, error):
    assert await refused(connect(standin).files_getUploadURLExternal(**arguments)) == error


async def test_as_many_bytes_as_announced_and_only_once(standin, connect, session):
    answer = await connect(standin).files_getUploadURLExternal(filename="a.txt", length=5)
    for content, status in ((b"hell", 400), (b"hello", 200), (b"hello", 404)):
        async with session.post(answer["upload_url"], data=content) as sent:
            assert sent.status == status
    async with session.post(answer["upload_url"] + "x", data=b"hello") as sent:
        assert sent.status == 404


async def test_what_was_not_sent_cannot_be_completed(standin, connect):
    client = connect(standin)
    answer = await client.files_getUploadURLExternal(filename="a.txt", length=5)
    call = client.files_completeUploadExternal(files=[{"id": answer["file_id"]}], channel_id="C01OPS")
    assert await refused(call) == "file_not_found"


async def test_a_file_is_completed_once(standin, connect, session):
    client = connect(standin)
    file = {"id": await announced(client, session)}
    await client.files_completeUploadExternal(files=[file], channel_id="C01OPS")
    call = client.files_completeUploadExternal(files=[file], channel_id="C01OPS")
    assert await refused(call) == "file_not_found"


async def test_a_thread_goes_with_one_channel_only(standin, connect, session):
    client = connect(standin)
    file = {"id": await announced(client, session)}
    standin.world.add_channel("dev", "C02DEV")
    parent = (await client.chat_postMessage(channel="C01OPS", text="p"))["ts"]
    call = client.files_completeUploadExternal(files=[file], channels=["C01OPS", "C02DEV"], thread_ts=parent)
    assert await refused(call) == "invalid_arguments"


async def test_no_file_where_the_bot_is_no_member(standin, connect, session):
    client = connect(standin)
    file = {"id": await announced(client, session)}
    standin.world.add_channel("dev", "C02DEV", bot_is_member=False)
    call = client.files_completeUploadExternal(files=[file], channel_id="C02DEV")
    assert await refused(call) == "not_in_channel"
    assert standin.messages("C02DEV") == []


async def test_a_comment_leaves_no_room_for_blocks(standin, connect, session):
    client = connect(standin)
    for comment, blocks in (("all of it", 0), ("", 1)):
        file = {"id": await announced(client, session)}
        await client.files_completeUploadExternal(
            files=[file],
            channel_id="C01OPS",
            initial_comment=comment,
            blocks=json.dumps([{"type": "divider"}]),
        )
        message = await standin.until(
            lambda s, wanted=file["id"]: next(
                (one for one in s.messages("C01OPS") if one.files[0].id == wanted), None
            )
        )
        assert len(message.blocks) == blocks
