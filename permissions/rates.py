"""How often: which counters an operation goes against. Counting, or refusing, is the store's."""

from collections.abc import Mapping
from hashlib import sha256

from permissions.decide import held_roles
from permissions.facts import Fit
from permissions.matching import covers_host, some_inside
from permissions.model import Record
from permissions.names import may_be_id
from permissions.operation import Operation, Principal, Resource
from permissions.policy import Per, Policy, Rate
from permissions.verbs import Kind

Objects = Mapping[tuple[Kind, str], tuple[str, ...]]
"""By kind and name as it is written, what the object was last seen to be: its id, its own name."""


class Counter(Record):
    """One counter: at most ``limit`` in any ``seconds``. ``key`` holds no name as it was written.

    ``rule`` names the limit: ``rate 1 (policy.yaml:40)``; ``about`` says in words what is counted.
    """

    key: str
    limit: int
    seconds: float
    rule: str
    about: str


def counters(
    policy: Policy,
    principal: Principal,
    channel_id: str,
    operation: Operation,
    at: float,
    known: Objects,
) -> tuple[Counter, ...]:
    """Every counter this operation goes against, each once.

    A known object has one for its id and one for its name: neither another name nor another object of
    that name begins anew.
    """
    roles = held_roles(policy, principal, channel_id, operation, at) if policy.rates else ()
    found: dict[str, Counter] = {}
    for number, rate in enumerate(policy.rates, start=1):
        concerned = not rate.roles or any(role in roles for role in rate.roles)
        if not concerned or not _is_about(rate, operation):
            continue
        for about, subject in _subjects(rate, principal, roles, operation, known):
            # Under a changed limit counting begins anew.
            said = f"{rate.model_dump_json(exclude={'source'})}|{rate.per}|{subject}"
            key = sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
            found[key] = Counter(
                key=key,
                limit=rate.limit,
                seconds=rate.within,
                rule=f"rate {number}{rate.place}",
                about=about,
            )
    return tuple(found.values())


def _is_about(rate: Rate, operation: Operation) -> bool:
    inside = rate.targets is None or some_inside(rate.targets, operation) is not Fit.NO
    return (
        inside
        and rate.is_about(operation.command, operation.verb)
        and covers_host(rate.hosts, operation.host, operation.host_labels)
    )


def _subjects(
    rate: Rate, principal: Principal, roles: tuple[str, ...], operation: Operation, known: Objects
) -> list[tuple[str, str]]:
    """What is counted together, in words and as the counter's identity."""
    if rate.per is Per.USER:
        return [("you", f"{principal.team_id} {principal.user_id}")]
    if rate.per is Per.ROLE:
        return [(f"role {role}", role) for role in rate.roles if role in roles]
    return [
        (f"`{resource.name[:64]}`", f"{operation.host} {resource.kind} {identity}")
        for resource in operation.resources
        for identity in known.get((resource.kind, resource.name)) or (_spelled(resource),)
    ]


def _spelled(resource: Resource) -> str:
    """One counter for all that may be ids: the bot cannot tell what they are ids of."""
    return "*id" if may_be_id(resource.kind, resource.name) else resource.name.lstrip("/").lower()
