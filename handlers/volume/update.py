"""docker volume update."""

from typing import Annotated

from handlers.context import Context
from handlers.grammar.command import Api, Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.volume.create import CLUSTER_API, no_cluster
from permissions.verbs import Danger, Kind, Verb


class VolumeUpdate(
    Command,
    path="volume update",
    verb=Verb.CHANGE,
    danger=Danger.INTERRUPTS,
    min_api=CLUSTER_API,
    example="docker volume update --availability drain data",
):
    """Update a volume (cluster volumes only)."""

    volume: Annotated[str | None, Arg("VOLUME", resource=Kind.VOLUME, least=0)] = None
    availability: Annotated[
        str,
        Opt(
            "--availability",
            help='Cluster Volume availability ("active", "pause", "drain")',
            default='"active"',
            min_api=CLUSTER_API,
        ),
    ] = "active"

    def require_api(self, version: Api) -> None:
        """Nothing: it is not offered whatever the engine's version, and :meth:`run` says why."""

    def run(self, ctx: Context) -> Output:  # noqa: ARG002 - the engine is not asked
        """Raises Fault: what can be updated are volumes of a swarm alone."""
        raise no_cluster("volume update", hint="Other volumes have nothing to update: make a new one.")
