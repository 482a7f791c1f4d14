"""The functions a template can call: Go's own and docker's."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from gotpl._compat.gofmt.go import sprintf
from gotpl._compat.gofmt.types import GoFormatSpec

from handlers.format.budget import Budget, refused
from handlers.format.encode import compact
from handlers.format.schema import TEXTS
from handlers.format.values import (
    INVALID,
    Dict,
    Pointer,
    Slice,
    Struct,
    Time,
    Value,
    View,
    show,
    type_name,
)

WIDEST = 1_000_000
"""Go's own bound on widths and precisions in ``printf``."""

_HTML = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
_DIRECTIVE_NUMBERS = re.compile(r"\d+")
_WORD_START = re.compile(r"(?<![^\W])\w")


class FunctionError(Exception):
    """A function refuses its arguments; the text is Go's sentence."""


def _no_guard(budget: Budget, values: Sequence[Value]) -> None:
    """The result is no bigger than the arguments, which were counted when they were made."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function with the types of its parameters: any, string or int.

    ``rest`` is the type of further arguments, "" for none. ``guard`` counts what the call will make
    before it makes it.
    """

    name: str
    parameters: tuple[str, ...]
    call: Callable[..., Value]
    rest: str = ""
    guard: Callable[[Budget, Sequence[Value]], None] = _no_guard

    def parameter(self, index: int) -> str:
        """The type of the parameter at that position."""
        return self.parameters[index] if index < len(self.parameters) else self.rest


Table = Mapping[str, Function]


def truth(value: Value) -> bool:
    """Go's idea of a true value: not empty, not zero, not nil; a struct always is."""
    if value is INVALID or value is None:
        return False
    if isinstance(value, Pointer):
        return value.target is not None
    return True if isinstance(value, Struct | View | Time) else bool(value)


def _item(value: Value) -> Value:
    return value.target if isinstance(value, Pointer) and value.target is not None else value


def _position(index: Value, length: int) -> int:
    """An index up to the length itself, as Go checks it."""
    if index is None:
        raise FunctionError("cannot index slice/array with nil")
    if isinstance(index, bool) or not isinstance(index, int):
        raise FunctionError(f"cannot index slice/array with type {type_name(index)}")
    if index < 0 or index > length:
        raise FunctionError(f"index out of range: {index}")
    return index


def _at(items: Sequence[Value], key: Value, kind: str) -> Value:
    place = _position(key, len(items))
    if place == len(items):
        raise FunctionError(f"reflect: {kind} index out of range")
    return items[place]


def index(value: Value, *keys: Value) -> Value:
    """``index .List 0 "key"``."""
    if value is None:
        raise FunctionError("index of untyped nil")
    for key in keys:
        value = _item(value)
        match value:
            case str():
                value = _at(value.encode(), key, "string")
            case list():
                value = _at(value, key, "slice")
            case dict():
                if not isinstance(key, str):
                    raise FunctionError(f"value has type {type_name(key)}; should be string")
                absent = value.type.element.zero() if isinstance(value, Dict) else None
                value = value.get(key, absent)
            case None:
                raise FunctionError("index of nil pointer")
            case _:
                raise FunctionError(f"can't index item of type {type_name(value)}")
    return value


def cut(value: Value, *bounds: Value) -> Value:
    """``slice .Text 0 3``."""
    value = _item(value)
    if value is None:
        raise FunctionError("slice of untyped nil")
    if len(bounds) > 3:
        raise FunctionError(f"too many slice indexes: {len(bounds)}")
    if not isinstance(value, str | list):
        raise FunctionError(f"can't slice item of type {type_name(value)}")
    if isinstance(value, str) and len(bounds) == 3:
        raise FunctionError("cannot 3-index slice a string")
    whole = value.encode() if isinstance(value, str) else value
    places = [_position(bound, len(whole)) for bound in bounds]
    start, stop = [*places, 0][0], [*places[1:2], len(whole)][0]
    if start > stop:
        raise FunctionError(f"invalid slice index: {start} > {stop}")
    part = whole[start:stop]
    return part.decode(errors="replace") if isinstance(part, bytes) else part


