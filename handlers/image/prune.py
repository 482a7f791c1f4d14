"""docker image prune."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from handlers.context import Context
from handlers.format.units import size
from handlers.grammar.command import Opt
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL, FILTER, filter_query
from handlers.image.ls import DEFAULT, LISTING, rows
from handlers.image.rm import told
from handlers.system.condemned import Prune, images
from handlers.system.conditions import Conditions
from permissions.approval import Bound
from permissions.verbs import Danger, Verb

DANGLING = "WARNING! This will remove all dangling images.\nAre you sure you want to continue?"
UNUSED = (
    "WARNING! This will remove all images without at least one container associated to them.\n"
    "Are you sure you want to continue?"
)


class ImagePrune(
    Prune,
    path="image prune",
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker image prune --filter until=24h",
    min_api=(1, 25),
):
    """Remove unused images."""

    # What others share stays, and only the engine could tell how much that is.
    freed: ClassVar[str] = "Total reclaimed space: at most {}"

    all: Annotated[
        bool, Opt("-a", "--all", help="Remove all unused images, not just dangling ones", type=BOOL)
    ] = False
    filter: Annotated[
        tuple[str, ...],
        Opt("--filter", help='Provide filter values (e.g. "until=<timestamp>")', type=FILTER),
    ] = ()
    force: Annotated[bool, Opt("-f", "--force", help="Do not prompt for confirmation", type=BOOL)] = False

    def question(self) -> str:
        """The CLI's question; with ``--force`` there is none."""
        return "" if self.force else UNUSED if self.all else DANGLING

    def preview(self, ctx: Context) -> Output:
        """The images that would go; layers that others share stay, so less may come free than they weigh."""
        condemned = list(self._unused(ctx))
        shown = [
            row
            for data in condemned
            for row in rows(data, ctx.clock, truncate=True, digests=False, split=False)
        ]
        total = size(sum(data.get("Size", 0) for data in condemned))
        noun = "image" if len(condemned) == 1 else "images"
        warning = f"{len(condemned)} {noun} would go, at most {total} with them."
        return LISTING.render(DEFAULT, shown).model_copy(update={"warnings": (warning,)})

    def condemned(self, ctx: Context) -> tuple[Bound, ...]:
        """The images of the preview, each before what it was made on."""
        found = [(data["Id"], data.get("Size", 0)) for data in self._unused(ctx)]
        return images(found, ctx.engine.get("/images/json", {"all": True}) or ())

    def sweep(self, ctx: Context) -> Output:
        """Removes them and tells what came free."""
        query = {"filters": filter_query([*self.filter, f"dangling={str(not self.all).lower()}"])}
        report = ctx.engine.post("/images/prune", query, on_cancel=ctx.on_cancel) or {}
        lines, freed = deleted_images(report)
        return Lines(lines=(*lines, f"Total reclaimed space: {size(freed)}"))

    def _unused(self, ctx: Context) -> Iterator[dict[str, Any]]:
        """The images that no container was made of, and that the conditions are true for."""
        conditions = Conditions.of(self.filter, ctx.clock)
        used = {data.get("ImageID") for data in ctx.engine.get("/containers/json", {"all": True}) or ()}
        query = {"filters": None if self.all else filter_query(["dangling=true"])}
        for data in ctx.engine.get("/images/json", query) or ():
            if data["Id"] not in used and conditions.match(data.get("Labels"), data.get("Created", 0)):
                yield data


def deleted_images(report: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    """What the CLI prints of the engine's report, and the bytes that came free; nothing when nothing went."""
    items = report.get("ImagesDeleted") or ()
    lines = ("Deleted Images:", *(told(item, "untagged", "deleted") for item in items), "")
    return (lines, report.get("SpaceReclaimed", 0)) if items else ((), 0)
