"""Whether a name on a command line is, or may be, what a pattern of the policy means.

The bot decides without looking at an engine, so a name is only a spelling. Two questions are kept
apart: :func:`surely` and :func:`maybe`. Where Docker itself reads a spelling as something else (id
prefixes, a leading slash, link aliases, the short forms of image references) the first answers no and
the second yes; what an engine says of the object settles it (:mod:`permissions.facts`).
"""

import re
from functools import lru_cache
from typing import NamedTuple

from permissions.verbs import Kind

ANY = "*"
"""The pattern that means every object of its kind, however it is spelled."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SERVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?")
_ID = re.compile(r"[0-9a-f]{1,64}")
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{1,64}")
_PATTERN = re.compile(r"[A-Za-z0-9_.*?-]+")
_SERVER_PATTERN = re.compile(r"[A-Za-z0-9.*?-]+(?::[0-9]+)?")


def _image_shape(part: str) -> re.Pattern[str]:
    """The shape of an image reference whose parts (of repository and tag) have this shape."""
    return re.compile(
        rf"(?P<name>{part}(?::[0-9]+(?=/))?(?:/{part})*)(?::(?P<tag>{part}))?(?P<digest>@sha256:[0-9a-f]{{64}})?"
    )


_IMAGE = _image_shape(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_IMAGE_PATTERN = _image_shape(r"[A-Za-z0-9_.*?-]+")
_DEFAULT_REGISTRY = "docker.io"


class _Reference(NamedTuple):
    """An image reference as Docker reads it: the full repository; the tag and the digest, or ""."""

    repository: str
    tag: str
    digest: str


def pattern_problem(kind: Kind, pattern: str) -> str:
    """What is wrong with a pattern for names of this kind, as a sentence, or ""."""
    strange = next((letter for letter in pattern if not letter.isascii()), None)
    if strange is not None:
        return f"`{pattern}` holds U+{ord(strange):04X}, which only looks like a letter Docker would accept"
    if pattern == ANY:
        return ""
    shape = {Kind.IMAGE: _IMAGE_PATTERN, Kind.REGISTRY: _SERVER_PATTERN}.get(kind, _PATTERN)
    known = shape.fullmatch(pattern) is not None
    return "" if known else f"`{pattern}` is no {kind} name; * stands for any letters and ? for one"


def may_be_id(kind: Kind, name: str) -> bool:
    """Whether Docker may read this name as (the beginning of) an id. Volumes and registries have none."""
    if kind is Kind.IMAGE:
        return _IMAGE_ID.fullmatch(name) is not None
    return kind in {Kind.CONTAINER, Kind.NETWORK} and _ID.fullmatch(name.lstrip("/")) is not None


def surely(kind: Kind, pattern: str, name: str) -> bool:
    """Whether the name can mean nothing but what the pattern covers.

    A name that may be an id matches only the pattern spelled exactly like it: Docker looks for an
    object of that name first.
    """
    if pattern == ANY:
        return True
    if kind is Kind.CONTAINER:
        name = name.removeprefix("/")
    if may_be_id(kind, name):
        return name == pattern
    if kind is Kind.IMAGE:
        given, wanted = _reference(name), _wanted(pattern)
        if given is None or wanted is None or not _same_repository(given, wanted):
            return False
        if wanted.digest:
            return given.digest == wanted.digest
        # Beside a digest the tag counts for nothing.
        return not wanted.tag or (not given.digest and matches(wanted.tag, given.tag))
    return _plain(kind, name) and _same(kind, pattern, name)


def maybe(kind: Kind, pattern: str, name: str) -> bool:
    """Whether the name could mean something the pattern covers; what cannot be read could be anything."""
    if pattern == ANY or may_be_id(kind, name):
        return True
    if kind is Kind.CONTAINER:
        name = name.lstrip("/")
    if kind is Kind.IMAGE:
        given, wanted = _reference(name), _wanted(pattern)
        if given is None or wanted is None:
            return True
        if wanted.digest and given.digest:
            return given.digest == wanted.digest  # the same content, whatever it is called
        # Without a tag every tag may be meant (--all-tags), and beside a digest the tag counts for nothing.
        vague = given.digest or not given.tag or not wanted.tag
        return _same_repository(given, wanted) and (bool(vague) or matches(wanted.tag, given.tag))
    return not _plain(kind, name) or _same(kind, pattern, name)


@lru_cache(maxsize=65536)
def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(expression(pattern), re.DOTALL)


def expression(pattern: str) -> str:
    """The pattern as a regular expression, to be matched in full and with DOTALL.

    What stands between two stars is taken where it is found first, for good: trying every place of it would
    take for ever on a pattern of many stars, and members write those of what they lock.
    """
    parts = [
        "".join("." if letter == "?" else re.escape(letter) for letter in part) for part in pattern.split("*")
    ]
    if len(parts) == 1:
        return parts[0]
    first, *between, last = parts
    return f"{first}{''.join(f'(?>.*?{part})' for part in between if part)}.*{last}"


@lru_cache(maxsize=4096)
def meant(kind: Kind, name: str, *, new: bool) -> str | None:
    """The one name that this spelling can mean; None where it may be an id, or cannot be read."""
    plain = name.removeprefix("/") if kind is Kind.CONTAINER else name
    return plain if _plain(kind, plain) and (new or not may_be_id(kind, plain)) else None


def matches(pattern: str, text: str) -> bool:
    """Whether the text is what the pattern says: a star stands for any letters, a question mark for one."""
    if pattern in (ANY, text):
        return True
    return ("*" in pattern or "?" in pattern) and _shape(pattern).fullmatch(text) is not None


def is_given(kind: Kind, pattern: str, name: str) -> bool | None:
    """Whether a name that something is given is what the pattern covers; None where it cannot be read.

    Nothing is looked up by such a name, so it is no id.
    """
    if pattern == ANY:
        return True
    if kind is Kind.IMAGE:
        sure = surely(kind, pattern, name)
        return sure if sure == maybe(kind, pattern, name) else None
    if kind is Kind.CONTAINER:
        name = name.removeprefix("/")
    return _same(kind, pattern, name) if _plain(kind, name) else None


def readable(kind: Kind, name: str) -> bool:
    """Whether the name has the form of one, or of an id."""
    if kind is Kind.IMAGE:
        return may_be_id(kind, name) or _reference(name) is not None
    return kind is Kind.SYSTEM or _plain(kind, name.removeprefix("/") if kind is Kind.CONTAINER else name)


def untagged(pattern: str) -> str:
    """An image pattern without its tag."""
    read = _IMAGE_PATTERN.fullmatch(pattern)
    return read["name"] + (read["digest"] or "") if read is not None else pattern


def _plain(kind: Kind, name: str) -> bool:
    return (_SERVER if kind is Kind.REGISTRY else _PLAIN).fullmatch(name) is not None


def _same(kind: Kind, pattern: str, name: str) -> bool:
    if kind is Kind.REGISTRY:
        return matches(pattern.lower(), name.lower())
    return matches(pattern, name)


def _reference(text: str) -> _Reference | None:
    return _read(_IMAGE, text)


@lru_cache(maxsize=65536)
def _wanted(pattern: str) -> _Reference | None:
    return _read(_IMAGE_PATTERN, pattern)


def _read(shape: re.Pattern[str], text: str) -> _Reference | None:
    read = shape.fullmatch(text)
    if read is None:
        return None
    domain, slash, path = read["name"].partition("/")
    # Docker's own test for "this first part is a registry".
    if not slash or not ("." in domain or ":" in domain or domain == "localhost" or domain != domain.lower()):
        domain, path = _DEFAULT_REGISTRY, read["name"]
    domain = domain.lower()
    if domain == f"index.{_DEFAULT_REGISTRY}":
        domain = _DEFAULT_REGISTRY
    if domain == _DEFAULT_REGISTRY and "/" not in path:
        path = f"library/{path}"
    return _Reference(f"{domain}/{path}", read["tag"] or "", (read["digest"] or "").removeprefix("@"))


def _same_repository(given: _Reference, wanted: _Reference) -> bool:
    """Part by part: a star never crosses a slash."""
    parts, patterns = given.repository.split("/"), wanted.repository.split("/")
    return len(parts) == len(patterns) and all(map(matches, patterns, parts))
