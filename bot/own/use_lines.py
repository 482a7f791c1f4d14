"""The line that gives a thread its target, under ``/docktalk``."""

import re
from typing import Annotated

from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Verb

_TARGET = re.compile(r"([^/\s]+)(?:/([A-Za-z0-9][A-Za-z0-9_.-]*))?")
MAX_TARGET = 300


class Use(
    Command,
    path="use",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="use prod-1/web",
    usage="docker use [OPTIONS] [HOST[/CONTAINER]]",
):
    """Say which host, and which container, the lines of this thread are about; or show it."""

    clear: Annotated[bool, Opt("--clear", help="Forget it", type=BOOL)] = False
    target: Annotated[str | None, Arg("HOST[/CONTAINER]")] = None

    def check(self) -> None:
        """Raises UsageFault for what is no target, or one beside ``--clear``."""
        if self.target is not None and (
            self.clear or len(self.target) > MAX_TARGET or not _TARGET.fullmatch(self.target)
        ):
            raise UsageFault(
                f"{self.target!r} is no host, nor a container of one: write prod-1, or prod-1/web",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="`use --clear` forgets it, `use` alone shows it.",
            )

    @property
    def parts(self) -> tuple[str, str]:
        """The host and the container, "" for none."""
        found = _TARGET.fullmatch(self.target or "")
        return (found[1], found[2] or "") if found else ("", "")


LINES = (Use,)
