"""docker container wait."""

from typing import Annotated

from handlers.container.streams import ending
from handlers.container.targets import each
from handlers.context import Context, segment
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Output, Stream
from permissions.verbs import Danger, Kind, Verb


class ContainerWait(
    Command,
    path="container wait",
    aliases=("wait",),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker wait web",
):
    """Block until one or more containers stop, then print their exit codes."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]

    def follows(self) -> bool:
        """It ends when the containers do."""
        return True

    def run(self, ctx: Context) -> Output:
        """Waits for one after another and emits each exit code as it is known."""

        def wait(name: str) -> None:
            waiting = ctx.engine.progress(f"/containers/{segment(name)}/wait", on_cancel=ctx.on_cancel)
            ctx.stdout(f"{ending(ctx, waiting)['StatusCode']}\n".encode())

        done = each(ctx, self.containers, wait)
        return Stream(failures=done.failures, exit_code=done.exit_code)
