"""docker container stop."""

from typing import Annotated

from handlers.container.targets import each_together
from handlers.context import Context, Engine, Query, segment
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import INT
from handlers.outcome import Begun, Finding, Seen, Verdict, containers
from permissions.verbs import Danger, Kind, Verb

SIGNAL_API = (1, 42)
"""Older engines do not know a signal for stop and restart; the CLI does not send it to them."""


class StopOptions(Command):
    """How containers are told to stop, for ``stop`` and ``restart``."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]
    signal: Annotated[str, Opt("-s", "--signal", help="Signal to send to the container")] = ""
    timeout: Annotated[
        int | None,
        Opt(
            "-t",
            "--timeout",
            deprecated=("--time",),
            help="Seconds to wait before killing the container",
            type=INT,
        ),
    ] = None

    def query(self, engine: Engine) -> Query:
        """The query of the request; what is not given is not sent."""
        signal = self.signal if engine.api_version >= SIGNAL_API else ""
        return {"t": self.timeout, "signal": signal or None}


class ContainerStop(
    StopOptions,
    path="container stop",
    aliases=("stop",),
    verb=Verb.OPERATE,
    danger=Danger.INTERRUPTS,
    example="docker stop -t 5 web",
):
    """Stop one or more running containers."""

    def run(self, ctx: Context) -> Output:
        """Stops them all at once; waits as long as the containers may take."""
        query = self.query(ctx.engine)

        def stop(name: str) -> None:
            ctx.engine.post(f"/containers/{segment(name)}/stop", query, on_cancel=ctx.on_cancel)

        return each_together(ctx, self.containers, stop)

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each container still runs."""

        def judge(seen: Seen) -> tuple[Verdict, str]:
            if not seen.running:
                return Verdict.DONE, seen.ended
            if seen.started_since:
                return Verdict.UNKNOWN, f"runs and was {seen.started}"
            if "kill" in seen.events:
                return Verdict.UNKNOWN, "was told to stop and still runs"
            return Verdict.NOT_DONE, f"runs and was {seen.started}; nothing told it to stop since"

        return containers(engine, begun, self.containers, judge, (Verdict.DONE, "it is not there any more"))
