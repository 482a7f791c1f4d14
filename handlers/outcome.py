"""What became of a change whose worker died: found by looking at its targets, never by running it again.

Each command says by its ``outcome`` what to look at; here are the looks, one for each kind of object.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from handlers.context import Engine, Json, segment
from handlers.faults import EngineFault, NotFound, Unreachable
from handlers.format.moments import epoch
from permissions.model import Record

SHORT_ID = 12
EVENTS_READ = 1_000


class Verdict(StrEnum):
    """What can be said of one object."""

    DONE = "done"
    NOT_DONE = "not done"
    UNKNOWN = "unknown"


class Finding(Record):
    """One object, what became of it, and the sentence that says what was seen."""

    target: str
    verdict: Verdict
    seen: str


@dataclass(frozen=True)
class Begun:
    """How a change began: ``since`` in epoch seconds, ``ids`` of its targets then by kind and name."""

    since: float
    ids: Mapping[str, str] = field(default_factory=dict)

    def id_of(self, kind: str, name: str) -> str:
        """The id that the named object had, "" where it had none or nobody asked."""
        return self.ids.get(f"{kind} {name}", "")


Judged = tuple[Verdict, str]


@dataclass(frozen=True)
class Seen:
    """A container as it is now; ``events`` are what the engine tells of it since the beginning."""

    state: Json
    begun: Begun
    events: frozenset[str]

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return bool(self.state["State"]["Running"])

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return bool(self.state["State"]["Paused"])

    @property
    def started_since(self) -> bool:
        """Whether it was started after the beginning."""
        return self._at("StartedAt") >= self.begun.since

    @property
    def ended_since(self) -> bool:
        """Whether its process ended after the beginning."""
        return self._at("FinishedAt") >= self.begun.since

    @property
    def started(self) -> str:
        """When it was started, for people."""
        return f"started at {_clock(self._at('StartedAt'))}, {self._order(self.started_since)}"

    @property
    def ended(self) -> str:
        """When it ended, for people."""
        return f"ended at {_clock(self._at('FinishedAt'))}, {self._order(self.ended_since)}"

    def _order(self, since: bool) -> str:
        return f"{'after' if since else 'before'} this began at {_clock(self.begun.since)}"

    def _at(self, key: str) -> float:
        return epoch(self.state["State"].get(key))


def containers(
    engine: Engine, begun: Begun, names: Iterable[str], judge: Callable[[Seen], Judged], gone: Judged
) -> tuple[Finding, ...]:
    """A finding for each container; ``gone`` is what it means that one is not there any more."""

    def look(name: str) -> Judged:
        known = begun.id_of("container", name)
        try:
            state = engine.get(f"/containers/{segment(known or name)}/json")
        except NotFound:
            return gone
        verdict, seen = judge(Seen(state, begun, _events(engine, state["Id"], begun.since)))
        return verdict, f"container {state['Id'][:SHORT_ID]} {seen}"

    return tuple(_finding(name, look) for name in names)


def present(
    engine: Engine, target: str, path: str, judge: Callable[[Json], Judged], absent: Judged
) -> Finding:
    """The finding about one object by its path; ``absent`` is what it means that there is none."""

    def look(_: str) -> Judged:
        try:
            return judge(engine.get(path))
        except NotFound:
            return absent

    return _finding(target, look)


def made(begun: Begun, created: str | None, what: str) -> Judged:
    """For what was to be created: whether it was created after the beginning."""
    at = epoch(created)
    # Volumes have whole seconds only.
    fresh = at >= begun.since or (at == int(at) and at >= int(begun.since))
    if fresh:
        return Verdict.DONE, f"{what} was created at {_clock(at)}, after this began"
    return Verdict.NOT_DONE, f"{what} is an older one, created at {_clock(at)}"


def removed(begun: Begun, kind: str, names: Iterable[str], engine: Engine, path: str) -> tuple[Finding, ...]:
    """For what was to be removed, by ``path`` with a place for the name."""
    absent = Verdict.DONE, f"there is no such {kind} any more"

    def judge(name: str) -> Callable[[Json], Judged]:
        def same(state: Mapping[str, Any]) -> Judged:
            known, now = begun.id_of(kind, name), str(state.get("Id") or "")
            if known and now and known != now:
                return Verdict.DONE, f"the {kind} of this name now is another, {now[:SHORT_ID]}"
            return Verdict.NOT_DONE, f"the {kind} is still there"

        return same

    return tuple(present(engine, name, path.format(segment(name)), judge(name), absent) for name in names)


def _finding(target: str, look: Callable[[str], Judged]) -> Finding:
    try:
        verdict, seen = look(target)
    except Unreachable:
        raise
    except EngineFault as fault:
        verdict, seen = Verdict.UNKNOWN, f"the engine does not tell: {fault.message}"
    return Finding(target=target, verdict=verdict, seen=seen)


def _events(engine: Engine, container: str, since: float) -> frozenset[str]:
    """The actions that the engine still remembers; it forgets them when it starts anew."""
    query = {
        "since": f"{since:.9f}",
        "until": f"{datetime.now(UTC).timestamp():.9f}",
        "filters": f'{{"container":["{container}"]}}',
    }
    stream = engine.watch("/events", query)
    try:
        found = zip(range(EVENTS_READ), stream, strict=False)
        return frozenset(str(event.get("Action", "")) for _, event in found)
    finally:
        stream.close()


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC") if at > 0 else "no time"
