"""One record of comma-separated values, with the rules and messages of Go's encoding/csv."""

_UNPAIRED = 'extraneous or missing " in quoted-field'


def record(text: str) -> list[str]:
    """The fields of the first line that is not empty; raises ValueError with Go's message."""
    rest = text.lstrip("\r\n")
    if not rest:
        raise ValueError("EOF")
    fields: list[str] = []
    at = 0
    while True:
        if rest[at : at + 1] == '"':
            field, at = _quoted(rest, at + 1)
        else:
            field, at = _plain(rest, at)
        fields.append(field)
        if rest[at : at + 1] != ",":
            return fields
        at += 1


def _plain(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and text[end] not in ",\n":
        if text[end] == '"':
            raise _bad_quote(text, end, 'bare " in non-quoted-field')
        end += 1
    return text[at:end].removesuffix("\r"), end


def _quoted(text: str, at: int) -> tuple[str, int]:
    parts: list[str] = []
    while True:
        end = text.find('"', at)
        if end == -1:
            raise _bad_quote(text, len(text), _UNPAIRED)
        parts.append(text[at:end])
        following = text[end + 1 : end + 2]
        if following != '"':
            if following not in ("", ",", "\n"):
                raise _bad_quote(text, end, _UNPAIRED)
            return "".join(parts), end + 1
        parts.append('"')
        at = end + 2


def _bad_quote(text: str, at: int, what: str) -> ValueError:
    column = len(text[:at].encode()) + 1
    return ValueError(f"parse error on line 1, column {column}: {what}")


def field(text: str) -> str:
    """The text as one field of a record."""
    if text and not any(mark in text for mark in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'
