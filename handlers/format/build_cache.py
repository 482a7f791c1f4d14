"""The engine's build cache as a listing."""

from dataclasses import dataclass
from typing import Any

from handlers.context import Clock
from handlers.format.listing import Column, Listing
from handlers.format.moments import epoch
from handlers.format.schema import TIME
from handlers.format.units import duration, short_id, size

DIGITS = 3
DEFAULT = (
    "table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}"
    "\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}"
)
RAW = """build_cache_id: {{.ID}}
parent_id: {{.Parent}}
build_cache_type: {{.CacheType}}
description: {{.Description}}
created_at: {{.CreatedAt}}
created_since: {{.CreatedSince}}
last_used_at: {{.LastUsedAt}}
last_used_since: {{.LastUsedSince}}
usage_count: {{.UsageCount}}
in_use: {{.InUse}}
shared: {{.Shared}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the cache, and how to show it."""

    data: dict[str, Any]
    clock: Clock
    truncate: bool

    def id(self) -> str:
        """The id, with a star while it is in use."""
        text: str = self.data.get("ID", "")
        return (short_id(text) if self.truncate else text) + ("*" if self.data.get("InUse") else "")

    def parent(self) -> str:
        """What it was built upon; the engine's key for several begins with a blank."""
        several = ", ".join(self.data.get(" Parents") or ())
        text: str = several or self.data.get("Parent", "")
        return short_id(text) if self.truncate else text

    def at(self, key: str) -> str:
        """A time as Go prints it, "" for none."""
        return str(TIME.decode(self.data[key])) if self.data.get(key) else ""

    def ago(self, key: str) -> str:
        """How long ago that was, "" for never."""
        if not self.data.get(key):
            return ""
        return f"{duration(self.clock.now - epoch(self.data[key]))} ago"

    def truth(self, key: str) -> str:
        """``true`` or ``false``."""
        return "true" if self.data.get(key) else "false"


LISTING: Listing[Row] = Listing(
    go_type="*formatter.buildCacheContext",
    columns={
        "ID": Column("CACHE ID", Row.id),
        "Parent": Column("PARENT", Row.parent),
        "CacheType": Column("CACHE TYPE", lambda row: row.data.get("Type", "")),
        "Description": Column("DESCRIPTION", lambda row: row.data.get("Description", "")),
        "Size": Column("SIZE", lambda row: size(row.data.get("Size", 0), DIGITS)),
        "CreatedAt": Column("CREATED AT", lambda row: row.at("CreatedAt")),
        "CreatedSince": Column("CREATED", lambda row: row.ago("CreatedAt")),
        "LastUsedAt": Column("LAST USED AT", lambda row: row.at("LastUsedAt")),
        "LastUsedSince": Column("LAST USED", lambda row: row.ago("LastUsedAt")),
        "UsageCount": Column("USAGE", lambda row: str(row.data.get("UsageCount", 0))),
        "InUse": Column("IN USE", lambda row: row.truth("InUse")),
        "Shared": Column("SHARED", lambda row: row.truth("Shared")),
    },
)


def last_used(data: dict[str, Any]) -> tuple[bool, float, str]:
    """The order of the CLI: what was never used first, then by the last use."""
    used = data.get("LastUsedAt")
    return bool(used), epoch(used), data.get("ID", "")
