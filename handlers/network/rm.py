"""docker network rm."""

from typing import Annotated

from handlers.container.targets import each
from handlers.context import Context, Engine, segment
from handlers.faults import EngineFault, Fault, Reason, Unreachable
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Failure, Lines, Output
from handlers.grammar.values import BOOL
from handlers.outcome import Begun, Finding, removed
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

        def remove(name: str) -> None:
            path = f"/networks/{segment(name)}"
            if _is_ingress(ctx, path):
                raise Fault(
                    f"{name} is the routing mesh of a swarm, which is not removed from here",
                    reason=Reason.NOT_OFFERED,
                )
            ctx.engine.delete(path, on_cancel=ctx.on_cancel)

        done = each(ctx, self.networks, remove, kind="network")
        failures = [
            failure for failure in done.failures if not (self.force and failure.reason == Reason.NOT_FOUND)
        ]
        if not failures:
            return Lines(lines=done.lines)
        # The CLI ends with a line of its own when some network failed.
        failures.append(Failure(reason=Reason.ENGINE, message="exit status 1"))
        return done.model_copy(update={"failures": tuple(failures)})

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each network is gone."""
        return removed(begun, "network", self.networks, engine, "/networks/{}")


def _is_ingress(ctx: Context, path: str) -> bool:
    try:
        return bool((ctx.engine.get(path) or {}).get("Ingress"))
    except Unreachable:
        raise
    except EngineFault:
        return False  # the removal says what is wrong
