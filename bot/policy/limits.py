"""Counts an operation against the policy's limits on how often, an object as one however it is written."""

from dataclasses import dataclass
from hashlib import sha256

from bot.jobs.wire import INVENTORY_KINDS, Seen
from bot.store.inventory import Inventories
from bot.store.rates import Rates
from permissions.names import ANY, may_be_id, surely, untagged
from permissions.operation import Operation, Principal, Resource
from permissions.policy import Per, Policy
from permissions.rates import Counter, Objects, counters
from permissions.verbs import Kind

MOST_ASKS = 20
ASKS_WITHIN = 600.0
"""So often may one person ask others to agree, in so many seconds, whatever the policy says."""


@dataclass(frozen=True)
class Limits:
    """The counters of a store; ``inventories`` tell which object a name or an id is of.

    Nobody signs an inventory, but whoever can alter one can forget the counters as well.
    """

    rates: Rates
    inventories: Inventories

    async def count(
        self,
        policy: Policy,
        principal: Principal,
        channel_id: str,
        operation: Operation,
        at: float,
        *,
        look: bool = False,
    ) -> None:
        """Counts one operation, or only looks whether it would be; ``at`` is epoch seconds.

        Raises:
            Denied: a limit is reached; nothing was counted.
            StoreDown: nobody can tell.
        """
        per_target = any(rate.per is Per.TARGET for rate in policy.rates)
        known = await self._known(operation) if per_target else {}
        await self.rates.count(counters(policy, principal, channel_id, operation, at, known), look=look)

    async def asks(self, principal: Principal, *, look: bool = False) -> None:
        """The same for asking others to agree to something."""
        who = f"ask|{principal.team_id} {principal.user_id}"
        key = sha256(who.encode("utf-8", "surrogatepass")).hexdigest()
        rule = "asks for approval"
        counter = Counter(key=key, limit=MOST_ASKS, seconds=ASKS_WITHIN, rule=rule, about="you")
        await self.rates.count([counter], look=look)

    async def _known(self, operation: Operation) -> Objects:
        kinds = dict.fromkeys(one.kind for one in operation.resources if one.kind in INVENTORY_KINDS)
        there = {kind: await self.inventories.of(operation.host, kind) for kind in kinds}
        found = ((one, _object(one, there.get(one.kind, ()))) for one in operation.resources)
        return {(one.kind, one.name): marks for one, marks in found if marks}


def _object(resource: Resource, there: tuple[Seen, ...]) -> tuple[str, ...]:
    """The id and the own name of the one object that is meant; () where there is none, or several."""
    kind, name = resource.kind, resource.name.removeprefix("/")
    named = [seen for seen in there if any(_same(kind, name, known) for known in seen.names)]
    bare = name.removeprefix("sha256:")
    by_id = [seen for seen in there if seen.id.removeprefix("sha256:").startswith(bare)]
    found = named or (by_id if may_be_id(kind, name) else [])
    if resource.new or len(found) != 1:
        return ()
    # A tag moves from one image to another; a name stays with whatever is made anew under it.
    own = () if kind is Kind.IMAGE else found[0].names[:1]
    return (found[0].id, *own)


def _same(kind: Kind, name: str, known: str) -> bool:
    if kind is not Kind.IMAGE or ANY in name:
        return name == known
    whole = name if "@" in name or untagged(name) != name else f"{name}:latest"
    return surely(kind, whole, known)
