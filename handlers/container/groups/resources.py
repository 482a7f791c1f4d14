"""How much of the host a container may take.

:class:`ResourceLimits` are the limits that a running container can be given anew, which `update` shares;
:class:`ResourceOptions` adds those that only a new one can have.
"""

from typing import Annotated, Any

from handlers.container.groups.body import Body, refused
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Api, Command, Opt
from handlers.grammar.devices import (
    BYTES_DEVICE,
    OPERATIONS_DEVICE,
    WEIGHT_DEVICE,
    parse_rate_in_bytes,
    parse_rate_in_operations,
    parse_weight,
)
from handlers.grammar.ulimits import ULIMIT, parse_ulimit
from handlers.grammar.values import BOOL, BYTES, DECIMAL, INT, SWAP_BYTES, UINT, UINT16

KERNEL_MEMORY_API = ((1, 40), (1, 42))
"""The first version that takes the limit from the CLI, and the first that does not any more."""


class ResourceLimits(Command):
    """Shares and limits of processor, memory, disk and processes."""

    blkio_weight: Annotated[
        int,
        Opt(
            "--blkio-weight",
            help="Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
            type=UINT16,
        ),
    ] = 0
    cpu_period: Annotated[
        int, Opt("--cpu-period", help="Limit CPU CFS (Completely Fair Scheduler) period", type=INT)
    ] = 0
    cpu_quota: Annotated[
        int, Opt("--cpu-quota", help="Limit CPU CFS (Completely Fair Scheduler) quota", type=INT)
    ] = 0
    cpu_rt_period: Annotated[
        int,
        Opt("--cpu-rt-period", help="Limit CPU real-time period in microseconds", type=INT, min_api=(1, 25)),
    ] = 0
    cpu_rt_runtime: Annotated[
        int,
        Opt(
            "--cpu-rt-runtime", help="Limit CPU real-time runtime in microseconds", type=INT, min_api=(1, 25)
        ),
    ] = 0
    cpu_shares: Annotated[int, Opt("-c", "--cpu-shares", help="CPU shares (relative weight)", type=INT)] = 0
    cpus: Annotated[int, Opt("--cpus", help="Number of CPUs", type=DECIMAL, min_api=(1, 25))] = 0
    cpuset_cpus: Annotated[str, Opt("--cpuset-cpus", help="CPUs in which to allow execution (0-3, 0,1)")] = ""
    cpuset_mems: Annotated[str, Opt("--cpuset-mems", help="MEMs in which to allow execution (0-3, 0,1)")] = ""
    memory: Annotated[int, Opt("-m", "--memory", help="Memory limit", type=BYTES)] = 0
    memory_reservation: Annotated[int, Opt("--memory-reservation", help="Memory soft limit", type=BYTES)] = 0
    memory_swap: Annotated[
        int,
        Opt(
            "--memory-swap",
            help="Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
            type=SWAP_BYTES,
        ),
    ] = 0
    pids_limit: Annotated[
        int, Opt("--pids-limit", help="Tune container pids limit (set -1 for unlimited)", type=INT)
    ] = 0

    def limits(self) -> dict[str, Any]:
        """These limits in the engine's words; zero is none."""
        return {
            "BlkioWeight": self.blkio_weight,
            "CpuPeriod": self.cpu_period,
            "CpuQuota": self.cpu_quota,
            "CpuRealtimePeriod": self.cpu_rt_period,
            "CpuRealtimeRuntime": self.cpu_rt_runtime,
            "CpuShares": self.cpu_shares,
            "CpusetCpus": self.cpuset_cpus,
            "CpusetMems": self.cpuset_mems,
            "Memory": self.memory,
            "MemoryReservation": self.memory_reservation,
            "MemorySwap": self.memory_swap,
            "NanoCpus": self.cpus,
            "PidsLimit": self.pids_limit,
        }


