"""What the container keeps its data in."""

from collections.abc import Iterator
from typing import Annotated

from handlers.container.groups.body import Body, caller_file, refused
from handlers.container.hazards import volume_danger
from handlers.grammar.command import Command, Opt
from handlers.grammar.values import LIST
from handlers.grammar.volumes import VolumeSpec, parse_volume
from permissions.operation import Resource
from permissions.verbs import Danger, Kind


class StorageOptions(Command):
    """Binds and volumes."""

    volume: Annotated[tuple[str, ...], Opt("-v", "--volume", help="Bind mount a volume", type=LIST)] = ()

    def check_storage(self) -> None:
        """Raises UsageFault for what is no volume, and for paths of the caller's own machine."""
        try:
            volumes = self._volumes()
        except ValueError as error:
            raise refused(str(error)) from None
        if any(volume.relative for volume in volumes):
            raise caller_file(
                "--volume with a relative path", hint="Write a path of the host in full, or a volume's name."
            )

    def storage_danger(self) -> Danger:
        """The danger of these options."""
        return volume_danger(self.volume)

    def storage_resources(self) -> Iterator[Resource]:
        """The named volumes."""
        for volume in self._volumes():
            if volume.kind == "volume":
                yield Resource(kind=Kind.VOLUME, name=volume.source)

    def add_storage(self, body: Body) -> None:
        """Adds this group's part of the body."""
        volumes = self._volumes()
        body.config["Volumes"] = {volume.target: {} for volume in volumes if volume.kind == "anonymous"}
        body.host["Binds"] = [volume.text for volume in volumes if volume.kind != "anonymous"]

    def _volumes(self) -> tuple[VolumeSpec, ...]:
        return tuple(parse_volume(text) for text in self.volume)
