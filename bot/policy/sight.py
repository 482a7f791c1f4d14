"""What somebody may be shown of what the bot knows: hosts on which they may do anything, and names."""

from bot.hosts import Host, Hosts
from bot.store.inventory import Inventories
from handlers.faults import Fault, Reason
from permissions.decide import decide, held_roles
from permissions.decision import Allow
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.policy import Policy
from permissions.verbs import Danger, Kind, Verb

MISSING = "You can see no container of that name there: is it spelled right?"


def seen_hosts(policy: Policy, principal: Principal, channel_id: str, hosts: Hosts, at: float) -> Hosts:
    """Those on which this person holds a role in this channel; ``at`` is epoch seconds."""

    def holds(host: Host) -> bool:
        anything = Operation(
            command="", verb=Verb.LIST, danger=Danger.SAFE, host=host.name, host_labels=host.labels
        )
        return bool(held_roles(policy, principal, channel_id, anything, at))

    member = principal.standing is Standing.MEMBER
    return hosts.model_copy(update={"known": tuple(host for host in hosts.known if member and holds(host))})


def named_host(hosts: Hosts, name: str | None, seen: Hosts) -> Host:
    """The host that a line is for.

    Raises Fault for one that is not among the ``seen``, be there one of that name or not. Where a line
    names none it is for the default host, and the policy answers.
    """
    host = hosts.find(name)
    if host is not None and (name is None or host in seen.known):
        return host
    names = ", ".join(known.name for known in seen.known) or "none"
    raise Fault(
        f"no such host: {name or hosts.default}",
        hint=f"Hosts that you may use here: {names}.",
        reason=Reason.UNKNOWN_HOST,
    )


async def is_missing(
    inventories: Inventories,
    policy: Policy,
    who: Principal,
    channel_id: str,
    host: Host,
    container: str,
    at: float,
) -> bool:
    """Whether the name may be mistyped; what somebody may not see counts as not there. Raises StoreDown."""
    listing = Operation(
        command="container ls",
        verb=Verb.LIST,
        danger=Danger.SAFE,
        resources=(Resource(kind=Kind.CONTAINER, name=container),),
        host=host.name,
        host_labels=host.labels,
    )
    decision = decide(policy, who, channel_id, listing, at)
    if isinstance(decision, Allow) and decision.provisional:
        return False  # only a worker could tell whether they may see it
    found = await inventories.of(host.name, Kind.CONTAINER)
    return bool(found) and not (isinstance(decision, Allow) and any(container in one.names for one in found))
