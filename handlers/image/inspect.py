"""docker image inspect."""

from typing import Annotated

from handlers.context import Context, Json, segment
from handlers.faults import Fault, Reason
from handlers.format.image import IMAGE
from handlers.format.inspection import inspect
from handlers.format.options import FORMAT_HELP
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.image import platform
from permissions.verbs import Danger, Kind, Verb

PLATFORM_HELP = """Inspect a specific platform of the multi-platform image.
If the image or the server is not multi-platform capable, the command will error out if the platform does \
not match.
'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"""


class ImageInspect(
    Command,
    path="image inspect",
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker image inspect -f '{{.Os}}/{{.Architecture}}' nginx:1.27",
):
    """Display detailed information on one or more images."""

    images: Annotated[tuple[str, ...], Arg("IMAGE", resource=Kind.IMAGE)]
    format: Annotated[str, Opt("-f", "--format", help=FORMAT_HELP)] = ""
    platform: Annotated[str, Opt("--platform", help=PLATFORM_HELP, min_api=(1, 49))] = ""

    def check(self) -> None:
        """Raises UsageFault for a platform that is none."""
        platform.check(self.platform)

    def run(self, ctx: Context) -> Output:
        """Shows what there is; a name that is none fails alone. Raises Fault for a bad template."""
        wanted = platform.encoded(self.platform)

        def fetch(name: str) -> Json:
            ctx.check()
            return fetched(ctx, name, wanted)

        return inspect(self.images, fetch, IMAGE, self.format)


def fetched(ctx: Context, name: str, wanted: str | None = None) -> Json:
    """One image as the engine shows it, of a platform if one is wanted; raises Fault."""
    if not name:
        raise Fault("Error: No such image: ", reason=Reason.NOT_FOUND)
    return ctx.engine.get(f"/images/{segment(name)}/json", {"platform": wanted})
