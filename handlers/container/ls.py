"""docker container ls."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from handlers.context import Clock, Context
from handlers.format.container import PLATFORM
from handlers.format.listing import TABLE, Column, Listing, join_labels
from handlers.format.options import LIST_FORMAT_HELP
from handlers.format.ports import ports
from handlers.format.units import duration, ellipsis, local_time, quote, short_id, size
from handlers.format.values import Value
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL, FILTER, INT, filter_query
from handlers.image.reference import InvalidReferenceError, Reference
from permissions.verbs import Danger, Verb

IGNORED = "WARNING: Ignoring custom format, because both --format and --quiet are set."
OURS = ("", TABLE, "raw", "json")
COMMAND_WIDTH = 20
MOUNT_WIDTH = 15
DIGITS = 3
DEFAULT = (
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}"
)  # fmt: skip
RAW = """container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
"""


@lru_cache(maxsize=1_000)
def _familiar(image: str) -> str:
    """An image's short name without its digest; many containers have the same one."""
    try:
        return Reference.parse(image).model_copy(update={"digest": ""}).familiar
    except InvalidReferenceError:
        return image


@dataclass(frozen=True, slots=True)
class Row:
    """One container of the list, and how to show it."""

    data: dict[str, Any]
    clock: Clock
    truncate: bool

    def id(self) -> str:
        """The id, short unless told otherwise."""
        text: str = self.data.get("Id", "")
        return short_id(text) if self.truncate else text

    def names(self) -> str:
        """The names without their slash; short: the one that is no link's."""
        names = [name.removeprefix("/") for name in self.data.get("Names") or ()]
        own = next((name for name in names if "/" not in name), None)
        return own if self.truncate and own is not None else ",".join(names)

    def image(self) -> str:
        """The image's name; short: without digest, a bare id in its short form."""
        image: str = self.data.get("Image", "")
        if not image:
            return "<no image>"
        if not self.truncate:
            return image
        if short_id(image) == short_id(self.data.get("ImageID", "")):
            return short_id(image)
        return _familiar(image)

    def command(self) -> str:
        """The command line in quotes."""
        text: str = self.data.get("Command", "")
        return quote(ellipsis(text, COMMAND_WIDTH) if self.truncate else text)

    def created(self) -> str:
        """When it was created, in the reader's zone."""
        return local_time(self.data.get("Created", 0), self.clock.zone)

    def age(self) -> str:
        """How long ago it was created."""
        return f"{duration(self.clock.now - self.data.get('Created', 0))} ago"

    def size(self) -> str:
        """The size of its own layer, and with the image's."""
        own, whole = self.data.get("SizeRw", 0), self.data.get("SizeRootFs", 0)
        text = size(own, DIGITS)
        return f"{text} (virtual {size(whole, DIGITS)})" if whole > 0 else text

    def mounts(self) -> str:
        """Names of volumes, paths of binds."""
        names = [mount.get("Name") or mount.get("Source", "") for mount in self.data.get("Mounts") or ()]
        return ",".join(ellipsis(name, MOUNT_WIDTH) if self.truncate else name for name in names)

    def local_volumes(self) -> str:
        """How many mounts the local volume driver made."""
        return str(sum(mount.get("Driver") == "local" for mount in self.data.get("Mounts") or ()))

    def networks(self) -> str:
        """The names of its networks."""
        return ",".join((self.data.get("NetworkSettings") or {}).get("Networks") or ())

    def platform(self) -> Value:
        """The platform of its image, where the engine tells."""
        return PLATFORM.decode((self.data.get("ImageManifestDescriptor") or {}).get("platform"))


LISTING: Listing[Row] = Listing(
    go_type="*formatter.ContainerContext",
    columns={
        "ID": Column("CONTAINER ID", Row.id),
        "Names": Column("NAMES", Row.names),
        "Image": Column("IMAGE", Row.image),
        "Command": Column("COMMAND", Row.command),
        "CreatedAt": Column("CREATED AT", Row.created),
        "RunningFor": Column("CREATED", Row.age),
        "Ports": Column("PORTS", lambda row: ports(row.data.get("Ports") or ())),
        "State": Column("STATE", lambda row: row.data.get("State", "")),
        "Status": Column("STATUS", lambda row: row.data.get("Status", "")),
        "Size": Column("SIZE", Row.size),
        "Labels": Column("LABELS", lambda row: join_labels(row.data.get("Labels"))),
        "Mounts": Column("MOUNTS", Row.mounts),
        "LocalVolumes": Column("LOCAL VOLUMES", Row.local_volumes),
        "Networks": Column("NETWORKS", Row.networks),
        "Platform": Column("PLATFORM", Row.platform),
    },
    label=lambda row, name: (row.data.get("Labels") or {}).get(name, ""),
)


class ContainerLs(
    Command,
    path="container ls",
    aliases=("container list", "container ps", "ps"),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker ps -a",
):
    """List containers."""

    all: Annotated[
        bool, Opt("-a", "--all", help="Show all containers (default shows just running)", type=BOOL)
    ] = False
    filter: Annotated[
        tuple[str, ...], Opt("-f", "--filter", help="Filter output based on conditions provided", type=FILTER)
    ] = ()
    format: Annotated[str, Opt("--format", help=LIST_FORMAT_HELP)] = ""
    last: Annotated[
        int,
        Opt(
            "-n",
            "--last",
            help="Show n last created containers (includes all states)",
            type=INT,
            default="-1",
        ),
    ] = -1
    latest: Annotated[
        bool, Opt("-l", "--latest", help="Show the latest created container (includes all states)", type=BOOL)
    ] = False
    no_trunc: Annotated[bool, Opt("--no-trunc", help="Don't truncate output", type=BOOL)] = False
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Only display container IDs", type=BOOL)] = False
    size: Annotated[bool, Opt("-s", "--size", help="Display total file sizes", type=BOOL)] = False

    def run(self, ctx: Context) -> Output:
        """Lists; raises Fault when the template is wrong."""
        sized = self.size or self._template_needs_size(ctx.clock)
        limit = 1 if self.latest and self.last == -1 else self.last
        query = {
            "all": True if self.all else None,
            "limit": limit if limit > 0 else None,
            "size": True if sized else None,
            "filters": filter_query(self.filter),
        }
        found = ctx.engine.get("/containers/json", query) or ()
        rows = [Row(data, ctx.clock, truncate=not self.no_trunc) for data in found]
        shown = LISTING.render(self._form(), rows, typed=self.format not in OURS)
        return shown.model_copy(update={"warnings": (IGNORED,)}) if self.format and self.quiet else shown

    def _template_needs_size(self, clock: Clock) -> bool:
        if not self.format:
            return False
        asked = LISTING.uses(self.format, Row({}, clock, truncate=not self.no_trunc), "Size")
        return asked and not self.quiet and "size" not in self.model_fields_set

    def _form(self) -> str:
        source = self.format or TABLE
        if source == "raw":
            sized = "size: {{.Size}}\n" if self.size else ""
            return "container_id: {{.ID}}" if self.quiet else RAW + sized
        if self.quiet:
            return "{{.ID}}"
        if source == TABLE:
            return DEFAULT + ("\t{{.Size}}" if self.size else "")
        return source
