"""However a mount is written, it gets one verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.catalogue import load
from handlers.grammar.parser import parse
from permissions.decide import decide
from permissions.operation import Principal, Standing
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.verbs import Danger

CATALOGUE = load()
BINDS = [
    "-v {path}:/in",
    "-v={path}:/in:ro",
    "--volume {path}:/in",
    "--volume={path}/:/in:ro,z",
    "-v {path}/../{last}:/in",
    "-v /{path}:/in",
    "-v {path}/.:/in",
    "--mount type=bind,source={path},target=/in",
    "--mount=type=bind,src={path}/,dst=/in,readonly",
    "--mount TYPE=bind,dst=/in,src={path}",
    "--mount destination=/in,source={path},type=bind",
    "--mount type=volume,dst=/in,volume-opt=type=none,volume-opt=o=bind,volume-opt=device={path}",
    "--mount type=volume,src=data,dst=/in,volume-driver=local,volume-opt=device={path}",
    "--mount source={path},target=/in",
    "--mount dst=/in,source={path},type=npipe",
]
NAMED = [
    "-v data:/in",
    "--volume=data:/in:ro",
    "--mount type=volume,source=data,target=/in",
    "--mount src=data,dst=/in",
    "--mount TARGET=/in,SOURCE=data,readonly",
]
ANA = Principal(team_id="T", user_id="U1", name="", standing=Standing.MEMBER, as_of=0.0)
DANGERS = st.sampled_from(Danger)


def verdict(danger: Danger, deny: Danger | None, line: str) -> str:
    policy = Policy(
        version=1,
        roles={"r": Role(rules=(Rule(commands=("*",), max_danger=danger),))},
        bindings=(Binding(role="r", users=("U1",)),),
        deny=(DenyRule(commands=("*",), min_danger=deny),) if deny is not None else (),
    )
    operation = parse(f"{line} busybox", CATALOGUE).command.operation("local")
    return decide(policy, ANA, "C1", operation).outcome


@given(
    DANGERS,
    st.none() | DANGERS,
    st.sampled_from(["run", "create", "container run"]),
    st.sampled_from(["/etc", "/var/run/docker.sock", "/srv/data", "/proc/1/root"]),
)
def test_equivalent_spellings_of_a_bind_get_one_verdict(danger, deny, command, path):
    lines = [f"{command} {mount.format(path=path, last=path.rpartition('/')[2])}" for mount in BINDS]
    assert len({verdict(danger, deny, line) for line in lines}) == 1


@given(DANGERS, st.none() | DANGERS, st.sampled_from(["run", "create"]))
def test_equivalent_spellings_of_a_named_volume_get_one_verdict(danger, deny, command):
    assert len({verdict(danger, deny, f"{command} {mount}") for mount in NAMED}) == 1


@pytest.mark.parametrize("mount", BINDS)
@pytest.mark.parametrize("path", ["/", "/etc", "/var/run/docker.sock", "/srv/../etc", "/proc/self/root"])
def test_a_path_of_the_host_is_root_however_it_is_written(mount: str, path: str):
    text = mount.format(path=path, last=path.rpartition("/")[2])
    assert parse(f"run {text} busybox", CATALOGUE).command.operation("h").danger is Danger.ROOT_EQUIVALENT
