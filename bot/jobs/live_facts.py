"""The second decision, just before a job runs: the same rules, on what its targets are found to be.

Every target is looked up by plain GETs. What is not there is decided on by its spelling, and then doubt
counts against the asker; what is there but cannot be read is refused.
"""

import time
from collections.abc import Iterator
from typing import Any

from bot.store.policy_bundles import WorkerBundles
from bot.trust import TicketRefused
from handlers.container import hazards
from handlers.container.hazards import Exposure, Gift
from handlers.context import Engine, segment
from handlers.faults import Denied, NotFound
from handlers.grammar.command import Command
from permissions.bundle import ASKER_SECONDS
from permissions.decide import decide
from permissions.decision import Allow, Deny
from permissions.facts import on_live_facts
from permissions.matching import BY_SPELLING, MAKES_CONTAINERS, may_pull
from permissions.operation import Facts, Operation, Resource
from permissions.policy import UNMASKED_FLAG, Policy
from permissions.ticket import Claims, TicketRefusal
from permissions.verbs import Kind

FACTS_RULE = "live facts"
"""Something about a target could not be read; no policy can change that."""

_OWN_RUNTIMES = {"", "runc", "io.containerd.runc.v2"}
_ANY_KIND = (Kind.CONTAINER, Kind.IMAGE, Kind.NETWORK, Kind.VOLUME)


class SecondDecision:
    """Decides every job of a worker again; ``engine`` is only read from."""

    def __init__(self, bundles: WorkerBundles, engine: Engine) -> None:
        self._bundles = bundles
        self._engine = engine

    def policy(self, claims: Claims) -> Policy:
        """The policy that the ticket was decided by, if it is in force; raises TicketRefused."""
        if time.time() - claims.principal.as_of > ASKER_SECONDS:
            raise TicketRefused(TicketRefusal.ASKER_STALE)
        return self._bundles.policy(claims.policy)

    def check(self, policy: Policy, claims: Claims, command: Command) -> None:
        """Nothing, if the job may run on what its targets are now.

        Raises:
            Denied: a rule forbids it, none allows it, or a target cannot be read.
            EngineFault: the engine could not be asked.
        """
        operation = live(self._engine, self._operation(claims, command))
        # A clock that is behind brings no binding back that had ended when the bot decided.
        at = max(time.time(), claims.issued_at)
        decision = decide(policy, claims.principal, claims.channel_id, operation, at)
        if isinstance(decision, Allow):
            return
        if isinstance(decision, Deny):
            raise Denied(
                f"{decision.reason} Nothing was run.",
                rule=decision.rule,
                hint=f"Decided on this host by {decision.rule}. {decision.hint}",
            )
        # Nobody asks for approvals here: the ticket says what was approved, and this was not.
        raise Denied("This needs an approval. Nothing was run.", rule=decision.rule)

    def _operation(self, claims: Claims, command: Command) -> Operation:
        """What the command says here, and never less than what the bot saw in it."""
        told = claims.operation
        found = command.operation(told.host)
        flags = {*found.flags, *told.flags, *([UNMASKED_FLAG] if claims.unmasked else ())}
        return found.model_copy(
            update={
                "danger": max(found.danger, told.danger),
                "flags": tuple(sorted(flags)),
                "host_labels": told.host_labels,
            }
        )


def live(engine: Engine, operation: Operation) -> Operation:
    """The operation with the facts of its targets and the danger that comes of them.

    Raises:
        Denied: a target cannot be read.
        EngineFault: the engine could not be asked.
    """
    look = _Look(engine)
    resources = [found for resource in operation.resources for found in _found(look, operation, resource)]
    image = next((one.facts for one in resources if one.kind is Kind.IMAGE and one.facts), None)
    # An image for another platform than the one here is fetched, with labels of its own.
    known = operation.command in MAKES_CONTAINERS and "platform" not in operation.flags
    return on_live_facts(operation, resources, image.labels if image and known else None)


