"""The thread of a command's example, for its docs page: the command runs on canned answers of an engine."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

from bot.jobs.wire import Cells, Result, Tail
from bot.request import Origin
from bot.slack import render
from bot.standin.clock import RealClock
from bot.standin.picture import draw_message
from bot.standin.world import Message, World
from bot.store.records import RequestRecord
from handlers.context import Close, Engine, Json, OnCancel, Query, Transfer
from handlers.faults import EngineFault, Fault, Unreachable
from handlers.grammar.command import Command
from handlers.grammar.output import Output, Table
from handlers.grammar.render import shown
from handlers.system.login import Login
from permissions.ticket import Effect

ANSWERS = Path("tests/golden/examples.json")
"""By the path of a command: what the engine answers its example, by method and path of the request."""

NOW = 1_790_000_000.0
LASTED = 0.4
HOST = "prod"


class NotCanned(Exception):  # noqa: N818 - reads as a sentence
    """An example asks for what no answer is kept for."""


@dataclass(slots=True)
class _Stream:
    items: list[Any]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass(frozen=True)
class _Canned:
    """An engine that answers from a table; a change without an answer is done and answers nothing."""

    answers: Mapping[str, Any]
    api_version: tuple[int, int] = (1, 50)

    def _answer(self, method: str, path: str) -> Any:
        key = f"{method} {path}"
        if key not in self.answers and method == "GET":
            raise NotCanned(f"{ANSWERS} has no answer to {key}")
        return self.answers.get(key)

    def get(self, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Json:
        del query, headers
        return self._answer("GET", path)

    def post(
        self,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        on_cancel: OnCancel | None = None,
    ) -> Json:
        del query, body, headers, on_cancel
        return self._answer("POST", path)

    def delete(self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None) -> Json:
        del query, on_cancel
        return self._answer("DELETE", path)

    def progress(
        self,
        path: str,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        on_cancel: OnCancel | None = None,
    ) -> _Stream:
        del query, headers, on_cancel
        return _Stream(self._answer("POST", path) or [])

    def watch(self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None) -> _Stream:
        del query, on_cancel
        return _Stream(self._answer("GET", path))

    def frames(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        tty: bool,
        on_cancel: OnCancel | None = None,
    ) -> _Stream:
        del query, body, tty, on_cancel
        return _Stream([(name, text.encode()) for name, text in self._answer(method, path) or ()])


@dataclass(frozen=True)
class _Clock:
    now: float = NOW
    zone: tzinfo = UTC


@dataclass(frozen=True)
class _Login:
    username: str = "ann"
    password: str = "the password"  # noqa: S105 - of nobody


@dataclass
class _Context:
    engine: Engine
    clock: _Clock = _Clock()
    job_id: str = "J-1"
    printed: dict[str, bytes] = field(default_factory=lambda: {"stdout": b"", "stderr": b""})

    def stdout(self, data: bytes) -> None:
        self.printed["stdout"] += data

    def stderr(self, data: bytes) -> None:
        self.printed["stderr"] += data

    def transfer(self, transfer: Transfer) -> None:
        """Nobody watches it run."""

    def login(self, server: str) -> _Login:
        del server
        return _Login()

    def on_cancel(self, close: Close) -> None:
        """Nobody ends it."""

    def check(self) -> None:
        """Nobody ends it."""


def threads(commands: tuple[type[Command], ...], answers: Path = ANSWERS) -> dict[str, str]:
    """By the path of each command: its example's thread as a reader of Slack sees it.

    Raises NotCanned.
    """
    canned = json.loads(answers.read_text("utf-8"))
    return {command.path: _thread(command, canned.get(command.path, {})) for command in commands}


def _thread(command: type[Command], answers: Mapping[str, Any]) -> str:
    from handlers.catalogue import load  # noqa: PLC0415 - imports every command
    from handlers.grammar.parser import Parsed, parse  # noqa: PLC0415 - as above

    parsed = parse(command.example, load())
    if not isinstance(parsed, Parsed):
        raise TypeError(f"the example of {command.path} is no command")
    asked = parsed.command
    if isinstance(asked, Login):  # the form has asked for it
        asked = asked.with_password(_Login.password)
    ending = render.ended(_record(asked), _result(asked, answers))
    world = World(RealClock(), lambda: None)
    world.add_user("ann", "U1")
    head, *replies = [
        draw_message(world, Message("1.0", "C1", world.bot.id, message.text, list(message.blocks)))
        for message in (ending.parent, *ending.replies)
    ]
    lines = [*head, *(f"    {line}" for reply in replies for line in ["", *reply])]
    return "\n".join(line.rstrip() for line in lines)


def _record(command: Command) -> RequestRecord:
    question = command.question()
    effect = Effect.READ if command.verb.reads else Effect.CHANGE
    return RequestRecord(
        job_id="J-1",
        delivery_id="D-1",
        origin=Origin.SLASH,
        team_id="T1",
        user_id="U1",
        user_name="ann",
        channel_id="C1",
        shown=shown(command),
        host=HOST,
        command=command.path,
        effect=effect,
        question=question,
        confirmation_id="yes" if question else "",
    )


def _result(command: Command, answers: Mapping[str, Any]) -> Result:
    ctx = _Context(_Canned(answers))
    code, reason, hint, table = 0, "", "", None
    try:
        output: Output = command.preview(ctx) if command.question() else command.run(ctx)
    except Fault as fault:
        by_engine = isinstance(fault, EngineFault) and not isinstance(fault, Unreachable)
        said = f"Error response from daemon: {fault.message}" if by_engine else fault.message
        ctx.stderr(f"{said}\n".encode())
        code, reason, hint = fault.exit_code, str(fault.reason), fault.hint
    else:
        ctx.stdout(output.stdout.encode())
        ctx.stderr(output.stderr.encode())
        code, hint = output.exit_code, output.note
        if isinstance(output, Table):
            table = Cells(header=output.header, rows=output.rows, total=len(output.rows))
    out, err = (_tail(ctx.printed[name].decode()) for name in ("stdout", "stderr"))
    return Result(
        exit_code=code,
        reason=reason,
        hint=hint,
        stdout=out,
        stderr=err,
        table=table,
        began_at=NOW,
        ended_at=NOW + LASTED,
    )


def _tail(text: str) -> Tail:
    return Tail(text=text, total_bytes=len(text.encode()), total_lines=len(text.splitlines()))