def length(value: Value) -> int:
    """``len``; of a text in bytes."""
    value = _item(value)
    if value is None:
        raise FunctionError("len of nil pointer")
    if isinstance(value, str):
        return len(value.encode())
    if not isinstance(value, list | dict):
        raise FunctionError(f"len of type {type_name(value)}")
    return len(value)


def _nil(value: Value) -> Value:
    return None if isinstance(value, Pointer) and value.target is None else value


def equal(first: Value, *others: Value) -> bool:
    """Whether the first equals any of the others."""
    if not others:
        raise FunctionError("missing argument for comparison")
    for value in (first, *others):
        if isinstance(value, list | dict):
            raise FunctionError(f"non-comparable type {show(value)}: {type_name(value)}")
    first = _nil(first)
    for other in map(_nil, others):
        if first is None or other is None:
            if first is other:
                return True
        elif type_name(first) != type_name(other):
            raise FunctionError("incompatible types for comparison")
        elif first == other:
            return True
    return False


def less(first: Value, second: Value) -> bool:
    """Order of numbers and texts."""
    kinds = {type_name(first), type_name(second)}
    if not kinds <= {"int", "float64", "string"}:
        raise FunctionError("invalid type for comparison")
    if len(kinds) > 1:
        raise FunctionError("incompatible types for comparison")
    return bool(first < second)


def spaced(*values: Value) -> str:
    """``print``: a blank between two values neither of which is a text."""
    parts: list[str] = []
    for number, value in enumerate(values):
        if number and not isinstance(value, str) and not isinstance(values[number - 1], str):
            parts.append(" ")
        parts.append(show(value))
    return "".join(parts)


def line(*values: Value) -> str:
    """``println``."""
    return " ".join(map(show, values)) + "\n"


class _Formatted:
    """A value that the library's ``printf`` does not know: lists, maps and structs go item by item."""

    def __init__(self, value: Value) -> None:
        self.value = value

    def __go_format__(self, spec: GoFormatSpec) -> str:
        """One directive's text."""
        if spec.verb == "T":
            return type_name(self.value)
        width = "" if spec.width is None else str(spec.width)
        precision = "" if spec.precision is None else f".{spec.precision}"
        form = f"%{spec.flags}{width}{precision}{spec.verb}"
        match self.value:
            case list():
                return f"[{' '.join(formatted(form, item) for item in self.value)}]"
            case dict():
                pairs = (f"{formatted(form, k)}:{formatted(form, self.value[k])}" for k in sorted(self.value))
                return f"map[{' '.join(pairs)}]"
            case Struct():
                return f"{{{' '.join(formatted(form, item) for item in self.value.values.values())}}}"
            case _:
                return show(self.value)


def formatted(form: str, *values: Value) -> str:
    """``printf``."""
    arguments = [_item(value) for value in values]
    known = str | int | float | None
    wrapped = [value if isinstance(value, known) else _Formatted(value) for value in arguments]
    try:
        text: str = sprintf(form, *wrapped)
    except (ValueError, OverflowError) as error:
        raise FunctionError(str(error)) from None
    return text


def _guard_printf(budget: Budget, values: Sequence[Value]) -> None:
    form = values[0]
    longest = max((len(show(value)) for value in values[1:]), default=0)
    numbers = [int(n[:12]) for n in _DIRECTIVE_NUMBERS.findall(form)]
    numbers += [abs(v) for v in values[1:] if isinstance(v, int)] if "*" in form else []
    if any(number > WIDEST for number in numbers):
        raise refused(f"pads to more than {WIDEST} characters")
    budget.spend(len(form) + sum(numbers) + form.count("%") * 4 * longest)


def _guard_shown(budget: Budget, values: Sequence[Value]) -> None:
    for value in values:
        budget.spend(0 if isinstance(value, str) else len(show(value)))


