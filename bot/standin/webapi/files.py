"""Files: announce, send the bytes, complete."""

import asyncio
import secrets
from functools import partial

from bot.standin.webapi.base import (
    Arguments,
    Refused,
    Workspace,
    checked_blocks,
    checked_thread,
    needed,
    writable_channel,
)
from bot.standin.world import File, Json

SNIPPET_BYTES = 1_000_000


def get_upload_url(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """files.getUploadURLExternal."""
    name = arguments.get("filename")
    try:
        length = int(arguments.get("length") or 0)
    except ValueError:
        raise Refused("invalid_arguments") from None
    if not name or length <= 0:
        raise Refused("missing_argument")
    if arguments.get("snippet_type") and length > SNIPPET_BYTES:
        raise Refused("snippet_too_large")
    file = File(slack.world.new_id("F"), str(name), length, secrets.token_urlsafe(18))
    slack.world.files[file.id] = file
    return {"upload_url": slack.upload_base + file.upload_token, "file_id": file.id}


def receive(slack: Workspace, upload_token: str, content: bytes) -> tuple[int, str]:
    """The bytes that were sent to an upload URL: HTTP status and text of the answer."""
    file = slack.world.file_of(upload_token)
    if file is None or file.content is not None:
        return 404, "not found"
    if len(content) != file.length:
        return 400, f"expected {file.length} bytes, got {len(content)}"
    file.content = content
    slack.world.changed()
    return 200, f"OK - {len(content)}"


def complete_upload(slack: Workspace, arguments: Arguments) -> dict[str, Json]:
    """files.completeUploadExternal: the message with the files appears a moment after the answer."""
    wanted = needed(arguments, "files")
    if type(wanted) is not list or not all(type(one) is dict and one.get("id") for one in wanted):
        raise Refused("invalid_arguments")
    found: list[File] = []
    for one in wanted:
        file = slack.world.files.get(str(one["id"]))
        if file is None or file.content is None or file.shared_in:
            raise Refused("file_not_found")
        found.append(file)
    names = [name for name in str(arguments.get("channels") or "").split(",") if name]
    if arguments.get("channel_id"):
        names.append(str(arguments["channel_id"]))
    thread_ts = arguments.get("thread_ts")
    if thread_ts and len(names) != 1:
        raise Refused("invalid_arguments")
    channels = [writable_channel(slack, name) for name in names]
    comment = str(arguments.get("initial_comment") or "")
    blocks = [] if comment else checked_blocks(arguments)
    shares = [(channel, checked_thread(slack, channel, thread_ts)) for channel in channels]
    for file, one in zip(found, wanted, strict=True):
        file.title = str(one.get("title") or file.name)
        file.shared_in = [(channel.id, thread or "") for channel, thread in shares]
    for channel, thread in shares:
        asyncio.get_running_loop().call_soon(
            partial(
                slack.world.post,
                channel.id,
                slack.world.bot.id,
                comment,
                blocks=blocks,
                thread_ts=thread,
                files=found,
            )
        )
    return {"files": [{"id": file.id, "title": file.title} for file in found]}
