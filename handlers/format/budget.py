"""What one command's templates may cost: a template is a program that somebody typed into a chat."""

import math
import time
from dataclasses import dataclass, field
from typing import Self

from handlers.faults import Fault, Reason

SOURCE_CHARS = 16_384
STEPS = 250_000
CHARS = 8_000_000
CPU_SECONDS = 0.5
DEPTH = 100
CLOCK_EVERY = 64
LARGE = 1_024
"""So many characters at once are work of their own; fewer are made at a step, which looks at the clock."""


def refused(what: str) -> Fault:
    """The fault of a template that costs too much."""
    return Fault(
        f"the template {what}", reason=Reason.TEMPLATE, hint="Use a shorter template, or `--format json`."
    )


@dataclass(slots=True)
class Budget:
    """Counters shared by every execution of one command; each raises Fault when it runs out.

    Steps and characters bound work and memory the same on every machine; processor time of this
    thread bounds what they misjudge, whatever else the machine is doing.
    """

    steps: int = 0
    chars: int = 0
    deadline: float = field(default_factory=lambda: time.thread_time() + CPU_SECONDS)

    @classmethod
    def of_ours(cls) -> Self:
        """Without an end: for a format that is not typed but ours, whose cost is that of its rows."""
        return cls(steps=-(2**62), chars=-(2**62), deadline=math.inf)

    def step(self) -> None:
        """Counts one evaluated node."""
        self.steps += 1
        if self.steps > STEPS:
            raise refused("takes too many steps")
        if self.steps % CLOCK_EVERY == 0:
            self.check_time()

    def check_time(self) -> None:
        """Compares the processor time used with the deadline."""
        if time.thread_time() > self.deadline:
            raise refused("takes too long")

    def spend(self, chars: int) -> None:
        """Counts characters about to be made or printed."""
        self.chars += chars
        if self.chars > CHARS:
            raise refused("makes too much text")
        if chars >= LARGE:
            self.check_time()
