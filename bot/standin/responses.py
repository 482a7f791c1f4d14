"""Response URLs: five answers within half an hour, also where the bot is not a member."""

from bot.standin.limits import POSTED_TEXT
from bot.standin.passes import ResponsePass
from bot.standin.webapi.base import Arguments, Refused, Workspace, checked_blocks
from bot.standin.webapi.people import truth
from bot.standin.world import Message


def respond(slack: Workspace, name: str, arguments: Arguments) -> None:
    """Does what was posted to a response URL; raises Refused with Slack's error."""
    where = slack.passes.use_response(name)
    if isinstance(where, str):
        raise Refused(where)
    original = slack.world.find(where.channel, where.ts) if where.ts else None
    if truth(arguments.get("delete_original")):
        if original is None:
            raise Refused("message_not_found")
        slack.world.remove(original)
        return
    blocks = checked_blocks(arguments)
    text = str(arguments.get("text") or "")[:POSTED_TEXT]
    if not text and not blocks:
        raise Refused("no_text")
    replaces = arguments.get("replace_original")
    if original is not None and (truth(replaces) or (replaces is None and where.ts)):
        slack.world.edit(original, text, blocks)
        return
    slack.world.post(
        where.channel,
        slack.world.bot.id,
        text,
        blocks=blocks,
        thread_ts=_thread(where, arguments, original),
        ephemeral_to=None if arguments.get("response_type") == "in_channel" else where.user,
    )


def _thread(where: ResponsePass, arguments: Arguments, original: Message | None) -> str | None:
    asked = arguments.get("thread_ts")
    if asked:
        return str(asked)
    return original.thread_ts if original is not None else where.thread_ts
