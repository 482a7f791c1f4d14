"""docker image save."""

from typing import Annotated

from handlers.container.export import no_file_area
from handlers.context import Context
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.image import platform
from permissions.verbs import Danger, Kind, Verb


class ImageSave(
    Command,
    path="image save",
    aliases=("save",),
    verb=Verb.TRANSFER,
    danger=Danger.SAFE,
    example="docker save -o shop.tar shop:1.4",
):
    """Save one or more images to a tar archive (streamed to STDOUT by default)."""

    images: Annotated[tuple[str, ...], Arg("IMAGE", resource=Kind.IMAGE)]
    output: Annotated[str, Opt("-o", "--output", help="Write to a file, instead of STDOUT")] = ""
    platform: Annotated[
        str,
        Opt(
            "--platform",
            help="Save only the given platform variant. "
            'Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
            min_api=(1, 48),
        ),
    ] = ""

    def check(self) -> None:
        """Raises UsageFault for a platform that is none."""
        platform.check(self.platform, "invalid platform: ")

    def run(self, ctx: Context) -> Output:  # noqa: ARG002 - nothing is asked of the engine
        """Raises Fault: an archive has no place to go to."""
        raise no_file_area("docker save")
