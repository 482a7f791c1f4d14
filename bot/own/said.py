"""A line of ``docktalk`` on its way to the desk that answers it."""

from dataclasses import dataclass
from typing import Protocol

from bot.policy.file import LoadedPolicy
from bot.reply import Accepted, Help
from bot.request import Request
from handlers.grammar.command import Command
from permissions.operation import Principal
from permissions.policy import Policy


@dataclass(frozen=True)
class Said:
    """Who says it, where, and the policy at this moment."""

    request: Request
    principal: Principal
    loaded: LoadedPolicy

    @property
    def policy(self) -> Policy:
        """What decides."""
        return self.loaded.policy


class Desk(Protocol):
    """Answers lines of some classes."""

    @property
    def lines(self) -> tuple[type[Command], ...]:
        """The classes that it answers, and those derived from them."""
        ...

    async def answer(self, line: Command, said: Said) -> Accepted | Help:
        """Does what the line says; raises Fault."""
        ...
