"""docker network rm."""

from typing import Annotated

from handlers.container.targets import each
from handlers.context import Context, segment
from handlers.faults import EngineFault, Fault, NotFound, Reason, Unreachable
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Failure, Output
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Kind, Verb


class NetworkRm(
    Command,
    path="network rm",
    aliases=("network remove",),
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker network rm web-network",
    usage="docker network rm NETWORK [NETWORK...]",
):
    """Remove one or more networks."""

    networks: Annotated[tuple[str, ...], Arg("NETWORK", resource=Kind.NETWORK)]
    force: Annotated[
        bool, Opt("-f", "--force", help="Do not error if the network does not exist", type=BOOL)
    ] = False

    def run(self, ctx: Context) -> Output:
        """Removes one after another; with ``--force`` a network that is not there is no failure.

        A swarm's routing mesh is left alone: the CLI asks a question of its own before it goes.
        """
        missing: set[str] = set()

        def remove(name: str) -> None:
            path = f"/networks/{segment(name)}"
            if _is_ingress(ctx, path):
                raise Fault(
                    f"{name} is the routing mesh of a swarm, which is not removed from here",
                    reason=Reason.NOT_OFFERED,
                )
            try:
                ctx.engine.delete(path, on_cancel=ctx.on_cancel)
            except NotFound:
                if not self.force:
                    raise
                missing.add(name)

        done = each(ctx, self.networks, remove, kind="network")
        lines = tuple(name for name in done.lines if name not in missing)
        # The CLI ends with this line when some network failed.
        last = (Failure(reason=Reason.ENGINE, message="exit status 1"),) if done.failures else ()
        return done.model_copy(update={"lines": lines, "failures": (*done.failures, *last)})


def _is_ingress(ctx: Context, path: str) -> bool:
    try:
        return bool((ctx.engine.get(path) or {}).get("Ingress"))
    except Unreachable:
        raise
    except EngineFault:
        return False  # the removal says what is wrong
