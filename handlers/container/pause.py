"""docker container pause."""

from typing import Annotated

from handlers.container.targets import each_together
from handlers.context import Context, Engine, segment
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Output
from handlers.outcome import Begun, Finding, Seen, Verdict, containers
from permissions.verbs import Danger, Kind, Verb


class ContainerPause(
    Command,
    path="container pause",
    aliases=("pause",),
    verb=Verb.OPERATE,
    danger=Danger.INTERRUPTS,
    example="docker pause web",
):
    """Pause all processes within one or more containers."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]

    def run(self, ctx: Context) -> Output:
        """Pauses them, several at the same time."""

        def pause(name: str) -> None:
            ctx.engine.post(f"/containers/{segment(name)}/pause", on_cancel=ctx.on_cancel)

        return each_together(ctx, self.containers, pause)

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each container is paused."""

        def judge(seen: Seen) -> tuple[Verdict, str]:
            if seen.paused and seen.running:
                return Verdict.DONE, "is paused"
            if "pause" in seen.events:
                return Verdict.DONE, "was paused after this began, and is so no more"
            return Verdict.NOT_DONE, "is not paused"

        gone = Verdict.UNKNOWN, "there is no such container any more"
        return containers(engine, begun, self.containers, judge, gone)
