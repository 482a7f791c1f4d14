"""An open incident, as the bot keeps it (see :mod:`bot.store.in_force`)."""

from bot.store.in_force import Standing


class Incident(Standing):
    """A tag on a thread, or with ``thread_ts`` "" on a whole channel.

    ``name`` is what people call it (``INC-12``), ``id`` tells it from an earlier one of that name. It is open
    until ``until`` at the latest; times are epoch seconds. ``reminded``: its owner was asked if it goes on.
    """

    name: str
    title: str = ""
    team_id: str
    channel_id: str
    thread_ts: str = ""
    owner_id: str
    owner_name: str
    opened_at: float
    until: float
    reminded: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """What it tags."""
        return self.channel_id, self.thread_ts

    @property
    def covers(self) -> str:
        """The same in words."""
        return "this thread" if self.thread_ts else "the whole channel"
