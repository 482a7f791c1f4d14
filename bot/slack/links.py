"""Where the message of a job is, for people who want to go there."""

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.client import SlackTrouble, call
from bot.slack.people import ASK_SECONDS
from bot.store.outbox import OutboxStore
from bot.store.records import RequestRecord


class Links:
    """Asks Slack for the addresses of messages that the outbox has sent."""

    def __init__(self, store: OutboxStore, client: AsyncWebClient) -> None:
        self._store = store
        self._client = client

    async def to(self, record: RequestRecord) -> str:
        """The address of the message that shows a job, "" where there is none or Slack does not say."""
        return await self.at(record.instead or record.job_id)

    async def at(self, key: str) -> str:
        """The address of the message of that key in the outbox, or ""; raises StoreDown."""
        sent = await self._store.sent(key)
        if sent is None or not sent.ts:
            return ""
        try:
            asked = self._client.chat_getPermalink(channel=sent.channel_id, message_ts=sent.ts)
            return str((await call(asked, ASK_SECONDS)).get("permalink") or "")
        except SlackTrouble:
            return ""
