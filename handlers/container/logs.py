"""docker container logs."""

from typing import Annotated

from handlers.container.moments import check_moment, moment
from handlers.container.targets import named
from handlers.context import Context, segment
from handlers.faults import Fault, NotFound, Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output, Stream
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Kind, Verb

_FORMS = '(e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)'


class ContainerLogs(
    Command,
    path="container logs",
    aliases=("logs",),
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker logs --since 10m -n 100 web",
):
    """Fetch the logs of a container."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    details: Annotated[bool, Opt("--details", help="Show extra details provided to logs", type=BOOL)] = False
    follow: Annotated[bool, Opt("-f", "--follow", help="Follow log output", type=BOOL)] = False
    since: Annotated[
        str,
        Opt(
            "--since",
            help=f"Show logs since timestamp {_FORMS}",
        ),
    ] = ""
    tail: Annotated[
        str,
        Opt("-n", "--tail", help="Number of lines to show from the end of the logs", default='"all"'),
    ] = "all"
    timestamps: Annotated[bool, Opt("-t", "--timestamps", help="Show timestamps", type=BOOL)] = False
    until: Annotated[
        str,
        Opt(
            "--until",
            help=f"Show logs before a timestamp {_FORMS}",
            min_api=(1, 35),
        ),
    ] = ""

    def check(self) -> None:
        """Raises UsageFault for a point in time that is none."""
        try:
            check_moment("since", self.since)
            check_moment("until", self.until)
        except ValueError as error:
            raise UsageFault(
                str(error), reason=Reason.BAD_VALUE, exit_code=1, hint="Write 10m, or 2013-01-02T13:23:37Z."
            ) from None

    def endless(self) -> bool:
        """With ``--follow``."""
        return self.follow

    def run(self, ctx: Context) -> Output:
        """Emits what was logged; with ``--follow`` goes on until the container or the job ends."""
        path = f"/containers/{segment(named(self.container))}"
        tty = ctx.engine.get(f"{path}/json")["Config"]["Tty"]
        query = {
            "stdout": True,
            "stderr": True,
            "since": moment(self.since, ctx.clock),
            "until": moment(self.until, ctx.clock),
            "timestamps": self.timestamps or None,
            "follow": self.follow or None,
            "details": self.details or None,
            "tail": self.tail,
        }
        frames = ctx.engine.frames("GET", f"{path}/logs", query, tty=tty, on_cancel=ctx.on_cancel)
        try:
            for name, data in frames:
                ctx.check()
                emit = ctx.stdout if name == "stdout" else ctx.stderr
                emit(data)
        finally:
            frames.close()
        ctx.check()
        return Stream(note=self._how_it_ended(ctx, path) if self.follow else "")

    def _how_it_ended(self, ctx: Context, path: str) -> str:
        """The container's end, where that is what ended the following."""
        try:
            state = ctx.engine.get(f"{path}/json").get("State") or {}
        except NotFound:
            return f"`{self.container}` is gone."
        except Fault:
            return ""
        if state.get("Running", True):
            return ""
        return f"`{self.container}` exited with code {state.get('ExitCode')}."
