"""What a prune would remove, object by object: people agree to these, and then nothing else goes.

Without an approval a prune is the CLI's: one request, and the engine removes what fits at that moment. Under
an approval it is :func:`remove`: what was agreed to and still fits goes, one by one.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from graphlib import TopologicalSorter
from itertools import groupby
from typing import Any, ClassVar, Self

from pydantic import PrivateAttr

from handlers.context import Context, Engine, Json, segment
from handlers.faults import Conflict, EngineFault, NotFound, Unreachable
from handlers.format.units import short_id, size
from handlers.grammar.command import Command
from handlers.grammar.output import Output, Stream
from handlers.grammar.values import filter_query
from handlers.image.rm import told
from handlers.outcome import Begun, Finding, Verdict, present
from handlers.system.df import ACTIVE
from permissions.approval import Bound
from permissions.verbs import Kind

CACHE = Kind.SYSTEM
"""The kind that records of the build cache are bound as: policies know none for them."""

NAME_CHARS = 255

GONE = "it is not there any more"
ANOTHER = "it is another one of that name now"
RENAMED = "it, or what it is made on, has other names now"
USED = "it is in use now, or not there any more"

_PATHS = {
    Kind.CONTAINER: "/containers/{}/json",
    Kind.IMAGE: "/images/{}/json",
    Kind.NETWORK: "/networks/{}",
    Kind.VOLUME: "/volumes/{}",
}
_TITLES = {
    Kind.CONTAINER: "Deleted Containers:",
    Kind.IMAGE: "Deleted Images:",
    Kind.NETWORK: "Deleted Networks:",
    Kind.VOLUME: "Deleted Volumes:",
    CACHE: "Deleted build cache objects:",
}


class Prune(Command):
    """Removes whatever is unused; held to what people agreed to, those of it that still are."""

    freed: ClassVar[str] = "Total reclaimed space: {}"
    """The last line, "" for none."""

    _agreed: tuple[Bound, ...] | None = PrivateAttr(default=None)

    def only(self, agreed: tuple[Bound, ...]) -> Self:
        """The same for these objects alone."""
        held = self.model_copy()
        held._agreed = tuple(one for one in agreed if one.of_set)  # noqa: SLF001 - of its own class
        return held

    def run(self, ctx: Context) -> Output:
        """Removes them and tells which and what came free."""
        if self._agreed is None:
            return self.sweep(ctx)
        return remove(ctx, self._agreed, self.condemned(ctx), self.freed)

    def sweep(self, ctx: Context) -> Output:  # noqa: ARG002 - every prune overrides it
        """The CLI's own run; raises Fault."""
        raise TypeError(f"{self.path} has no work of its own")

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:  # noqa: ARG002 - ids tell enough
        """Looks whether each object agreed to is gone; nothing can tell what the engine would have chosen."""
        return outcome(engine, self._agreed or ())


def container(data: Mapping[str, Any]) -> Bound:
    """A container of the engine's listing, by its own name: others call it by links as well."""
    names = sorted(name.removeprefix("/") for name in data.get("Names") or ())
    own = next((name for name in names if "/" not in name), "")
    return _one(Kind.CONTAINER, data["Id"], own, data.get("SizeRw", 0))


def network(data: Mapping[str, Any]) -> Bound:
    """A network of the engine's listing."""
    return _one(Kind.NETWORK, data["Id"], data["Name"])


def volume(data: Mapping[str, Any], weight: int) -> Bound:
    """A volume: it has no id, but one that was removed and made again differs in when it was made."""
    return _one(Kind.VOLUME, str(data.get("CreatedAt", "")), data["Name"], weight)


def images(found: Iterable[tuple[str, int]], every: Iterable[Mapping[str, Any]]) -> tuple[Bound, ...]:
    """The images of these ids, with their bytes, each before what it was made on.

    ``every`` is the engine's listing of all. With an image the engine removes the untagged ones it was made
    on as far as nothing else needs them; nothing lists those, so they are bound together with it.
    """
    known = {image["Id"]: image for image in every}
    weights = dict(found)
    order = _outermost_first({one: _parents(image) for one, image in known.items()})
    return tuple(_image(one, weights[one], known) for one in order if one in weights)


