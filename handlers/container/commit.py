"""docker container commit."""

from collections.abc import Iterator
from typing import Annotated

from handlers.container.targets import named
from handlers.context import Context
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL, LIST
from handlers.image.reference import Reference
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb


class ContainerCommit(
    Command,
    path="container commit",
    aliases=("commit",),
    verb=Verb.CREATE,
    danger=Danger.SAFE,
    example="docker commit -m 'before the fix' web web-saved:1",
    interspersed=False,
):
    """Create a new image from a container's changes."""

    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    reference: Annotated[str, Arg("REPOSITORY[:TAG]")] = ""
    author: Annotated[
        str, Opt("-a", "--author", help='Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")')
    ] = ""
    change: Annotated[
        tuple[str, ...],
        Opt("-c", "--change", help="Apply Dockerfile instruction to the created image", type=LIST),
    ] = ()
    message: Annotated[str, Opt("-m", "--message", help="Commit message")] = ""
    pause: Annotated[
        bool, Opt("-p", "--pause", help="Pause container during commit", type=BOOL, default="true")
    ] = True

    def check(self) -> None:
        """Raises UsageFault for a name that no image can have."""
        try:
            reference = self._reference()
        except ValueError as error:
            raise _refused(str(error), "An image is NAME[:TAG], in lower case.") from None
        if reference is not None and reference.digest:
            raise _refused("refusing to create a tag with a digest reference", "Name it NAME[:TAG].")

    def value_danger(self) -> Danger:
        """A container that is paused meanwhile does not answer."""
        return Danger.INTERRUPTS if self.pause else Danger.SAFE

    def resources(self) -> Iterator[Resource]:
        """The container, and the image whose name is taken."""
        yield from super().resources()
        if self.reference:
            yield Resource(kind=Kind.IMAGE, name=self.reference, new=True)

    def run(self, ctx: Context) -> Output:
        """Makes the image and shows its id."""
        reference = self._reference()
        query = {
            "container": named(self.container),
            "repo": reference.name if reference else "",
            "tag": reference.tag if reference else "",
            "comment": self.message,
            "author": self.author,
            "changes": self.change or None,
            "pause": None if self.pause else False,
        }
        made = ctx.engine.post("/commit", query, on_cancel=ctx.on_cancel)
        return Lines(lines=(made["Id"],))

    def _reference(self) -> Reference | None:
        return Reference.parse(self.reference).tagged() if self.reference else None


def _refused(message: str, hint: str) -> UsageFault:
    return UsageFault(message, reason=Reason.BAD_VALUE, exit_code=1, hint=hint)
