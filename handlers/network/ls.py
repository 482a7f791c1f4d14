"""docker network ls."""

from dataclasses import dataclass
from typing import Annotated, Any

from handlers.context import Context
from handlers.format.listing import TABLE, Column, Listing, join_labels
from handlers.format.options import LIST_FORMAT_HELP
from handlers.format.order import natural
from handlers.format.schema import TIME
from handlers.format.units import short_id
from handlers.grammar.command import Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL, FILTER, filter_query
from permissions.verbs import Danger, Verb

DEFAULT = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"
RAW = "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n"


@dataclass(frozen=True, slots=True)
class Row:
    """One network of the list, and how to show it."""

    data: dict[str, Any]
    truncate: bool

    def id(self) -> str:
        """The id, short unless told otherwise."""
        text: str = self.data.get("Id", "")
        return short_id(text) if self.truncate else text

    def text(self, key: str) -> str:
        """A text of the engine's."""
        return str(self.data.get(key, ""))

    def truth(self, key: str) -> str:
        """``true`` or ``false``; engines too old to say so say false."""
        return "true" if self.data.get(key) else "false"


LISTING: Listing[Row] = Listing(
    go_type="*network.networkContext",
    columns={
        "ID": Column("NETWORK ID", Row.id),
        "Name": Column("NAME", lambda row: row.text("Name")),
        "Driver": Column("DRIVER", lambda row: row.text("Driver")),
        "Scope": Column("SCOPE", lambda row: row.text("Scope")),
        "IPv4": Column("IPV4", lambda row: row.truth("EnableIPv4")),
        "IPv6": Column("IPV6", lambda row: row.truth("EnableIPv6")),
        "Internal": Column("INTERNAL", lambda row: row.truth("Internal")),
        "Labels": Column("LABELS", lambda row: join_labels(row.data.get("Labels"))),
        "CreatedAt": Column("CREATED AT", lambda row: str(TIME.decode(row.data.get("Created")))),
    },
    label=lambda row, name: (row.data.get("Labels") or {}).get(name, ""),
)


class NetworkLs(
    Command,
    path="network ls",
    aliases=("network list",),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker network ls -f driver=bridge",
):
    """List networks."""

    filter: Annotated[
        tuple[str, ...],
        Opt("-f", "--filter", help='Provide filter values (e.g. "driver=bridge")', type=FILTER),
    ] = ()
    format: Annotated[str, Opt("--format", help=LIST_FORMAT_HELP)] = ""
    no_trunc: Annotated[bool, Opt("--no-trunc", help="Do not truncate the output", type=BOOL)] = False
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Only display network IDs", type=BOOL)] = False

    def run(self, ctx: Context) -> Output:
        """Lists by name; raises Fault when the template is wrong."""
        found = ctx.engine.get("/networks", {"filters": filter_query(self.filter)}) or ()
        rows = [Row(data, truncate=not self.no_trunc) for data in found]
        rows.sort(key=lambda row: natural(row.text("Name")))
        return LISTING.render(self._form(), rows)

    def _form(self) -> str:
        source = self.format or TABLE
        if source == "raw":
            return "network_id: {{.ID}}" if self.quiet else RAW
        if source == TABLE:
            return "{{.ID}}" if self.quiet else DEFAULT
        return source
