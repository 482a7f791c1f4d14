"""Which incident a place belongs to, as a test says."""

from bot.store.incidents import Incident


class Tagged:
    """``there`` maps a channel and a thread ("" for the whole channel) to the incident there."""

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], str] = {}

    async def tag(self, channel_id: str, thread_ts: str) -> str:
        return self.there.get((channel_id, thread_ts)) or self.there.get((channel_id, ""), "")

    async def open(self, name: str) -> Incident | None:
        for (channel, thread), known in self.there.items():
            if known == name:
                return Incident(
                    id="I-1",
                    name=name,
                    team_id="T1",
                    channel_id=channel,
                    thread_ts=thread,
                    owner_id="U0ANA",
                    owner_name="ana",
                    opened_at=0.0,
                    until=1e12,
                )
        return None
