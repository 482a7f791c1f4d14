"""The lines about incidents under ``/docktalk``."""

import re
from typing import Annotated

from bot.written import as_kept, check_id, check_length
from handlers.grammar.command import Arg, Command
from permissions.verbs import Danger, Verb

MAX_TITLE = 150
"""Characters of a title or a note."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}-[0-9]{1,9}")


class Incidents(
    Command,
    path="incident list",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="incident list",
):
    """List the incidents that are open here."""


class OfIncident(Command):
    """A line about one incident, by the name that people give it."""

    incident: Annotated[str, Arg("INCIDENT")]

    def check(self) -> None:
        """Raises UsageFault for what is no incident's name."""
        hint = "Letters and digits, a dash, a number: as your incident tracker writes it."
        check_id(self.incident, _NAME, what="incident", example="INC-12", hint=hint)

    @property
    def name(self) -> str:
        """The name in its one spelling."""
        return self.incident.upper()


class Open(
    OfIncident,
    path="incident open",
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example='incident open INC-12 "payments down"',
):
    """Tag what is asked here with an incident: this thread, or without a thread the channel."""

    words: Annotated[tuple[str, ...], Arg("TITLE", least=0)] = ()

    def check(self) -> None:
        """Raises UsageFault for no name, or a title that is too long."""
        super().check()
        check_length("title", self.title, MAX_TITLE)

    @property
    def title(self) -> str:
        """What it is about, "" for nothing; what looks secret is masked."""
        return as_kept(" ".join(self.words))


class Close(
    OfIncident,
    path="incident close",
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example='incident close INC-12 "a full disk on db-2"',
):
    """End an incident: what is asked from then on belongs to it no more."""

    words: Annotated[tuple[str, ...], Arg("NOTE", least=0)] = ()

    def check(self) -> None:
        """Raises UsageFault for no name, or a note that is too long."""
        super().check()
        check_length("note", self.note, MAX_TITLE)

    @property
    def note(self) -> str:
        """What came of it, "" for nothing; what looks secret is masked."""
        return as_kept(" ".join(self.words))


class Show(
    OfIncident, path="incident show", verb=Verb.REVEAL, danger=Danger.SAFE, example="incident show INC-12"
):
    """Say who opened an incident, when, and what was done for it."""


class Timeline(
    OfIncident,
    path="incident timeline",
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="incident timeline INC-12",
):
    """Show what was asked, decided and done for an incident, the newest first."""


LINES = (Incidents, Open, Close, Show, Timeline)