def cache(records: Iterable[Mapping[str, Any]]) -> tuple[Bound, ...]:
    """Records of the build cache, each before those it builds on: the engine keeps what others build on."""
    known = {record["ID"]: record for record in records}
    order = _outermost_first({one: _parents(record) for one, record in known.items()})
    return tuple(_one(CACHE, one, one, known[one].get("Size", 0)) for one in order if one in known)


def _outermost_first(parents: Mapping[str, set[str]]) -> list[str]:
    return list(TopologicalSorter(parents).static_order())[::-1]


def _parents(data: Mapping[str, Any]) -> set[str]:
    """The ids of what an image or a record of the cache was made on."""
    return {data.get("ParentId") or data.get("Parent") or "", *(data.get("Parents") or ())} - {""}


def _image(image: str, weight: int, known: Mapping[str, Mapping[str, Any]]) -> Bound:
    names, unnamed = _names(known[image]), list[str]()
    parent = known.get(known[image].get("ParentId", ""))
    while parent and not _names(parent):
        unnamed.append(parent["Id"])
        parent = known.get(parent.get("ParentId", ""))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    shown = f"{names[-1][:NAME_CHARS]}{more}" if names else "<none>"
    parts = {"Names": _digest(names), "Parents": _digest(unnamed)}
    return _one(Kind.IMAGE, image, shown, weight, parts)


def _names(image: Mapping[str, Any]) -> list[str]:
    """Every name of an image, digests before tags; older engines write out that there is none."""
    listed = (*sorted(image.get("RepoDigests") or ()), *sorted(image.get("RepoTags") or ()))
    return [name for name in listed if not name.startswith("<none>")]


def _one(kind: Kind, ident: str, name: str, weight: int = 0, parts: dict[str, str] | None = None) -> Bound:
    return Bound(
        kind=kind, name=name[:NAME_CHARS], id=ident, parts=parts or {}, of_set=True, bytes=max(0, weight)
    )


