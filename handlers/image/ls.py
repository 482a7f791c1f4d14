"""docker image ls."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from handlers.context import Clock, Context
from handlers.faults import UsageFault
from handlers.format.listing import TABLE, Column, Listing
from handlers.format.options import LIST_FORMAT_HELP
from handlers.format.units import duration, local_time, short_id, size
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Output
from handlers.grammar.values import BOOL, FILTER, filter_query
from handlers.image.reference import InvalidReferenceError, Reference
from handlers.image.tree import tree
from permissions.verbs import Danger, Verb

NONE = "<none>"
UNKNOWN = "N/A"
DIGITS = 3
TREE_API = (1, 47)
DIGEST = "{{.Digest}}"
DEFAULT = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
WITH_DIGEST = "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
RAW = """repository: {{ .Repository }}
tag: {{.Tag}}
image_id: {{.ID}}
created_at: {{.CreatedAt}}
virtual_size: {{.Size}}
"""
RAW_WITH_DIGEST = RAW.replace("image_id:", "digest: {{.Digest}}\nimage_id:")


@dataclass(frozen=True, slots=True)
class Row:
    """One name of an image."""

    data: dict[str, Any]
    clock: Clock
    truncate: bool
    repository: str = NONE
    tag: str = NONE
    digest: str = NONE

    def id(self) -> str:
        """The id, short unless told otherwise."""
        text: str = self.data["Id"]
        return short_id(text) if self.truncate else text

    def age(self) -> str:
        """How long ago it was built."""
        return f"{duration(self.clock.now - self.data['Created'])} ago"

    def unique_size(self) -> str:
        """What no other image shares."""
        whole, shared = self.data["Size"], self.data.get("SharedSize", -1)
        return UNKNOWN if shared == -1 or whole == -1 else size(whole - shared)


def _known(value: int) -> str:
    return UNKNOWN if value == -1 else size(value)


LISTING: Listing[Row] = Listing(
    go_type="*formatter.imageContext",
    columns={
        "ID": Column("IMAGE ID", Row.id),
        "Repository": Column("REPOSITORY", lambda row: row.repository),
        "Tag": Column("TAG", lambda row: row.tag),
        "Digest": Column("DIGEST", lambda row: row.digest),
        "CreatedSince": Column("CREATED", Row.age),
        "CreatedAt": Column("CREATED AT", lambda row: local_time(row.data["Created"], row.clock.zone)),
        "Size": Column("SIZE", lambda row: size(row.data["Size"], DIGITS)),
        "Containers": Column(
            "CONTAINERS",
            lambda row: UNKNOWN if row.data.get("Containers", -1) == -1 else str(row.data["Containers"]),
        ),
        "VirtualSize": Column("SIZE", lambda row: size(row.data["Size"])),
        "SharedSize": Column("SHARED SIZE", lambda row: _known(row.data.get("SharedSize", -1))),
        "UniqueSize": Column("UNIQUE SIZE", Row.unique_size),
    },
)


def rows(data: dict[str, Any], clock: Clock, *, truncate: bool, digests: bool, split: bool) -> Iterator[Row]:
    """A row for every tag, and for every repository known by digest alone.

    With ``split`` a tag's row repeats for every digest of its repository; with ``digests`` a
    repository without a tag has a row for every digest.
    """
    tags = _by_repository(data.get("RepoTags"), "tag")
    known = _by_repository(data.get("RepoDigests"), "digest")
    if not tags and not known:
        yield Row(data, clock, truncate)
    for repository, names in tags.items():
        own = known.pop(repository, [])
        for tag in names:
            for digest in own if split and own else [NONE]:
                yield Row(data, clock, truncate, repository, tag, digest)
    for repository, found in known.items():
        for digest in found if digests else [""]:
            yield Row(data, clock, truncate, repository, NONE, digest)


def _by_repository(references: list[str] | None, part: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in references or ():
        try:
            reference = Reference.parse(text)
        except InvalidReferenceError:
            continue  # <none>:<none>, as older engines say
        if value := getattr(reference, part):
            found.setdefault(reference.familiar_name, []).append(value)
    return found


class ImageLs(
    Command,
    path="image ls",
    aliases=("image list", "images"),
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="docker image ls --digests",
):
    """List images."""

    reference: Annotated[str | None, Arg("REPOSITORY[:TAG]", least=0)] = None
    all: Annotated[
        bool, Opt("-a", "--all", help="Show all images (default hides intermediate images)", type=BOOL)
    ] = False
    digests: Annotated[bool, Opt("--digests", help="Show digests", type=BOOL)] = False
    filter: Annotated[
        tuple[str, ...], Opt("-f", "--filter", help="Filter output based on conditions provided", type=FILTER)
    ] = ()
    format: Annotated[str, Opt("--format", help=LIST_FORMAT_HELP)] = ""
    no_trunc: Annotated[bool, Opt("--no-trunc", help="Don't truncate output", type=BOOL)] = False
    quiet: Annotated[bool, Opt("-q", "--quiet", help="Only show image IDs", type=BOOL)] = False
    tree: Annotated[
        bool,
        Opt(
            "--tree",
            help="List multi-platform images as a tree (EXPERIMENTAL)",
            type=BOOL,
            hidden=True,
            min_api=TREE_API,
        ),
    ] = False

    def check(self) -> None:
        """Raises UsageFault for what the CLI does not combine with --tree."""
        if not self.tree:
            return
        clashes = {
            "quiet": self.quiet,
            "no-trunc": self.no_trunc,
            "show-digest": self.digests,
            "format": self.format,
        }
        for name, given in clashes.items():
            if given:
                raise UsageFault(
                    f"--{name} is not yet supported with --tree",
                    exit_code=1,
                    hint="Leave one of the two out.",
                )

    def run(self, ctx: Context) -> Output:
        """Lists; raises Fault when the template is wrong."""
        conditions = (*self.filter, *([f"reference={self.reference}"] if self.reference else ()))
        query: dict[str, str | bool | None] = {
            "all": True if self.all else None,
            "filters": filter_query(conditions),
            "manifests": True if self.tree else None,
        }
        found = ctx.engine.get("/images/json", query) or ()
        if self.tree:
            return tree(found, untagged=self.all)
        form = self._form()
        split = self.digests or DIGEST in form
        shown = (
            rows(data, ctx.clock, truncate=not self.no_trunc, digests=self.digests, split=split)
            for data in found
        )
        return LISTING.render(form, [row for image in shown for row in image])

    def _form(self) -> str:
        source = self.format or TABLE
        if source == TABLE:
            return "{{.ID}}" if self.quiet else WITH_DIGEST if self.digests else DEFAULT
        if source == "raw":
            return "image_id: {{.ID}}" if self.quiet else RAW_WITH_DIGEST if self.digests else RAW
        if source.startswith(TABLE) and self.digests and DIGEST not in source:
            return f"{source}\t{DIGEST}"
        return source
