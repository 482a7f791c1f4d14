"""What a change has in hand: its targets resolved to ids, and the locks that keep other changes off them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from handlers.context import Engine
from handlers.faults import Fault
from handlers.grammar.command import Command
from handlers.image.reference import InvalidReferenceError, Reference
from permissions.operation import Resource
from permissions.verbs import Kind, Verb

_PATHS = {
    Kind.CONTAINER: "/containers/{}/json",
    Kind.IMAGE: "/images/{}/json",
    Kind.NETWORK: "/networks/{}",
}
_LOCKS_NOTHING = {Verb.EXEC, Verb.TRANSFER}
_MAKES_NEW = {Verb.CREATE, Verb.REGISTRY}


@dataclass(frozen=True)
class Targets:
    """``ids`` of the named objects by kind and name; ``locks`` to take: None: none, (): the whole host."""

    ids: dict[str, str] = field(default_factory=dict)
    locks: tuple[str, ...] | None = None


def targets_of(engine: Engine, command: Command) -> Targets:
    """Asks the engine what the names on the line are now; what it cannot tell is locked by its name alone.

    An object is locked by its id and by its name, so that whoever is about to make it waits too. What
    follows a container's life locks nothing: it must not keep others from ending it. What names nothing,
    as a prune, has the whole host.
    """
    known = {resource: _state(engine, resource) for resource in dict.fromkeys(command.resources())}
    ids = {f"{r.kind} {r.name}": str(state["Id"]) for r, state in known.items() if state.get("Id")}
    if command.follows() or command.verb in _LOCKS_NOTHING:
        return Targets(ids)
    changed = tuple(command.changes())
    if not changed and command.verb in _MAKES_NEW:
        return Targets(ids)
    return Targets(ids, tuple(sorted(set(_locks(changed, known)))))


def _locks(changed: Iterable[Resource], known: dict[Resource, Any]) -> Iterator[str]:
    for resource in changed:
        state = known.get(resource, {})
        name = str(state.get("Name") or resource.name).strip("/")
        if resource.kind is Kind.IMAGE:
            name = _full_name(resource.name)
        yield f"{resource.kind} {name}"
        if state.get("Id"):
            yield f"{resource.kind} {state['Id']}"


def _full_name(image: str) -> str:
    try:
        return Reference.parse(image).tagged().canonical
    except InvalidReferenceError:
        return image


def _state(engine: Engine, resource: Resource) -> Any:
    path = _PATHS.get(resource.kind)
    if path is None:
        return {}
    try:
        return engine.get(path.format(quote(resource.name.removeprefix("/"), safe=""))) or {}
    except Fault:
        return {}  # not there, or not to be asked: the command itself will say so
