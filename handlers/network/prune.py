"""docker network prune."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

from handlers.context import Context
from handlers.format.moments import epoch
from handlers.grammar.command import Opt
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL, FILTER, filter_query
from handlers.network.ls import DEFAULT, LISTING, Row
from handlers.system.condemned import Prune, network
from handlers.system.conditions import Conditions
from permissions.approval import Bound
from permissions.verbs import Danger, Verb

QUESTION = (
    "WARNING! This will remove all custom networks not used by at least one container.\n"
    "Are you sure you want to continue?"
)


class NetworkPrune(
    Prune,
    path="network prune",
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker network prune --filter until=24h",
):
    """Remove all unused networks."""

    freed: ClassVar[str] = ""

    filter: Annotated[
        tuple[str, ...],
        Opt("--filter", help='Provide filter values (e.g. "until=<timestamp>")', type=FILTER),
    ] = ()
    force: Annotated[bool, Opt("-f", "--force", help="Do not prompt for confirmation", type=BOOL)] = False

    def question(self) -> str:
        """The CLI's question; with ``--force`` there is none."""
        return "" if self.force else QUESTION

    def preview(self, ctx: Context) -> Output:
        """The networks that would go."""
        rows = [Row(data, truncate=True) for data in unused_networks(ctx, self.filter)]
        noun = "network" if len(rows) == 1 else "networks"
        shown = LISTING.render(DEFAULT, rows)
        return shown.model_copy(update={"warnings": (f"{len(rows)} {noun} would go.",)})

    def condemned(self, ctx: Context) -> tuple[Bound, ...]:
        """The networks of the preview."""
        return tuple(network(data) for data in unused_networks(ctx, self.filter))

    def sweep(self, ctx: Context) -> Output:
        """Removes them and tells which."""
        query = {"filters": filter_query(self.filter)}
        report = ctx.engine.post("/networks/prune", query, on_cancel=ctx.on_cancel) or {}
        return Lines(lines=deleted_networks(report))


def deleted_networks(report: dict[str, Any]) -> tuple[str, ...]:
    """What the CLI prints of the engine's report; nothing when there was nothing to remove."""
    names = report.get("NetworksDeleted") or ()
    return ("Deleted Networks:", *names, "") if names else ()


def unused_networks(ctx: Context, filters: Iterable[str]) -> list[dict[str, Any]]:
    """The networks that the engine would remove for these filters."""
    conditions = Conditions.of(filters, ctx.clock)
    found = ctx.engine.get("/networks", {"filters": filter_query(["dangling=true"])}) or ()
    return [
        data
        for data in found
        if not data.get("ConfigOnly") and conditions.match(data.get("Labels"), epoch(data.get("Created")))
    ]
