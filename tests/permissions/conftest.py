"""Principals, operations and policies in few words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.policy.file import load
from permissions import names
from permissions.facts import conditions
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.policy import Policy
from permissions.verbs import Danger, Kind, Verb

# path: verb, danger, kind of what its arguments name, whether only the first argument names something
COMMANDS: dict[str, tuple[Verb, Danger, Kind | None, bool]] = {
    "container ls": (Verb.LIST, Danger.SAFE, None, False),
    "container logs": (Verb.REVEAL, Danger.SAFE, Kind.CONTAINER, False),
    "container inspect": (Verb.REVEAL, Danger.SAFE, Kind.CONTAINER, False),
    "inspect": (Verb.REVEAL, Danger.SAFE, Kind.SYSTEM, False),
    "container start": (Verb.OPERATE, Danger.SAFE, Kind.CONTAINER, False),
    "container stop": (Verb.OPERATE, Danger.INTERRUPTS, Kind.CONTAINER, False),
    "container restart": (Verb.OPERATE, Danger.INTERRUPTS, Kind.CONTAINER, False),
    "container kill": (Verb.OPERATE, Danger.INTERRUPTS, Kind.CONTAINER, False),
    "container rename": (Verb.CHANGE, Danger.INTERRUPTS, Kind.CONTAINER, False),
    "container rm": (Verb.DESTROY, Danger.LOSES_DATA, Kind.CONTAINER, False),
    "container prune": (Verb.DESTROY, Danger.LOSES_DATA, None, False),
    "container run": (Verb.CREATE, Danger.INTERRUPTS, Kind.IMAGE, True),
    "container exec": (Verb.EXEC, Danger.INTERRUPTS, Kind.CONTAINER, True),
    "image ls": (Verb.LIST, Danger.SAFE, None, False),
    "image pull": (Verb.TRANSFER, Danger.SAFE, Kind.IMAGE, False),
    "image prune": (Verb.DESTROY, Danger.LOSES_DATA, None, False),
    "image load": (Verb.TRANSFER, Danger.INTERRUPTS, None, False),
    "image rm": (Verb.DESTROY, Danger.LOSES_DATA, Kind.IMAGE, False),
    "volume rm": (Verb.DESTROY, Danger.LOSES_DATA, Kind.VOLUME, False),
    "network rm": (Verb.DESTROY, Danger.INTERRUPTS, Kind.NETWORK, False),
    "system prune": (Verb.DESTROY, Danger.LOSES_DATA, None, False),
    "login": (Verb.REGISTRY, Danger.SAFE, Kind.REGISTRY, False),
    "version": (Verb.LIST, Danger.SAFE, None, False),
    "docktalk audit": (Verb.ADMIN, Danger.SAFE, None, False),
}
ROOT_FLAGS = {"privileged", "volume", "mount", "device", "cap-add", "pid"}
MembersOf = Callable[..., Principal]
OperationOf = Callable[[str], Operation]
Load = Callable[[str], Policy]


def read_line(line: str) -> Operation:
    """`-H HOST` names the host, `--flag` gives a flag, other words are what the command names."""
    path = max((path for path in COMMANDS if f"{line} ".startswith(f"{path} ")), key=len)
    verb, danger, kind, first_only = COMMANDS[path]
    words = line.removeprefix(path).split()
    host = "local"
    if "-H" in words:
        at = words.index("-H")
        host = words[at + 1]
        del words[at : at + 2]
    flags = tuple(sorted(word.removeprefix("--") for word in words if word.startswith("--")))
    names = [word for word in words if not word.startswith("--")]
    return Operation(
        command=path,
        verb=verb,
        danger=Danger.ROOT_EQUIVALENT if ROOT_FLAGS & set(flags) else danger,
        resources=tuple(
            Resource(kind=kind, name=name) for name in names[: 1 if first_only else None] if kind
        ),
        flags=flags,
        host=host,
    )


@pytest.fixture(scope="session", autouse=True)
def nothing_worked_out_before() -> None:
    """What was kept of names and patterns by an earlier run in this process is worked out anew."""
    for kept in (conditions, names.meant, names._shape, names._wanted):
        kept.cache_clear()


@pytest.fixture(scope="session")
def operation() -> OperationOf:
    return read_line


@pytest.fixture(scope="session")
def member() -> MembersOf:
    def make(user_id: str = "U0ANA", *groups: str, standing: Standing = Standing.MEMBER) -> Principal:
        return Principal(
            team_id="T0", user_id=user_id, name="ana", standing=standing, groups=groups, as_of=0.0
        )

    return make


@pytest.fixture
def policy_of(tmp_path: Path) -> Load:
    """Reads a policy from its text, as the bot does."""

    def read(text: str) -> Policy:
        path = tmp_path / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path).policy

    return read


@pytest.fixture
def rules(policy_of: Load) -> Load:
    """A policy whose one role has these rules and is bound to U0ANA; rules after a line `deny:` deny."""

    def read(text: str) -> Policy:
        allows, _, denies = text.strip("\n").partition("deny:\n")
        indented = "".join(f"      {line}\n" for line in allows.splitlines()) or "      []\n"
        return policy_of(
            f"version: 1\nroles:\n  operator:\n    rules:\n{indented}  chief: {{rules: []}}\n"
            "bindings:\n  - {role: operator, users: [U0ANA]}\n"
            "  - {role: chief, users: [U0ANA], channels: [C0HQ]}\n"
            f"deny:\n{denies or '  []'}\n"
        )

    return read
