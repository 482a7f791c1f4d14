"""The lines about locks under ``/docktalk``."""

import re
from typing import Annotated

from bot.written import as_kept, check_length, check_spelled, spelled
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Verb

MAX_REASON = 200
"""Characters of a lock's reason: it stands in every refusal."""
MOST_SECONDS = 30 * 86_400

_TARGET = re.compile(
    r"(?P<host>[A-Za-z0-9_.*?-]{1,128})(?:/(?P<container>[A-Za-z0-9][A-Za-z0-9_.-]{0,254}))?"
)
_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class SetLock(
    Command,
    path="lock",
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example='lock prod-1/web --reason "looking at the heap" --for 2h',
    usage="docker lock [OPTIONS] HOST[/CONTAINER]",
):
    """Stop everybody else from changing a container, a host, or everything, until you release it."""

    target: Annotated[tuple[str, ...], Arg("HOST[/CONTAINER]", least=0)] = ()
    everything: Annotated[bool, Opt("--everything", help="Lock all hosts", type=BOOL)] = False
    lasts: Annotated[str, Opt("--for", help="Release it by itself after that time (30m, 2h, 1d)")] = ""
    reason: Annotated[str, Opt("--reason", help="Told to everybody whom it stops")] = ""

    def check(self) -> None:
        """Raises UsageFault for no target or several, no reason, and a time that is none."""
        if self.everything == bool(self.target) or len(self.target) > 1:
            raise _wrong("say what to lock: one HOST, one HOST/CONTAINER, or --everything")
        if self.target and not _TARGET.fullmatch(self.target[0]):
            raise _wrong(f"{self.target[0]!r} is no host, nor a container of one")
        if not self.reason.strip():
            raise _wrong("give a --reason: it is told to everybody whom the lock stops")
        check_length("reason", self.reason, MAX_REASON)
        if self.lasts and (not _SPAN.fullmatch(self.lasts) or self.seconds > MOST_SECONDS):
            raise _wrong(f"{self.lasts!r} is no time up to 30d: write 30m, 2h or 1d")

    @property
    def host(self) -> str:
        """The host's name or pattern, "" for every host."""
        found = _TARGET.fullmatch(self.target[0]) if self.target else None
        return found["host"] if found else ""

    @property
    def container(self) -> str:
        """The container's name, "" for all."""
        found = _TARGET.fullmatch(self.target[0]) if self.target else None
        return (found["container"] or "") if found else ""

    @property
    def seconds(self) -> float:
        """How long it lasts by itself, 0 for no end."""
        found = _SPAN.fullmatch(self.lasts)
        return float(int(found[1]) * _SECONDS[found[2]]) if found else 0.0

    @property
    def told(self) -> str:
        """The reason as it is shown: on one line, without what looks secret."""
        return as_kept(self.reason)


class ListLocks(Command, path="locks", verb=Verb.LIST, danger=Danger.SAFE, example="locks"):
    """List what is locked or frozen: by whom, why, and until when."""


class Unlock(Command, path="unlock", verb=Verb.OPERATE, danger=Danger.SAFE, example="unlock K-3"):
    """Release a lock by its id: your own, or another's if the policy lets you."""

    lock: Annotated[str, Arg("LOCK")]

    def check(self) -> None:
        """Raises UsageFault for what is no lock's id."""
        check_spelled(self.lock, "K", what="lock", example="K-3", hint="`/docktalk locks` lists them.")

    @property
    def lock_id(self) -> str:
        """The id in its one spelling."""
        return spelled(self.lock, "K")


LINES = (SetLock, ListLocks, Unlock)


def _wrong(sentence: str) -> UsageFault:
    hint = '`/docktalk lock prod-1/web --reason "looking at the heap" --for 2h`, for example.'
    return UsageFault(sentence, reason=Reason.BAD_VALUE, exit_code=1, hint=hint)
