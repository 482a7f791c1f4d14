"""docker container unpause."""

from typing import Annotated

from handlers.container.targets import each_together
from handlers.context import Context, Engine, segment
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Output
from handlers.outcome import Begun, Finding, Seen, Verdict, containers
from permissions.verbs import Danger, Kind, Verb


class ContainerUnpause(
    Command,
    path="container unpause",
    aliases=("unpause",),
    verb=Verb.OPERATE,
    danger=Danger.SAFE,
    example="docker unpause web",
):
    """Unpause all processes within one or more containers."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]

    def run(self, ctx: Context) -> Output:
        """Lets them go on, several at the same time."""

        def unpause(name: str) -> None:
            ctx.engine.post(f"/containers/{segment(name)}/unpause", on_cancel=ctx.on_cancel)

        return each_together(ctx, self.containers, unpause)

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each container is unpaused."""

        def judge(seen: Seen) -> tuple[Verdict, str]:
            if not seen.paused and seen.running:
                return Verdict.DONE, "is unpaused"
            if "unpause" in seen.events:
                return Verdict.DONE, "was unpaused after this began, and is so no more"
            return Verdict.NOT_DONE, "is not unpaused"

        gone = Verdict.UNKNOWN, "there is no such container any more"
        return containers(engine, begun, self.containers, judge, gone)
