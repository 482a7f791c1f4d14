"""Where the bot may post, so that no change runs whose end could not be told."""

import asyncio

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.client import Clock, SlackTrouble, call
from bot.slack.people import ASK_SECONDS, Fresh

MEMBER_SECONDS = 300.0


class Channels:
    """Memberships of the bot, remembered for five minutes when there is one."""

    def __init__(self, client: AsyncWebClient, clock: Clock) -> None:
        self._client = client
        self._member = Fresh(MEMBER_SECONDS, clock, self._ask)

    async def can_post(self, channel_id: str) -> bool:
        """Whether a result could be reported there; False when Slack cannot be asked."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                _, member = await self._member.get(channel_id)
        except (SlackTrouble, TimeoutError):
            return False
        if not member:
            # An invitation has to count at once.
            self._member.forget(channel_id)
        return member

    async def _ask(self, channel_id: str) -> bool:
        answer = await call(self._client.conversations_info(channel=channel_id), ASK_SECONDS)
        channel = answer["channel"]
        if channel.get("is_archived"):
            return False
        return bool(channel.get("is_im") or channel.get("is_member"))
