"""docker container unpause."""

from typing import Annotated

from handlers.container.targets import each_together
from handlers.context import Context, segment
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Output
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
