"""What stands behind the buttons of an approval's card, and for whom."""

from dataclasses import dataclass

from bot.again import People
from bot.store.approvals import Approvals, Asked
from permissions.operation import Standing


@dataclass(frozen=True)
class Behind:
    """Looks it up; every method raises StoreDown."""

    store: Approvals
    people: People

    async def asked(self, token: str) -> Asked | None:
        """What the token of a card's button is about; None when it is too long ago."""
        return await self.store.of_token(token)

    async def shown(self, token: str, team_id: str, user_id: str, channel_id: str) -> Asked | None:
        """The same as far as whoever clicked in that channel may see it; None also for all but members.

        The lines of a log stay in the channel where the line was asked for: its asker may read them there.
        """
        asked = await self.asked(token)
        if asked is None or asked.principal.team_id != team_id:
            return None
        who = await self.people.principal(team_id, user_id, user_id)
        if who.standing is not Standing.MEMBER:
            return None
        probed = asked.probed
        if probed is None or channel_id == asked.draft.record.channel_id:
            return asked
        targets = tuple(one.model_copy(update={"log": ()}) for one in probed.targets)
        return asked.model_copy(update={"probed": probed.model_copy(update={"targets": targets})})
