"""Whether an object is what a target of the policy means: by its name, and by what its engine says of it.

A target is a name pattern, or conditions that all hold, with blanks between them: ``web-*``,
``label:tier=web``, ``image:registry.example.com/shop/* network:front``. Three answers are possible.
``MAYBE`` is for whoever asks: at the bot the worker settles it on live facts; there it counts against the
asker.
"""

import re
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from permissions.names import ANY, is_given, matches, maybe, pattern_problem, surely, untagged
from permissions.operation import Facts, Operation, Resource
from permissions.verbs import Danger, Kind


class Fit(IntEnum):
    """How sure it is; the least of several holds for all of them, the greatest for any."""

    NO = 0
    MAYBE = 1
    YES = 2


class Condition(NamedTuple):
    """One part of a target: what it is about, and its pattern."""

    about: str
    text: str


_ABOUT: dict[Kind, frozenset[str]] = {
    Kind.CONTAINER: frozenset({"label", "image", "network", "volume"}),
    Kind.NETWORK: frozenset({"label"}),
    Kind.VOLUME: frozenset({"label"}),
    Kind.IMAGE: frozenset({"tag"}),
}
"""What can be asked of a kind besides its name. An image's labels say nothing: its builder writes them."""

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*(?:=[!-~]*)?")

_HARMLESS: dict[Kind, frozenset[str]] = {
    Kind.CONTAINER: frozenset(
        {
            *("container diff", "container inspect", "container kill", "container logs", "container pause"),
            *("container port", "container rename", "container rm", "container stats", "container stop"),
            *("container top", "container unpause", "container wait", "inspect"),
            *("network connect", "network disconnect"),
        }
    ),
    Kind.NETWORK: frozenset({"inspect", "network disconnect", "network inspect", "network rm"}),
    Kind.VOLUME: frozenset({"inspect", "volume inspect", "volume rm", "volume update"}),
}
"""Commands that give nobody control over such an object; every other one takes over what it exposes."""


def target_problem(kind: Kind, pattern: str) -> str:
    """What is wrong with a target of this kind, as a sentence, or ""."""
    parts = conditions(kind, pattern)
    if [part.about for part in parts].count("") > 1:
        return f"`{pattern}` is no {kind} name but two: they are separate items of the list"
    for about, text in parts:
        if about == "label":
            problem = label_problem(text)
        else:
            named = {"": kind, "tag": Kind.IMAGE}.get(about)
            problem = pattern_problem(named or Kind(about), text)
        if problem:
            return problem
    return ""


def label_problem(text: str) -> str:
    """What is wrong with ``KEY`` or ``KEY=VALUE``, or ""."""
    return "" if LABEL.fullmatch(text) else f"`{text}` is no label: write KEY or KEY=VALUE"


@lru_cache(maxsize=65536)
def conditions(kind: Kind, pattern: str) -> tuple[Condition, ...]:
    """The parts of a target; ``about`` "" is its name."""
    known = _ABOUT.get(kind, frozenset())
    parts = (part.partition(":") for part in pattern.split(" "))
    return tuple(
        Condition(about, text) if colon and about in known else Condition("", about + colon + text)
        for about, colon, text in parts
    )


def hold(parts: tuple[Condition, ...], resource: Resource, operation: Operation) -> Fit:
    """Whether all conditions hold of a resource."""
    least = Fit.YES
    for condition in parts:
        found = _fit(condition, resource, operation)
        if found is Fit.NO:
            return found
        least = min(least, found)
    return least


def _fit(condition: Condition, resource: Resource, operation: Operation) -> Fit:
    about, text = condition
    if about == "":
        return _named(text, resource)
    if about == "tag":
        return _called(text, resource)
    if about == "label":
        return _labelled(text, resource, operation)
    facts = resource.facts
    if about == "image":
        return _comes_from(text, facts) if facts else _of_new(Kind.IMAGE, text, resource, operation)
    if facts is None:
        return _of_new(Kind(about), text, resource, operation)
    joined = facts.networks if about == "network" else facts.volumes
    return _yes(any(matches(text, name) for name in joined))


def _yes(holds: bool) -> Fit:
    return Fit.YES if holds else Fit.NO


