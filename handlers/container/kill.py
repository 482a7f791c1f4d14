"""docker container kill."""

from typing import Annotated

from handlers.container.targets import each_together
from handlers.context import Context, segment
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
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
