"""docker container kill."""

from typing import Annotated

from handlers.container.targets import each_together
from handlers.context import Context, Engine, segment
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.outcome import Begun, Finding, Seen, Verdict, containers
from permissions.verbs import Danger, Kind, Verb


class ContainerKill(
    Command,
    path="container kill",
    aliases=("kill",),
    verb=Verb.OPERATE,
    danger=Danger.INTERRUPTS,
    example="docker kill -s HUP web",
):
    """Kill one or more running containers."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]
    signal: Annotated[str, Opt("-s", "--signal", help="Signal to send to the container")] = ""

    def run(self, ctx: Context) -> Output:
        """Sends the signal, KILL unless told otherwise."""

        def kill(name: str) -> None:
            query = {"signal": self.signal or None}
            ctx.engine.post(f"/containers/{segment(name)}/kill", query, on_cancel=ctx.on_cancel)

        return each_together(ctx, self.containers, kill)

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each container ended, or was sent a signal by what the engine remembers."""
        kills = self.signal.upper().removeprefix("SIG") in {"", "KILL", "9"}

        def judge(seen: Seen) -> tuple[Verdict, str]:
            if "kill" in seen.events:
                return Verdict.DONE, "was sent a signal after this began"
            if not seen.running and seen.ended_since:
                return Verdict.DONE if kills else Verdict.UNKNOWN, seen.ended
            if kills and seen.running and not seen.started_since:
                return Verdict.NOT_DONE, f"runs and was {seen.started}"
            return Verdict.UNKNOWN, "was sent no signal that the engine remembers"

        gone = Verdict.UNKNOWN, "there is no such container any more"
        return containers(engine, begun, self.containers, judge, gone)
