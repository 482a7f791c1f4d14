"""What a host has now, for people who mistype a name: kept in the store from the engine's events.

An event says when to look, a listing says what is there. The stream of events is opened before the first
listing and after every break, so that nothing that happens in between is missed. It is a hint and no more:
whoever writes to the store could change it, so nothing is ever allowed or refused by it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import redis
import structlog

from bot.jobs.names import Names
from bot.jobs.wire import INVENTORY_KINDS, Seen
from handlers.context import Engine, Json, ObjectStream
from permissions.verbs import Kind

log = structlog.get_logger(__name__)

SETTLE = 0.3
"""Seconds that a burst of events is let pass before the host is looked at."""
RETRY = 2.0
FRESH_SECONDS = 120
"""How long a worker may be silent before its inventory counts for nothing."""
RENEW = 30.0
RELIST = 600.0
"""After so many seconds all is listed again: a connection can be dead without anybody being told."""
MOST = 5_000
"""The most objects of a kind that are kept."""
_CHARS = 256
_LABELS = 20

# What changes neither a name nor a state: health checks alone would have the host listed all the time.
_IDLE = (
    "exec_",
    "health_status",
    "top",
    "resize",
    "attach",
    "detach",
    "export",
    "archive-path",
    "extract-to-dir",
)


class Inventory:
    """Keeps a host's inventory; :meth:`run` is its thread, :meth:`stop` ends it."""

    def __init__(self, client: redis.Redis, namespace: str, host: str, engine: Engine) -> None:
        self._redis = client
        self._names = Names(namespace)
        self._host = host
        self._engine = engine
        self._known: dict[Kind, dict[Any, Any]] = {}
        self._dirty: set[Kind] = set()
        self._changed = threading.Condition()
        self._stopped = False
        self._broken = False
        self._events: ObjectStream | None = None

    def run(self) -> None:
        """Follows the engine until :meth:`stop`."""
        while not self._stopped:
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001 - engine or store away: it is only a hint
                log.info("inventory not kept", error=type(error).__name__)
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, RETRY)

    def stop(self) -> None:
        """Ends :meth:`run`."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            events = self._events
        if events is not None:
            events.close()

    def _follow(self) -> None:
        """One connection's life: first the events, then the listing of everything, then what changes."""
        events = self._engine.watch("/events", {})
        with self._changed:
            self._events, self._broken, self._dirty = events, False, set(INVENTORY_KINDS)
        self._known.clear()
        reader = threading.Thread(
            target=self._read, args=(events,), name="worker-inventory-events", daemon=True
        )
        reader.start()
        try:
            renew_at, relist_at = 0.0, time.monotonic() + RELIST
            while (dirty := self._next(renew_at)) is not None:
                if time.monotonic() >= relist_at:
                    dirty, relist_at = set(INVENTORY_KINDS), time.monotonic() + RELIST
                for kind in sorted(dirty):
                    self._look(kind)
                if time.monotonic() >= renew_at:
                    self._redis.set(
                        self._names.inventory_at(self._host), f"{time.time():.0f}", ex=FRESH_SECONDS
                    )
                    renew_at = time.monotonic() + RENEW
        finally:
            events.close()
            reader.join(1.0)

    def _next(self, renew_at: float) -> set[Kind] | None:
        """What has to be looked at; None when the connection is over."""
        with self._changed:
            wait = max(0.0, renew_at - time.monotonic())
            self._changed.wait_for(lambda: self._dirty or self._broken or self._stopped, wait)
            if self._dirty and not self._stopped:
                self._changed.wait_for(lambda: self._stopped, SETTLE)
            dirty, self._dirty = self._dirty, set()
            return None if self._broken or self._stopped else dirty

    def _read(self, events: ObjectStream) -> None:
        try:
            for event in events:
                kind = _kind(event)
                if kind is not None:
                    with self._changed:
                        self._dirty.add(kind)
                        self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - the other thread connects again
            log.info("engine events ended", error=type(error).__name__)
        with self._changed:
            self._broken = True
            self._changed.notify_all()

    def _look(self, kind: Kind) -> None:
        """Lists what there is of a kind and stores the difference."""
        found: dict[Any, Any] = {seen.id: seen.model_dump_json() for seen in _LISTINGS[kind](self._engine)}
        before = self._known.get(kind)
        key = self._names.inventory(self._host, kind)
        with self._redis.pipeline(transaction=True) as pipe:
            if before is None:
                pipe.delete(key)
                before = {}
            gone = [one for one in before if one not in found]
            news = {one: text for one, text in found.items() if before.get(one) != text}
            if gone:
                pipe.hdel(key, *gone)
            if news:
                pipe.hset(key, mapping=news)
            pipe.execute()
        self._known[kind] = found


def _kind(event: Json) -> Kind | None:
    """What an event may have changed."""
    action = str(event.get("Action") or event.get("status") or "")
    try:
        kind = Kind(str(event.get("Type", "")))
    except ValueError:
        return None
    return kind if kind in INVENTORY_KINDS and not action.startswith(_IDLE) else None


def _containers(engine: Engine) -> Iterator[Seen]:
    for data in (engine.get("/containers/json", {"all": True}) or ())[:MOST]:
        names = tuple(str(name).removeprefix("/")[:_CHARS] for name in data.get("Names") or ())
        # A link shows under its owner's name as well.
        names = tuple(name for name in names if "/" not in name)
        yield _seen(
            data, data["Id"], names, image=str(data.get("Image", "")), state=str(data.get("State", ""))
        )


def _images(engine: Engine) -> Iterator[Seen]:
    for data in (engine.get("/images/json") or ())[:MOST]:
        tags = tuple(str(tag)[:_CHARS] for tag in data.get("RepoTags") or () if tag != "<none>:<none>")
        yield _seen(data, data["Id"], tags)


def _networks(engine: Engine) -> Iterator[Seen]:
    for data in (engine.get("/networks") or ())[:MOST]:
        yield _seen(data, data["Id"], (str(data["Name"])[:_CHARS],), state=str(data.get("Driver", "")))


def _volumes(engine: Engine) -> Iterator[Seen]:
    for data in ((engine.get("/volumes") or {}).get("Volumes") or ())[:MOST]:
        name = str(data["Name"])[:_CHARS]
        yield _seen(data, name, (name,), state=str(data.get("Driver", "")))


def _seen(
    data: Mapping[str, Any], identity: str, names: tuple[str, ...], image: str = "", state: str = ""
) -> Seen:
    labels = sorted((data.get("Labels") or {}).items())[:_LABELS]
    return Seen(
        id=identity,
        names=names,
        image=image[:_CHARS],
        state=state,
        labels={str(key)[:_CHARS]: str(value)[:_CHARS] for key, value in labels},
    )


_LISTINGS: dict[Kind, Callable[[Engine], Iterator[Seen]]] = {
    Kind.CONTAINER: _containers,
    Kind.IMAGE: _images,
    Kind.NETWORK: _networks,
    Kind.VOLUME: _volumes,
}
