"""Where a broken glass is shown: where it was broken, and in every channel that the policy's entry tells."""

from bot.slack import lending_cards as cards
from bot.slack.blocks import Message
from bot.slack.outbox import Outbox
from bot.store.grants import Review, glass_key, stage
from bot.store.outbox import Entry, Kind
from permissions.operation import Principal

_REVIEWED = 10**9


class LendingBoard:
    """Brings every copy up to date; raises StoreDown."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def tell(self, review: Review, now: float) -> None:
        """Shows how it stands, and reminds once a day while its review is open: one reply, edited."""
        revision = 1 + 2 * review.revision + (1 if now >= review.ended_at else 0)
        await self._show(
            review,
            cards.broken(review, now, here=True),
            cards.broken(review, now, here=False),
            revision,
        )
        days = stage(review, now)
        if days < 1:
            return
        told = [(one, "", _told_key(review, one)) for one in review.tell]
        mine = (review.channel_id, review.thread_ts, glass_key(review.grant_id))
        for channel_id, thread_ts, under in told or [mine]:
            reply = self._entry(review, f"{review.grant_id}/1.remind.{channel_id}", channel_id, days)
            where = {"thread_ts": thread_ts, "under": "" if thread_ts else under}
            shown = {"message": cards.reminder(review, days), **where}
            await self._outbox.put(reply.model_copy(update=shown))

    async def reviewed(self, review: Review, by: Principal, note: str) -> None:
        """Shows that it was looked at."""
        message = cards.reviewed(review, by, note)
        await self._show(review, message, message, _REVIEWED)

    async def _show(self, review: Review, here: Message, elsewhere: Message, revision: int) -> None:
        own = self._entry(review, glass_key(review.grant_id), review.channel_id, revision)
        await self._outbox.put(own.model_copy(update={"message": here, "thread_ts": review.thread_ts}))
        for channel_id in review.tell:
            copy = self._entry(review, _told_key(review, channel_id), channel_id, revision)
            await self._outbox.put(copy.model_copy(update={"message": elsewhere}))

    def _entry(self, review: Review, key: str, channel_id: str, revision: int) -> Entry:
        return Entry(
            key=key,
            kind=Kind.SHOW,
            channel_id=channel_id,
            user_id=review.user_id,
            revision=revision,
        )


def _told_key(review: Review, channel_id: str) -> str:
    return f"{review.grant_id}/0.tell.{channel_id}"
