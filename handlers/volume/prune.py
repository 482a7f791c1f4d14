"""docker volume prune."""

from collections.abc import Container, Iterable
from typing import Annotated, Any

from handlers.context import Context
from handlers.faults import Reason, UsageFault
from handlers.format.units import size
from handlers.grammar.command import Opt
from handlers.grammar.output import Lines, Output
from handlers.grammar.values import BOOL, FILTER, filter_query
from handlers.system.condemned import Prune, volume
from handlers.system.conditions import Conditions
from handlers.volume.ls import LISTING
from permissions.approval import Bound
from permissions.verbs import Danger, Verb

ALL_API = (1, 42)
"""From this API on a prune without ``--all`` spares the volumes that have a name."""

ANONYMOUS = "com.docker.volume.anonymous"
SHOWN = "table {{.Name}}\t{{.Size}}"
QUESTION = (
    "WARNING! This will remove all local volumes not used by at least one container.\n"
    "Are you sure you want to continue?"
)


class VolumePrune(
    Prune,
    path="volume prune",
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker volume prune --filter label=temporary",
):
    """Remove unused local volumes."""

    all: Annotated[
        bool,
        Opt(
            "-a",
            "--all",
            help="Remove all unused volumes, not just anonymous ones",
            type=BOOL,
            min_api=ALL_API,
        ),
    ] = False
    filter: Annotated[
        tuple[str, ...], Opt("--filter", help='Provide filter values (e.g. "label=<label>")', type=FILTER)
    ] = ()
    force: Annotated[bool, Opt("-f", "--force", help="Do not prompt for confirmation", type=BOOL)] = False

    def check(self) -> None:
        """Raises UsageFault when the same is said twice."""
        if self.all and any(condition.partition("=")[0] == "all" for condition in self.filter):
            raise UsageFault(
                "conflicting options: cannot specify both --all and --filter all=1",
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Leave one of the two out.",
            )

    def question(self) -> str:
        """The CLI's question to engines that remove named volumes too; with ``--force`` there is none.

        It is asked before the engine is, so it says the worst; the preview tells what goes.
        """
        return "" if self.force else QUESTION

    def preview(self, ctx: Context) -> Output:
        """The volumes that would go, with their bytes."""
        rows = self._unused(ctx)
        noun = "volume" if len(rows) == 1 else "volumes"
        warning = f"{len(rows)} {noun} would go, {size(sum(map(bytes_of, rows)))} with them."
        return LISTING.render(SHOWN, rows).model_copy(update={"warnings": (warning,)})

    def condemned(self, ctx: Context) -> tuple[Bound, ...]:
        """The volumes of the preview."""
        return tuple(volume(data, bytes_of(data)) for data in self._unused(ctx))

    def sweep(self, ctx: Context) -> Output:
        """Removes them and tells which and what came free."""
        query = {"filters": filter_query(self._conditions())}
        report = ctx.engine.post("/volumes/prune", query, on_cancel=ctx.on_cancel) or {}
        lines, freed = deleted_volumes(report)
        return Lines(lines=(*lines, f"Total reclaimed space: {size(freed)}"))

    def _unused(self, ctx: Context) -> list[dict[str, Any]]:
        query = {"type": "volume" if ctx.engine.api_version >= ALL_API else None}
        volumes = (ctx.engine.get("/system/df", query) or {}).get("Volumes") or ()
        return unused_volumes(ctx, volumes, self._conditions())

    def _conditions(self) -> tuple[str, ...]:
        return (*self.filter, "all=true") if self.all else self.filter


def deleted_volumes(report: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    """What the CLI prints of the engine's report, and the bytes that came free."""
    names = report.get("VolumesDeleted") or ()
    return (("Deleted Volumes:", *names, ""), report.get("SpaceReclaimed", 0)) if names else ((), 0)


def unused_volumes(
    ctx: Context,
    volumes: Iterable[dict[str, Any]],
    filters: Iterable[str],
    *,
    used: Container[str] | None = None,
) -> list[dict[str, Any]]:
    """The volumes that the engine would remove, of those in its answer to ``/system/df``.

    ``used`` are the names that count as used, where it is not what the engine counts.
    """
    filters = tuple(filters)
    conditions = Conditions.of(filters, ctx.clock)
    named = ctx.engine.api_version < ALL_API or {"all=true", "all=1"} & set(filters)
    return [
        volume
        for volume in volumes
        if volume.get("Driver") == "local"
        and not (_links(volume) if used is None else volume["Name"] in used)
        and (named or ANONYMOUS in (volume.get("Labels") or {}))
        and conditions.match(volume.get("Labels"))
    ]


def bytes_of(volume: dict[str, Any]) -> int:
    """The bytes of a volume, 0 where the engine does not know."""
    return max(0, int((volume.get("UsageData") or {}).get("Size", 0)))


def _links(volume: dict[str, Any]) -> int:
    return int((volume.get("UsageData") or {}).get("RefCount", 0))
