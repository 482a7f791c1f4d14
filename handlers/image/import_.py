"""docker image import."""

from collections.abc import Iterator
from typing import Annotated

from handlers.container.export import no_file_area
from handlers.context import Context
from handlers.format.progress import follow
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output, Stream
from handlers.grammar.values import LIST
from handlers.image.reference import referred
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb

URLS = ("http://", "https://")


class ImageImport(
    Command,
    path="image import",
    aliases=("import",),
    verb=Verb.TRANSFER,
    danger=Danger.INTERRUPTS,
    example="docker import https://example.com/rootfs.tar base:2",
    usage="docker image import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
):
    """Import the contents from a tarball to create a filesystem image."""

    source: Annotated[str, Arg("file|URL|-")]
    rest: Annotated[tuple[str, ...], Arg("REPOSITORY[:TAG]", least=0)] = ()
    change: Annotated[
        tuple[str, ...],
        Opt("-c", "--change", help="Apply Dockerfile instruction to the created image", type=LIST),
    ] = ()
    message: Annotated[str, Opt("-m", "--message", help="Set commit message for imported image")] = ""
    platform: Annotated[
        str, Opt("--platform", help="Set platform if server is multi-platform capable", min_api=(1, 32))
    ] = ""

    def resources(self) -> Iterator[Resource]:
        """The name that the image gets, if it gets one."""
        if self._target:
            yield Resource(kind=Kind.IMAGE, name=self._target, new=True)

    def check(self) -> None:
        """Raises UsageFault for a name that is none."""
        if self._target:
            referred(self._target)

    def run(self, ctx: Context) -> Output:
        """Has the engine fetch a URL and make an image of it; raises EngineFault, and Fault for a file."""
        if not self.source.startswith(URLS):
            raise no_file_area("docker import of a file")
        query = {
            "fromSrc": self.source,
            "repo": self._target or None,
            "message": self.message or None,
            "platform": self.platform.lower() or None,
            "changes": self.change or None,
        }
        messages = ctx.engine.progress("/images/create", query, on_cancel=ctx.on_cancel)
        follow(messages, ctx, quiet=False)
        return Stream()

    @property
    def _target(self) -> str:
        """The first of the names behind the source; the CLI takes others and ignores them."""
        return self.rest[0] if self.rest else ""
