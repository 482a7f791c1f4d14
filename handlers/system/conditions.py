"""The ``--filter`` of prune, read for a preview: the engine itself has no dry run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from handlers.container.moments import check_moment, moment
from handlers.context import Clock

NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the engine goes by: labels to have, labels not to have, the newest age in epoch seconds."""

    labels: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    until: float | None = None

    @classmethod
    def of(cls, filters: Iterable[str], clock: Clock) -> Self:
        """Those of parsed ``name=value`` filters; a time that is none matches nothing."""
        pairs = [text.partition("=")[::2] for text in filters if text]
        return cls(
            labels=tuple(value for name, value in pairs if name == "label"),
            without=tuple(value for name, value in pairs if name == "label!"),
            until=min((_epoch(value, clock) for name, value in pairs if name == "until"), default=None),
        )

    def match(self, labels: Mapping[str, str] | None, created: float = NEVER) -> bool:
        """Whether an object with these labels, made then, would go."""
        own = labels or {}
        wanted = all(_has(own, label) for label in self.labels)
        return wanted and not any(_has(own, label) for label in self.without) and self.old(created)

    def old(self, since: float) -> bool:
        """Whether something made or used at that time is old enough."""
        return self.until is None or since <= self.until


def _epoch(text: str, clock: Clock) -> float:
    try:
        check_moment("until", text)
    except ValueError:
        return NEVER
    return float(moment(text, clock) or 0)


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)
