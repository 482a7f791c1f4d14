"""docker system df."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from handlers.container.ls import LISTING as CONTAINERS
from handlers.container.ls import RAW as RAW_CONTAINER
from handlers.container.ls import Row as ContainerRow
from handlers.context import Clock, Context
from handlers.format import template
from handlers.format.budget import Budget
from handlers.format.build_cache import DEFAULT as CACHE_TABLE
from handlers.format.build_cache import LISTING as CACHE
from handlers.format.build_cache import RAW as RAW_CACHE
from handlers.format.build_cache import Row as CacheRow
from handlers.format.build_cache import last_used
from handlers.format.evaluate import TemplateError
from handlers.format.listing import JSON, TABLE, Column, Listing, template_fault
from handlers.format.options import LIST_FORMAT_HELP
from handlers.format.units import size
from handlers.format.values import Value, View
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Document, Output
from handlers.grammar.values import BOOL
from handlers.image.ls import LISTING as IMAGES
from handlers.image.ls import RAW_WITH_DIGEST as RAW_IMAGE
from handlers.image.ls import Row as ImageRow
from handlers.image.reference import InvalidReferenceError, Reference
from handlers.volume.ls import LISTING as VOLUMES
from handlers.volume.ls import RAW as RAW_VOLUME
from permissions.verbs import Danger, Verb

ACTIVE = frozenset({"running", "paused", "restarting"})
"""The states of a container whose layer is in use."""

DEFAULT = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"
RAW = """type: {{.Type}}
total: {{.TotalCount}}
active: {{.Active}}
size: {{.Size}}
reclaimable: {{.Reclaimable}}
"""
IMAGE_TABLE = (
    "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}"
    "\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}"
)
CONTAINER_TABLE = (
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}"
    "\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}"
)
VOLUME_TABLE = "table {{.Name}}\t{{.Links}}\t{{.Size}}"
RAW_DETAILS = f"""{{{{range .Images}}}}type: Image
{RAW_IMAGE}
{{{{end -}}}}
{{{{range .Containers}}}}type: Container
{RAW_CONTAINER}size: {{{{.Size}}}}

{{{{end -}}}}
{{{{range .Volumes}}}}type: Volume
{RAW_VOLUME}
{{{{end -}}}}
{{{{range .BuildCache}}}}type: Build Cache
{RAW_CACHE}
{{{{end -}}}}"""

Data = dict[str, Any]
"""A JSON object of the engine's answer to ``GET /system/df``."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of object: how many, how many in use, their bytes, what could come free."""

    kind: str
    total: int
    active: int
    size: int
    reclaimable: int
    with_share: bool = True

    def freed(self) -> str:
        """What could come free, and its share of the whole."""
        text = size(self.reclaimable)
        if not self.with_share or self.size <= 0:
            return text
        return f"{text} ({int(self.reclaimable * 100 / self.size)}%)"


LISTING: Listing[Row] = Listing(
    go_type="*formatter.diskUsageImagesContext",
    columns={
        "Type": Column("TYPE", lambda row: row.kind),
        "TotalCount": Column("TOTAL", lambda row: str(row.total)),
        "Active": Column("ACTIVE", lambda row: str(row.active)),
        "Size": Column("SIZE", lambda row: size(row.size)),
        "Reclaimable": Column("RECLAIMABLE", Row.freed),
    },
)


class SystemDf(
    Command,
    path="system df",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker system df -v",
):
    """Show docker disk usage."""

    format: Annotated[str, Opt("--format", help=LIST_FORMAT_HELP)] = ""
    verbose: Annotated[
        bool, Opt("-v", "--verbose", help="Show detailed information on space usage", type=BOOL)
    ] = False

    def run(self, ctx: Context) -> Output:
        """Sums up, or shows every object; raises Fault when the template is wrong."""
        usage = ctx.engine.get("/system/df") or {}
        form = self.format or TABLE
        if not self.verbose:
            return LISTING.render({TABLE: DEFAULT, "raw": RAW}.get(form, form), summary(usage))
        details = Details(usage, ctx.clock, truncate=form.startswith(TABLE))
        return Document(text=details.tables() if form == TABLE else details.by_template(form))


def summary(usage: Data) -> tuple[Row, ...]:
    """The four lines of the overview."""
    return _images(usage), _containers(usage), _volumes(usage), _cache(usage)


def _images(usage: Data) -> Row:
    images = _of(usage, "Images")
    active = [image for image in images if image.get("Containers", 0)]
    measured = [i for i in active if i.get("Size", 0) != -1 and i.get("SharedSize", 0) != -1]
    used = sum(image.get("Size", 0) - image.get("SharedSize", 0) for image in measured)
    total = usage.get("LayersSize", 0)
    return Row("Images", len(images), len(active), total, total - used)


