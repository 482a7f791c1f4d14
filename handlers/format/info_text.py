"""What ``docker info`` prints of the engine, line by line."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from handlers.format.units import duration

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_NANOSECONDS = 10**9

Data = dict[str, Any]
"""A JSON object of the engine's answer to ``GET /info``."""


class Described(NamedTuple):
    """The lines under ``Server:``, and what of the engine's answer made no sense."""

    lines: list[str]
    errors: list[str]


def server_lines(info: Data) -> Described:
    """The whole layout of the CLI."""
    errors: list[str] = []
    return Described(list(_server(info, errors)), errors)


def _server(info: Data, errors: list[str]) -> Iterator[str]:
    yield from _objects(info)
    yield from _plugins(info.get("Plugins") or {})
    yield from _list("CDI spec directories", info.get("CDISpecDirs"))
    devices = [f"{_text(one, 'Source')}: {_text(one, 'ID')}" for one in info.get("DiscoveredDevices") or ()]
    yield from _list("Discovered Devices", devices)
    swarm = info.get("Swarm") or {}
    yield f" Swarm: {_text(swarm, 'LocalNodeState')}"
    if swarm.get("LocalNodeState", "") not in {"inactive", "locked"}:
        yield from _swarm(swarm)
    if runtimes := info.get("Runtimes"):
        yield f" Runtimes: {' '.join(sorted(runtimes))}"
        yield f" Default Runtime: {_text(info, 'DefaultRuntime')}"
    if info.get("OSType") == "linux":
        yield from _linux(info)
        try:
            # All of them or none, as the CLI does it.
            yield from list(_security(info.get("SecurityOptions") or ()))
        except ValueError as error:
            errors.append(str(error))
    if info.get("OSType") == "windows":
        yield f" Default Isolation: {_text(info, 'Isolation')}"
    yield from _machine(info)
    yield from _surroundings(info)
    yield from _registries(info.get("RegistryConfig") or {})
    yield f" Live Restore Enabled: {_truth(info, 'LiveRestoreEnabled')}"
    yield from _given(info, **{"Product License": "ProductLicense"})
    pools = [
        f" Base: {_text(pool, 'Base')}, Size: {pool.get('Size', 0)}"
        for pool in info.get("DefaultAddressPools") or ()
    ]
    yield from _list("Default Address Pools", pools)
    yield ""


def _objects(info: Data) -> Iterator[str]:
    yield f" Containers: {info.get('Containers', 0)}"
    for state in ("Running", "Paused", "Stopped"):
        yield f"  {state}: {info.get(f'Containers{state}', 0)}"
    yield f" Images: {info.get('Images', 0)}"
    yield from _given(info, **{"Server Version": "ServerVersion", "Storage Driver": "Driver"})
    yield from (f"  {name}: {value}" for name, value in info.get("DriverStatus") or ())
    yield from (f" {name}: {value}" for name, value in info.get("SystemStatus") or ())
    yield from _given(
        info,
        **{
            "Logging Driver": "LoggingDriver",
            "Cgroup Driver": "CgroupDriver",
            "Cgroup Version": "CgroupVersion",
        },
    )


def _plugins(plugins: Data) -> Iterator[str]:
    yield " Plugins:"
    for kind in ("Volume", "Network", "Authorization", "Log"):
        names = plugins.get(kind) or ()
        if names or kind != "Authorization":
            yield f"  {kind}: {' '.join(names)}"


def _swarm(swarm: Data) -> Iterator[str]:
    yield f"  NodeID: {_text(swarm, 'NodeID')}"
    if swarm.get("Error"):
        yield f"  Error: {swarm['Error']}"
    manages = bool(swarm.get("ControlAvailable"))
    yield f"  Is Manager: {_truth(swarm, 'ControlAvailable')}"
    cluster = swarm.get("Cluster")
    if cluster and manages and not swarm.get("Error") and swarm.get("LocalNodeState") != "error":
        yield from _cluster(cluster, swarm)
    yield f"  Node Address: {_text(swarm, 'NodeAddr')}"
    if managers := swarm.get("RemoteManagers"):
        yield "  Manager Addresses:"
        yield from (f"   {address}" for address in sorted(_text(one, "Addr") for one in managers))


def _cluster(cluster: Data, swarm: Data) -> Iterator[str]:
    yield f"  ClusterID: {_text(cluster, 'ID')}"
    yield f"  Managers: {swarm.get('Managers', 0)}"
    yield f"  Nodes: {swarm.get('Nodes', 0)}"
    if (pools := cluster.get("DefaultAddrPool")) is not None:
        yield f"  Default Address Pool: {''.join(f'{pool}  ' for pool in pools)}"
        yield f"  SubnetSize: {cluster.get('SubnetSize', 0)}"
    if cluster.get("DataPathPort", 0) > 0:
        yield f"  Data Path Port: {cluster['DataPathPort']}"
    yield from _cluster_settings(cluster.get("Spec") or {})
    yield f"  Root Rotation In Progress: {_truth(cluster, 'RootRotationInProgress')}"


