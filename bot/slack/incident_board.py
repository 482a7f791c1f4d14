"""What Slack shows of an incident: one message in its place, edited once it is over, and a reminder."""

from bot.incidents.incidents import LONGEST_SECONDS, REMIND_SECONDS, done
from bot.incidents.story import Story
from bot.slack.blocks import Message, code, context, emoji, message, moment, section, user, words
from bot.slack.client import Clock
from bot.slack.outbox import Outbox
from bot.store.incidents import Incident
from bot.store.outbox import Entry, Kind
from bot.times import lasted
from permissions.operation import Principal

_HOURS = 3600


class IncidentBoard:
    """Puts them into the outbox; raises StoreDown."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock

    async def opened(self, incident: Incident) -> None:
        """Announces it."""
        await self._outbox.put(self._entry(incident, announcement(incident), 1))

    async def closed(self, incident: Incident, by: Principal | None, note: str, told: Story | None) -> None:
        """Edits the announcement; ``by`` is None for the clock, ``told`` where the audit cannot be read."""
        over = ending(incident, by, note, told, self._clock.now())
        await self._outbox.put(self._entry(incident, over, 2))

    async def reminded(self, incident: Incident) -> None:
        """Asks its owner, in the thread."""
        entry = self._entry(incident, reminder(incident), 1)
        under = "" if incident.thread_ts else entry.key
        await self._outbox.put(entry.model_copy(update={"key": f"{entry.key}/reminder", "under": under}))

    def _entry(self, incident: Incident, shown: Message, revision: int) -> Entry:
        return Entry(
            key=f"incident/{incident.id}",
            kind=Kind.SHOW,
            channel_id=incident.channel_id,
            user_id=incident.owner_id,
            thread_ts=incident.thread_ts,
            message=shown,
            revision=revision,
        )


def announcement(incident: Incident) -> Message:
    """That it is open."""
    title = [words("\n"), words(incident.title, bold=True)] if incident.title else []
    return message(
        f"incident.{incident.id}.1",
        f"Opened {incident.name}{f': {incident.title}' if incident.title else ''}",
        [
            section(
                emoji("rotating_light"),
                words(f" {incident.name}", bold=True),
                words(f" is open for {incident.covers}, since "),
                moment(incident.opened_at),
                words(" by "),
                user(incident.owner_id),
                *title,
            ),
            context(
                "what is asked here belongs to it and goes first",
                f"/docktalk incident close {incident.name} ends it",
                f"it ends by itself after {LONGEST_SECONDS / _HOURS:.0f} h",
            ),
        ],
    )


def ending(incident: Incident, by: Principal | None, note: str, told: Story | None, now: float) -> Message:
    """That it is over, how long it was open and what was done."""
    title = [words("\n"), words(incident.title, bold=True)] if incident.title else []
    who = [words(" by "), user(by.user_id)] if by else [words(" by itself: nobody closed it")]
    why = [words("\n"), words(note)] if note and by else []
    lasting = lasted(now - incident.opened_at)
    return message(
        f"incident.{incident.id}.2",
        f"Closed {incident.name} after {lasting}",
        [
            section(
                emoji("white_check_mark"),
                words(f" {incident.name}", bold=True),
                words(f" was open for {lasting}, from "),
                moment(incident.opened_at),
                words(", opened by "),
                user(incident.owner_id),
                words(", closed at "),
                moment(now),
                *who,
                *title,
                *why,
            ),
            context(done(told) if told else "", f"/docktalk incident timeline {incident.name} tells it all"),
        ],
    )


def reminder(incident: Incident) -> Message:
    """To its owner: does it go on?"""
    hours = (LONGEST_SECONDS - REMIND_SECONDS) / _HOURS
    return message(
        f"incident.{incident.id}.reminder",
        f"Reminding: {incident.name} is still open",
        [
            section(
                emoji("bell"),
                words(" "),
                user(incident.owner_id),
                words(f" {incident.name} is still open. Close it with "),
                code(f"/docktalk incident close {incident.name}"),
                words(f" once it is over; in {hours:.0f} h it ends by itself."),
            )
        ],
    )
