"""docker image load."""

from typing import Annotated

from handlers.container.export import no_file_area
from handlers.context import Context
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL
from handlers.image import platform
from permissions.verbs import Danger, Verb


class ImageLoad(
    Command,
    path="image load",
    aliases=("load",),
    verb=Verb.TRANSFER,
    danger=Danger.INTERRUPTS,
    example="docker load -i shop.tar",
):
    """Load an image from a tar archive or STDIN."""

    input: Annotated[str, Opt("-i", "--input", help="Read from tar archive file, instead of STDIN")] = ""
    platform: Annotated[
        str,
        Opt(
            "--platform",
            help="Load only the given platform variant. "
            'Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
            min_api=(1, 48),
        ),
    ] = ""
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Suppress the load output", type=BOOL)] = False

    def check(self) -> None:
        """Raises UsageFault for a platform that is none."""
        platform.check(self.platform, "invalid platform: ")

    def run(self, ctx: Context) -> Output:  # noqa: ARG002 - nothing is asked of the engine
        """Raises Fault: there is no place an archive could come from."""
        raise no_file_area("docker load")
