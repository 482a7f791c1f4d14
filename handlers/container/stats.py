"""docker container stats."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from handlers.container.board import Board, Feed
from handlers.container.sample import DEFAULT, LISTING, Sample
from handlers.container.targets import named, sentence
from handlers.context import Context, Json, ObjectStream, segment
from handlers.faults import Fault, JobFault
from handlers.format.listing import TABLE
from handlers.format.options import LIST_FORMAT_HELP
from handlers.format.units import short_id
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Failure, Lines, Output, Stream, Table
from handlers.grammar.values import BOOL, filter_query
from permissions.verbs import Danger, Kind, Verb

SILENCE = 2.0
"""Seconds without a sample after which a container is shown without numbers, as in the CLI."""

TOGETHER = 32
"""How many containers are asked at the same time; each answer takes the engine more than a second."""


class ContainerStats(
    Command,
    path="container stats",
    aliases=("stats",),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker stats --no-stream web",
):
    """Display a live stream of container(s) resource usage statistics."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER, least=0)] = ()
    all: Annotated[
        bool, Opt("-a", "--all", help="Show all containers (default shows just running)", type=BOOL)
    ] = False
    format: Annotated[str, Opt("--format", help=LIST_FORMAT_HELP)] = ""
    no_stream: Annotated[
        bool,
        Opt("--no-stream", help="Disable streaming stats and only pull the first result", type=BOOL),
    ] = False
    no_trunc: Annotated[bool, Opt("--no-trunc", help="Do not truncate output", type=BOOL)] = False

    def endless(self) -> bool:
        """Unless one sample is all that is wanted."""
        return not self.no_stream

    def run(self, ctx: Context) -> Output:
        """Shows one sample of each; streaming, emits a whole table about once a second.

        A stream ends with the job, or when none of the named containers is left. Raises Fault.
        """
        return self._once(ctx) if self.no_stream else _Following(ctx, self).run()

    def listed(self, ctx: Context) -> list[str]:
        """The containers that are there, by short id, where none was named."""
        found = ctx.engine.get("/containers/json", {"all": self.all or None}) or ()
        return [short_id(data["Id"]) for data in found]

    def table(self, rows: tuple[Sample, ...]) -> Output:
        """The rows by the format."""
        return LISTING.render(DEFAULT if self.format in ("", TABLE) else self.format, rows)

    def _once(self, ctx: Context) -> Output:
        names = tuple(dict.fromkeys(self.containers or self.listed(ctx)))

        def ask(name: str) -> Json | Fault:
            try:
                ctx.check()
                return ctx.engine.get(f"/containers/{segment(named(name))}/stats", {"stream": False})
            except Fault as fault:
                return fault

        with ThreadPoolExecutor(min(len(names), TOGETHER) or 1) as pool:
            answers = list(pool.map(ask, names))
        ctx.check()
        faults = [answer for answer in answers if isinstance(answer, Fault)]
        if self.containers and faults:
            return Lines(failures=tuple(_failure(fault) for fault in faults), exit_code=1)
        return self.table(
            tuple(
                Sample(name, not self.no_trunc)
                if isinstance(answer, Fault)
                else Sample(name, not self.no_trunc, answer, stale=False)
                for name, answer in zip(names, answers, strict=True)
            )
        )


class _Following:
    """One stream of refreshes."""

    def __init__(self, ctx: Context, command: ContainerStats) -> None:
        self._ctx = ctx
        self._command = command
        self._board = Board(self._show, truncate=not command.no_trunc)
        self._feed = Feed(ctx)
        self._failures: list[Failure] = []
        self._shown = False
        self._over = False

    def run(self) -> Output:
        try:
            self._begin()
            while not self._over:
                news = self._feed.next(SILENCE)
                self._ctx.check()
                if news is None:
                    self._over = bool(self._failures)
                    self._board.silence()
                elif news[0] is None:
                    self._happened(news[1])
                else:
                    self._said(news[0], news[1])
        finally:
            self._feed.close()
        return Stream(failures=tuple(self._failures), exit_code=int(bool(self._failures)))

    def _begin(self) -> None:
        names: tuple[str, ...] = self._command.containers
        if not names:
            # Before the list is asked for, so that no start is missed in between.
            query = {"filters": filter_query(("type=container",))}
            events = self._ctx.engine.watch("/events", query, on_cancel=self._ctx.on_cancel)
            self._feed.read(None, lambda: events)
            names = tuple(self._command.listed(self._ctx))
        for name in names:
            self._add(name)

    def _add(self, container: str) -> None:
        row = self._board.add(container)
        if row is not None:
            self._feed.read(row, self._connect(container))

    def _connect(self, container: str) -> Callable[[], ObjectStream]:
        def connect() -> ObjectStream:
            path = f"/containers/{segment(named(container))}/stats"
            return self._ctx.engine.watch(path, {"stream": True}, on_cancel=self._ctx.on_cancel)

        return connect

    def _said(self, row: Sample, item: Json | Fault | None) -> None:
        if not self._board.has(row):
            self._feed.drop(row)
        elif item is None or isinstance(item, Fault):
            if isinstance(item, Fault) and self._command.containers and not row.data:
                self._failures.append(_failure(item))
            self._board.remove(row.container)
        else:
            self._board.take(row, item)
        waiting = [row for row in self._board.rows if not (self._failures and row.data)]
        self._over = bool(self._command.containers) and not waiting

    def _happened(self, event: Json | Fault | None) -> None:
        """Containers that start come onto the board; those that end leave it, unless all are wanted."""
        if isinstance(event, Fault):
            raise event
        if event is None:
            self._over = True
            return
        action, container = event.get("Action"), short_id((event.get("Actor") or {}).get("ID", ""))
        if action == "start" or (action == "create" and self._command.all):
            self._add(container)
        elif action == "die" and not self._command.all:
            for row in self._board.rows:
                if row.container == container:
                    self._feed.drop(row)
            self._board.remove(container)

    def _show(self, rows: tuple[Sample, ...]) -> None:
        if self._failures:
            return
        shown = self._command.table(rows)
        between = "\n" if self._shown and isinstance(shown, Table) else ""
        self._ctx.stdout(f"{between}{shown.stdout}".encode())
        self._shown = True


def _failure(fault: Fault) -> Failure:
    if isinstance(fault, JobFault):
        raise fault
    return Failure(reason=fault.reason, message=sentence(fault))
