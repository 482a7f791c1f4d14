"""docker system prune."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from handlers.container.prune import deleted_containers
from handlers.context import Context
from handlers.faults import Reason, UsageFault
from handlers.format.listing import table
from handlers.format.moments import epoch
from handlers.format.order import natural
from handlers.format.units import short_id, size
from handlers.grammar.command import Opt
from handlers.grammar.output import Output, Stream
from handlers.grammar.values import BOOL, FILTER, filter_query
from handlers.image.prune import deleted_images
from handlers.network.prune import deleted_networks, unused_networks
from handlers.system import condemned
from handlers.system.condemned import Prune
from handlers.system.conditions import Conditions
from handlers.system.df import ACTIVE, dangling
from handlers.volume.prune import bytes_of, deleted_volumes, unused_volumes
from permissions.approval import Bound
from permissions.verbs import Danger, Verb

SHOWN_FILTERS = ("label", "label!", "until")
"""The conditions that the CLI repeats in its question."""

CONTAINER, NETWORK, VOLUME, IMAGE, BUILD_CACHE = "container", "network", "volume", "image", "build cache"

Report = dict[str, Any]
Told = tuple[tuple[str, ...], int]
"""The lines the CLI prints of an engine's report, and the bytes that came free."""


class SystemPrune(
    Prune,
    path="system prune",
    verb=Verb.DESTROY,
    danger=Danger.LOSES_DATA,
    example="docker system prune --filter until=24h",
):
    """Remove unused data."""

    all: Annotated[
        bool, Opt("-a", "--all", help="Remove all unused images not just dangling ones", type=BOOL)
    ] = False
    filter: Annotated[
        tuple[str, ...],
        Opt(
            "--filter",
            help='Provide filter values (e.g. "label=<key>=<value>")',
            type=FILTER,
            min_api=(1, 28),
        ),
    ] = ()
    force: Annotated[bool, Opt("-f", "--force", help="Do not prompt for confirmation", type=BOOL)] = False
    volumes: Annotated[bool, Opt("--volumes", help="Prune anonymous volumes", type=BOOL)] = False

    def check(self) -> None:
        """Raises UsageFault for the condition that volumes do not have."""
        if self.volumes and any(condition.partition("=")[0] == "until" for condition in self.filter):
            raise UsageFault(
                'ERROR: The "until" filter is not supported with "--volumes"',
                reason=Reason.BAD_VALUE,
                exit_code=1,
                hint="Leave one of the two out.",
            )

    def question(self) -> str:
        """The CLI's question; with ``--force`` there is none."""
        if self.force:
            return ""
        what = ["all stopped containers", "all networks not used by at least one container"]
        if self.volumes:
            what.append("all anonymous volumes not used by at least one container")
        if self.all:
            what += ["all images without at least one container associated to them", "all build cache"]
        else:
            what += ["all dangling images", "unused build cache"]
        shown = {text for text in self.filter if text.partition("=")[0] in SHOWN_FILTERS}
        parts = ["WARNING! This will remove:", *(f"  - {one}" for one in what), ""]
        if shown:
            filters = sorted(shown, key=natural)
            parts += ["  Items to be pruned will be filtered with:", *(f"  - {one}" for one in filters), ""]
        return "\n".join([*parts, "Are you sure you want to continue?"])

    def preview(self, ctx: Context) -> Output:
        """Everything that would go, with its bytes: what images and cache share is not counted twice."""
        found = self._unused(ctx).find()
        freed = size(sum(one.bytes for one in found))
        noun = "object" if len(found) == 1 else "objects"
        texts = [f"{one.kind}\t{one.id}\t{one.name}\t{size(one.bytes)}" for one in found]
        shown = table("TYPE\tID\tNAME\tSIZE", texts)
        return shown.model_copy(update={"warnings": (f"{len(found)} {noun} would go, {freed} with them.",)})

    def condemned(self, ctx: Context) -> tuple[Bound, ...]:
        """The objects of the preview, each before what it builds on."""
        return self._unused(ctx).bound()

    def _unused(self, ctx: Context) -> "_Unused":
        return _Unused(ctx, self.filter, everything=self.all, volumes=self.volumes)

    def sweep(self, ctx: Context) -> Output:
        """Removes kind after kind and tells at once what went, so that it is told if the rest fails."""
        conditions = filter_query(self.filter)
        image_filters = filter_query((*self.filter, f"dangling={'false' if self.all else 'true'}"))
        # The CLI sends the filters of the build cache even where there are none.
        cache = {"all": self.all or None, "filters": conditions or ""}
        steps: list[tuple[str, dict[str, Any], Callable[[Report], Told]]] = [
            ("/containers/prune", {"filters": conditions}, deleted_containers),
            ("/networks/prune", {"filters": conditions}, lambda report: (deleted_networks(report), 0)),
            ("/images/prune", {"filters": image_filters}, deleted_images),
            ("/build/prune", cache, _deleted_cache),
        ]
        if self.volumes:
            steps.insert(2, ("/volumes/prune", {"filters": conditions}, deleted_volumes))
        total = 0
        for path, query, told in steps:
            ctx.check()
            lines, freed = told(ctx.engine.post(path, query, on_cancel=ctx.on_cancel) or {})
            ctx.stdout("".join(f"{line}\n" for line in lines).encode())
            total += freed
        ctx.stdout(f"Total reclaimed space: {size(total)}\n".encode())
        return Stream()


