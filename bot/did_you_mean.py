"""Names that were mistyped: what a host has that is close, and that the asker could have meant.

The inventory it is read from is a hint, so it is asked only after the engine itself has said that there is no
such object, and what is suggested meets every check again when somebody clicks.
"""

import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.policy.file import PolicyHolder
from bot.store.corrections import Corrections
from bot.store.inventory import Inventories
from bot.store.records import RequestRecord
from handlers.grammar.secrecy import BULLET
from handlers.grammar.suggest import closest
from permissions.decide import decide
from permissions.decision import Allow
from permissions.model import Record
from permissions.operation import Operation, Principal, Resource
from permissions.verbs import Kind

_KINDS = {Kind.SYSTEM: (Kind.CONTAINER, Kind.IMAGE)}
"""A name without a kind of its own (`inspect NAME`) may be either."""
_ID_CHARS = 4


class Meant(Record):
    """A name close to the one that was not found; behind ``line_id`` is the line with it, "" for none."""

    name: str
    line_id: str = ""


Who = Callable[[str, str, str], Awaitable[Principal]]


@dataclass(frozen=True)
class DidYouMean:
    """Finds what was meant; raises StoreDown."""

    inventories: Inventories
    policy: PolicyHolder
    who: Who
    corrections: Corrections

    async def meant(self, record: RequestRecord) -> Meant | None:
        """What the asker of a job that found no such object most likely meant, if it is one name."""
        operation = record.operation
        if operation is None:
            return None
        found = [one for one in [await self._near(record, operation, r) for r in operation.resources] if one]
        if len(found) != 1:
            return None
        [(wrong, near)] = found
        line = _corrected(record.shown, wrong, near)
        if line is None:
            return Meant(name=near)
        line_id = await self.corrections.put(
            user_id=record.user_id,
            channel_id=record.channel_id,
            thread_ts=record.thread_ts,
            program="docker",
            # What is shown of a line leaves its host out, which need not be the default one.
            text=f"--host {shlex.quote(record.host)} {line.removeprefix('docker ')}",
        )
        return Meant(name=near, line_id=line_id)

    async def _near(
        self, record: RequestRecord, operation: Operation, resource: Resource
    ) -> tuple[str, str] | None:
        """The name that is not there and the only one close to it, of those that the asker could use so."""
        names: set[str] = set()
        for kind in _KINDS.get(resource.kind, (resource.kind,)):
            for seen in await self.inventories.of(operation.host, kind):
                if len(resource.name) >= _ID_CHARS and seen.id.removeprefix("sha256:").startswith(
                    resource.name
                ):
                    return None
                names |= {name.removesuffix(":latest") for name in seen.names}
        if not names or resource.name.removesuffix(":latest") in names:
            return None
        person = await self.who(record.team_id, record.user_id, record.user_name)
        near = [
            name
            for name in closest(resource.name.removesuffix(":latest"), names)
            if self._could(person, record, operation, resource, name)
        ]
        return (resource.name, near[0]) if len(near) == 1 else None

    def _could(
        self, person: Principal, record: RequestRecord, operation: Operation, resource: Resource, name: str
    ) -> bool:
        instead = resource.model_copy(update={"name": name})
        resources = tuple(instead if one == resource else one for one in operation.resources)
        changed = operation.model_copy(update={"resources": resources})
        decision = decide(self.policy.current.policy, person, record.channel_id, changed)
        # What only the worker could tell, a hint does not.
        return isinstance(decision, Allow) and not decision.provisional


def _corrected(shown: str, wrong: str, near: str) -> str | None:
    """The line with the other name; None where values are masked, or the name does not stand alone in it."""
    if BULLET in shown:
        return None
    words = shlex.split(shown)
    if words.count(wrong) != 1:
        return None
    return shlex.join(near if word == wrong else word for word in words)
