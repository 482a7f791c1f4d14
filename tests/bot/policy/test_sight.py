"""Hosts are shown to whoever may do something there, and are nothing to anybody else."""

import pytest

from bot.hosts import Host, Hosts
from bot.policy.sight import named_host, seen_hosts
from handlers.faults import Fault, Reason
from permissions.operation import Principal, Standing
from permissions.policy import Binding, Policy, Role, Rule

HOSTS = Hosts(
    default="local",
    known=(Host(name="local"), Host(name="prod-1", labels={"env": "prod"}), Host(name="vault")),
)
POLICY = Policy(
    version=1,
    roles={"r": Role(rules=(Rule(commands=("*",)),))},
    bindings=(
        Binding(role="r", users=("U1",), hosts=("local",)),
        Binding(role="r", users=("U1",), hosts=("label:env=prod",), channels=("C0OPS",)),
        Binding(role="r", users=("U2",), until=100.0),
    ),
)


def member(user_id: str, standing: Standing = Standing.MEMBER) -> Principal:
    return Principal(team_id="T", user_id=user_id, name="", standing=standing, as_of=0.0)


def seen(who: Principal, channel_id: str = "C0OPS", at: float = 0.0) -> Hosts:
    return seen_hosts(POLICY, who, channel_id, HOSTS, at)


@pytest.mark.parametrize(
    ("who", "channel_id", "at", "names"),
    [
        (member("U1"), "C0OPS", 0.0, ["local", "prod-1"]),
        (member("U1"), "C1", 0.0, ["local"]),
        (member("U2"), "C1", 0.0, ["local", "prod-1", "vault"]),
        (member("U2"), "C1", 100.0, []),
        (member("U3"), "C0OPS", 0.0, []),
        *((member("U1", standing), "C0OPS", 0.0, []) for standing in set(Standing) - {Standing.MEMBER}),
    ],
)
def test_a_host_is_seen_by_whoever_holds_a_role_there(who, channel_id: str, at: float, names: list[str]):
    found = seen(who, channel_id, at)
    assert ([host.name for host in found.known], found.default) == (names, "local")


def refusal(name: str | None, who: Principal) -> tuple[str, str]:
    with pytest.raises(Fault) as caught:
        named_host(HOSTS, name, seen(who))
    assert caught.value.reason is Reason.UNKNOWN_HOST
    return caught.value.message.replace(str(name), "HOST"), caught.value.hint


def test_a_host_that_may_not_be_seen_is_as_if_it_were_not_there():
    assert refusal("vault", member("U1")) == refusal("nosuch", member("U1"))
    assert refusal("vault", member("U1")) == (
        "no such host: HOST",
        "Hosts that you may use here: local, prod-1.",
    )
    assert refusal("local", member("U3")) == ("no such host: HOST", "Hosts that you may use here: none.")


def test_a_line_without_a_host_is_for_the_default_one():
    assert named_host(HOSTS, None, seen(member("U3"))).name == "local"
    assert named_host(HOSTS, "prod-1", seen(member("U1"))).name == "prod-1"
    nowhere = HOSTS.model_copy(update={"default": "gone"})
    with pytest.raises(Fault, match="no such host: gone"):
        named_host(nowhere, None, nowhere)
