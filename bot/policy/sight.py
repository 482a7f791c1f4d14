"""What of the bot's own knowledge somebody may be shown: the hosts on which they may do anything at all."""

from bot.hosts import Host, Hosts
from handlers.faults import Fault, Reason
from permissions.decide import held_roles
from permissions.operation import Operation, Principal, Standing
from permissions.policy import Policy
from permissions.verbs import Danger, Verb


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
