"""The pieces that the limits are declared with: a check looks at one value and notes what is wrong."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any
"""A decoded JSON value as an app sent it."""

Check = Callable[[Json, str, "Walk"], None]
"""Looks at a value that stands at a JSON pointer and notes problems in the walk."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for a refusal, in the shape of Slack's ``blocks.validate``.

    ``pointer`` is a JSON pointer into what was sent, ``code`` is from a closed list, ``constraint`` the
    limit that was broken, ``name`` the name of the missing or unknown field.
    """

    pointer: str
    code: str
    message: str
    constraint: Mapping[str, Json] | None = None
    name: str | None = None

    def as_json(self) -> dict[str, Json]:
        """As ``blocks.validate`` answers it."""
        shape: dict[str, Json] = {"pointer": self.pointer, "code": self.code, "message": self.message}
        if self.constraint is not None:
            shape["constraint"] = dict(self.constraint)
        if self.name is not None:
            shape["field"] = self.name
        return shape

    def as_line(self) -> str:
        """As the other methods put it into ``errors``."""
        return f"{self.message} [json-pointer:{self.pointer}]"


@dataclass(slots=True)
class Walk:
    """What one pass over a payload has found: problems, the characters shown, the tables met."""

    problems: list[Problem] = field(default_factory=list)
    characters: int = 0
    tables: list[str] = field(default_factory=list)

    def note(
        self, pointer: str, code: str, message: str, name: str | None = None, **constraint: Json
    ) -> None:
        """Adds a problem; keyword arguments become its constraint."""
        self.problems.append(Problem(pointer, code, message, constraint or None, name))


def wrong_type(walk: Walk, at: str, expected: str) -> None:
    """Notes a value of the wrong JSON type."""
    walk.note(at, "wrong_type", f"must be {expected}", type="type", expected=expected)


def length(value: str, at: str, walk: Walk, low: int, high: int | None) -> None:
    """Checks the number of characters."""
    size = len(value)
    if size < low:
        walk.note(
            at, "too_short", f"must be more than {low - 1} characters", type="min_length", min=low, got=size
        )
    elif high is not None and size > high:
        walk.note(
            at, "too_long", f"must be less than {high + 1} characters", type="max_length", max=high, got=size
        )


def count(value: list[Json], at: str, walk: Walk, low: int, high: int | None) -> None:
    """Checks the number of items."""
    size = len(value)
    if size < low:
        walk.note(
            at, "too_few_items", f"no less than {low} items required", type="min_items", min=low, got=size
        )
    elif high is not None and size > high:
        walk.note(
            at, "too_many_items", f"no more than {high} items allowed", type="max_items", max=high, got=size
        )


def string(low: int = 1, high: int | None = None, *, shown: bool = False) -> Check:
    """A string of ``low`` to ``high`` characters; ``shown`` ones count towards a message's sum."""

    def check(value: Json, at: str, walk: Walk) -> None:
        if type(value) is not str:
            wrong_type(walk, at, "a string")
            return
        if shown:
            walk.characters += len(value)
        length(value, at, walk, low, high)

    return check


def boolean(value: Json, at: str, walk: Walk) -> None:
    """True or false."""
    if type(value) is not bool:
        wrong_type(walk, at, "a boolean")


def number(low: float | None = None, high: float | None = None, *, whole: bool = True) -> Check:
    """A number within bounds."""

    def check(value: Json, at: str, walk: Walk) -> None:
        if type(value) is not int and (whole or type(value) is not float):
            wrong_type(walk, at, "an integer" if whole else "a number")
        elif (low is not None and value < low) or (high is not None and value > high):
            walk.note(
                at, "out_of_range", f"must be between {low} and {high}", type="range", min=low, max=high
            )

    return check


def one_of(*allowed: Json) -> Check:
    """One of a closed list."""

    def check(value: Json, at: str, walk: Walk) -> None:
        if value not in allowed:
            walk.note(at, "invalid_value", _expected(allowed), type="enum", expected=list(allowed), got=value)

    return check


def _expected(allowed: Collection[Json]) -> str:
    return "value must be one of: " + ", ".join(str(one) for one in allowed)


def items(check_item: Check, low: int = 0, high: int | None = None) -> Check:
    """A list whose every item passes ``check_item``."""

    def check(value: Json, at: str, walk: Walk) -> None:
        if type(value) is not list:
            wrong_type(walk, at, "a list")
            return
        count(value, at, walk, low, high)
        for index, item in enumerate(value):
            check_item(item, f"{at}/{index}", walk)

    return check


class Shape:
    """An object with known fields; ``also`` looks at rules that concern several of them."""

    def __init__(
        self,
        required: Mapping[str, Check] | None = None,
        optional: Mapping[str, Check] | None = None,
        also: Check | None = None,
    ) -> None:
        self.required = tuple(required or ())
        self.fields: dict[str, Check] = {**(required or {}), **(optional or {})}
        self.also = also

    def __call__(self, value: Json, at: str, walk: Walk) -> None:
        """Checks presence, absence of anything else, then every field."""
        if type(value) is not dict:
            wrong_type(walk, at, "an object")
            return
        fields = self.fields
        for name in self.required:
            if name not in value:
                walk.note(at, "missing_field", f"missing required field: {name}", name, type="required")
        for name, item in value.items():
            known = fields.get(name)
            if known is None:
                walk.note(at, "unknown_field", f"invalid additional property: {name}", name, type="known")
            else:
                known(item, f"{at}/{name}", walk)
        if self.also is not None:
            self.also(value, at, walk)


def typed(shapes: Mapping[str, Check], allowed: Collection[str] | None = None) -> Check:
    """An object whose ``type`` names its shape; ``allowed`` narrows what may stand here."""
    names = tuple(shapes if allowed is None else allowed)

    def check(value: Json, at: str, walk: Walk) -> None:
        if type(value) is not dict:
            wrong_type(walk, at, "an object")
            return
        name = value.get("type")
        if name is None:
            walk.note(at, "missing_field", "missing required field: type", "type", type="required")
        elif type(name) is not str or name not in shapes or name not in names:
            walk.note(
                f"{at}/type",
                "unknown_type",
                f"unsupported type: {name}",
                type="enum",
                expected=list(names),
                got=name,
            )
        else:
            shapes[name](value, at, walk)

    return check


def kind(name: str) -> Check:
    """The ``type`` field itself; :func:`typed` has chosen the shape by it, a bare Shape has not."""
    return one_of(name)


def anything(_value: Json, _at: str, _walk: Walk) -> None:
    """Not looked at."""