def _deleted_cache(report: Report) -> Told:
    ids = report.get("CachesDeleted") or ()
    lines = ("Deleted build cache objects:", *ids, "") if ids else ()
    return lines, report.get("SpaceReclaimed", 0)


@dataclass(frozen=True, slots=True)
class Leftover:
    """One object that would go, with what the engine says of it."""

    kind: str
    data: dict[str, Any]
    name: str
    bytes: int = 0

    @property
    def id(self) -> str:
        """Its short id; a volume has none."""
        return short_id(self.data.get("Id") or self.data.get("ID") or "")


class _Unused:
    """What the engine would find unused, in the order it would remove it.

    The stopped containers go first: what only they use goes as well.
    """

    def __init__(self, ctx: Context, filters: tuple[str, ...], *, everything: bool, volumes: bool) -> None:
        self._ctx = ctx
        self._filters = filters
        self._everything = everything
        self._with_volumes = volumes
        self._conditions = Conditions.of(filters, ctx.clock)

    def bound(self) -> tuple[Bound, ...]:
        of: dict[str, list[Leftover]] = {}
        for one in self.find():
            of.setdefault(one.kind, []).append(one)
        images = [(one.data["Id"], one.bytes) for one in of.get(IMAGE, ())]
        every = self._ctx.engine.get("/images/json", {"all": True}) if images else ()
        return (
            *(condemned.container(one.data) for one in of.get(CONTAINER, ())),
            *(condemned.network(one.data) for one in of.get(NETWORK, ())),
            *(condemned.volume(one.data, one.bytes) for one in of.get(VOLUME, ())),
            *condemned.images(images, every or ()),
            *condemned.cache([one.data for one in of.get(BUILD_CACHE, ())]),
        )

    def find(self) -> list[Leftover]:
        usage = self._ctx.engine.get("/system/df") or {}
        containers = usage.get("Containers") or ()
        going = [one for one in containers if self._goes(one)]
        gone = {one["Id"] for one in going}
        staying = [one for one in containers if one["Id"] not in gone]
        found = [Leftover(CONTAINER, one, _name(one), max(0, one.get("SizeRw", 0))) for one in going]
        found += [
            Leftover(NETWORK, network, network["Name"])
            for network in unused_networks(self._ctx, self._filters)
        ]
        if self._with_volumes:
            used = {mount.get("Name", "") for one in staying for mount in one.get("Mounts") or ()}
            volumes = unused_volumes(self._ctx, usage.get("Volumes") or (), self._filters, used=used)
            found += [Leftover(VOLUME, volume, volume["Name"], bytes_of(volume)) for volume in volumes]
        used_images = {one.get("ImageID", "") for one in staying}
        found += self._images(usage.get("Images") or (), used_images)
        return found + self._cache(usage.get("BuildCache") or ())

    def _goes(self, container: dict[str, Any]) -> bool:
        stopped = container.get("State") not in ACTIVE
        return stopped and self._conditions.match(container.get("Labels"), container.get("Created", 0))

    def _images(self, images: Iterable[dict[str, Any]], used: set[str]) -> list[Leftover]:
        return [
            Leftover(IMAGE, image, _tags(image), _own_bytes(image))
            for image in images
            if image["Id"] not in used
            and (self._everything or dangling({**image, "RepoDigests": None}))
            and self._conditions.match(image.get("Labels"), image.get("Created", 0))
        ]

    def _cache(self, records: Iterable[dict[str, Any]]) -> list[Leftover]:
        """Labels do not count here: the cache has none."""
        return [
            Leftover(BUILD_CACHE, one, _words(one), max(0, one.get("Size", 0)))
            for one in records
            if not one.get("InUse")
            and (self._everything or not one.get("Shared"))
            and self._conditions.old(epoch(one.get("LastUsedAt") or one.get("CreatedAt")))
        ]


def _name(container: dict[str, Any]) -> str:
    return ",".join(name.removeprefix("/") for name in container.get("Names") or ())


def _tags(image: dict[str, Any]) -> str:
    return ",".join(image.get("RepoTags") or ("<none>",))


def _words(record: dict[str, Any]) -> str:
    """The step of a build that a record came from, on one line."""
    return " ".join(record.get("Description", "").split())


def _own_bytes(image: dict[str, Any]) -> int:
    return max(0, int(image.get("Size", 0)) - max(0, int(image.get("SharedSize", 0))))
