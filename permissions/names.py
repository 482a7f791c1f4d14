"""Whether a name on a command line is, or may be, what a pattern of the policy means.

The bot decides without looking at an engine, so a name is only a spelling. Two questions are kept
apart: an allow needs :func:`surely`, a deny is satisfied with :func:`maybe`. Where Docker itself
reads a spelling as something else (id prefixes, a leading slash, link aliases, the short forms of
image references) the first answers no and the second yes.
"""

import re
from fnmatch import fnmatchcase
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
    """An image reference as Docker reads it: the full repository, the tag or "", whether a digest stands."""

    repository: str
    tag: str
    pinned: bool


def pattern_problem(kind: Kind, pattern: str) -> str:
    """What is wrong with a pattern for names of this kind, as a sentence, or ""."""
    strange = next((letter for letter in pattern if not letter.isascii()), None)
    if strange is not None:
        return f"`{pattern}` holds U+{ord(strange):04X}, which only looks like a letter Docker would accept"
    if pattern == ANY:
        return ""
    if kind is Kind.IMAGE:
        read = _IMAGE_PATTERN.fullmatch(pattern)
        if read is not None and read["digest"]:
            return f"`{pattern}`: digests cannot be compared here; name the repository, with or without a tag"
        known = read is not None
    else:
        known = (_SERVER_PATTERN if kind is Kind.REGISTRY else _PATTERN).fullmatch(pattern) is not None
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
        given, wanted = _reference(_IMAGE, name), _reference(_IMAGE_PATTERN, pattern)
        return (
            given is not None
            and wanted is not None
            and _same_repository(given, wanted)
            and (
                not wanted.tag
                or (not given.pinned and bool(given.tag) and fnmatchcase(given.tag, wanted.tag))
            )
        )
    return _plain(kind, name) and _same(kind, pattern, name)


def maybe(kind: Kind, pattern: str, name: str) -> bool:
    """Whether the name could mean something the pattern covers; what cannot be read could be anything."""
    if pattern == ANY or may_be_id(kind, name):
        return True
    if kind is Kind.CONTAINER:
        name = name.lstrip("/")
    if kind is Kind.IMAGE:
        given, wanted = _reference(_IMAGE, name), _reference(_IMAGE_PATTERN, pattern)
        if given is None or wanted is None:
            return True
        # Without a tag every tag may be meant (--all-tags), and beside a digest the tag counts for nothing.
        vague = given.pinned or not given.tag or not wanted.tag
        return _same_repository(given, wanted) and (vague or fnmatchcase(given.tag, wanted.tag))
    return not _plain(kind, name) or _same(kind, pattern, name)


def _plain(kind: Kind, name: str) -> bool:
    return (_SERVER if kind is Kind.REGISTRY else _PLAIN).fullmatch(name) is not None


def _same(kind: Kind, pattern: str, name: str) -> bool:
    if kind is Kind.REGISTRY:
        return fnmatchcase(name.lower(), pattern.lower())
    return fnmatchcase(name, pattern)


def _reference(shape: re.Pattern[str], text: str) -> _Reference | None:
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
    return _Reference(f"{domain}/{path}", read["tag"] or "", bool(read["digest"]))


def _same_repository(given: _Reference, wanted: _Reference) -> bool:
    """Part by part: a star never crosses a slash."""
    parts, patterns = given.repository.split("/"), wanted.repository.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