def _named(pattern: str, resource: Resource) -> Fit:
    kind, name, facts = resource.kind, resource.name, resource.facts
    if pattern == ANY:
        return Fit.YES
    if facts is None:
        return _spelled(kind, pattern, name, new=resource.new)
    if kind is not Kind.IMAGE:
        return _yes(any(matches(pattern, known) for known in facts.names))
    came = _comes_from(pattern, facts)
    if "@" in pattern:
        return came
    # Never trusted for what is in it, but known by that name: enough for a deny.
    return came or _maybe(any(maybe(kind, pattern, known) for known in (*facts.names, *facts.origins)))


def _maybe(holds: bool) -> Fit:
    return Fit.MAYBE if holds else Fit.NO


def _spelled(kind: Kind, pattern: str, name: str, *, new: bool) -> Fit:
    if new:
        given = is_given(kind, pattern, name)
        return Fit.MAYBE if given is None else _yes(given)
    return Fit.YES if surely(kind, pattern, name) else _maybe(maybe(kind, pattern, name))


def _called(pattern: str, resource: Resource) -> Fit:
    """By a reference that stands on the image here, wherever its content comes from."""
    facts = resource.facts
    if facts is None:
        return _spelled(Kind.IMAGE, pattern, resource.name, new=resource.new)
    return _yes(any(surely(Kind.IMAGE, pattern, name) for name in facts.names))


def _comes_from(pattern: str, facts: Facts) -> Fit:
    """From that repository of a registry; with a tag, under that one too. A digest is the content itself."""
    if pattern == ANY:
        return Fit.YES
    if "@" in pattern:
        return _yes(pattern.partition("@")[2] in facts.digests)
    plain = untagged(pattern)
    came = any(surely(Kind.IMAGE, plain, origin) for origin in facts.origins)
    return _yes(came and (plain == pattern or any(surely(Kind.IMAGE, pattern, tag) for tag in facts.tags)))


def _labelled(text: str, resource: Resource, operation: Operation) -> Fit:
    if resource.facts is not None:
        return _yes(has_label(resource.facts.labels, text))
    if not resource.new:
        return Fit.MAYBE
    given, key = operation.labels, text.partition("=")[0]
    if key in given or resource.kind is not Kind.CONTAINER:
        return _yes(has_label(given, text))
    return Fit.MAYBE if operation.image_labels is None else _yes(has_label(operation.image_labels, text))


def has_label(labels: dict[str, str], text: str) -> bool:
    """Whether the label is there, with a value that fits if one is asked for."""
    key, equals, value = text.partition("=")
    return key in labels and (not equals or matches(value, labels[key]))


def _of_new(kind: Kind, pattern: str, resource: Resource, operation: Operation) -> Fit:
    """What a new container will be made of; of an existing one nothing is known without its facts."""
    if not resource.new:
        return Fit.MAYBE
    parts = [_named(pattern, part) for part in operation.resources if part.kind is kind and not part.new]
    if kind is Kind.IMAGE:
        return min(parts, default=Fit.MAYBE)
    return max(parts, default=Fit.NO)


def on_live_facts(
    operation: Operation, resources: Iterable[Resource], image_labels: dict[str, str] | None
) -> Operation:
    """The operation as it would be carried out on these objects: its danger is that of the worst of them."""
    found = tuple(resources)
    taken = [one.facts for one in found if one.facts is not None and not _harmless(operation.command, one)]
    exposed = any(facts.exposures for facts in taken)
    binds = (*operation.binds, *(bind for facts in taken for bind in facts.binds))
    otherwise = operation.danger if not operation.binds else operation.otherwise
    root = exposed or any(facts.binds for facts in taken)
    return operation.model_copy(
        update={
            "resources": found,
            "danger": Danger.ROOT_EQUIVALENT if root else operation.danger,
            "binds": tuple(dict.fromkeys(binds)),
            "otherwise": Danger.ROOT_EQUIVALENT if exposed else otherwise,
            "image_labels": image_labels,
            "live": True,
        }
    )


def _harmless(command: str, resource: Resource) -> bool:
    return command in _HARMLESS.get(resource.kind, frozenset())
