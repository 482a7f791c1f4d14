"""The second decision, just before a job runs: the same rules, on what its targets are found to be.

Every target is looked up by plain GETs. What is not there is decided on by its spelling, and then doubt
counts against the asker; what is there but cannot be read is refused.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from bot.jobs.live_reading import Look, image_facts, network_facts, volume_facts
from bot.store.policy_bundles import WorkerBundles
from bot.trust import TicketRefused
from handlers.context import Engine, Json, ObjectStream, OnCancel, Query
from handlers.faults import Denied, Fault
from handlers.grammar.command import Command
from permissions.bundle import ASKER_SECONDS
from permissions.decide import decide, sees, sees_all
from permissions.decision import Allow, Deny, NeedsApproval
from permissions.facts import on_live_facts
from permissions.holds import Hold, asked_for, can_be_held, excepting, held
from permissions.matching import BY_SPELLING, MAKES_CONTAINERS, SHOWS, may_pull
from permissions.operation import Facts, Operation, Resource
from permissions.policy import UNMASKED_FLAG, Policy
from permissions.ticket import Claims, Mode, TicketRefusal
from permissions.verbs import Kind

_SHOW_MEMBERS = {"inspect", "network inspect"}
"""They tell of a network which containers are in it."""
_LISTED = {
    "/containers/json": Kind.CONTAINER,
    "/images/json": Kind.IMAGE,
    "/networks": Kind.NETWORK,
}
_PARTS = {
    "/volumes": {"Volumes": Kind.VOLUME},
    "/system/df": {"Containers": Kind.CONTAINER, "Images": Kind.IMAGE, "Volumes": Kind.VOLUME},
}
"""The answers of the engine that list objects."""
_ANY_KIND = (Kind.CONTAINER, Kind.IMAGE, Kind.NETWORK, Kind.VOLUME)


class SecondDecision:
    """Decides every job of a worker again; ``engine`` is only read from."""

    def __init__(self, bundles: WorkerBundles, engine: Engine) -> None:
        self._bundles = bundles
        self._engine = engine

    def policy(self, claims: Claims, said: bytes = b"") -> Policy:
        """The policy that the ticket was decided by, if it is in force; raises TicketRefused.

        ``said``: see :meth:`WorkerBundles.policy`.
        """
        if time.time() - claims.principal.as_of > ASKER_SECONDS:
            raise TicketRefused(TicketRefusal.ASKER_STALE)
        return self._bundles.policy(claims.policy, said)

    def check(self, policy: Policy, claims: Claims, command: Command) -> None:
        """Nothing, if the job may run on what its targets are now.

        Raises:
            Denied: a rule forbids it, none allows it, it was not agreed to, or a target cannot be read.
            EngineFault: the engine could not be asked.
        """
        decision = self.decision(policy, claims, command)
        if isinstance(decision, NeedsApproval) and not _agreed(claims, decision):
            raise Denied(
                f"`{command.path}` needs an approval here that it does not have. Nothing was run.",
                rule=decision.rule,
                hint="Send the line again: it is asked for then.",
            )

    def decision(self, policy: Policy, claims: Claims, command: Command) -> Allow | NeedsApproval:
        """What the policy says to the command on what its targets are now; raises as :meth:`check`."""
        operation = live(self._engine, self._operation(claims, command))
        # A clock that is behind brings no binding back that had ended when the bot decided.
        at = max(time.time(), claims.issued_at)
        decision = decide(policy, claims.principal, claims.channel_id, operation, at)
        if isinstance(decision, Deny):
            raise Denied(
                f"{_lent_until(claims, at)}{decision.reason} Nothing was run.",
                rule=decision.rule,
                hint=f"Decided on this host by {decision.rule}. {decision.hint}",
            )
        if claims.mode is Mode.PROBE:
            # Who is to agree to it has to agree to the exceptions that it needs, too.
            return excepting(policy, decision, operation, at) or decision
        return asked_for(policy, decision, _excepted(claims)) or decision

    def hold(self, policy: Policy, claims: Claims, command: Command) -> Hold | None:
        """What the job has to wait for: a lock or a freeze that reaches what its targets are now.

        Raises as :meth:`decision`.
        """
        told, locks = self._operation(claims, command), self._bundles.locks
        if not can_be_held(told) or not (locks or policy.freezes):
            return None
        at = max(time.time(), claims.issued_at)
        operation = live(self._engine, told)
        return held(policy, locks, claims.principal, operation, at, _excepted(claims))

    def may(self, policy: Policy, claims: Claims, command: Command) -> bool:
        """Whether the asker could run another command there, by itself."""
        labels = claims.operation.host_labels
        asked = command.operation(claims.operation.host).model_copy(update={"host_labels": labels})
        try:
            operation = live(self._engine, asked)
        except Fault:
            return False
        at = max(time.time(), claims.issued_at)
        return isinstance(decide(policy, claims.principal, claims.channel_id, operation, at), Allow)

    def sight(self, policy: Policy, claims: Claims, command: Command) -> Engine:
        """The engine as the command may see it: a listing shows what its asker may be shown, nothing else."""
        listing = self._operation(claims, command)
        if command.path not in _SHOW_MEMBERS and (command.path not in SHOWS or listing.resources):
            return self._engine
        at = max(time.time(), claims.issued_at)
        if sees_all(policy, claims.principal, claims.channel_id, listing, at):
            return self._engine

        def shown(kind: Kind, facts: Facts) -> bool:
            resource = Resource(kind=kind, name=next(iter(facts.names), facts.id), facts=facts)
            at = max(time.time(), claims.issued_at)
            return sees(policy, claims.principal, claims.channel_id, listing, resource, at)

        # It stands for an engine that is only read from.
        return cast("Engine", _Sight(self._engine, shown, images=policy.asks_images))

    def _operation(self, claims: Claims, command: Command) -> Operation:
        """What the command says here, and never less than what the bot saw in it."""
        told = claims.operation
        found = command.operation(told.host)
        flags = {*found.flags, *told.flags, *([UNMASKED_FLAG] if claims.unmasked else ())}
        seen = (told.danger, told.binds, told.otherwise)
        same = (found.danger, found.binds, found.otherwise) == seen
        return found.model_copy(
            update={
                "danger": max(found.danger, told.danger),
                "otherwise": found.otherwise if same else None,
                "flags": tuple(sorted(flags)),
                "host_labels": told.host_labels,
                "incident": told.incident,
            }
        )


def _excepted(claims: Claims) -> tuple[str, ...]:
    """The freezes that people agreed to pass: those of the very policy that is in force."""
    agreed = claims.approved
    return agreed.excepted if agreed is not None and agreed.policy == claims.policy else ()


def _lent_until(claims: Claims, at: float) -> str:
    """That what was lent has ended since the bot decided; "" where nothing has."""
    over = next((one for one in claims.principal.lent if one.until <= at), None)
    if over is None:
        return ""
    when = datetime.fromtimestamp(over.until, UTC)
    return f"The role {over.role} was lent until {when:%H:%M:%S} UTC only ({over.id}), and that is over. "


def _agreed(claims: Claims, decision: NeedsApproval) -> bool:
    """Whether people agreed on these terms. Those of a policy that was in force then stand all the same."""
    if claims.mode is not Mode.RUN:
        return True  # looking changes nothing
    agreed = claims.approved
    return agreed is not None and (agreed.policy != claims.policy or agreed.terms == decision.terms)


def live(engine: Engine, operation: Operation) -> Operation:
    """The operation with the facts of its targets and the danger that comes of them.

    Raises:
        Denied: a target cannot be read.
        EngineFault: the engine could not be asked.
    """
    look = Look(engine)
    resources = [found for resource in operation.resources for found in _found(look, operation, resource)]
    image = next((one.facts for one in resources if one.kind is Kind.IMAGE and one.facts), None)
    # An image for another platform than the one here is fetched, with labels of its own.
    known = operation.command in MAKES_CONTAINERS and "platform" not in operation.flags
    return on_live_facts(operation, resources, image.labels if image and known else None)


def _found(look: Look, operation: Operation, resource: Resource) -> Iterator[Resource]:
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


def _images(look: Look, operation: Operation, resource: Resource) -> Iterator[Resource]:
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


class _Sight:
    """An engine whose listings are without what may not be ``shown``; what cannot be read is left out too."""

    def __init__(self, engine: Engine, shown: Callable[[Kind, Facts], bool], *, images: bool) -> None:
        self._engine = engine
        self._shown = shown
        self._images = images

    @property
    def api_version(self) -> tuple[int, int]:
        return self._engine.api_version

    def get(self, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Json:
        found = self._engine.get(path, query, headers=headers)
        if path in _LISTED:
            return self._rows(_LISTED[path], found)
        if path.startswith("/networks/"):
            look, members = Look(self._engine), found.get("Containers") or {}
            may = {one: self._may(Kind.CONTAINER, partial(look.at, Kind.CONTAINER, one)) for one in members}
            return {**found, "Containers": {one: members[one] for one in members if may[one]}}
        parts = _PARTS.get(path)
        if parts is None:
            return found
        return {**found, **{key: self._rows(kind, found.get(key)) for key, kind in parts.items()}}

    def watch(
        self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None
    ) -> ObjectStream:
        stream = self._engine.watch(path, query, on_cancel=on_cancel)
        return _Watched(stream, self._happens) if path == "/events" else stream

    def _rows(self, kind: Kind, rows: Any) -> list[Any]:
        look = Look(self._engine)
        return [row for row in rows or () if self._may(kind, partial(self._facts, look, kind, row))]

    def _facts(self, look: Look, kind: Kind, row: Any) -> Facts | None:
        if kind is not Kind.CONTAINER:
            return {Kind.IMAGE: image_facts, Kind.NETWORK: network_facts, Kind.VOLUME: volume_facts}[kind](
                row
            )
        image = look.at(Kind.IMAGE, row["ImageID"]) if self._images else None
        names = [name.removeprefix("/") for name in row["Names"]]
        return Facts(
            id=row["Id"],
            names=tuple(name for name in names if "/" not in name),
            labels=row["Labels"] or {},
            origins=image.origins if image else (),
            digests=image.digests if image else (),
            tags=image.tags if image else (),
            networks=tuple(row["NetworkSettings"]["Networks"] or ()),
            volumes=tuple(mount["Name"] for mount in row["Mounts"] or () if mount["Type"] == "volume"),
        )

    def _happens(self, event: Any) -> bool:
        """Whether an event may be heard of; what ends brings nothing to light."""
        if event.get("Action") not in {"create", "start"}:
            return True
        return self._may(Kind.CONTAINER, lambda: Look(self._engine).at(Kind.CONTAINER, event["Actor"]["ID"]))

    def _may(self, kind: Kind, read: Callable[[], Facts | None]) -> bool:
        try:
            facts = read()
        except (KeyError, TypeError, ValueError, AttributeError, Denied):
            return False
        return facts is not None and self._shown(kind, facts)


class _Watched:
    """The events that pass."""

    def __init__(self, stream: ObjectStream, passes: Callable[[Any], bool]) -> None:
        self._stream = stream
        self._passes = passes

    def __iter__(self) -> Iterator[Json]:
        return filter(self._passes, self._stream)

    def close(self) -> None:
        self._stream.close()
