"""docker container prune."""

from collections.abc import Iterator
from typing import Annotated, Any

from handlers.container.ls import LISTING, Row
from handlers.context import Context
from handlers.format.units import size
from handlers.grammar.command import Opt
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL, FILTER, filter_query
from handlers.system.condemned import Prune, container
from handlers.system.conditions import Conditions
from permissions.approval import Bound
from permissions.verbs import Danger, Verb

STOPPED = ("status=created", "status=exited", "status=dead")
SHOWN = "table {{.ID}}\t{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Size}}"
QUESTION = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?"


class ContainerPrune(
    Prune,
    path="container prune",
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker container prune --filter until=24h",
    min_api=(1, 25),
):
    """Remove all stopped containers."""

    filter: Annotated[
        tuple[str, ...],
        Opt("--filter", help='Provide filter values (e.g. "until=<timestamp>")', type=FILTER),
    ] = ()
    force: Annotated[bool, Opt("-f", "--force", help="Do not prompt for confirmation", type=BOOL)] = False

    def question(self) -> str:
        """The CLI's question; with ``--force`` there is none."""
        return "" if self.force else QUESTION

    def preview(self, ctx: Context) -> Output:
        """The containers that would go, with the bytes of their own layers."""
        rows = [Row(data, ctx.clock, truncate=True) for data in self._unused(ctx)]
        total = sum(row.data.get("SizeRw", 0) for row in rows)
        noun = "container" if len(rows) == 1 else "containers"
        warning = f"{len(rows)} {noun} would go, {size(total)} with them."
        return LISTING.render(SHOWN, rows).model_copy(update={"warnings": (warning,)})

    def condemned(self, ctx: Context) -> tuple[Bound, ...]:
        """The containers of the preview."""
        return tuple(container(data) for data in self._unused(ctx))

    def sweep(self, ctx: Context) -> Output:
        """Removes them and tells what came free."""
        query = {"filters": filter_query(self.filter)}
        report = ctx.engine.post("/containers/prune", query, on_cancel=ctx.on_cancel) or {}
        lines, freed = deleted_containers(report)
        return Lines(lines=(*lines, f"Total reclaimed space: {size(freed)}"))

    def _unused(self, ctx: Context) -> Iterator[dict[str, Any]]:
        """The containers that the engine would remove: those that do not run and meet the conditions."""
        conditions = Conditions.of(self.filter, ctx.clock)
        query = {"all": True, "size": True, "filters": filter_query(STOPPED)}
        for data in ctx.engine.get("/containers/json", query) or ():
            if conditions.match(data.get("Labels"), data.get("Created", 0)):
                yield data


def deleted_containers(report: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    """What the CLI prints of the engine's report, and the bytes that came free."""
    ids = report.get("ContainersDeleted") or ()
    return (("Deleted Containers:", *ids, ""), report.get("SpaceReclaimed", 0)) if ids else ((), 0)