def _found(look: "_Look", operation: Operation, resource: Resource) -> Iterator[Resource]:
    if resource.new or resource.kind is Kind.REGISTRY:
        yield resource
    elif resource.kind is Kind.SYSTEM:
        found = [
            resource.model_copy(update={"kind": kind, "facts": facts})
            for kind in _ANY_KIND
            if (facts := look.at(kind, resource.name)) is not None
        ]
        yield from found or [resource]
    elif resource.kind is Kind.IMAGE:
        yield from _images(look, operation, resource)
    else:
        yield resource.model_copy(update={"facts": look.at(resource.kind, resource.name)})


def _images(look: "_Look", operation: Operation, resource: Resource) -> Iterator[Resource]:
    """The image that lies here, and the one of that name that the engine may fetch instead."""
    fetched = may_pull(operation, resource.name)
    if operation.command in BY_SPELLING or (fetched and _always(operation)):
        yield resource
        return
    facts = look.at(Kind.IMAGE, resource.name)
    yield resource.model_copy(update={"facts": facts})
    if facts is not None and fetched:
        yield resource


def _always(operation: Operation) -> bool:
    return operation.values.get("pull", ("missing",))[-1] == "always"


class _Look:
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
        read = {
            Kind.CONTAINER: self._container,
            Kind.IMAGE: _image,
            Kind.NETWORK: _network,
            Kind.VOLUME: _volume,
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
        gifts = {exposure.gift.value for exposure in _exposures(found)}
        for volume in volumes:
            facts = self.at(Kind.VOLUME, volume)
            # A volume that is gone from the engine's list is mounted all the same: what it is, nobody knows.
            gifts |= set(facts.exposures if facts else (Gift.VOLUME_DRIVER.value,))
        return Facts(
            id=found["Id"],
            names=(found["Name"].removeprefix("/"),),
            labels=found["Config"]["Labels"] or {},
            origins=image.origins if image else (),
            digests=image.digests if image else (),
            tags=image.tags if image else (),
            networks=tuple(found["NetworkSettings"]["Networks"] or ()),
            volumes=tuple(volumes),
            exposures=tuple(sorted(gifts)),
        )


def _exposures(found: dict[str, Any]) -> Iterator[Exposure]:
    """What a container has of its host, by the one model that its options are read with too.

    The cgroup namespace is left out: older engines give every container the host's, by default.
    """
    host = found["HostConfig"]
    yield from hazards.privileged(host["Privileged"])
    yield from hazards.capabilities(host["CapAdd"] or ())
    yield from hazards.volumes(host["Binds"] or ())
    yield from (
        Exposure(gift=Gift.HOST_PATH)
        for mount in found["Mounts"] or ()
        if mount["Type"] not in {"volume", "tmpfs", "image"}
    )
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


def _image(found: Any) -> Facts:
    known = tuple(found.get("RepoDigests") or ())
    # Where an image's id is its manifest's digest, every local name is listed as if a registry had said it.
    origins = tuple(text for text in known if text.partition("@")[2] != found["Id"])
    tags = tuple(found.get("RepoTags") or ())
    labels = (found.get("Config") or {}).get("Labels") or {}
    return Facts(
        id=found["Id"],
        names=tags,
        labels=labels,
        origins=origins,
        digests=tuple(text.partition("@")[2] for text in known),
        tags=tags,
    )


def _network(found: Any) -> Facts:
    # The host's own network by its id, where its name would have been noticed on the line.
    exposed = (Gift.NAMESPACE.value,) if found["Driver"] == "host" else ()
    return Facts(id=found["Id"], names=(found["Name"],), labels=found["Labels"] or {}, exposures=exposed)


def _volume(found: Any) -> Facts:
    own = found["Driver"] == "local" and not found.get("Options")
    exposed = () if own else (Gift.VOLUME_DRIVER.value,)
    return Facts(id=found["Name"], names=(found["Name"],), labels=found["Labels"] or {}, exposures=exposed)
