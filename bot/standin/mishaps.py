"""Faults on demand: the next calls of a method fail the way a network or Slack itself fails."""

from dataclasses import dataclass
from enum import StrEnum


class Mishap(StrEnum):
    """What goes wrong. *Before*: the call changed nothing. *After*: it was applied, the answer was lost."""

    SERVER_ERROR = "server_error"
    INTERNAL_ERROR = "internal_error"
    RATE_LIMITED = "rate_limited"
    TIME_OUT_BEFORE = "time_out_before"
    TIME_OUT_AFTER = "time_out_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"

    @property
    def applies(self) -> bool:
        """Whether the call takes effect all the same."""
        return self in {Mishap.TIME_OUT_AFTER, Mishap.DROP_AFTER}


@dataclass(slots=True)
class _Planned:
    kind: Mishap | str
    left: int
    retry_after: int


class Mishaps:
    """What was ordered for the coming calls."""

    def __init__(self) -> None:
        self._planned: dict[str, list[_Planned]] = {}

    def next(self, method: str, kind: Mishap | str, times: int = 1, *, retry_after: int = 1) -> None:
        """The next ``times`` calls of ``method`` end so; a plain string is answered as Slack's ``error``."""
        self._planned.setdefault(method, []).append(_Planned(kind, times, retry_after))

    def take(self, method: str) -> tuple[Mishap | str, int] | None:
        """What this call has to suffer, with the seconds for ``Retry-After``."""
        planned = self._planned.get(method)
        if not planned:
            return None
        first = planned[0]
        first.left -= 1
        if first.left <= 0:
            planned.pop(0)
        return first.kind, first.retry_after
