"""The tree of ``image ls --tree``: images with the platforms they hold."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from handlers.format.units import display_width, ellipsis, short_id, size
from handlers.grammar.output import Table

WIDTH = 80
GAP = "   "
DIGITS = 3
HEADER = ("IMAGE", "ID", "DISK USAGE", "CONTENT SIZE", "EXTRA")
WARNING = "WARNING: This is an experimental feature. The output may change and shouldn't be depended on."
LEGEND = "Info ->  U In Use "
UNTAGGED = "<untagged>"


class Cells(NamedTuple):
    """A row: an image with all its names above it, or one of its platforms."""

    image: str
    id: str = ""
    usage: str = ""
    content: str = ""
    extra: str = ""


def tree(images: Iterable[dict[str, Any]], *, untagged: bool) -> Table:
    """Newest image first; without ``untagged`` only those with a name."""
    chosen = [image for image in images if untagged or image.get("RepoTags")]
    chosen.sort(key=lambda image: -image["Created"])
    blocks = [list(_block(image)) for image in chosen]
    rows = [row for block in blocks for row in block]
    widths = [max(map(display_width, column)) for column in zip(HEADER, *rows, strict=True)]
    widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - len(GAP) * len(widths[1:]))
    lines = [WARNING, f"{LEGEND:>{WIDTH}}", "", _header(widths)]
    for block in blocks:
        lines += [*(_line(row, widths) for row in block), ""]
    return Table(header=HEADER, rows=tuple(rows), text="".join(f"{line}\n" for line in lines))


def _block(image: dict[str, Any]) -> Iterator[Cells]:
    names = sorted(image.get("RepoTags") or [UNTAGGED], key=len, reverse=True)
    manifests = image.get("Manifests") or []
    platforms = [manifest for manifest in manifests if manifest["Kind"] == "image"]
    content = sum(manifest["Size"]["Content"] for manifest in manifests)
    used = image.get("Containers", 0) > 0 or any(_used(platform) for platform in platforms)
    yield from map(Cells, names[:-1])
    yield _cells(names[-1], image["Id"], image["Size"], content, used=used)
    for number, manifest in enumerate(platforms, start=1):
        branch = "└─" if number == len(platforms) else "├─"
        name = f"{branch} {_platform(manifest['ImageData']['Platform'])}"
        sizes = manifest["Size"]
        yield _cells(name, manifest["ID"], sizes["Total"], sizes["Content"], used=_used(manifest))


def _cells(name: str, identifier: str, usage: int, content: int, *, used: bool) -> Cells:
    return Cells(name, short_id(identifier), size(usage, DIGITS), size(content, DIGITS), "U" if used else "")


def _used(manifest: dict[str, Any]) -> bool:
    return bool(manifest["ImageData"].get("Containers"))


def _platform(platform: dict[str, str]) -> str:
    parts = (platform.get(part, "") for part in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


def _header(widths: list[int]) -> str:
    padded = [title.ljust(width) for title, width in zip(HEADER, widths, strict=True)]
    return GAP.join(padded)


def _line(row: Cells, widths: list[int]) -> str:
    name = ellipsis(row.image, widths[0])
    if not row.id:
        return name
    name += " " * (widths[0] - display_width(name))
    _, id_width, usage_width, content_width, extra_width = widths
    return GAP.join(
        (
            name,
            row.id.ljust(id_width),
            row.usage.rjust(usage_width),
            row.content.rjust(content_width),
            row.extra.ljust(extra_width),
        )
    )