def _guard_pad(budget: Budget, values: Sequence[Value]) -> None:
    budget.spend(len(values[0]) + max(values[1], 0) + max(values[2], 0))


def _guard_join(budget: Budget, values: Sequence[Value]) -> None:
    budget.spend(len(values[1]) * len(values[0]))


def call(function: Value, *arguments: Value) -> Value:
    """``call``: docker's data holds no functions."""
    del arguments
    if function is None:
        raise FunctionError("call of nil")
    raise FunctionError(f"non-function of type {type_name(function)}")


def _escaped(table: Mapping[str, str]) -> Callable[..., str]:
    def escape(*values: Value) -> str:
        return "".join(table.get(character, character) for character in spaced(*values))

    return escape


def _script(*values: Value) -> str:
    def escape(character: str) -> str:
        if character in _JS:
            return _JS[character]
        if character < " ":
            return f"\\u{ord(character):04X}"
        return character if character.isprintable() else f"\\u{ord(character):04X}"

    return "".join(map(escape, spaced(*values)))


def split(text: str, separator: str) -> list[Value]:
    """``strings.Split``."""
    return Slice(TEXTS, list(text.split(separator) if separator else text))


def join(texts: list[str], separator: str) -> str:
    """``strings.Join``."""
    return separator.join(texts)


def title(text: str) -> str:
    """``strings.Title``."""
    return _WORD_START.sub(lambda match: match[0].upper(), text)


def pad(text: str, before: int, after: int) -> str:
    """Blanks around a text that is not empty."""
    if text and min(before, after) < 0:
        raise FunctionError("strings: negative Repeat count")
    return " " * before + text + " " * after if text else text


def truncate(text: str, size: int) -> str:
    """The first bytes of a text."""
    if size < 0:
        raise FunctionError(f"runtime error: slice bounds out of range [:{size}]")
    return text.encode()[:size].decode(errors="replace")


_BUILTIN = (
    Function("call", ("any",), call, rest="any"),
    Function("html", (), _escaped(_HTML), rest="any", guard=_guard_shown),
    Function("index", ("any",), index, rest="any"),
    Function("slice", ("any",), cut, rest="any"),
    Function("js", (), _script, rest="any", guard=_guard_shown),
    Function("len", ("any",), length),
    Function("not", ("any",), lambda value: not truth(value)),
    Function("print", (), spaced, rest="any", guard=_guard_shown),
    Function("printf", ("string",), formatted, rest="any", guard=_guard_printf),
    Function("println", (), line, rest="any", guard=_guard_shown),
    Function("urlquery", (), lambda *values: quote_plus(spaced(*values), safe="-_.~"), rest="any",
             guard=_guard_shown),
    Function("eq", ("any",), equal, rest="any"),
    Function("ne", ("any", "any"), lambda one, two: not equal(one, two)),
    Function("lt", ("any", "any"), less),
    Function("le", ("any", "any"), lambda one, two: less(one, two) or equal(one, two)),
    Function("gt", ("any", "any"), lambda one, two: not less(one, two) and not equal(one, two)),
    Function("ge", ("any", "any"), lambda one, two: not less(one, two)),
)  # fmt: skip
_DOCKER = (
    Function("json", ("any",), compact),
    Function("split", ("string", "string"), split),
    Function("join", ("[]string", "string"), join, guard=_guard_join),
    Function("title", ("string",), title),
    Function("lower", ("string",), str.lower),
    Function("upper", ("string",), str.upper),
    Function("pad", ("string", "int", "int"), pad, guard=_guard_pad),
    Function("truncate", ("string", "int"), truncate),
)
ALL: Table = {function.name: function for function in (*_BUILTIN, *_DOCKER)}
"""What every template can call, besides ``and`` and ``or``."""

HEADER: Table = {
    **ALL,
    **{name: Function(name, ("string",), lambda text: text) for name in ("json", "title", "lower", "upper")},
    "truncate": Function("truncate", ("string", "int"), lambda text, size: text),  # noqa: ARG005
}
"""The same for the header of a table: what would change a cell leaves its title alone."""
