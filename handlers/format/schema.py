"""A short notation for Go struct types.

``struct("container.RestartPolicy", Name=TEXT, MaximumRetryCount=INT)``: Go's field name and type. A
trailing ``?`` in :func:`member`'s key means ``omitempty``.
"""

from handlers.format.values import (
    AnyType,
    MapType,
    Member,
    PointerType,
    Scalar,
    SliceType,
    StructType,
    TimeType,
    Type,
)

TEXT = Scalar("string", "")
INT = Scalar("int", 0)
INT64 = Scalar("int64", 0)
BOOL = Scalar("bool", default=False)
TIME = TimeType("time.Time")
ANY = AnyType("interface {}")
EMPTY = StructType("struct {}", ())


def pointer(element: Type) -> PointerType:
    """``*element``."""
    return PointerType(f"*{element.name}", element)


def array(element: Type) -> SliceType:
    """``[]element``."""
    return SliceType(f"[]{element.name}", element)


def mapping(element: Type) -> MapType:
    """``map[string]element``."""
    return MapType(f"map[string]{element.name}", element)


TEXTS = array(TEXT)
LABELS = mapping(TEXT)


def member(type_: Type, key: str) -> tuple[Type, str]:
    """A field whose JSON key differs from its name, or (with a final ``?``) is left out when empty."""
    return type_, key


def struct(name: str, **fields: Type | tuple[Type, str]) -> StructType:
    """A struct type; the order of the fields is the order they are encoded in."""
    members = []
    for field_name, spec in fields.items():
        type_, key = spec if isinstance(spec, tuple) else (spec, field_name)
        plain = key.removesuffix("?") or field_name
        members.append(Member(field_name, type_, plain, omit_empty=key.endswith("?")))
    return StructType(name, tuple(members))