class ResourceOptions(ResourceLimits):
    """All limits of a new container."""

    blkio_weight_device: Annotated[
        tuple[str, ...],
        Opt(
            "--blkio-weight-device",
            help="Block IO weight (relative device weight)",
            type=WEIGHT_DEVICE,
            default="[]",
        ),
    ] = ()
    cpu_count: Annotated[int, Opt("--cpu-count", help="CPU count (Windows only)", type=INT)] = 0
    cpu_percent: Annotated[int, Opt("--cpu-percent", help="CPU percent (Windows only)", type=INT)] = 0
    device_read_bps: Annotated[
        tuple[str, ...],
        Opt(
            "--device-read-bps",
            help="Limit read rate (bytes per second) from a device",
            type=BYTES_DEVICE,
            default="[]",
        ),
    ] = ()
    device_read_iops: Annotated[
        tuple[str, ...],
        Opt(
            "--device-read-iops",
            help="Limit read rate (IO per second) from a device",
            type=OPERATIONS_DEVICE,
            default="[]",
        ),
    ] = ()
    device_write_bps: Annotated[
        tuple[str, ...],
        Opt(
            "--device-write-bps",
            help="Limit write rate (bytes per second) to a device",
            type=BYTES_DEVICE,
            default="[]",
        ),
    ] = ()
    device_write_iops: Annotated[
        tuple[str, ...],
        Opt(
            "--device-write-iops",
            help="Limit write rate (IO per second) to a device",
            type=OPERATIONS_DEVICE,
            default="[]",
        ),
    ] = ()
    io_maxbandwidth: Annotated[
        int,
        Opt(
            "--io-maxbandwidth",
            help="Maximum IO bandwidth limit for the system drive (Windows only)",
            type=BYTES,
        ),
    ] = 0
    io_maxiops: Annotated[
        int,
        Opt("--io-maxiops", help="Maximum IOps limit for the system drive (Windows only)", type=UINT),
    ] = 0
    kernel_memory: Annotated[int, Opt("--kernel-memory", help="Kernel memory limit", type=BYTES)] = 0
    memory_swappiness: Annotated[
        int,
        Opt(
            "--memory-swappiness",
            help="Tune container memory swappiness (0 to 100)",
            type=INT,
            default="-1",
        ),
    ] = -1
    oom_kill_disable: Annotated[bool, Opt("--oom-kill-disable", help="Disable OOM Killer", type=BOOL)] = False
    oom_score_adj: Annotated[
        int, Opt("--oom-score-adj", help="Tune host's OOM preferences (-1000 to 1000)", type=INT)
    ] = 0
    shm_size: Annotated[int, Opt("--shm-size", help="Size of /dev/shm", type=BYTES)] = 0
    ulimit: Annotated[tuple[str, ...], Opt("--ulimit", help="Ulimit options", type=ULIMIT, default="[]")] = ()

    def check_system(self) -> None:
        """Raises UsageFault for the limits that only an engine on Windows has."""
        windows = self.given("cpu_count", "cpu_percent", "io_maxbandwidth", "io_maxiops")
        if windows:
            sentence = (
                '"--{}" is only supported on a Docker daemon running on windows, '
                "but the Docker daemon is running on linux"
            )
            raise UsageFault(
                "\n".join(sentence.format(self.options[name].long) for name in sorted(windows)),
                reason=Reason.NOT_OFFERED,
                exit_code=1,
                hint="Use --cpus and --memory.",
            )

    def check_limits(self) -> None:
        """Raises UsageFault for a swappiness that is none."""
        if not -1 <= self.memory_swappiness <= 100:
            raise refused(
                f"invalid value: {self.memory_swappiness}. Valid memory swappiness range is 0-100",
                hint="Leave it out to keep the host's own.",
            )

    def add_resources(self, body: Body, api: Api) -> None:
        """Adds this group's part of the body; -1 leaves swappiness to the engine."""
        ulimits = {limit.name: limit for limit in map(parse_ulimit, self.ulimit)}
        body.host |= self.limits() | {
            "BlkioWeightDevice": [parse_weight(text) for text in self.blkio_weight_device],
            "BlkioDeviceReadBps": [parse_rate_in_bytes(text) for text in self.device_read_bps],
            "BlkioDeviceReadIOps": [parse_rate_in_operations(text) for text in self.device_read_iops],
            "BlkioDeviceWriteBps": [parse_rate_in_bytes(text) for text in self.device_write_bps],
            "BlkioDeviceWriteIOps": [parse_rate_in_operations(text) for text in self.device_write_iops],
            "MemorySwappiness": self.memory_swappiness,
            "OomKillDisable": self.oom_kill_disable,
            "OomScoreAdj": self.oom_score_adj,
            "ShmSize": self.shm_size,
            "Ulimits": [
                {"Name": name, "Hard": limit.hard, "Soft": limit.soft}
                for name, limit in sorted(ulimits.items())
            ],
        }
        first, end = KERNEL_MEMORY_API
        if self.kernel_memory and first <= api < end:
            body.host["KernelMemory"] = self.kernel_memory
