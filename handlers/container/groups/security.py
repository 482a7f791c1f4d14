"""How far the container is kept apart from its host: privileges, profiles, namespaces, devices, runtime."""

from collections.abc import Iterator
from typing import Annotated, Any

from handlers.container import hazards
from handlers.container.groups.body import Body, caller_file, pairs, refused
from handlers.container.hazards import Exposure
from handlers.grammar.command import Command, Opt
from handlers.grammar.devices import DEVICE_RULE, GPUS, DeviceSpec, parse_device, parse_gpus
from handlers.grammar.gonumbers import quote
from handlers.grammar.lists import SYSCTL
from handlers.grammar.values import BOOL, LIST, MAP
from permissions.operation import Resource
from permissions.verbs import Danger, Kind

CGROUPNS_HELP = """Cgroup namespace to use (host|private)
'host':    Run the container in the Docker host's cgroup namespace
'private': Run the container in its own private cgroup namespace
'':        Use the cgroup namespace as configured by the
           default-cgroupns-mode option on the daemon (default)"""

OPEN_SYSTEM_PATHS = "systempaths=unconfined"


class SecurityOptions(Command):
    """Everything that decides what of the host the processes can reach."""

    annotation: Annotated[
        tuple[str, ...],
        Opt(
            "--annotation",
            help="Add an annotation to the container (passed through to the OCI runtime)",
            type=MAP,
            default="map[]",
            danger=Danger.ROOT_EQUIVALENT,
            min_api=(1, 43),
        ),
    ] = ()
    cap_add: Annotated[tuple[str, ...], Opt("--cap-add", help="Add Linux capabilities", type=LIST)] = ()
    cap_drop: Annotated[tuple[str, ...], Opt("--cap-drop", help="Drop Linux capabilities", type=LIST)] = ()
    cgroup_parent: Annotated[str, Opt("--cgroup-parent", help="Optional parent cgroup for the container")] = (
        ""
    )
    cgroupns: Annotated[str, Opt("--cgroupns", help=CGROUPNS_HELP, min_api=(1, 41))] = ""
    device: Annotated[
        tuple[str, ...],
        Opt(
            "--device",
            help="Add a host device to the container",
            type=LIST,
            danger=Danger.ROOT_EQUIVALENT,
        ),
    ] = ()
    device_cgroup_rule: Annotated[
        tuple[str, ...],
        Opt(
            "--device-cgroup-rule",
            help="Add a rule to the cgroup allowed devices list",
            type=DEVICE_RULE,
            danger=Danger.ROOT_EQUIVALENT,
        ),
    ] = ()
    gpus: Annotated[
        tuple[str, ...],
        Opt(
            "--gpus",
            help="GPU devices to add to the container ('all' to pass all GPUs)",
            type=GPUS,
            danger=Danger.ROOT_EQUIVALENT,
            min_api=(1, 40),
        ),
    ] = ()
    ipc: Annotated[str, Opt("--ipc", help="IPC mode to use")] = ""
    isolation: Annotated[str, Opt("--isolation", help="Container isolation technology")] = ""
    pid: Annotated[str, Opt("--pid", help="PID namespace to use")] = ""
    privileged: Annotated[
        bool, Opt("--privileged", help="Give extended privileges to this container", type=BOOL)
    ] = False
    runtime: Annotated[str, Opt("--runtime", help="Runtime to use for this container")] = ""
    security_opt: Annotated[tuple[str, ...], Opt("--security-opt", help="Security Options", type=LIST)] = ()
    sysctl: Annotated[
        tuple[str, ...],
        Opt(
            "--sysctl",
            help="Sysctl options",
            type=SYSCTL,
            default="map[]",
            danger=Danger.ROOT_EQUIVALENT,
        ),
    ] = ()
    userns: Annotated[str, Opt("--userns", help="User namespace to use")] = ""
    uts: Annotated[str, Opt("--uts", help="UTS namespace to use")] = ""

    def check_devices(self) -> None:
        """Raises UsageFault for a device that is none."""
        try:
            self._devices()
        except ValueError as error:
            raise refused(str(error), hint="Write HOST[:CONTAINER[:rwm]], in full.") from None

    def check_namespaces(self) -> None:
        """Raises UsageFault for modes that the CLI itself refuses; the engine refuses the others."""
        name = self.pid.removeprefix("container:")
        if self.pid not in ("", "host") and (name == self.pid or not name):
            raise refused("--pid: invalid PID mode", hint="Write host or container:NAME.")
        if self.uts not in ("", "host"):
            raise refused("--uts: invalid UTS mode", hint="Write host, or leave it out.")
        if self.userns not in ("", "host"):
            raise refused("--userns: invalid USER mode", hint="Write host, or leave it out.")
        if self.cgroupns not in ("", "host", "private"):
            raise refused("--cgroupns: invalid CGROUP mode", hint="Write host or private.")

    def check_profiles(self) -> None:
        """Raises UsageFault for what is no security option, and for a profile in the caller's files."""
        for text in self.security_opt:
            name, separator, value = text.partition("=")
            if not separator and name != "no-new-privileges":
                name, separator, value = text.partition(":")
            if name != "no-new-privileges" and not (separator and value):
                raise refused(f"Invalid --security-opt: {quote(text)}")
            if name == "seccomp" and value not in ("unconfined", "builtin"):
                raise caller_file(
                    "--security-opt seccomp=FILE", hint="Leave it out for the engine's own profile."
                )

    def security_exposures(self) -> Iterator[Exposure]:
        """What these options hand over."""
        yield from hazards.annotations(self.annotation)
        yield from hazards.capabilities(self.cap_add)
        yield from hazards.cgroup_parent(self.cgroup_parent)
        yield from hazards.devices(self.device)
        yield from hazards.device_rules(self.device_cgroup_rule)
        yield from hazards.gpus(self.gpus)
        yield from hazards.isolation(self.isolation)
        yield from hazards.namespaces((option, getattr(self, option)) for option in hazards.OWN_NAMESPACES)
        yield from hazards.privileged(self.privileged)
        yield from hazards.profiles(self.security_opt)
        yield from hazards.runtime(self.runtime)
        yield from hazards.sysctls(self.sysctl)

    def security_resources(self) -> Iterator[Resource]:
        """The containers whose namespaces are shared."""
        for mode in (self.ipc, self.pid):
            shared, colon, name = mode.partition(":")
            if colon and shared == "container" and name:
                yield Resource(kind=Kind.CONTAINER, name=name)

    def add_security(self, body: Body) -> None:
        """Adds this group's part of the body; open system paths are two empty lists to the engine."""
        body.host |= {
            "CapAdd": sorted({hazards.capability(text) for text in self.cap_add}),
            "CapDrop": sorted({hazards.capability(text) for text in self.cap_drop}),
            "CgroupParent": self.cgroup_parent,
            "CgroupnsMode": self.cgroupns,
            "DeviceCgroupRules": list(self.device_cgroup_rule),
            "DeviceRequests": self._device_requests(),
            "Devices": [device.api() for device in self._devices() if device.kind == "path"],
            "IpcMode": self.ipc,
            "Isolation": self.isolation,
            "PidMode": self.pid,
            "Privileged": self.privileged,
            "SecurityOpt": [text for text in self.security_opt if text != OPEN_SYSTEM_PATHS],
            "UTSMode": self.uts,
            "UsernsMode": self.userns,
        }
        if OPEN_SYSTEM_PATHS in self.security_opt:
            body.host |= {"MaskedPaths": [], "ReadonlyPaths": []}
        if self.annotation:
            body.host["Annotations"] = pairs(self.annotation)
        if self.runtime:
            body.host["Runtime"] = self.runtime
        if self.sysctl:
            body.host["Sysctls"] = pairs(self.sysctl)

    def _devices(self) -> tuple[DeviceSpec, ...]:
        return tuple(parse_device(text) for text in self.device)

    def _device_requests(self) -> list[dict[str, Any]]:
        requests = [parse_gpus(text) for text in self.gpus]
        named = [device.path for device in self._devices() if device.kind == "named"]
        if named:
            requests.append(
                {"Driver": "cdi", "Count": 0, "DeviceIDs": named, "Capabilities": None, "Options": None}
            )
        return requests
