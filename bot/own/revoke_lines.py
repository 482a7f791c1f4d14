"""The line that ends what is in force before its time: a budget, a role that was lent."""

from typing import Annotated

from bot.written import check_spelled, spelled
from handlers.grammar.command import Arg, Command
from permissions.verbs import Danger, Verb

_HINT = "`/docktalk budgets` lists what may run again without asking, `/docktalk grants` what is lent."


class Revoke(Command, path="revoke", verb=Verb.OPERATE, danger=Danger.SAFE, example="revoke B-42"):
    """End a budget (B-42) or a lent role (G-4) before its time."""

    named: Annotated[str, Arg("ID")]

    def check(self) -> None:
        """Raises UsageFault for what is neither."""
        what, example = "budget and no lent role", "B-42 or G-4"
        check_spelled(self.named, "BG", what=what, example=example, hint=_HINT)

    @property
    def record_id(self) -> str:
        """The id in its one spelling."""
        return spelled(self.named, "BG")

    @property
    def letter(self) -> str:
        """Which kind it is of."""
        return self.record_id[:1]


LINES = (Revoke,)
