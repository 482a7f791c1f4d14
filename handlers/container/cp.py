"""docker container cp."""

from collections.abc import Iterator
from typing import Annotated

from handlers.container.export import no_file_area
from handlers.context import Context
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb


class ContainerCp(
    Command,
    path="container cp",
    aliases=("cp",),
    verb=Verb.TRANSFER,
    danger=Danger.SAFE,
    example="docker cp web:/etc/nginx/nginx.conf -",
    usage="docker container cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-",
):
    """Copy files/folders between a container and the local filesystem."""

    source: Annotated[str, Arg("SRC_PATH")]
    destination: Annotated[str, Arg("DEST_PATH")]
    archive: Annotated[
        bool, Opt("-a", "--archive", help="Archive mode (copy all uid/gid information)", type=BOOL)
    ] = False
    follow_link: Annotated[
        bool, Opt("-L", "--follow-link", help="Always follow symbol link in SRC_PATH", type=BOOL)
    ] = False
    quiet: Annotated[
        bool,
        Opt(
            "-q",
            "--quiet",
            help="Suppress progress output during copy. Progress output is automatically suppressed if no "
            "terminal is attached",
            type=BOOL,
        ),
    ] = False

    def check(self) -> None:
        """Raises UsageFault where the CLI refuses."""
        for end, text in (("source", self.source), ("destination", self.destination)):
            if not text:
                raise _refused(f"{end} can not be empty")
        from_container, to_container = _container(self.source), _container(self.destination)
        if from_container and to_container:
            raise _refused("copying between containers is not supported")
        if not (from_container or to_container):
            raise _refused("must specify at least one container source")

    def value_danger(self) -> Danger:
        """Into a container, a copy replaces what is there."""
        return Danger.LOSES_DATA if _container(self.destination) else Danger.SAFE

    def resources(self) -> Iterator[Resource]:
        """The container on either side."""
        for text in (self.source, self.destination):
            if name := _container(text):
                yield Resource(kind=Kind.CONTAINER, name=name)

    def run(self, ctx: Context) -> Output:  # noqa: ARG002 - nothing is asked of the engine
        """Raises Fault: the files have no place to go to."""
        raise no_file_area("docker cp")


def _container(text: str) -> str:
    """The container of ``CONTAINER:PATH``; "" for a path of the caller's machine."""
    name, colon, _ = text.partition(":")
    return "" if not colon or text.startswith(("/", ".")) else name


def _refused(message: str) -> UsageFault:
    return UsageFault(
        message,
        reason=Reason.WRONG_ARGUMENTS,
        exit_code=1,
        hint="Write CONTAINER:PATH on one side.",
    )
