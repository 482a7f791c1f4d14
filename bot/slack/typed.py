"""Undoes what phones and Slack do to a typed line, and says what was changed.

Everything past this file sees the line as it would have been typed in a terminal.
"""
# ruff: noqa: RUF001 - the look-alikes are the subject

import re
from collections.abc import Iterator

from permissions.model import Record

_MARKUP = re.compile(
    r"""<(?:
        (?P<link>(?:[a-z][a-z0-9+.-]*://|mailto:|tel:)[^<>|\s]+)(?:\|(?P<label>[^<>]*))?
      | (?P<thing>[@\#!][^<>|\s]+)(?:\|(?P<name>[^<>]*))?
    )>""",
    re.VERBOSE | re.IGNORECASE,
)
_SCHEMES_SLACK_ADDS = ("http://", "https://", "mailto:", "tel:")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ENTITY = re.compile("|".join(_ENTITIES))

_INVISIBLE = dict.fromkeys((0x200B, 0xFEFF))
_SPACES = {0x00A0: " ", 0x2009: " ", 0x202F: " "}
_QUOTES = {ord(c): '"' for c in "“”„«»"} | {ord(c): "'" for c in "‘’"}
_LONG_DASHES = "—–"


class Normalised(Record):
    """The line to parse, and a few words for each kind of change that was made."""

    text: str
    notes: tuple[str, ...] = ()


def normalise(text: str) -> Normalised:
    """The text without Slack's markup and a phone's typography; plain ASCII stays as it is."""
    notes: list[str] = []

    def changed(before: str, after: str, note: str) -> str:
        if after != before:
            notes.append(note)
        return after

    text = changed(text, _MARKUP.sub(_as_typed, text), "links made plain")
    text = _ENTITY.sub(lambda match: _ENTITIES[match[0]], text)
    text = changed(text, text.translate(_INVISIBLE), "invisible characters removed")
    text = changed(text, text.translate(_SPACES), "special spaces made plain")
    text = changed(text, text.translate(_QUOTES), "curly quotes made straight")
    text = changed(text, "".join(_dashed(text)), "a long dash read as --")
    return Normalised(text=text, notes=tuple(notes))


def _as_typed(match: re.Match[str]) -> str:
    if match["thing"]:
        thing, name = match["thing"], match["name"]
        if thing.startswith("!"):
            return (name or f"@{thing[1:]}") if name is None or name.startswith("@") else name
        return thing[0] + name if name else thing
    link, label = match["link"], match["label"]
    # Slack links what merely looks like an address: the label is then what was typed.
    if label and any(link == scheme + label for scheme in _SCHEMES_SLACK_ADDS):
        return label
    return link.removeprefix("mailto:").removeprefix("tel:")


def _dashed(text: str) -> Iterator[str]:
    """A long dash that begins a token becomes ``--``; inside a token or quotes it is data.

    One that stands alone stays as it is: read as ``--`` it would end the options, and what was meant as
    an option would be taken for names. The parser explains it.
    """
    quote = ""
    start = True
    escaped = False
    for char, after in zip(text, text[1:] + " ", strict=False):
        if start and char in _LONG_DASHES and not after.isspace():
            yield "--"
        else:
            yield char
        start = False
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        else:
            start = char.isspace()
