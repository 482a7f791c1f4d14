"""Reads from an engine what objects are: their names, labels, origin, what of the host they have.

Plain GETs, each object once.
"""

from collections.abc import Iterator
from typing import Any

from handlers.container import hazards
from handlers.container.hazards import Exposure, Gift
from handlers.context import Engine, segment
from handlers.faults import Denied, EngineFault, NotFound
from handlers.image.reference import INVALID
from permissions.host_paths import canonical_path
from permissions.operation import Bind, Facts
from permissions.verbs import Kind

FACTS_RULE = "live facts"
"""Something about a target could not be read; no policy can change that."""

_OWN_RUNTIMES = {"", "runc", "io.containerd.runc.v2"}
_OWN_DRIVER = "local"
_INSIDE = {"volume", "tmpfs", "image"}
"""Kinds of mounts that show nothing of the host; a volume is looked at by itself."""


class Look:
    """Looks objects up, each once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[tuple[Kind, str], Facts | None] = {}

    def at(self, kind: Kind, name: str) -> Facts | None:
        """What is there under that name; None where nothing is."""
        key = (kind, name)
        if key not in self._known:
            self._known[key] = self._read(kind, name)
        return self._known[key]

    def _read(self, kind: Kind, name: str) -> Facts | None:
        path = f"/{kind}s/{segment(name)}" + ("/json" if kind in {Kind.CONTAINER, Kind.IMAGE} else "")
        try:
            answer = self._engine.get(path)
        except NotFound:
            return None
        except EngineFault as fault:
            if kind is Kind.IMAGE and INVALID in fault.message:
                return None  # no image can have that name: the engine says so to the command itself
            raise
        read = {
            Kind.CONTAINER: self._container,
            Kind.IMAGE: image_facts,
            Kind.NETWORK: network_facts,
            Kind.VOLUME: volume_facts,
        }[kind]
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError, AttributeError):
            # Only an engine that speaks another language than we know: what it means is not guessed.
            raise Denied(
                f"What {kind} `{name[:64]}` is could not be read from the engine. Nothing was run.",
                rule=FACTS_RULE,
                hint="Tell whoever runs this host.",
            ) from None

    def _container(self, found: Any) -> Facts:
        volumes = [mount["Name"] for mount in found["Mounts"] or () if mount["Type"] == "volume"]
        image = self.at(Kind.IMAGE, found["Image"])
        exposures = tuple(_exposures(found))
        gifts = {exposure.gift.value for exposure in hazards.beyond_binds(exposures)}
        binds = dict.fromkeys(hazards.binds_of(exposures))
        for volume in volumes:
            facts = self.at(Kind.VOLUME, volume)
            # A volume that is gone from the engine's list is mounted all the same: what it is, nobody knows.
            gifts |= set(facts.exposures if facts else (Gift.VOLUME_DRIVER.value,))
            binds |= dict.fromkeys(facts.binds if facts else ())
        return Facts(
            id=found["Id"],
            names=(found["Name"].removeprefix("/"),),
            labels=found["Config"].get("Labels") or {},
            origins=image.origins if image else (),
            digests=image.digests if image else (),
            tags=image.tags if image else (),
            networks=tuple(found["NetworkSettings"]["Networks"] or ()),
            volumes=tuple(volumes),
            exposures=tuple(sorted(gifts)),
            binds=tuple(binds),
        )


def _exposures(found: dict[str, Any]) -> Iterator[Exposure]:
    """What a container has of its host, by the one model that its options are read with too.

    The cgroup namespace is left out: older engines give every container the host's, by default.
    """
    host = found["HostConfig"]
    if host == {}:  # an engine that tells nothing of it: then it may be anything
        yield from (Exposure(gift=gift) for gift in Gift)
        return
    yield from hazards.privileged(host["Privileged"])
    yield from hazards.capabilities(host["CapAdd"] or ())
    yield from hazards.volumes(host["Binds"] or ())
    yield from (_mounted(mount) for mount in found["Mounts"] or () if mount["Type"] not in _INSIDE)
    yield from (Exposure(gift=Gift.DEVICE) for _ in host["Devices"] or ())
    yield from hazards.device_rules(host.get("DeviceCgroupRules") or ())
    yield from hazards.gpus("gpu" for _ in host.get("DeviceRequests") or ())
    yield from hazards.profiles(host["SecurityOpt"] or ())
    modes = (("pid", "PidMode"), ("ipc", "IpcMode"), ("uts", "UTSMode"), ("userns", "UsernsMode"))
    yield from hazards.namespaces((option, host[key]) for option, key in modes)
    yield from hazards.networks([host["NetworkMode"], *(found["NetworkSettings"]["Networks"] or ())])
    if host["Runtime"] not in _OWN_RUNTIMES:
        yield from hazards.runtime(host["Runtime"])
    yield from hazards.cgroup_parent(host["CgroupParent"])
    yield from hazards.sysctls(host.get("Sysctls") or ())
    yield from hazards.annotations(host.get("Annotations") or ())
    open_paths = [] in (host.get("MaskedPaths"), host.get("ReadonlyPaths"))
    if open_paths or found.get("AppArmorProfile") == "unconfined":
        yield Exposure(gift=Gift.PROFILE)


def _mounted(mount: dict[str, Any]) -> Exposure:
    """A mount that is none of the engine's own: a path of the host, if it is nothing else."""
    path = canonical_path(mount.get("Source") or "")
    plain = mount["Type"] == "bind" and mount.get("Propagation") in {"", "rprivate"}
    read_only = mount.get("RW") is False
    return Exposure(
        gift=Gift.HOST_PATH, bind=Bind(path=path, read_only=read_only) if path and plain else None
    )


def image_facts(found: Any) -> Facts:
    """Of an image, from a look at it or from its row in a listing."""
    # An engine lists an image without a name as one of the name "<none>".
    known = tuple(text for text in found.get("RepoDigests") or () if "<none>" not in text)
    # Where an image's id is its manifest's digest, every local name is listed as if a registry had said it.
    origins = tuple(text for text in known if text.partition("@")[2] != found["Id"])
    tags = tuple(text for text in found.get("RepoTags") or () if "<none>" not in text)
    labels = (found.get("Config") or {}).get("Labels") or {}
    return Facts(
        id=found["Id"],
        names=tags,
        labels=labels,
        origins=origins,
        digests=tuple(text.partition("@")[2] for text in known),
        tags=tags,
    )


def network_facts(found: Any) -> Facts:
    """Of a network, likewise."""
    # The host's own network by its id, where its name would have been noticed on the line.
    exposed = (Gift.NAMESPACE.value,) if found["Driver"] == "host" else ()
    return Facts(id=found["Id"], names=(found["Name"],), labels=found["Labels"] or {}, exposures=exposed)


def volume_facts(found: Any) -> Facts:
    """Of a volume, likewise."""
    driver, options = found["Driver"], found.get("Options") or {}
    exposures = tuple(hazards.made_volume("" if driver == _OWN_DRIVER else driver, options))
    beyond = hazards.beyond_binds(exposures) if driver else (Exposure(gift=Gift.VOLUME_DRIVER),)
    return Facts(
        id=found["Name"],
        names=(found["Name"],),
        labels=found["Labels"] or {},
        exposures=tuple(dict.fromkeys(one.gift.value for one in beyond)),
        binds=hazards.binds_of(exposures),
    )
