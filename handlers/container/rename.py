"""docker container rename."""

from typing import Annotated

from handlers.container.targets import sentence
from handlers.context import Context, segment
from handlers.faults import Fault, JobFault, Reason, UsageFault
from handlers.grammar.command import Arg, Command
from handlers.grammar.output import Failure, Lines, Output
from permissions.verbs import Danger, Kind, Verb


class ContainerRename(
    Command,
    path="container rename",
    aliases=("rename",),
    verb=Verb.CHANGE,
    danger=Danger.INTERRUPTS,  # others find a container by its name
    example="docker rename web web-old",
):
    """Rename a container."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    # Rules go by names: taking one is as good as acting on it.
    new_name: Annotated[str, Arg("NEW_NAME", resource=Kind.CONTAINER)]

    def check(self) -> None:
        """Raises UsageFault for a name that is none."""
        if not (self.container.strip() and self.new_name.strip()):
            raise UsageFault(
                "Error: Neither old nor new names may be empty",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Name the container, then its new name.",
            )

    def run(self, ctx: Context) -> Output:
        """Renames it."""
        old = self.container.strip()
        query = {"name": self.new_name.strip()}
        try:
            ctx.engine.post(f"/containers/{segment(old)}/rename", query, on_cancel=ctx.on_cancel)
        except JobFault:
            raise
        except Fault as fault:
            said = (sentence(fault), f"Error: failed to rename container named {old}")
            failures = tuple(Failure(reason=fault.reason, message=text) for text in said)
            return Lines(failures=failures, exit_code=1)
        return Lines()
