"""docker container export."""

from typing import Annotated

from handlers.context import Context
from handlers.faults import Fault, Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from permissions.verbs import Danger, Kind, Verb

ELSEWHERE = "Run it with the docker CLI on a machine that keeps the file."


class ContainerExport(
    Command,
    path="container export",
    aliases=("export",),
    verb=Verb.TRANSFER,
    danger=Danger.SAFE,
    example="docker export web",
):
    """Export a container's filesystem as a tar archive."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    output: Annotated[str, Opt("-o", "--output", help="Write to a file, instead of STDOUT")] = ""

    def check(self) -> None:
        """Raises UsageFault for a file of the caller's machine."""
        if self.output:
            raise UsageFault(
                "--output needs a file of your own machine, and a chat line has none",
                reason=Reason.CALLER_FILE,
                exit_code=1,
                hint=ELSEWHERE,
            )

    def run(self, ctx: Context) -> Output:  # noqa: ARG002 - nothing is asked of the engine
        """Raises Fault: an archive has no place to go to."""
        raise no_file_area("docker export")


def no_file_area(command: str) -> Fault:
    """The refusal of a command that moves files: there is no place for them yet."""
    return Fault(
        f"{command} moves files, and those come with the file area: there is none yet",
        reason=Reason.CALLER_FILE,
        hint=ELSEWHERE,
    )
