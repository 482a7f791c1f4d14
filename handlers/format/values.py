"""Go's view of the engine's JSON: what a template sees when the CLI decoded it into its own types.

Three families of value meet in a template: plain JSON (dict, list, str, number, bool, None), typed
values (:class:`Struct`, :class:`Pointer`, :class:`Slice`, :class:`Dict`, :class:`Time`) and the rows of
a listing (:class:`View`). Numbers, texts and booleans are Python's own.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

Value = Any
"""Whatever a template can hold; closed by the families above."""


class Invalid:
    """Go's "no value": a missing map key. Prints ``<no value>``."""


INVALID = Invalid()


@dataclass(frozen=True, slots=True)
class Type:
    """A Go type as far as decoding, printing and encoding need it."""

    name: str

    def zero(self) -> Value:
        """The value of a field that the engine did not send."""
        return self.decode(None)

    def decode(self, data: Value) -> Value:
        """The typed value of decoded JSON; a null is the zero value."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Scalar(Type):
    """A text, number or boolean; ``default`` is its zero value."""

    default: str | int | bool

    def decode(self, data: Value) -> Value:
        """The value itself."""
        return self.default if data is None else data


@dataclass(frozen=True, slots=True)
class AnyType(Type):
    """``interface {}``: JSON as it came."""

    def decode(self, data: Value) -> Value:
        """The JSON itself."""
        return data


@dataclass(frozen=True, slots=True)
class TimeType(Type):
    """``time.Time``."""

    def decode(self, data: Value) -> Value:
        """The time, year 1 when none was sent."""
        return Time(data or "0001-01-01T00:00:00Z")


@dataclass(frozen=True, slots=True)
class PointerType(Type):
    """A pointer; null is nil."""

    element: Type

    def decode(self, data: Value) -> Value:
        """A :class:`Pointer`, nil for null."""
        return Pointer(self, None if data is None else self.element.decode(data))


@dataclass(frozen=True, slots=True)
class SliceType(Type):
    """A list; null is the nil slice, which is empty but encodes as null."""

    element: Type

    def decode(self, data: Value) -> Value:
        """A :class:`Slice`."""
        return Slice(self, [self.element.decode(item) for item in data or ()], is_nil=data is None)


@dataclass(frozen=True, slots=True)
class MapType(Type):
    """A map with text keys; null is the nil map."""

    element: Type

    def decode(self, data: Value) -> Value:
        """A :class:`Dict`."""
        items = {key: self.element.decode(item) for key, item in (data or {}).items()}
        return Dict(self, items, is_nil=data is None)


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a struct: Go's name, JSON's name, whether an empty value is left out of JSON."""

    name: str
    type: Type
    key: str
    omit_empty: bool = False


@dataclass(frozen=True, slots=True)
class StructType(Type):
    """A struct; embedded structs stand flattened among its members."""

    members: tuple[Member, ...]
    prints_as: Callable[["Struct"], str] | None = None
    """Go's ``String`` method, where the type has one."""

    def decode(self, data: Value) -> Value:
        """A :class:`Struct`; keys that the type does not know are dropped, as Go does."""
        known = data or {}
        return Struct(self, {m.name: m.type.decode(known.get(m.key)) for m in self.members})


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct's values by Go field name, in the type's order."""

    type: StructType
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer; ``target`` None is nil."""

    type: PointerType
    target: Value


class Slice(list[Value]):
    """A typed list that remembers whether it is nil."""

    def __init__(self, type_: SliceType, items: list[Value], *, is_nil: bool = False) -> None:
        super().__init__(items)
        self.type = type_
        self.is_nil = is_nil


class Dict(dict[str, Value]):
    """A typed map that remembers whether it is nil."""

    def __init__(self, type_: MapType, items: dict[str, Value], *, is_nil: bool = False) -> None:
        super().__init__(items)
        self.type = type_
        self.is_nil = is_nil


@dataclass(frozen=True, slots=True)
class Time:
    """A ``time.Time`` as RFC 3339 text of the engine."""

    text: str

    def __str__(self) -> str:
        """Go's ``2006-01-02 15:04:05.999999999 -0700 MST``."""
        stamp, _, fraction = self.text.removesuffix("Z").partition(".")
        digits = fraction.rstrip("0")
        if self.text.endswith("Z"):
            offset = "+0000 UTC"
        else:
            plain = datetime.fromisoformat(self.text).strftime("%z")
            stamp, digits = stamp[:19], fraction[:-6].rstrip("0")
            offset = f"{plain} {plain}"
        return f"{stamp.replace('T', ' ')}{'.' if digits else ''}{digits} {offset}"


@dataclass(frozen=True, slots=True)
class View:
    """One row of a listing: cells computed when a template asks for them.

    ``name`` is the Go type that errors speak of. ``label`` answers ``{{.Label "x"}}``. ``open`` rows
    (table headers) answer unknown cells with "no value" in place of an error. ``encoding`` is called before
    the row becomes a document.
    """

    name: str
    cells: Mapping[str, Callable[[], Value]]
    label: Callable[[str], str] | None = None
    open: bool = False
    encoding: Callable[[], None] | None = None
    touched: set[str] = field(default_factory=set)

    def cell(self, name: str) -> Value:
        """The cell's value; KeyError when there is none."""
        compute = self.cells[name]
        self.touched.add(name)
        return compute()

    def document(self) -> dict[str, Value]:
        """Every cell, by name: what ``{{json .}}`` shows."""
        if self.encoding is not None:
            self.encoding()
        return {name: self.cell(name) for name in sorted(self.cells)}


def type_name(value: Value) -> str:  # noqa: C901, PLR0911 - a case for each family
    """The Go name of a value's type."""
    match value:
        case None | Invalid():
            return "<nil>"
        case Struct() | Pointer() | Slice() | Dict():
            return value.type.name
        case View():
            return value.name
        case Time():
            return "time.Time"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case dict():
            return "map[string]interface {}"
        case list():
            return "[]interface {}"
        case _:
            return "func"


def show(value: Value, *, nested: bool = False) -> str:  # noqa: C901, PLR0911, PLR0912 - as above
    """What ``{{.}}`` prints: Go's ``%v``."""
    match value:
        case None:
            return "<nil>"
        case Invalid():
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float():
            return show_float(value)
        case Pointer():
            if value.target is None:
                return "<nil>"
            # Go prints the address of a pointer inside something else; ours would mean nothing.
            return "0xc000000000" if nested else show(value.target)
        case Struct() if value.type.prints_as is not None:
            return value.type.prints_as(value)
        case Struct():
            return "{" + " ".join(show(item, nested=True) for item in value.values.values()) + "}"
        case dict():
            return "map[" + " ".join(f"{key}:{show(value[key], nested=True)}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(show(item, nested=True) for item in value) + "]"
        case View():
            return show(value.document())
        case _:
            return str(value)


def show_float(value: float) -> str:
    """Go's shortest form: an exponent from a million on."""
    if not math.isfinite(value):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN")
    digits = len(Decimal(repr(value)).normalize().as_tuple().digits)
    scientific = f"{value:.{digits - 1}e}"
    exponent = int(scientific.split("e")[1])
    return f"{value:.{max(digits, exponent + 1)}g}" if -4 <= exponent < 6 else scientific
