"""docker volume inspect."""

from typing import Annotated

from handlers.container.targets import named
from handlers.context import Context, Json, segment
from handlers.format.inspection import inspect
from handlers.format.options import FORMAT_HELP
from handlers.format.volume import VOLUME
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from permissions.verbs import Danger, Kind, Verb


class VolumeInspect(
    Command,
    path="volume inspect",
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker volume inspect -f '{{.Mountpoint}}' data",
):
    """Display detailed information on one or more volumes."""

    volumes: Annotated[tuple[str, ...], Arg("VOLUME", resource=Kind.VOLUME)]
    format: Annotated[str, Opt("-f", "--format", help=FORMAT_HELP)] = ""

    def run(self, ctx: Context) -> Output:
        """Shows what there is; a name that is none fails alone. Raises Fault for a bad template."""

        def fetch(name: str) -> Json:
            ctx.check()
            return ctx.engine.get(f"/volumes/{segment(named(name, 'volume'))}")

        return inspect(self.volumes, fetch, VOLUME, self.format, plain=False)
