"""Which policy is in force: none starts wrong, a changed one is read again, a wrong one changes nothing."""

from pathlib import Path

import pytest

from bot.policy.file import MAX_BYTES, LoadedPolicy, Mistake, PolicyError, PolicyHolder
from permissions.bundle import bundle, digest
from permissions.policy import Policy
from tests.bot.policy.policy_written import COMMANDS, GOOD, ROLE


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "policy.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_nothing_starts_without_a_valid_policy(written):
    with pytest.raises(PolicyError, match="unknown key"):
        PolicyHolder(written("version: 1\nrols: {}"))


def test_a_changed_file_comes_into_force(written):
    path = written(GOOD)
    holder = PolicyHolder(path)
    assert holder.reload_if_changed() is None
    written("version: 1\n")
    loaded = holder.reload_if_changed()
    assert isinstance(loaded, LoadedPolicy)
    assert loaded is holder.current
    assert loaded.policy == Policy(version=1)
    assert loaded.sha256 == digest(bundle(Policy(version=1)))
    assert holder.reload_if_changed() is None


@pytest.mark.parametrize("bad", ["version: 1\nrols: {}\n", "", "[", "version: 1\n" + "#" * MAX_BYTES, None])
def test_a_policy_swapped_for_an_invalid_one_keeps_the_old_and_says_so_once(written, bad: str | None):
    path = written(GOOD)
    holder = PolicyHolder(path)
    before = holder.current
    if bad is None:
        path.unlink()
    else:
        written(bad)
    error = holder.reload_if_changed()
    assert isinstance(error, PolicyError)
    assert holder.error is error
    assert holder.reload_if_changed() is None
    assert holder.current is before
    assert holder.error is error
    written(GOOD)
    assert holder.reload_if_changed() is not None
    assert holder.error is None
    assert holder.current.policy == before.policy


def test_one_wrong_file_after_another_is_told_each_time(written):
    holder = PolicyHolder(written(GOOD))
    written("a: 1")
    first = holder.reload_if_changed()
    written("b: 1")
    second = holder.reload_if_changed()
    assert isinstance(first, PolicyError)
    assert isinstance(second, PolicyError)
    assert second.mistakes == (Mistake(1, 1, "unknown key `b`", "policy.yaml"),)
    assert first is not second


def test_a_reload_checks_against_the_same_commands_and_hosts(written):
    holder = PolicyHolder(written("version: 1\n"), commands=COMMANDS, hosts=("local",))
    written(ROLE + "{commands: [ps], hosts: [x]}")
    error = holder.reload_if_changed()
    assert isinstance(error, PolicyError)
    assert len(error.mistakes) == 2
