"""docker container inspect."""

from typing import Annotated

from handlers.container.targets import named
from handlers.context import Context, Json, segment
from handlers.format.container import CONTAINER
from handlers.format.inspection import inspect
from handlers.format.options import FORMAT_HELP
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Kind, Verb


class ContainerInspect(
    Command,
    path="container inspect",
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker container inspect -f '{{.State.Status}}' web",
):
    """Display detailed information on one or more containers."""

    containers: Annotated[tuple[str, ...], Arg("CONTAINER", resource=Kind.CONTAINER)]
    format: Annotated[str, Opt("-f", "--format", help=FORMAT_HELP)] = ""
    size: Annotated[bool, Opt("-s", "--size", help="Display total file sizes", type=BOOL)] = False

    def run(self, ctx: Context) -> Output:
        """Shows what there is; a name that is none fails alone. Raises Fault for a bad template."""

        def fetch(name: str) -> Json:
            ctx.check()
            query = {"size": True if self.size else None}
            return ctx.engine.get(f"/containers/{segment(named(name))}/json", query)

        return inspect(self.containers, fetch, CONTAINER, self.format)
