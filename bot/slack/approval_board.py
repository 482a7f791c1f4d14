"""Where the cards of approvals are shown: in their channel, and to each who should hear of it alone."""

from collections.abc import Mapping

from bot.slack import cards
from bot.slack.blocks import Message
from bot.slack.links import Links
from bot.slack.outbox import Outbox
from bot.store.approvals import Asked, card_key
from bot.store.budgets import Budget
from bot.store.outbox import Entry, Kind
from permissions.approval import State, Voter, last_told

REVISIONS = 1000
"""The revisions of a card for each step of its approval."""


class ApprovalBoard:
    """Brings every copy of a card up to date; raises StoreDown."""

    def __init__(self, outbox: Outbox, links: Links) -> None:
        self._outbox = outbox
        self._links = links

    async def show(self, asked: Asked, voters: Mapping[str, Voter]) -> None:
        """Shows how it stands, and asks those who are to be asked by themselves."""
        record, approval = asked.draft.record, asked.approval
        entries = [self._entry(asked, card_key(asked.job_id), record.channel_id, cards.card(asked, voters))]
        if approval.told and approval.state is State.OPEN:
            began = {approval.asked_at + way.after for way in approval.terms.any if way.after}
            again = cards.reminder(asked, escalated=last_told(approval) in began)
            entries.append(self._reply(asked, f"told{approval.told}", again))
        elif approval.state in {State.DENIED, State.EXPIRED}:  # of an edit nobody is notified
            entries.append(self._reply(asked, "over", cards.refused(asked)))
        await self._outbox.put(*entries)
        link = await self._links.at(card_key(asked.job_id)) if asked.told else ""
        for user_id in asked.told:
            key = f"{asked.job_id}/0.ask.{user_id}"
            copy = self._entry(asked, key, user_id, cards.ask(asked, link or None))
            await self._outbox.put(copy.model_copy(update={"thread_ts": "", "user_id": user_id}))

    async def show_budget(self, asked: Asked, budget: Budget) -> None:
        """Shows on the card how far the budget that came of it is used."""
        message = cards.card(asked, budget=budget)
        entry = self._entry(asked, card_key(asked.job_id), asked.draft.record.channel_id, message)
        # Above what the approval itself shows, below what comes of its next step.
        revision = entry.revision + min(budget.revision + 1, REVISIONS - 1)
        await self._outbox.put(entry.model_copy(update={"revision": revision}))

    def _reply(self, asked: Asked, key: str, message: Message) -> Entry:
        """One reply below the card, however often it is shown."""
        record = asked.draft.record
        under = "" if record.thread_ts else card_key(asked.job_id)
        reply = self._entry(asked, f"{asked.job_id}/0.{key}", record.channel_id, message)
        return reply.model_copy(update={"under": under, "revision": 1})

    def _entry(self, asked: Asked, key: str, channel_id: str, message: Message) -> Entry:
        record = asked.draft.record
        return Entry(
            key=key,
            kind=Kind.SHOW,
            job_id=asked.job_id,
            channel_id=channel_id,
            user_id=record.user_id,
            thread_ts=record.thread_ts,
            message=message,
            revision=(asked.approval.revision + 1) * REVISIONS,
        )
