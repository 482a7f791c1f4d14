"""What of the host the options of a container hand over: whoever controls it is root there.

The one model of it. Every option that can give something away is turned into :class:`Exposure` records
here, from what the person wrote; two spellings of the same thing make the same records. What cannot be
read, and what is not known to be harmless, is an exposure. The danger is that of the worst one, and every
one is as bad as root; a policy that allows prefixes of host paths looks at the records themselves.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from handlers.grammar.devices import clean_path, parse_device
from handlers.grammar.mounts import parse_mount
from handlers.grammar.networks import parse_network
from handlers.grammar.volumes import parse_volume
from handlers.network.hazards import endpoint_danger
from permissions.host_paths import canonical_path
from permissions.model import Record
from permissions.operation import Bind
from permissions.verbs import Danger


class Gift(StrEnum):
    """The closed list of what a container can be given of its host."""

    HOST_PATH = "host path"
    VOLUME_DRIVER = "volume driver"
    OTHER_MOUNTS = "mounts of another container"
    DEVICE = "device"
    CAPABILITY = "capability"
    PRIVILEGED = "privileged"
    PROFILE = "security profile"
    NAMESPACE = "namespace"
    RUNTIME = "runtime"
    CGROUP = "cgroup parent"
    KERNEL_PARAMETER = "kernel parameter"
    API_SOCKET = "API socket"
    LOG_TARGET = "log target"
    STORAGE_OPTION = "storage option"
    ANNOTATION = "annotation"
    CHECKPOINT = "checkpoint"


class Exposure(Record):
    """One thing that is handed over; ``what`` names it and never holds a secret.

    ``bind`` is set for a path of the host that a policy can list, and whose mount gives nothing else.
    """

    gift: Gift
    what: str = ""
    bind: Bind | None = None


def danger_of(exposures: Iterable[Exposure]) -> Danger:
    """Root for any exposure at all."""
    return Danger.ROOT_EQUIVALENT if any(True for _ in exposures) else Danger.SAFE


def binds_of(exposures: Iterable[Exposure]) -> tuple[Bind, ...]:
    """The paths among them that a policy can list."""
    return tuple(dict.fromkeys(one.bind for one in exposures if one.bind is not None))


def beyond_binds(exposures: Iterable[Exposure]) -> Iterator[Exposure]:
    """All the others, which no policy can list."""
    return (one for one in exposures if one.bind is None)


def volumes(specs: Iterable[str]) -> Iterator[Exposure]:
    """``-v``: a path of the host, in whatever spelling. Names and anonymous volumes are the engine's own."""
    for spec in specs:
        try:
            volume = parse_volume(spec)
        except ValueError:
            yield Exposure(gift=Gift.HOST_PATH, what=spec)
            continue
        if volume.kind == "anonymous":
            # Nothing but a target; a colon left in it could be read as a path by one engine or another.
            if ":" in volume.text:
                yield Exposure(gift=Gift.HOST_PATH, what=volume.text)
        elif volume.kind == "bind" or not _is_name(volume.source):
            plain = set(volume.options) <= {"ro", "rw"}  # others relabel the path or let mounts through
            yield _host_path(volume.source, bind=plain, read_only=volume.read_only)


def mounts(specs: Iterable[str]) -> Iterator[Exposure]:
    """``--mount``: the same of its sources, and what a volume's driver is told."""
    for spec in specs:
        try:
            mount = parse_mount(spec)
        except ValueError:
            yield Exposure(gift=Gift.HOST_PATH, what=spec)
            continue
        named = mount.kind == "volume" and (not mount.source or _is_name(mount.source))
        inside = mount.kind in ("tmpfs", "image")
        if not named and not inside:
            plain = mount.kind == "bind" and not mount.options.get("BindOptions")
            yield _host_path(mount.source, bind=plain, read_only=mount.read_only)
        name, _ = mount.driver
        settings = mount.options.get("VolumeOptions", {}).get("DriverConfig", {}).get("Options", {})
        yield from made_volume(name, settings)


def volume_driver(name: str) -> Iterator[Exposure]:
    """Whatever makes the volume is code on the host."""
    if name:
        yield Exposure(gift=Gift.VOLUME_DRIVER, what=name)