def _cluster_settings(spec: Data) -> Iterator[str]:
    parts = ("Orchestration", "Raft", "Dispatcher", "CAConfig", "EncryptionConfig")
    orchestration, raft, dispatcher, authority, encryption = (spec.get(part) or {} for part in parts)
    yield "  Orchestration:"
    yield f"   Task History Retention Limit: {orchestration.get('TaskHistoryRetentionLimit') or 0}"
    yield "  Raft:"
    yield f"   Snapshot Interval: {raft.get('SnapshotInterval', 0)}"
    if raft.get("KeepOldSnapshots") is not None:
        yield f"   Number of Old Snapshots to Retain: {raft['KeepOldSnapshots']}"
    yield f"   Heartbeat Tick: {raft.get('HeartbeatTick', 0)}"
    yield f"   Election Tick: {raft.get('ElectionTick', 0)}"
    yield "  Dispatcher:"
    yield f"   Heartbeat Period: {_duration(dispatcher, 'HeartbeatPeriod')}"
    yield "  CA Configuration:"
    yield f"   Expiry Duration: {_duration(authority, 'NodeCertExpiry')}"
    yield f"   Force Rotate: {authority.get('ForceRotate', 0)}"
    if certificate := _text(authority, "SigningCACert").strip():
        yield from ("   Signing CA Certificate: ", *certificate.split("\n"), "")
    if others := authority.get("ExternalCAs"):
        yield "   External CAs:"
        yield from (f"     {_text(one, 'Protocol')}: {_text(one, 'URL')}" for one in others)
    yield f"  Autolock Managers: {_truth(encryption, 'AutoLockManagers')}"


def _linux(info: Data) -> Iterator[str]:
    yield f" Init Binary: {_text(info, 'InitBinary')}"
    for name, key in (("containerd", "Containerd"), ("runc", "Runc"), ("init", "Init")):
        yield f" {name} version: {_text(info.get(f'{key}Commit') or {}, 'ID')}"


def _security(options: Iterable[str]) -> Iterator[str]:
    """The security options by name; raises ValueError with the CLI's sentence when one is none."""
    for number, option in enumerate(options):
        if number == 0:
            yield " Security Options:"
        if "=" not in option:
            yield f"  {option}"
            continue
        pairs = [_pair(part) for part in option.split(",")]
        yield f"  {next((value for key, value in reversed(pairs) if key == 'name'), '')}"
        yield from (f"   Profile: {value}" for key, value in pairs if key == "profile")


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f'invalid security option "{text}"')
    if not key or not value:
        raise ValueError("invalid empty security option")
    return key, value


def _machine(info: Data) -> Iterator[str]:
    yield from _given(
        info,
        **{
            "Kernel Version": "KernelVersion",
            "Operating System": "OperatingSystem",
            "OSType": "OSType",
            "Architecture": "Architecture",
        },
    )
    yield f" CPUs: {info.get('NCPU', 0)}"
    yield f" Total Memory: {_memory(info.get('MemTotal', 0))}"
    yield from _given(info, Name="Name", ID="ID")
    yield f" Docker Root Dir: {_text(info, 'DockerRootDir')}"
    yield f" Debug Mode: {_truth(info, 'Debug')}"
    if info.get("Debug"):
        yield f"  File Descriptors: {info.get('NFd', 0)}"
        yield f"  Goroutines: {info.get('NGoroutines', 0)}"
        yield f"  System Time: {_text(info, 'SystemTime')}"
        yield f"  EventsListeners: {info.get('NEventsListener', 0)}"


def _surroundings(info: Data) -> Iterator[str]:
    yield from _given(
        info,
        **{
            "HTTP Proxy": "HttpProxy",
            "HTTPS Proxy": "HttpsProxy",
            "No Proxy": "NoProxy",
            "Username": "UserName",
        },
    )
    yield from _list("Labels", info.get("Labels"))
    yield f" Experimental: {_truth(info, 'ExperimentalBuild')}"


def _registries(config: Data) -> Iterator[str]:
    ranges, indexes = config.get("InsecureRegistryCIDRs") or [], config.get("IndexConfigs") or {}
    if ranges or indexes:
        yield " Insecure Registries:"
        insecure = sorted(_text(index, "Name") for index in indexes.values() if not index.get("Secure"))
        yield from (f"  {name}" for name in (*insecure, *ranges))
    yield from _list("Registry Mirrors", config.get("Mirrors"))


def _list(title: str, items: Iterable[str] | None) -> Iterator[str]:
    for number, item in enumerate(items or ()):
        if number == 0:
            yield f" {title}:"
        yield f"  {item}"


def _given(info: Data, **labels: str) -> Iterator[str]:
    """A line for each text that the engine sent."""
    yield from (f" {label}: {info[key]}" for label, key in labels.items() if info.get(key))


def _text(data: Data, key: str) -> str:
    return str(data.get(key) or "")


def _truth(data: Data, key: str) -> str:
    return "true" if data.get(key) else "false"


def _duration(data: Data, key: str) -> str:
    return duration(data.get(key, 0) / _NANOSECONDS)


def _memory(count: float) -> str:
    """Bytes in powers of 1024 with four significant digits: ``23.54GiB``."""
    value, index = float(count), 0
    while value >= 1024 and index < len(_BINARY) - 1:
        value, index = value / 1024, index + 1
    return f"{value:.4g}{_BINARY[index]}"
