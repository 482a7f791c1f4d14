"""docker network inspect."""

from typing import Annotated

from handlers.container.targets import named
from handlers.context import Context, Json, segment
from handlers.format.inspection import inspect
from handlers.format.network import NETWORK
from handlers.format.options import FORMAT_HELP
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Kind, Verb


class NetworkInspect(
    Command,
    path="network inspect",
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker network inspect -f '{{range .Containers}}{{.Name}} {{end}}' web-network",
):
    """Display detailed information on one or more networks."""

    networks: Annotated[tuple[str, ...], Arg("NETWORK", resource=Kind.NETWORK)]
    format: Annotated[str, Opt("-f", "--format", help=FORMAT_HELP)] = ""
    verbose: Annotated[bool, Opt("-v", "--verbose", help="Verbose output for diagnostics", type=BOOL)] = False

    def run(self, ctx: Context) -> Output:
        """Shows what there is; a name that is none fails alone. Raises Fault for a bad template."""
        query = {"verbose": "true" if self.verbose else None}

        def fetch(name: str) -> Json:
            ctx.check()
            return ctx.engine.get(f"/networks/{segment(named(name, 'network'))}", query)

        return inspect(self.networks, fetch, NETWORK, self.format)
