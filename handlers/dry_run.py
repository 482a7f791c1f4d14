"""``--dry-run``: what a command would ask, found by running it on an engine that changes nothing.

Reads go to the real engine, so that an unknown name fails here as it would fail there; changes are noted and
answered with what the engine usually says. Where a command's next step depends on what a change would have
answered, the list ends and says so.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from handlers.context import Context, Engine, Json, OnCancel, Query
from handlers.faults import Fault
from handlers.grammar.command import Command
from handlers.grammar.output import Lines
from handlers.grammar.secrecy import MASK

NEW = "<new>"
"""Stands for the id that the engine would give."""
_QUOTED = quote(NEW, safe="")

_TARGET = re.compile(r"^/(containers|networks|volumes|images)/([^/]+)(?:/|$)")
_NO_TARGET = {"create", "prune", "load", "get", "json", "search"}
_READS = {"networks": "/networks/{}", "volumes": "/volumes/{}", "images": "/images/{}/json"}
_BODY_CHARS = 1_500


class _Unknown(Exception):  # noqa: N818 - never leaves this module
    """The next step depends on an answer that was never given."""


def rehearse(command: Command, ctx: Context) -> Lines:
    """The calls that ``command`` would make; raises Fault where it would fail before its first change."""
    rehearsal = Rehearsal(ctx.engine)
    failures: tuple[Any, ...] = ()
    try:
        failures = command.run(_Rehearsed(ctx, rehearsal)).failures
        ends = ""
    except _Unknown:
        ends = "What follows depends on the answers."
    except Fault:
        if not rehearsal.calls:
            raise
        ends = "What follows depends on the answers."
    if not rehearsal.calls:
        calls = [] if failures else ["Nothing would change."]
    else:
        calls = ["These calls would be made; nothing was changed:", *rehearsal.calls]
    lines = (*calls, *([ends] if ends else []))
    return Lines(lines=lines, failures=failures, exit_code=1 if failures else 0)


class _Nothing:
    """A stream that ends at once."""

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def close(self) -> None:
        """Nothing to end."""


class Rehearsal:
    """An Engine that reads from another one and notes every change; ``calls`` are lines for people."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: set[tuple[str, str]] = set()
        self.calls: list[str] = []

    @property
    def api_version(self) -> tuple[int, int]:
        """That of the real engine."""
        return self._engine.api_version

    def get(self, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Json:
        """Asks the real engine; about what was never made nothing can be asked."""
        if _QUOTED in path:
            raise _Unknown
        return self._engine.get(path, query, headers=headers)

    def post(
        self,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - credentials are nobody's to see
        on_cancel: OnCancel | None = None,  # noqa: ARG002 - nothing blocks
    ) -> Json:
        """Notes it."""
        self._note("POST", path, query, body)
        return _answer(path, body)

    def delete(self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None) -> Json:  # noqa: ARG002 - nothing blocks
        """Notes it."""
        self._note("DELETE", path, query, None)
        return [] if path.startswith("/images/") else None

    def progress(
        self,
        path: str,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002 - as in post
        on_cancel: OnCancel | None = None,  # noqa: ARG002 - as in post
    ) -> _Nothing:
        """Notes it; a wait has no answer."""
        if path.endswith("/wait"):
            raise _Unknown
        self._note("POST", path, query, None)
        return _Nothing()

    def watch(self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None) -> Any:
        """Reads from the real engine."""
        return self._engine.watch(path, query, on_cancel=on_cancel)

    def frames(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        tty: bool,
        on_cancel: OnCancel | None = None,
    ) -> Any:
        """Reads logs from the real engine; what would attach to something notes it."""
        if method == "GET":
            return self._engine.frames(method, path, query, body, tty=tty, on_cancel=on_cancel)
        self._note(method, path, query, body)
        return _Nothing()

    def _note(self, method: str, path: str, query: Query | None, body: Json | None) -> None:
        self._look_at_the_target(path, query or {})
        given = {key: _text(value) for key, value in (query or {}).items() if value is not None}
        self.calls.append(f"  {method} {unquote(path)}{'?' + urlencode(given, doseq=True) if given else ''}")
        said = _said(_masked(body))
        if said:
            text = json.dumps(said, ensure_ascii=False, separators=(", ", ": "))
            self.calls.append(f"    {text[:_BODY_CHARS]}{'…' if len(text) > _BODY_CHARS else ''}")

    def _look_at_the_target(self, path: str, query: Query) -> None:
        """Fails as the engine would when there is no such object; says once what there is."""
        found = _TARGET.match(path)
        if found is None or found[2] in _NO_TARGET or _QUOTED in path:
            return
        kind, name = found[1], found[2]
        if path.endswith("/push"):
            # The path names the repository alone; its tag, or that all are meant, is said beside it.
            if not query.get("tag"):
                return
            name = f"{name}:{query['tag']}"
        if (kind, name) in self._seen:
            return
        self._seen.add((kind, name))
        if kind == "containers":
            state = self._engine.get(f"/containers/{name}/json")
            status = state["State"]["Status"]
            self.calls.append(f"  {name}: container {str(state['Id'])[:12]}, {status}")
        else:
            state = self._engine.get(_READS[kind].format(name))
            identity = str(state.get("Id") or state.get("Name", "")).removeprefix("sha256:")[:12]
            self.calls.append(f"  {name}: {kind.removesuffix('s')} {identity}")


class _Rehearsed:
    """A Context whose engine is the rehearsal's; all else is the real one's."""

    def __init__(self, ctx: Context, engine: Rehearsal) -> None:
        self._ctx = ctx
        self.engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)


def _answer(path: str, body: Json | None) -> Json:
    """What the engine usually says to a change."""
    if path.endswith(("/create", "/exec", "/commit")):
        name = body.get("Name", NEW) if isinstance(body, dict) else NEW
        return {"Id": NEW, "Name": name, "Warnings": [], "Warning": ""}
    return {} if path.endswith("/prune") else None


def _text(value: str | int | bool | tuple[str, ...]) -> str | tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    return str(int(value)) if isinstance(value, bool) else str(value)


def _said(body: Json) -> Json:
    """The body without what is empty: to the engine that is the same as not there."""
    if isinstance(body, dict):
        pairs = {key: _said(value) for key, value in body.items()}
        return {key: value for key, value in pairs.items() if value}
    return [_said(item) for item in body] if isinstance(body, list) else body


def _masked(body: Json) -> Json:
    """The body without passwords and values of variables: they are the asker's secrets."""
    if not isinstance(body, dict):
        return body
    shown = {**body}
    if "password" in body:
        shown["password"] = MASK
    if isinstance(body.get("Env"), list):
        shown["Env"] = [f"{str(line).partition('=')[0]}={MASK}" for line in body["Env"]]
    return shown
