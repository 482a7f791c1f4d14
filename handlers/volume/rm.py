"""docker volume rm."""

from typing import Annotated

from handlers.container.targets import each
from handlers.context import Context, Engine, segment
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL
from handlers.outcome import Begun, Finding, removed
from permissions.verbs import Danger, Kind, Verb


class VolumeRm(
    Command,
    path="volume rm",
    aliases=("volume remove",),
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker volume rm data",
):
    """Remove one or more volumes."""

    volumes: Annotated[tuple[str, ...], Arg("VOLUME", resource=Kind.VOLUME)]
    force: Annotated[
        bool,
        Opt("-f", "--force", help="Force the removal of one or more volumes", type=BOOL, min_api=(1, 25)),
    ] = False

    def run(self, ctx: Context) -> Output:
        """Removes one after another; with ``--force`` the engine minds no volume that is not there."""
        query = {"force": self.force or None}

        def remove(name: str) -> None:
            ctx.engine.delete(f"/volumes/{segment(name)}", query, on_cancel=ctx.on_cancel)

        return each(ctx, self.volumes, remove, kind="volume")

    def outcome(self, engine: Engine, begun: Begun) -> tuple[Finding, ...]:
        """Looks whether each volume is gone."""
        return removed(begun, "volume", self.volumes, engine, "/volumes/{}")
