"""What the container keeps its data in, and what of the outside it sees as files."""

from collections.abc import Iterator
from typing import Annotated, Any

from handlers.container import hazards
from handlers.container.groups.body import EXIT, Body, caller_file, pairs, refused
from handlers.container.hazards import Exposure
from handlers.faults import Fault, Reason
from handlers.grammar.command import Api, Command, Opt
from handlers.grammar.mounts import MOUNT, MountSpec, parse_mount
from handlers.grammar.values import BOOL, LIST
from handlers.grammar.volumes import VolumeSpec, parse_volume
from permissions.operation import Resource
from permissions.verbs import Danger, Kind

RECURSION_API: dict[str, Api] = {"readonly": (1, 44), "disabled": (1, 40)}
"""Since when the engine knows the values of ``bind-recursive``."""

ENGINE_SOCKET = "/var/run/docker.sock"


class StorageOptions(Command):
    """Binds, volumes, mounts, memory file systems, the root file system."""

    mount: Annotated[
        tuple[str, ...], Opt("--mount", help="Attach a filesystem mount to the container", type=MOUNT)
    ] = ()
    read_only: Annotated[
        bool, Opt("--read-only", help="Mount the container's root filesystem as read only", type=BOOL)
    ] = False
    storage_opt: Annotated[
        tuple[str, ...],
        Opt("--storage-opt", help="Storage driver options for the container", type=LIST),
    ] = ()
    tmpfs: Annotated[tuple[str, ...], Opt("--tmpfs", help="Mount a tmpfs directory", type=LIST)] = ()
    use_api_socket: Annotated[
        bool,
        Opt("--use-api-socket", help="Bind mount Docker API socket and required auth", type=BOOL),
    ] = False
    volume: Annotated[tuple[str, ...], Opt("-v", "--volume", help="Bind mount a volume", type=LIST)] = ()
    volume_driver: Annotated[str, Opt("--volume-driver", help="Optional volume driver for the container")] = (
        ""
    )
    volumes_from: Annotated[
        tuple[str, ...],
        Opt(
            "--volumes-from",
            help="Mount volumes from the specified container(s)",
            type=LIST,
            danger=Danger.ROOT_EQUIVALENT,
        ),
    ] = ()

    def check_volumes(self) -> None:
        """Raises UsageFault for what is no volume, and for paths of the caller's own machine."""
        try:
            volumes = self._volumes()
        except ValueError as error:
            raise refused(str(error), hint="Write SOURCE:TARGET, for example data:/var/lib/data.") from None
        hint = "Write a path of the host in full, or a volume's name."
        if any(volume.relative for volume in volumes):
            raise caller_file("--volume with a relative path", hint=hint)
        if any(mount.relative for mount in self._mounts()):
            raise caller_file("--mount with a relative path", hint=hint)

    def check_storage_options(self) -> None:
        """Raises UsageFault for what is no option."""
        if any("=" not in text for text in self.storage_opt):
            raise refused("invalid storage option", hint="Write size=10G, for example.")

    def check_recursion(self, api: Api) -> None:
        """Raises Fault with the CLI's sentence for read-only or missing submounts on an old engine."""
        for mount in self._mounts():
            needed = RECURSION_API.get(mount.recursion)
            if needed and api < needed:
                raise Fault(
                    f"bind-recursive={mount.recursion} requires API v{needed[0]}.{needed[1]} or later",
                    reason=Reason.API_TOO_OLD,
                    exit_code=EXIT,
                    hint="Leave it out on this host.",
                )

    def storage_exposures(self) -> Iterator[Exposure]:
        """What these options hand over."""
        yield from hazards.volumes(self.volume)
        yield from hazards.mounts(self.mount)
        yield from hazards.volumes_from(self.volumes_from)
        yield from hazards.volume_driver(self.volume_driver)
        yield from hazards.storage_options(self.storage_opt)
        yield from hazards.api_socket(self.use_api_socket)

    def storage_resources(self) -> Iterator[Resource]:
        """The named volumes, the containers and images whose files are seen."""
        for volume in self._volumes():
            if volume.kind == "volume":
                yield Resource(kind=Kind.VOLUME, name=volume.source)
        kinds = {"volume": Kind.VOLUME, "cluster": Kind.VOLUME, "image": Kind.IMAGE}
        for mount in self._mounts():
            if mount.kind in kinds and mount.source:
                yield Resource(kind=kinds[mount.kind], name=mount.source)
        for text in self.volumes_from:
            if name := text.partition(":")[0]:  # the engine refuses what has none
                yield Resource(kind=Kind.CONTAINER, name=name)

    def add_storage(self, body: Body) -> None:
        """Adds this group's part of the body; a volume that is given twice is given once."""
        volumes = {volume.text: volume for volume in self._volumes()}.values()
        body.config["Volumes"] = {volume.target: {} for volume in volumes if volume.kind == "anonymous"}
        body.host |= {
            "Binds": [volume.text for volume in volumes if volume.kind != "anonymous"],
            "ReadonlyRootfs": self.read_only,
            "VolumeDriver": self.volume_driver,
            "VolumesFrom": list(self.volumes_from),
        }
        if mounts := self._api_mounts():
            body.host["Mounts"] = mounts
        if self.storage_opt:
            body.host["StorageOpt"] = pairs(self.storage_opt)
        if self.tmpfs:
            places = (text.partition(":") for text in self.tmpfs)
            body.host["Tmpfs"] = {place: options for place, _, options in places}

    def _volumes(self) -> tuple[VolumeSpec, ...]:
        return tuple(parse_volume(text) for text in self.volume)

    def _mounts(self) -> tuple[MountSpec, ...]:
        return tuple(parse_mount(text) for text in self.mount)

    def _api_mounts(self) -> list[dict[str, Any]]:
        mounts = [mount.api() for mount in self._mounts()]
        if self.use_api_socket:
            socket = {"Type": "bind", "Source": ENGINE_SOCKET, "Target": ENGINE_SOCKET, "BindOptions": {}}
            mounts.append(socket)
        return mounts