def _containers(usage: Data) -> Row:
    containers = _of(usage, "Containers")
    idle = [container for container in containers if container.get("State", "") not in ACTIVE]
    total, free = (sum(one.get("SizeRw", 0) for one in some) for some in (containers, idle))
    return Row("Containers", len(containers), len(containers) - len(idle), total, free)


def _volumes(usage: Data) -> Row:
    volumes = _of(usage, "Volumes")
    uses = [volume.get("UsageData") or {} for volume in volumes]
    known = [use for use in uses if use.get("Size", 0) != -1]
    total = sum(use.get("Size", 0) for use in known)
    free = sum(use.get("Size", 0) for use in known if not use.get("RefCount", 0))
    return Row("Local Volumes", len(volumes), sum(bool(use.get("RefCount", 0)) for use in uses), total, free)


def _cache(usage: Data) -> Row:
    records = _of(usage, "BuildCache")
    own = [record for record in records if not record.get("Shared")]
    total = sum(record.get("Size", 0) for record in own)
    used = sum(record.get("Size", 0) for record in own if record.get("InUse"))
    active = sum(bool(record.get("InUse")) for record in records)
    return Row("Build Cache", len(records), active, total, total - used, with_share=False)


def _of(usage: Data, kind: str) -> list[Data]:
    return usage.get(kind) or []


class _InOrder(View):
    """A row whose document keeps the order of its cells."""

    def document(self) -> dict[str, Value]:
        return {name: self.cell(name) for name in self.cells}


class Details:
    """Every object of the engine's answer, as the listings of its kind show it."""

    def __init__(self, usage: Data, clock: Clock, *, truncate: bool) -> None:
        self.images = list(image_rows(_of(usage, "Images"), clock, truncate=truncate))
        self.containers = [
            # The size of its image is not part of what a container takes.
            ContainerRow({**data, "SizeRootFs": 0}, clock, truncate)
            for data in _of(usage, "Containers")
        ]
        self.volumes = _of(usage, "Volumes")
        records = sorted(_of(usage, "BuildCache"), key=last_used)
        self.cache = [CacheRow(data, clock, truncate) for data in records]
        self.cache_size = _cache(usage).size

    def tables(self) -> str:
        """A table for each kind under its title."""
        return (
            f"Images space usage:\n\n{IMAGES.render(IMAGE_TABLE, self.images).stdout}"
            f"\nContainers space usage:\n\n{CONTAINERS.render(CONTAINER_TABLE, self.containers).stdout}"
            f"\nLocal Volumes space usage:\n\n{VOLUMES.render(VOLUME_TABLE, self.volumes).stdout}"
            f"\nBuild cache usage: {size(self.cache_size)}\n\n{CACHE.render(CACHE_TABLE, self.cache).stdout}"
        )

    def by_template(self, form: str) -> str:
        """All kinds by one template, without a final newline as in the CLI; raises Fault when it is wrong."""
        source = {"raw": RAW_DETAILS, JSON: "{{json .}}"}.get(form, form.removeprefix(TABLE))
        try:
            parsed = template.parse(source.strip(" ").replace("\\t", "\t").replace("\\n", "\n"))
        except TemplateError as error:
            raise template_fault(f"template parsing error: {error}") from None
        try:
            return parsed.execute(self._view(), Budget())
        except TemplateError as error:
            raise template_fault(str(error)) from None

    def _view(self) -> View:
        return _InOrder(
            "*formatter.diskUsageContext",
            {
                "Images": lambda: [IMAGES.view(row) for row in self.images],
                "Containers": lambda: [CONTAINERS.view(row) for row in self.containers],
                "Volumes": lambda: [VOLUMES.view(row) for row in self.volumes],
                "BuildCache": lambda: [CACHE.view(row) for row in self.cache],
            },
        )


def image_rows(images: Iterable[Data], clock: Clock, *, truncate: bool) -> Iterator[ImageRow]:
    """A row an image, under its first name; one whose name is none is left out, as the CLI does."""
    for image in images:
        # What an engine does not send counts as 0 here, not as unknown.
        data = {"Containers": 0, "SharedSize": 0, "Size": 0, "Created": 0, **image}
        names = image.get("RepoTags")
        if not names or dangling(image):
            yield ImageRow(data, clock, truncate, digest="")
            continue
        try:
            reference = Reference.parse(names[0])
        except InvalidReferenceError:
            continue
        if reference.tag:
            yield ImageRow(data, clock, truncate, reference.familiar_name, reference.tag, digest="")
        else:
            yield ImageRow(data, clock, truncate, digest="")


def dangling(image: Data) -> bool:
    """Whether an image has neither a tag nor a digest: older engines write that out."""
    return (image.get("RepoTags") or ["<none>:<none>"]) == ["<none>:<none>"] and (
        image.get("RepoDigests") or ["<none>@<none>"]
    ) == ["<none>@<none>"]
