"""docker search."""

from dataclasses import dataclass
from typing import Annotated, Any

from handlers.context import Context
from handlers.format.listing import TABLE, Column, Listing
from handlers.format.units import ellipsis
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL, FILTER, INT, filter_query
from handlers.image.pull import AUTH_HEADER, auth_at
from handlers.image.reference import HUB, HUB_LOGIN
from permissions.verbs import Danger, Verb

DESCRIPTION_WIDTH = 45
DEFAULT = "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"
AUTOMATED = (
    'WARNING: the "is-automated" filter is deprecated, and searching for "is-automated=true" will not yield '
    "any results in future."
)
_HUB_NAMES = (HUB, f"index.{HUB}")
_BREAKS = str.maketrans("\n\r", "  ")


@dataclass(slots=True)
class Row:
    """One repository that was found."""

    data: dict[str, Any]
    truncate: bool
    encoded: bool = False

    def description(self) -> str:
        """What its owner says of it, on one line."""
        text: str = (self.data.get("description") or "").translate(_BREAKS)
        return ellipsis(text, DESCRIPTION_WIDTH) if self.truncate else text

    def official(self) -> str:
        """Whether it is an official image: a mark for people, a word in JSON."""
        official = bool(self.data.get("is_official"))
        if self.encoded:
            return "true" if official else "false"
        return "[OK]" if official else ""

    def encode(self) -> None:
        """From here on the row is read by programs."""
        self.encoded = True


LISTING: Listing[Row] = Listing(
    go_type="*registry.searchContext",
    columns={
        "Name": Column("NAME", lambda row: row.data["name"]),
        "Description": Column("DESCRIPTION", Row.description),
        "StarCount": Column("STARS", lambda row: str(row.data.get("star_count", 0))),
        "IsOfficial": Column("OFFICIAL", Row.official),
    },
    encoding=Row.encode,
)


class Search(
    Command,
    path="search",
    logins=True,
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker search --filter is-official=true nginx",
):
    """Search Docker Hub for images."""

    term: Annotated[str, Arg("TERM")]
    filter: Annotated[
        tuple[str, ...], Opt("-f", "--filter", help="Filter output based on conditions provided", type=FILTER)
    ] = ()
    format: Annotated[str, Opt("--format", help="Pretty-print search using a Go template")] = ""
    limit: Annotated[int, Opt("--limit", help="Max number of search results", type=INT)] = 0
    no_trunc: Annotated[bool, Opt("--no-trunc", help="Don't truncate output", type=BOOL)] = False

    def run(self, ctx: Context) -> Output:
        """Searches with the asker's login at that registry; raises Fault when the template is wrong."""
        query = {
            "term": self.term,
            "limit": self.limit if self.limit > 0 else None,
            "filters": filter_query(self.filter),
        }
        headers = {AUTH_HEADER: auth_at(ctx, _server(self.term))}
        found = ctx.engine.get("/images/search", query, headers=headers) or ()
        form = DEFAULT if self.format in ("", TABLE) else self.format
        output = LISTING.render(form, [Row(data, truncate=not self.no_trunc) for data in found])
        if any(condition.startswith("is-automated=") for condition in self.filter):
            return output.model_copy(update={"warnings": (AUTOMATED,)})
        return output


def _server(term: str) -> str:
    """The registry whose login is used: the one the term begins with, else Docker Hub."""
    first, slash, _ = term.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return HUB_LOGIN if not named or first in _HUB_NAMES else first
