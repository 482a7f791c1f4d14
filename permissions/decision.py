"""The three answers a policy can give, each naming the rule that made it."""

from typing import Annotated, Literal

from pydantic import Field

from permissions.approval import Terms
from permissions.model import Record


class Allow(Record):
    """The operation may run. ``rule`` names the rule, for example ``role operator, rule 2``.

    ``provisional``: a rule depends on what only the worker sees, so this holds if the worker agrees.
    """

    outcome: Literal["allow"] = "allow"
    rule: str
    provisional: bool = False


class Deny(Record):
    """The operation may not run. ``reason`` is a sentence for the asker, ``hint`` what to do."""

    outcome: Literal["deny"] = "deny"
    rule: str
    reason: str
    hint: str


class NeedsApproval(Record):
    """The operation may run once people have agreed, on the ``terms``.

    They are the rule's, and those of the freezes that are ``excepted`` then, by name.
    ``provisional``: a rule depends on what only the worker sees, so it may come out otherwise there.
    """

    outcome: Literal["needs_approval"] = "needs_approval"
    rule: str
    terms: Terms
    provisional: bool = False
    excepted: tuple[str, ...] = ()


Decision = Annotated[Allow | Deny | NeedsApproval, Field(discriminator="outcome")]
