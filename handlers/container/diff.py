"""docker container diff."""

from typing import Annotated

from handlers.container.targets import named
from handlers.context import Context, segment
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Lines, Output
from permissions.verbs import Danger, Kind, Verb

KINDS = ("C", "A", "D")
"""Changed, added, deleted: the engine sends their numbers."""


class ContainerDiff(
    Command,
    path="container diff",
    aliases=("diff",),
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker diff web",
):
    """Inspect changes to files or directories on a container's filesystem."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]

    def check(self) -> None:
        """Raises UsageFault for a name that is none."""
        if not self.container:
            raise UsageFault(
                "Container name cannot be empty",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Name the container.",
            )

    def run(self, ctx: Context) -> Output:
        """Lists the changes against the image."""
        changes = ctx.engine.get(f"/containers/{segment(named(self.container))}/changes") or ()
        return Lines(lines=tuple(f"{KINDS[change['Kind']]} {change['Path']}" for change in changes))
