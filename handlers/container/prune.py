"""docker container prune."""

from collections.abc import Iterator
from typing import Annotated, Any

from handlers.container.ls import LISTING, Row
from handlers.container.moments import check_moment, moment
from handlers.context import Context
from handlers.format.units import size
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Document, Output
from handlers.grammar.values import BOOL, FILTER, filter_query
from permissions.verbs import Danger, Verb

STOPPED = ("status=created", "status=exited", "status=dead")
SHOWN = "table {{.ID}}\t{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Size}}"
QUESTION = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?"


class ContainerPrune(
    Command,
    path="container prune",
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker container prune --filter until=24h",
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
        rows = [Row(data, ctx.clock, truncate=True) for data in self._condemned(ctx)]
        total = sum(row.data.get("SizeRw", 0) for row in rows)
        noun = "container" if len(rows) == 1 else "containers"
        warning = f"{len(rows)} {noun} would go, {size(total)} with them."
        return LISTING.render(SHOWN, rows).model_copy(update={"warnings": (warning,)})

    def run(self, ctx: Context) -> Output:
        """Removes them and tells what came free."""
        query = {"filters": filter_query(self.filter)}
        report = ctx.engine.post("/containers/prune", query, on_cancel=ctx.on_cancel)
        deleted = report.get("ContainersDeleted") or ()
        lines = ["Deleted Containers:", *deleted, ""] if deleted else []
        reclaimed = size(report.get("SpaceReclaimed", 0)) if deleted else "0B"
        text = "\n".join([*lines, f"Total reclaimed space: {reclaimed}\n"])
        return Document(text=text)

    def _condemned(self, ctx: Context) -> Iterator[dict[str, Any]]:
        """What the engine would remove: a listing knows labels, but neither ``label!`` nor ``until``."""
        given = [condition.partition("=")[::2] for condition in self.filter if condition]
        labels = [f"label={value}" for name, value in given if name == "label"]
        kept = [value for name, value in given if name == "label!"]
        until = min((_epoch(value, ctx) for name, value in given if name == "until"), default=None)
        query = {"all": True, "size": True, "filters": filter_query([*STOPPED, *labels])}
        for data in ctx.engine.get("/containers/json", query) or ():
            own = data.get("Labels") or {}
            spared = any(_has(own, label) for label in kept)
            if not spared and (until is None or data.get("Created", 0) <= until):
                yield data


def _epoch(text: str, ctx: Context) -> float:
    """A point in time as epoch seconds; one that is none spares everything, as the engine refuses it."""
    try:
        check_moment("until", text)
    except ValueError:
        return float("-inf")
    return float(moment(text, ctx.clock) or 0)


def _has(labels: dict[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)
