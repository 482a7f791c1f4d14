"""Looking once more at what became of a change: nothing is run, and nothing is changed."""

from dataclasses import dataclass
from typing import NoReturn

from bot.jobs.aftermath import judged
from bot.jobs.command_wire import Catalogue, from_wire
from bot.jobs.journal import Journal
from bot.jobs.wire import CheckOrder
from handlers.context import Engine
from handlers.faults import Fault, Reason
from handlers.outcome import Begun
from permissions.ticket import SealedValue

NO_TRACE = "What this does leaves nothing behind that could be looked at."


@dataclass(frozen=True)
class Look:
    """Looks at the objects that the journal of this worker knows a change by, else at those of its names."""

    engine: Engine
    catalogue: Catalogue
    journal: Journal

    def at(self, order: CheckOrder) -> tuple[str, str]:
        """The reason that fits what was seen, "" for done, and the sentences; ValueError for no command."""
        command = from_wire(order.command, self.catalogue, _no_secrets).only(order.agreed)
        begun = self.journal.begun(order.nonce) or Begun(since=order.since)
        try:
            found = command.outcome(self.engine, begun)
        except Fault as fault:
            return Reason.OUTCOME_UNKNOWN, f"It could not be looked at: {fault.message}"
        reason, lines = judged(found)
        return reason, lines or NO_TRACE


def _no_secrets(_: SealedValue) -> NoReturn:
    raise ValueError("an order to look carries no secrets")
