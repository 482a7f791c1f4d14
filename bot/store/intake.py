"""An entry on its way into the audit's intake, and what is said when the intake takes no more."""

from dataclasses import dataclass

from handlers.faults import Fault, Reason

INTAKE_ENTRIES = 10_000
"""With so many entries that are not on disk yet, nothing is taken any more."""

INTAKE_MS = 60_000
"""With an entry that has waited so long, no change is accepted: the chainer is not at work."""


class NotRecorded(Fault):
    """The audit takes no more: nothing may be run, and nothing told."""

    reason = Reason.NOT_RECORDED

    def __init__(self) -> None:
        super().__init__(
            "This cannot be recorded. Nothing was run.",
            hint="Tell an operator: the audit on the bot's machine is not being written.",
        )


@dataclass(frozen=True, slots=True)
class IntakeEntry:
    """An entry as it is stored: compact JSON, and its keyed digest. ``void`` is what it says of others."""

    number: int
    text: str
    mac: str
    void: tuple[int, ...] = ()