def made_volume(driver: str, options: Mapping[str, str]) -> Iterator[Exposure]:
    """A volume's driver and what it is told: the engine's own can bind a path, as ``-v`` does."""
    if driver in ("", "local") and set(options) == {"type", "o", "device"}:
        # The kernel follows what it is given: only a path in its one spelling is the one that it says.
        device, words = options["device"], options["o"].split(",")
        plain = options["type"] == "none" and words in (["bind"], ["bind", "ro"], ["ro", "bind"])
        if plain and canonical_path(device) == device:
            bind = Bind(path=device, read_only="ro" in words)
            yield Exposure(gift=Gift.HOST_PATH, what=device, bind=bind)
            return
    yield from volume_driver(driver)
    if options:
        yield Exposure(gift=Gift.VOLUME_DRIVER, what=", ".join(options))


def volumes_from(containers: Iterable[str]) -> Iterator[Exposure]:
    """``--volumes-from``: paths of the host may be among the other container's mounts."""
    for text in containers:
        yield Exposure(gift=Gift.OTHER_MOUNTS, what=text.partition(":")[0])


def _is_name(source: str) -> bool:
    """A volume's name has no slash, no dot in front and no drive letter."""
    return "/" not in source and "\\" not in source and not source.startswith((".", "~"))


def _host_path(source: str, *, bind: bool, read_only: bool) -> Exposure:
    path = canonical_path(source)
    listable = Bind(path=path, read_only=read_only) if bind and path else None
    what = clean_path(source) if source.startswith("/") else source
    return Exposure(gift=Gift.HOST_PATH, what=what, bind=listable)


def devices(specs: Iterable[str]) -> Iterator[Exposure]:
    """``--device``: of the host, by path or by name."""
    for spec in specs:
        try:
            path = parse_device(spec).path
        except ValueError:
            path = spec
        yield Exposure(gift=Gift.DEVICE, what=clean_path(path) if path.startswith("/") else path)


def device_rules(rules: Iterable[str]) -> Iterator[Exposure]:
    """``--device-cgroup-rule``: devices by number, which a container can make itself."""
    for rule in rules:
        yield Exposure(gift=Gift.DEVICE, what=rule)


def gpus(requests: Iterable[str]) -> Iterator[Exposure]:
    """``--gpus``: devices of the host, through a driver that the request may choose."""
    for _ in requests:
        yield Exposure(gift=Gift.DEVICE, what="gpu")


ORDINARY_CAPABILITIES = frozenset(
    {
        *("CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL"),
        *("CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP"),
        *("CAP_SETUID", "CAP_SYS_CHROOT"),
    }
)
"""What every container has unless it is dropped: given back after ``--cap-drop ALL``, it is nothing new."""


def capability(text: str) -> str:
    """A capability in the engine's own spelling, as the CLI sends it."""
    name = text.upper()
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


def capabilities(added: Iterable[str]) -> Iterator[Exposure]:
    """``--cap-add``: everything beyond what a container has anyway."""
    for name in sorted({capability(text) for text in added} - ORDINARY_CAPABILITIES):
        yield Exposure(gift=Gift.CAPABILITY, what=name)


def privileged(given: bool) -> Iterator[Exposure]:
    """``--privileged``: every device and capability of the host."""
    if given:
        yield Exposure(gift=Gift.PRIVILEGED)


HARMLESS_PROFILES = frozenset(
    {"no-new-privileges", "no-new-privileges=true", "seccomp=builtin", "apparmor=docker-default"}
)


def profiles(options: Iterable[str]) -> Iterator[Exposure]:
    """``--security-opt``: whatever is not one of the usual protections may take one away."""
    for text in options:
        key, separator, value = text.partition("=" if "=" in text else ":")
        option = f"{key}={value}" if separator else key
        if option not in HARMLESS_PROFILES:
            yield Exposure(gift=Gift.PROFILE, what=option)


