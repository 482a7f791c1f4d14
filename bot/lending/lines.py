"""The lines about lent roles under ``/docktalk``: ask for one, see, end, review, break the glass."""

from typing import Annotated

from bot.approvals.lines import OfApproval
from bot.written import check_spelled, spelled
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.values import DURATION
from permissions.approval import MAX_REASON
from permissions.verbs import Danger, Verb

LEAST_REASON = 5
"""Characters of a reason that say something."""


class Elevate(
    Command,
    path="elevate",
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example='elevate operator --for 30m --reason "web does not start"',
):
    """Ask for a role for a limited time."""

    role: Annotated[str, Arg("ROLE")]
    lasting: Annotated[int, Opt("--for", help="How long: 30m, 1h30m", type=DURATION, default="30m")] = 0
    host: Annotated[str, Opt("--host", help="On this host only")] = ""
    reason: Annotated[str, Opt("--reason", help="Why; shown to those who have to agree")] = ""

    def check(self) -> None:
        """Raises UsageFault for a time that is none, or without a reason."""
        if self.lasting < 0:
            raise UsageFault("--for is a time such as 30m", reason=Reason.BAD_VALUE, exit_code=1)
        check_text("--reason", self.reason)

    @property
    def seconds(self) -> float:
        """How long it is asked for; 0 where the line does not say."""
        return self.lasting / 1e9


class Grants(Command, path="grants", verb=Verb.LIST, danger=Danger.SAFE, example="grants"):
    """List the roles that are lent now."""


class BreakGlass(
    OfApproval,
    path="break-glass",
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example='break-glass J-42 --reason "payments are down"',
):
    """Run at once what waits for an approval, where the policy lets you; others are told, and review it."""

    reason: Annotated[str, Opt("--reason", help="Why it cannot wait; shown to everybody")] = ""

    def check(self) -> None:
        """Raises UsageFault for what is no approval, or without a reason."""
        super().check()
        check_text("--reason", self.reason)


class Reviews(Command, path="reviews", verb=Verb.LIST, danger=Danger.SAFE, example="reviews"):
    """List the broken glasses that nobody has reviewed yet."""


class CloseReview(
    Command,
    path="review",
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example='review R-2 --note "it was right, the alert was not"',
):
    """Close the review of a broken glass."""

    review: Annotated[str, Arg("REVIEW")]
    note: Annotated[str, Opt("--note", help="What you found; shown to everybody")] = ""

    def check(self) -> None:
        """Raises UsageFault for what is no review's id, or without a note."""
        hint = "`/docktalk reviews` lists them."
        check_spelled(self.review, "R", what="review", example="R-2", hint=hint)
        check_text("--note", self.note, "it was right, the alert was not")

    @property
    def review_id(self) -> str:
        """The id in its one spelling."""
        return spelled(self.review, "R")


LINES = (Elevate, Grants, BreakGlass, Reviews, CloseReview)


def check_text(option: str, text: str, example: str = "INC-812 payments are down") -> None:
    """Raises UsageFault for what says nothing, or more than anybody reads; ``example`` says something."""
    if not LEAST_REASON <= len(" ".join(text.split())) <= MAX_REASON:
        raise UsageFault(
            f"{option} needs a few words: {LEAST_REASON} to {MAX_REASON} characters",
            reason=Reason.BAD_VALUE,
            exit_code=1,
            hint=f'For example `{option} "{example}"`.',
        )
