"""One sample of a container's use of its host, and how `stats` shows it."""

from dataclasses import dataclass, field
from typing import Any

from handlers.format.listing import Column, Listing
from handlers.format.units import short_id, size

DIGITS = 3
MISSING = "--"
DEFAULT = (
    "table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}"
)
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


@dataclass(slots=True, eq=False)
class Sample:
    """A row: ``container`` as it was asked for, ``data`` the engine's last sample or {} without one.

    ``stale`` is True while there is none that is new enough to be shown.
    """

    container: str
    truncate: bool
    data: dict[str, Any] = field(default_factory=dict)
    stale: bool = True

    def name(self) -> str:
        """The name without its slash."""
        return self.data.get("name", "")[1:] or MISSING

    def id(self) -> str:
        """The id, short unless told otherwise."""
        text: str = self.data.get("id", "")
        return short_id(text) if self.truncate else text

    def cpu(self) -> str:
        """CPU time since the sample before, of one CPU's."""
        now, before = self._part("cpu_stats"), self._part("precpu_stats")
        used, before_used = now.get("cpu_usage") or {}, before.get("cpu_usage") or {}
        spent = used.get("total_usage", 0) - before_used.get("total_usage", 0)
        passed = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
        cpus = now.get("online_cpus") or len(used.get("percpu_usage") or ())
        return self._shown(_percent(spent / passed * cpus * 100 if spent > 0 and passed > 0 else 0.0))

    def memory(self) -> str:
        """Memory without what the kernel could drop, and the limit."""
        used, limit = self._memory()
        return f"{MISSING} / {MISSING}" if self.stale else f"{_bytes(used)} / {_bytes(limit)}"

    def memory_share(self) -> str:
        """That memory in percent of the limit."""
        used, limit = self._memory()
        return self._shown(_percent(used / limit * 100 if limit else 0.0))

    def network(self) -> str:
        """Bytes received and sent on all networks."""
        cards = self._part("networks").values()
        return self._pair(sum(c.get("rx_bytes", 0) for c in cards), sum(c.get("tx_bytes", 0) for c in cards))

    def blocks(self) -> str:
        """Bytes read from and written to block devices."""
        done = {"r": 0, "w": 0}
        for entry in self._part("blkio_stats").get("io_service_bytes_recursive") or ():
            kind = entry.get("op", "")[:1].lower()
            if kind in done:
                done[kind] += entry.get("value", 0)
        return self._pair(done["r"], done["w"])

    def processes(self) -> str:
        """How many processes and threads there are."""
        return self._shown(str(self._part("pids_stats").get("current", 0)))

    def _part(self, key: str) -> dict[str, Any]:
        return self.data.get(key) or {}

    def _memory(self) -> tuple[int, int]:
        memory = self._part("memory_stats")
        usage, details = memory.get("usage", 0), memory.get("stats") or {}
        # Control groups 1 name it so; where they do, the other name is for something else.
        idle = details.get("total_inactive_file", usage)
        if idle >= usage:
            idle = details.get("inactive_file", 0)
        return usage - idle if idle < usage else usage, memory.get("limit", 0)

    def _shown(self, text: str) -> str:
        return MISSING if self.stale else text

    def _pair(self, one: float, other: float) -> str:
        return self._shown(f"{size(one, DIGITS)} / {size(other, DIGITS)}")


def _percent(value: float) -> str:
    return f"{value:.2f}%"


def _bytes(count: float) -> str:
    """Bytes in powers of 1024 with four significant digits: ``23.54GiB``."""
    value, index = float(count), 0
    while value >= 1024 and index < len(_BINARY) - 1:
        value, index = value / 1024, index + 1
    return f"{value:.4g}{_BINARY[index]}"


LISTING: Listing[Sample] = Listing(
    go_type="*container.statsContext",
    columns={
        "Container": Column("CONTAINER", lambda row: row.container),
        "Name": Column("NAME", Sample.name),
        "ID": Column("CONTAINER ID", Sample.id),
        "CPUPerc": Column("CPU %", Sample.cpu),
        "MemUsage": Column("MEM USAGE / LIMIT", Sample.memory),
        "MemPerc": Column("MEM %", Sample.memory_share),
        "NetIO": Column("NET I/O", Sample.network),
        "BlockIO": Column("BLOCK I/O", Sample.blocks),
        "PIDs": Column("PIDS", Sample.processes),
    },
)
