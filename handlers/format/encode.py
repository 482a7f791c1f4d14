"""JSON as Go's encoder writes it."""

import json

from handlers.format.values import Dict, Invalid, Pointer, Slice, Struct, Time, Value, View

LINE_ENDS = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})
HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def plain(value: Value) -> Value:  # noqa: PLR0911 - a case for each family
    """The JSON value of a typed one: keys of the type, empty ``omitempty`` fields left out."""
    match value:
        case Invalid():
            return None
        case Pointer():
            return plain(value.target)
        case Time():
            return value.text
        case View():
            return {name: plain(cell) for name, cell in value.document().items()}
        case Struct():
            pairs = ((m, value.values[m.name]) for m in value.type.members)
            return {m.key: plain(v) for m, v in pairs if not (m.omit_empty and empty(v))}
        case Slice():
            return None if value.is_nil else [plain(item) for item in value]
        case Dict():
            return None if value.is_nil else {key: plain(value[key]) for key in sorted(value)}
        case dict():
            return {key: plain(value[key]) for key in sorted(value)}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def empty(value: Value) -> bool:
    """What ``omitempty`` leaves out: false, 0, nil, nothing in it. A struct is never empty."""
    if isinstance(value, Pointer):
        return value.target is None
    return not isinstance(value, Struct | Time) and not value


def compact(value: Value) -> str:
    """One line of JSON, as the template function ``json`` writes it."""
    text = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
    # The CLI encodes whole rows with Go's HTML-safe default and everything else without; the
    # characters concerned occur inside strings only.
    return text.translate(LINE_ENDS | HTML if isinstance(value, View) else LINE_ENDS)


def indented(documents: list[Value]) -> str:
    """What inspect prints: an array, four blanks a level, keys in the engine's order."""
    return json.dumps(documents, ensure_ascii=False, indent=4) + "\n"


def one_line(documents: list[Value]) -> str:
    """The same array on one line, for ``--format json``."""
    return json.dumps(documents, ensure_ascii=False, separators=(",", ":")) + "\n"
