"""docker network disconnect."""

from typing import Annotated

from handlers.container.targets import named
from handlers.context import Context, segment
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Kind, Verb


class NetworkDisconnect(
    Command,
    path="network disconnect",
    verb=Verb.CHANGE,
    danger=Danger.INTERRUPTS,
    example="docker network disconnect web-network web",
):
    """Disconnect a container from a network."""

    network: Annotated[str, Arg("NETWORK", resource=Kind.NETWORK)]
    container: Annotated[str, Arg("CONTAINER", resource=Kind.CONTAINER)]
    force: Annotated[
        bool,
        Opt("-f", "--force", help="Force the container to disconnect from a network", type=BOOL),
    ] = False

    def run(self, ctx: Context) -> Output:
        """Disconnects it; prints nothing. Raises EngineFault."""
        path = f"/networks/{segment(named(self.network, 'network'))}/disconnect"
        body = {"Container": named(self.container), "Force": self.force}
        ctx.engine.post(path, body=body, on_cancel=ctx.on_cancel)
        return Lines()
