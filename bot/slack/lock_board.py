"""The message of a lock: that it is there, and in its place how it ended."""

from bot.slack.blocks import (
    Block,
    Message,
    button,
    code,
    context,
    cut,
    emoji,
    line,
    message,
    moment,
    section,
    user,
    words,
)
from bot.slack.outbox import Outbox
from bot.slack.replies import JOB_STOP
from bot.store.kept_locks import KeptLock
from bot.store.outbox import Entry, Kind

REASON_CHARS = 300


class LockBoard:
    """Shows locks where they were set; raises StoreDown."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def show(self, kept: KeptLock) -> None:
        """Posts it, or brings it up to date."""
        entry = Entry(
            key=f"lock/{kept.id}",
            kind=Kind.SHOW,
            channel_id=kept.channel_id,
            user_id=kept.lock.owner_id,
            thread_ts=kept.thread_ts,
            message=lock_message(kept),
            revision=kept.revision + 1,
        )
        await self._outbox.put(entry)


def lock_message(kept: KeptLock) -> Message:
    """What the channel sees of it."""
    lock = kept.lock
    about, reason = cut(line(lock.about), 200), cut(line(lock.reason), REASON_CHARS)
    head: list[Block] = [emoji("lock"), words(" "), user(lock.owner_id), words(" locked "), code(about)]
    if kept.released_at:
        head[0] = emoji("unlock")
        ended = [words(" · "), words("released", bold=True)]
        ended += [words(" by "), user(kept.released_by)] if kept.released_by else [words(" at its end")]
        ended += [words(", "), moment(kept.released_at)]
        text = f"Released: {about} is locked no more ({lock.id})."
        parts = [section(*head, *ended, words(f"\n{reason}")), context(lock.id)]
        return message(f"lock.{lock.id}.{kept.revision}", text, parts)
    until = [words(" until "), moment(lock.until)] if lock.until else []
    parts = [
        section(*head, *until, words(f"\n{reason}")),
        button("Unlock", action_id=JOB_STOP, value=f"unlock {lock.id}", spoken=f"Release {lock.id}"),
        context(lock.id, "changes of others are refused or wait; reads pass"),
    ]
    return message(f"lock.{lock.id}.{kept.revision}", f"Locked: {about} ({lock.id}): {reason}", parts)