def _digest(value: Json) -> str:
    return hashlib.sha256(json.dumps(value).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def remove(ctx: Context, agreed: Iterable[Bound], now: Iterable[Bound], freed: str) -> Output:
    """Removes what was agreed to and is among what a prune would remove ``now``, one after another.

    What went, and what was passed over and why, is told at once: so it is told if the rest fails. ``freed``
    is the last line, with a place for the bytes, "" for none. Raises EngineFault or JobFault when it cannot
    go on.
    """
    here = {_key(one): one for one in now}
    agreed = tuple(agreed)
    gone, total = 0, 0
    for kind, ones in groupby(agreed, key=lambda one: one.kind):
        titled = False
        for one in ones:
            ctx.check()
            done = True
            try:
                _refuse_moved(ctx, one, here.get(_key(one)))
                for line in _REMOVALS[kind](ctx, one):
                    ctx.stdout(f"{line}\n".encode() if titled else f"{_TITLES[kind]}\n{line}\n".encode())
                    titled = True
            except Unreachable:
                raise
            except EngineFault as fault:
                done = False
                ctx.stderr(f"skipped {called(one)}: {fault.message}\n".encode())
            gone += done
            total += one.bytes * done
        ctx.stdout(b"\n" if titled else b"")
    if freed:
        ctx.stdout(f"{freed.format(size(total))}\n".encode())
    left = len(agreed) - gone
    note = f"{gone} of the {len(agreed)} agreed to went; {left} skipped." if left else ""
    return Stream(note=note)


def called(one: Bound) -> str:
    """An object of a set for people: its kind, name and short id."""
    ident = "" if one.kind in {CACHE, Kind.VOLUME} else f" ({short_id(one.id)})"
    return f"{one.what} {one.name}{ident}"


def _key(one: Bound) -> tuple[Kind, str]:
    return one.kind, one.name if one.kind is Kind.VOLUME else one.id


def _refuse_moved(ctx: Context, one: Bound, now: Bound | None) -> None:
    """Raises EngineFault, with the reason, for what does not go any more."""
    if now is not None and (now.id, now.name, now.parts) == (one.id, one.name, one.parts):
        return
    if now is not None:
        raise Conflict(ANOTHER if now.id != one.id else RENAMED)
    if one.kind is CACHE:
        raise Conflict(USED)
    state = _looked_at(ctx.engine, one)
    status = state["State"]["Status"] if one.kind is Kind.CONTAINER else ""
    raise Conflict(f"it is {status} now" if status in ACTIVE else "it is in use now, or has changed since")


def _looked_at(engine: Engine, one: Bound) -> dict[str, Any]:
    """The engine's own description; raises NotFound in words of ours."""
    try:
        found: dict[str, Any] = engine.get(_path(one))
    except NotFound:
        raise NotFound(GONE) from None
    return found


def _path(one: Bound) -> str:
    return _PATHS[one.kind].format(segment(_key(one)[1]))


def _remove_container(ctx: Context, one: Bound) -> Iterator[str]:
    ctx.engine.delete(f"/containers/{segment(one.id)}", on_cancel=ctx.on_cancel)
    yield one.id


def _remove_network(ctx: Context, one: Bound) -> Iterator[str]:
    ctx.engine.delete(f"/networks/{segment(one.id)}", on_cancel=ctx.on_cancel)
    yield one.name


def _remove_volume(ctx: Context, one: Bound) -> Iterator[str]:
    if str(_looked_at(ctx.engine, one).get("CreatedAt", "")) != one.id:
        raise Conflict(ANOTHER)
    ctx.engine.delete(_path(one), on_cancel=ctx.on_cancel)
    yield one.name


def _remove_image(ctx: Context, one: Bound) -> Iterator[str]:
    """Takes every name but one from it, then removes it by its id: there the engine refuses what is used."""
    path = f"/images/{segment(one.id)}"
    names = _names(_looked_at(ctx.engine, one))
    if _digest(names) != one.parts["Names"]:
        raise Conflict(RENAMED)
    if len(names) > 1:
        query = {"all": True, "filters": filter_query([f"ancestor={one.id}"])}
        if ctx.engine.get("/containers/json", query):
            raise Conflict("a container is made of it now")
    for name in names[:-1]:
        named = f"/images/{segment(name)}"
        if ctx.engine.get(f"{named}/json")["Id"] != one.id:
            raise Conflict(f"{name} is another image now")
        yield from _images_told(ctx.engine.delete(named, on_cancel=ctx.on_cancel))
    yield from _images_told(ctx.engine.delete(path, on_cancel=ctx.on_cancel))


def _images_told(gone: Json) -> Iterator[str]:
    return (told(item, "untagged", "deleted") for item in gone or ())


def _remove_cache(ctx: Context, one: Bound) -> Iterator[str]:
    # The engine takes one id at a time, and reads it as a pattern.
    query = {"filters": filter_query([f"id=^{re.escape(one.id)}$"])}
    report = ctx.engine.post("/build/prune", {"all": True, **query}, on_cancel=ctx.on_cancel) or {}
    gone = report.get("CachesDeleted") or ()
    if not gone:
        raise Conflict(USED)
    yield from gone


_REMOVALS: dict[Kind, Callable[[Context, Bound], Iterator[str]]] = {
    Kind.CONTAINER: _remove_container,
    Kind.IMAGE: _remove_image,
    Kind.NETWORK: _remove_network,
    Kind.VOLUME: _remove_volume,
    CACHE: _remove_cache,
}


def outcome(engine: Engine, agreed: Iterable[Bound]) -> tuple[Finding, ...]:
    """A finding for each of them: whether it is there, and the same; raises Unreachable."""
    agreed = tuple(agreed)
    records = engine.get("/system/df").get("BuildCache") if any(one.kind is CACHE for one in agreed) else ()
    kept = {record["ID"] for record in records or ()}
    return tuple(_finding(engine, one, kept) for one in agreed)


def _finding(engine: Engine, one: Bound, kept: set[str]) -> Finding:
    gone = Verdict.DONE, f"there is no such {one.what} any more"
    there = Verdict.NOT_DONE, f"the {one.what} is still there"
    if one.kind is CACHE:
        verdict, seen = there if one.id in kept else gone
        return Finding(target=called(one), verdict=verdict, seen=seen)
    made_anew = Verdict.DONE, "the volume of this name now is another"

    def judge(state: Json) -> tuple[Verdict, str]:
        anew = one.kind is Kind.VOLUME and str(state.get("CreatedAt", "")) != one.id
        return made_anew if anew else there

    return present(engine, called(one), _path(one), judge, gone)