OWN_NAMESPACES = {
    "pid": frozenset({""}),
    "ipc": frozenset({"", "none", "private", "shareable"}),
    "uts": frozenset({""}),
    "userns": frozenset({""}),
    "cgroupns": frozenset({"", "private"}),
}
"""By option, the modes that share nothing with the host or another container."""


def namespaces(modes: Iterable[tuple[str, str]]) -> Iterator[Exposure]:
    """``--pid``, ``--ipc``, ``--uts``, ``--userns``, ``--cgroupns``, as (option, mode)."""
    for option, mode in modes:
        if mode not in OWN_NAMESPACES[option]:
            yield Exposure(gift=Gift.NAMESPACE, what=f"{option} {mode}")


def networks(texts: Iterable[str]) -> Iterator[Exposure]:
    """``--network``: the host's own network, that of another container, options of the driver."""
    for text in texts:
        try:
            network = parse_network(text)
        except ValueError:
            yield Exposure(gift=Gift.NAMESPACE, what=f"network {text}")
            continue
        target = network.target.strip()
        if target.lower() == "host" or target.lower().partition(":")[0] == "container":
            yield Exposure(gift=Gift.NAMESPACE, what=f"network {target}")
        names = [name for name, _ in network.driver_opts]
        if endpoint_danger(names) is not Danger.SAFE:
            yield Exposure(gift=Gift.KERNEL_PARAMETER, what=", ".join(names))


def runtime(name: str) -> Iterator[Exposure]:
    """``--runtime``: another one than the engine's default may isolate less."""
    if name:
        yield Exposure(gift=Gift.RUNTIME, what=name)


def isolation(name: str) -> Iterator[Exposure]:
    """``--isolation``: likewise."""
    if name not in ("", "default"):
        yield Exposure(gift=Gift.RUNTIME, what=name)


def cgroup_parent(path: str) -> Iterator[Exposure]:
    """``--cgroup-parent``: a place in the host's own tree."""
    if path:
        yield Exposure(gift=Gift.CGROUP, what=path)


def sysctls(texts: Iterable[str]) -> Iterator[Exposure]:
    """``--sysctl``: parameters of the kernel."""
    for text in texts:
        yield Exposure(gift=Gift.KERNEL_PARAMETER, what=text.partition("=")[0])


def annotations(texts: Iterable[str]) -> Iterator[Exposure]:
    """``--annotation``: read by the runtime as root; some run programs of the host by them."""
    for text in texts:
        yield Exposure(gift=Gift.ANNOTATION, what=text.partition("=")[0])


def api_socket(given: bool) -> Iterator[Exposure]:
    """``--use-api-socket``: the engine itself."""
    if given:
        yield Exposure(gift=Gift.API_SOCKET)


LOCAL_LOG_DRIVERS = frozenset({"", "none", "json-file", "local", "journald"})
HARMLESS_LOG_OPTIONS = frozenset(
    {
        *("compress", "env", "env-regex", "labels", "labels-regex", "max-buffer-size", "max-file"),
        *("max-size", "mode", "tag"),
    }
)


def logging(driver: str, options: Iterable[str]) -> Iterator[Exposure]:
    """``--log-driver``, ``--log-opt``: the engine opens, as root, the sockets and files that are named."""
    if driver not in LOCAL_LOG_DRIVERS:
        yield Exposure(gift=Gift.LOG_TARGET, what=driver)
    for name in {text.partition("=")[0]: None for text in options}:
        if name not in HARMLESS_LOG_OPTIONS:
            yield Exposure(gift=Gift.LOG_TARGET, what=name)


def storage_options(options: Iterable[str]) -> Iterator[Exposure]:
    """``--storage-opt``: all but the size are unknown."""
    for text in options:
        name = text.partition("=")[0]
        if name != "size":
            yield Exposure(gift=Gift.STORAGE_OPTION, what=name)


def checkpoint(directory: str) -> Iterator[Exposure]:
    """``--checkpoint-dir``: a path of the host whose content becomes a process."""
    if directory:
        yield Exposure(gift=Gift.CHECKPOINT, what=directory)


def checkpoint_danger(directory: str) -> Danger:
    """The danger of ``--checkpoint-dir``."""
    return danger_of(checkpoint(directory))
