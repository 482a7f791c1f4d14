"""What an approval binds: which object a name means now, and what it is made of, never how it fares."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from handlers.context import Context, Engine, Json, segment
from handlers.faults import Fault, NotFound, Reason
from handlers.grammar.command import Command
from permissions.approval import Bound
from permissions.operation import Operation
from permissions.verbs import Kind

_PATHS = {
    Kind.CONTAINER: "/containers/{}/json",
    Kind.IMAGE: "/images/{}/json",
    Kind.NETWORK: "/networks/{}",
    Kind.VOLUME: "/volumes/{}",
}
_ANY = tuple(_PATHS)

MOST_AT_ONCE = 300
"""How many objects one approval can be about: people have to be able to read what they agree to."""


def bound(command: Command, context: Context, operation: Operation) -> tuple[Bound, ...]:
    """Every object that the operation names and that is there, then every one that a prune would remove.

    Raises:
        EngineFault: the engine could not be asked.
        Fault: it names, or would remove, more than anybody can agree to at once.
    """
    there = named(context.engine, operation)
    if len(there) > MOST_AT_ONCE:
        raise Fault(
            f"The line names {len(there):,} objects; one approval is about {MOST_AT_ONCE} at most.",
            hint="Split it into several lines.",
            reason=Reason.LIMIT,
        )
    condemned = command.condemned(context)
    if len(condemned) > MOST_AT_ONCE:
        raise Fault(
            f"{len(condemned):,} objects would go; one approval is about {MOST_AT_ONCE} at most.",
            hint="Narrow it with --filter, for example until=240h or a label.",
            reason=Reason.LIMIT,
        )
    return (*there, *condemned)


def named(engine: Engine, operation: Operation) -> tuple[Bound, ...]:
    """Every object that the operation names, once whatever it is called there; raises EngineFault."""
    found: dict[tuple[Kind, str], Bound] = {}
    for resource in dict.fromkeys((one.kind, one.name, one.new) for one in operation.resources):
        for one in _named(engine, *resource):
            # The id of a volume is but the second that it was made in.
            key = one.name if one.kind is Kind.VOLUME else one.id or one.name
            found.setdefault((one.kind, key), one)
    return tuple(found.values())


def inspected(engine: Engine, kind: Kind, name: str) -> Json | None:
    """The engine's own description of an object; None where there is none of that name."""
    try:
        return engine.get(_PATHS[kind].format(segment(name)))
    except NotFound:
        return None


def _named(engine: Engine, of_kind: Kind, name: str, new: bool) -> Iterator[Bound]:
    if new or of_kind is Kind.REGISTRY:
        return
    for kind in _ANY if of_kind is Kind.SYSTEM else (of_kind,):
        found = inspected(engine, kind, name)
        if found is not None:
            yield _OF[kind](name, found)
        elif of_kind is not Kind.SYSTEM:
            yield Bound(kind=kind, name=name, id="")


def _container(name: str, found: Json) -> Bound:
    networks = sorted(found["NetworkSettings"]["Networks"] or {})
    mounts = sorted(found.get("Mounts") or [], key=lambda mount: str(mount.get("Destination")))
    return Bound(
        kind=Kind.CONTAINER,
        name=name,
        id=found["Id"],
        image=found["Image"],
        parts={
            **_parts("Config", found["Config"]),
            **_parts("HostConfig", found["HostConfig"]),
            "Mounts": _digest(mounts),
            "Networks": _digest(networks),
            "Name": _digest(found["Name"]),
        },
    )


def _image(name: str, found: Json) -> Bound:
    return Bound(kind=Kind.IMAGE, name=name, id=found["Id"])


def _network(name: str, found: Json) -> Bound:
    made_of = {key: value for key, value in found.items() if key not in {"Containers", "Peers", "Services"}}
    return Bound(kind=Kind.NETWORK, name=name, id=found["Id"], parts=_parts("", made_of))


def _volume(name: str, found: Json) -> Bound:
    # A volume has no id: one that was removed and made again differs in when it was made.
    made_of = {key: value for key, value in found.items() if key not in {"Status", "UsageData"}}
    return Bound(kind=Kind.VOLUME, name=name, id=str(found.get("CreatedAt", "")), parts=_parts("", made_of))


_OF = {Kind.CONTAINER: _container, Kind.IMAGE: _image, Kind.NETWORK: _network, Kind.VOLUME: _volume}


def _parts(name: str, found: dict[str, Any]) -> dict[str, str]:
    """A digest for each key, so that what differs later can be named and nothing of it is shown."""
    return {f"{name}.{key}".lstrip("."): _digest(value) for key, value in found.items()}


def _digest(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
