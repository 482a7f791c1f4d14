"""The lines about approvals under ``/docktalk``: what the buttons of a card say."""

import re
from typing import Annotated

from bot.written import check_length, check_spelled
from handlers.grammar.command import Arg, Command, Opt
from permissions.approval import MAX_REASON
from permissions.verbs import Danger, Verb

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class OfApproval(Command):
    """A line about one approval, by its job's id or by the token of its buttons."""

    approval: Annotated[str, Arg("JOB")]

    def check(self) -> None:
        """Raises UsageFault for what is neither."""
        hint = "The card of an approval ends with its id."
        if not _TOKEN.fullmatch(self.approval):
            check_spelled(self.approval, "J", what="job", example="J-42", hint=hint)


class Approve(OfApproval, path="approve", verb=Verb.OPERATE, danger=Danger.SAFE, example="approve J-42"):
    """Agree to a job that waits for an approval."""


class Deny(
    OfApproval,
    path="deny",
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example='deny J-42 --reason "not during the sale"',
):
    """Refuse a job that waits for an approval."""

    reason: Annotated[str, Opt("--reason", help="Shown to the asker")] = ""

    def check(self) -> None:
        """Raises UsageFault for what is no approval, or for a reason that nobody would read."""
        super().check()
        check_length("reason", self.reason, MAX_REASON)


class Withdraw(OfApproval, path="withdraw", verb=Verb.OPERATE, danger=Danger.SAFE, example="withdraw J-42"):
    """Take back what you asked an approval for."""


class AskAgain(OfApproval, path="ask-again", verb=Verb.OPERATE, danger=Danger.SAFE, example="ask-again J-42"):
    """Ask once more, on what is there now, for what was not decided in time or could not be run."""


class WhoCan(OfApproval, path="who-can", verb=Verb.LIST, danger=Danger.SAFE, example="who-can J-42"):
    """Show who could approve a job at this moment, and what is still missing."""


class AskThem(OfApproval, path="ask-them", verb=Verb.LIST, danger=Danger.SAFE, example="ask-them J-42"):
    """Send those who could approve a job a copy of its card, each once."""


LINES = (Approve, Deny, Withdraw, AskAgain, WhoCan, AskThem)
