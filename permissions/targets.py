"""What a rule is about, by kind of object: lists of targets, kept so that many can be asked at once."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, NamedTuple, Self

from pydantic import model_validator

from permissions.facts import Condition, conditions
from permissions.model import Record
from permissions.names import expression
from permissions.patterns import target_of
from permissions.verbs import Kind


class Quick(NamedTuple):
    """Targets of one kind, to be asked at once: plain names, patterns of names, and what says more."""

    names: frozenset[str]
    shapes: re.Pattern[str] | None
    others: tuple[tuple[Condition, ...], ...]

    @classmethod
    def of(cls, kind: Kind, targets: tuple[str, ...]) -> Self:
        """Sorts them."""
        parts = {text: conditions(kind, text) for text in targets}
        plain = [text for text in targets if [part.about for part in parts[text]] == [""]]
        shaped = [text for text in plain if "*" in text or "?" in text]
        return cls(
            names=frozenset(plain) - set(shaped),
            shapes=re.compile("|".join(map(expression, shaped)), re.DOTALL) if shaped else None,
            others=tuple(parts[text] for text in targets if text not in plain),
        )

    def cover(self, name: str) -> bool:
        """Whether a name is among them, the others left aside."""
        return name in self.names or (self.shapes is not None and self.shapes.fullmatch(name) is not None)


class Targets(Record):
    """Patterns of names, and conditions, by kind (:mod:`permissions.facts`).

    What a rule's ``targets`` does not list, the rule does not reach.
    """

    container: tuple[Annotated[str, target_of(Kind.CONTAINER)], ...] = ()
    image: tuple[Annotated[str, target_of(Kind.IMAGE)], ...] = ()
    network: tuple[Annotated[str, target_of(Kind.NETWORK)], ...] = ()
    volume: tuple[Annotated[str, target_of(Kind.VOLUME)], ...] = ()
    registry: tuple[Annotated[str, target_of(Kind.REGISTRY)], ...] = ()

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any(True for _ in self.each()):
            raise ValueError("`targets` names nothing; leave it out to mean any target")
        return self

    def patterns(self, kind: Kind) -> tuple[str, ...]:
        """The patterns for one kind; none for a kind that has no names."""
        found: tuple[str, ...] = getattr(self, kind.value, ())
        return found

    @cached_property
    def quick(self) -> dict[Kind, "Quick"]:
        """The same patterns, for the kinds whose names are compared as they are."""
        return {
            kind: Quick.of(kind, self.patterns(kind)) for kind in (Kind.CONTAINER, Kind.NETWORK, Kind.VOLUME)
        }

    def each(self) -> Iterator[tuple[Kind, str]]:
        """Every pattern with its kind."""
        for kind in Kind:
            yield from ((kind, pattern) for pattern in self.patterns(kind))
