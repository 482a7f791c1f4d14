"""Ends what is in force before its time: each kind by whoever looks after it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.own.revoke_lines import Revoke
from bot.own.said import Said
from bot.reply import Told
from handlers.faults import Fault, Reason
from handlers.grammar.command import Command

Revokes = Callable[[str, Said], Awaitable[Told]]
"""Ends the one of this id, if whoever says so may; raises Fault."""


@dataclass(frozen=True)
class RevokeDesk:
    """``kinds`` by the letter that their ids begin with."""

    kinds: Mapping[str, Revokes]

    lines = (Revoke,)

    async def answer(self, line: Command, said: Said) -> Told:
        """Ends it; raises Fault."""
        if not isinstance(line, Revoke):
            raise TypeError(f"{line.path} is no line that ends anything")
        revokes = self.kinds.get(line.letter)
        if revokes is None:
            raise Fault(f"There is no {line.record_id}.", reason=Reason.NOT_FOUND)
        return await revokes(line.record_id, said)
