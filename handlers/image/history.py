"""docker image history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from handlers.context import Clock, Context, segment
from handlers.format.listing import TABLE, Column, Listing
from handlers.format.options import LIST_FORMAT_HELP
from handlers.format.units import duration, ellipsis, short_id, size
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL
from handlers.image import platform
from permissions.verbs import Danger, Kind, Verb

DIGITS = 3
COMMAND_WIDTH = 45
UNKNOWN = "N/A"
IDS = "{{.ID}}"
FOR_PEOPLE = "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
EXACT = "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"


@dataclass(frozen=True, slots=True)
class Row:
    """One layer."""

    data: dict[str, Any]
    clock: Clock
    truncate: bool
    human: bool

    def id(self) -> str:
        """The id of the image that ends with this layer, where it has one here."""
        text: str = self.data["Id"]
        return short_id(text) if self.truncate else text

    def at(self) -> str:
        """When it was made, as RFC 3339."""
        text = datetime.fromtimestamp(self.data["Created"], self.clock.zone).isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text

    def age(self) -> str:
        """How long ago it was made."""
        if not self.human:
            return self.at()
        created = self.data["Created"]
        return UNKNOWN if created <= 0 else f"{duration(self.clock.now - created)} ago"

    def command(self) -> str:
        """What made it."""
        text = self.data["CreatedBy"].replace("\t", " ")
        return ellipsis(text, COMMAND_WIDTH) if self.truncate else text

    def size(self) -> str:
        """What it adds."""
        return size(self.data["Size"], DIGITS) if self.human else str(self.data["Size"])


LISTING: Listing[Row] = Listing(
    go_type="*image.historyContext",
    columns={
        "ID": Column("IMAGE", Row.id),
        "CreatedSince": Column("CREATED", Row.age),
        "CreatedAt": Column("CREATED AT", Row.at),
        "CreatedBy": Column("CREATED BY", Row.command),
        "Size": Column("SIZE", Row.size),
        "Comment": Column("COMMENT", lambda row: row.data["Comment"]),
    },
)


class ImageHistory(
    Command,
    path="image history",
    aliases=("history",),
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="docker history --no-trunc nginx:1.27",
):
    """Show the history of an image."""

    image: Annotated[str, Arg("IMAGE", resource=Kind.IMAGE)]
    format: Annotated[str, Opt("--format", help=LIST_FORMAT_HELP)] = ""
    human: Annotated[
        bool,
        Opt(
            "-H",
            "--human",
            help="Print sizes and dates in human readable format",
            type=BOOL,
            default="true",
        ),
    ] = True
    no_trunc: Annotated[bool, Opt("--no-trunc", help="Don't truncate output", type=BOOL)] = False
    platform: Annotated[
        str,
        Opt(
            "--platform",
            help="Show history for the given platform. "
            'Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
            min_api=(1, 48),
        ),
    ] = ""
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Only show image IDs", type=BOOL)] = False

    def check(self) -> None:
        """Raises UsageFault for a platform that is none."""
        platform.check(self.platform, "invalid platform: ")

    def run(self, ctx: Context) -> Output:
        """Lists the layers, the newest first; raises Fault when the template is wrong."""
        query = {"platform": platform.encoded(self.platform)}
        layers = ctx.engine.get(f"/images/{segment(self.image)}/history", query) or ()
        rows = [Row(data, ctx.clock, truncate=not self.no_trunc, human=self.human) for data in layers]
        form = self.format or TABLE
        if form == TABLE:
            form = IDS if self.quiet else FOR_PEOPLE if self.human else EXACT
        return LISTING.render(form, rows)
