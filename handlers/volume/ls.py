"""docker volume ls."""

from typing import Annotated, Any

from handlers.context import Context
from handlers.format.listing import TABLE, Column, Listing, join_labels
from handlers.format.options import LIST_FORMAT_HELP
from handlers.format.order import natural
from handlers.format.units import size
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL, FILTER, filter_query
from permissions.verbs import Danger, Verb

UNKNOWN = "N/A"
DEFAULT = "table {{.Driver}}\t{{.Name}}"
CLUSTER = "table {{.Name}}\t{{.Group}}\t{{.Driver}}\t{{.Availability}}\t{{.Status}}"
RAW = "name: {{.Name}}\ndriver: {{.Driver}}\n"

Row = dict[str, Any]
"""One volume as the engine sent it."""


def _usage(row: Row, key: str) -> int | None:
    usage = row.get("UsageData")
    return None if usage is None else int(usage.get(key, 0))


def _links(row: Row) -> str:
    count = _usage(row, "RefCount")
    return UNKNOWN if count is None else str(count)


def _size(row: Row) -> str:
    count = _usage(row, "Size")
    return UNKNOWN if count is None else size(count)


def _of_cluster(row: Row, key: str) -> str:
    cluster = row.get("ClusterVolume")
    return UNKNOWN if cluster is None else str((cluster.get("Spec") or {}).get(key, ""))


def _status(row: Row) -> str:
    cluster = row.get("ClusterVolume")
    if cluster is None:
        return UNKNOWN
    if not (cluster.get("Info") or {}).get("VolumeID"):
        return "pending creation"
    nodes = len(cluster.get("PublishStatus") or ())
    return f"in use ({nodes} node{'s' * (nodes > 1)})" if nodes else "created"


LISTING: Listing[Row] = Listing(
    go_type="*formatter.volumeContext",
    columns={
        "Name": Column("VOLUME NAME", lambda row: row.get("Name", "")),
        "Driver": Column("DRIVER", lambda row: row.get("Driver", "")),
        "Scope": Column("SCOPE", lambda row: row.get("Scope", "")),
        "Mountpoint": Column("MOUNTPOINT", lambda row: row.get("Mountpoint", "")),
        "Labels": Column("LABELS", lambda row: join_labels(row.get("Labels"))),
        "Links": Column("LINKS", _links),
        "Size": Column("SIZE", _size),
        "Group": Column("GROUP", lambda row: _of_cluster(row, "Group")),
        "Availability": Column("AVAILABILITY", lambda row: _of_cluster(row, "Availability")),
        "Status": Column("STATUS", _status),
    },
    label=lambda row, name: (row.get("Labels") or {}).get(name, ""),
)


class VolumeLs(
    Command,
    path="volume ls",
    aliases=("volume list",),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker volume ls -q -f dangling=true",
):
    """List volumes."""

    cluster: Annotated[
        bool,
        Opt(
            "--cluster",
            help="Display only cluster volumes, and use cluster volume list formatting",
            type=BOOL,
            min_api=(1, 42),
        ),
    ] = False
    filter: Annotated[
        tuple[str, ...],
        Opt("-f", "--filter", help='Provide filter values (e.g. "dangling=true")', type=FILTER),
    ] = ()
    format: Annotated[str, Opt("--format", help=LIST_FORMAT_HELP)] = ""
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Only display volume names", type=BOOL)] = False

    def run(self, ctx: Context) -> Output:
        """Lists by name; raises Fault when the template is wrong."""
        answer = ctx.engine.get("/volumes", {"filters": filter_query(self.filter)}) or {}
        rows = [row for row in answer.get("Volumes") or () if not self.cluster or row.get("ClusterVolume")]
        rows.sort(key=lambda row: natural(row.get("Name", "")))
        return LISTING.render(self._form(), rows)

    def _form(self) -> str:
        source = self.format or TABLE
        if self.cluster:
            source = TABLE if self.quiet else CLUSTER
        if source == "raw":
            return "name: {{.Name}}" if self.quiet else RAW
        if source == TABLE:
            return "{{.Name}}" if self.quiet else DEFAULT
        return source
