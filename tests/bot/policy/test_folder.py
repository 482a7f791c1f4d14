"""A policy in several files: read as one, and every mistake told with its file."""

from pathlib import Path

import pytest

from bot.policy.file import MAX_BYTES, PolicyError, PolicyHolder, load

NO_MOMENT = "a moment is written with its zone: 2026-03-01T08:00:00Z or 2026-03-01T08:00:00+01:00"


@pytest.fixture
def folder(tmp_path: Path):
    def write(**texts: str) -> Path:
        path = tmp_path / "policy.d"
        path.mkdir(exist_ok=True)
        for name, text in texts.items():
            (path / f"{name}.yaml").write_text(text, encoding="utf-8")
        return path

    return write


ROTATION = "start: 2026-01-01T00:00:00Z, every: 7d, users: [U1]"


def test_the_files_of_a_folder_are_one_policy(folder):
    path = folder(
        a="version: 1\nroles: {r: {rules: [{verbs: [list]}]}}\nbindings: [{role: r, oncall: [web]}]\n",
        b="version: 1\nroles: {s: {inherits: [r]}}\nbindings:\n  - {role: s, users: [U1]}\n",
        c=f"oncall: {{web: {{{ROTATION}}}}}\nrates: [{{per: user, limit: 2, within: 1m, verbs: [list]}}]\n",
        d="deny: [{verbs: [exec]}]\ncontact: Sara\n",
    )
    (path / "notes.txt").write_text("[")
    policy = load(path).policy
    assert [list(policy.roles), len(policy.bindings), policy.contact] == [["r", "s"], 2, "Sara"]
    assert policy.roles["r"].rules[0].source == "a.yaml:2"
    assert policy.deny[0].source == "d.yaml:1"
    assert policy.rates[0].source == "c.yaml:2"
    assert policy.oncall["web"].every == 7 * 86400


@pytest.mark.parametrize(
    ("texts", "mistake"),
    [
        (
            {"a": "version: 1\nroles: {r: {}}", "b": "roles:\n  r: {}"},
            "b.yaml:2:3: `r` stands twice (before in line 2 of a.yaml)",
        ),
        (
            {"a": "version: 1\ncontact: x", "b": "contact: y"},
            "b.yaml:1:1: `contact` stands twice (before in line 2 of a.yaml)",
        ),
        (
            {"a": "version: 1", "b": "version: 2"},
            "b.yaml:1:1: `version` stands twice (before in line 1 of a.yaml)",
        ),
        (
            {"a": "version: 1", "b": "roles: []"},
            "b.yaml:1:8: `roles` is empty; list something or leave it out",
        ),
        ({"a": "version: 1", "b": "- x"}, "b.yaml:1:1: `the policy` takes keys, each with a value"),
        ({"a": "- x", "b": "version: 1"}, "a.yaml:1:1: `the policy` takes keys, each with a value"),
        (
            {"a": "version: 1", "b": "["},
            "b.yaml:1:2: is not YAML: expected the node content, but found '<stream end>'",
        ),
        ({"a": "version: 1", "b": ""}, "b.yaml:1:1: is empty; the smallest policy is `version: 1`"),
        (
            {"a": "version: 1\nroles: {r: {}}", "b": "roles: [r]"},
            "b.yaml:1:1: `roles` stands twice (before in line 2 of a.yaml)",
        ),
        ({"a": "version: 1", "b": "#" * MAX_BYTES}, f"b.yaml:1:1: is longer than {MAX_BYTES} bytes"),
        (
            {"a": "version: 1\nbindings: [{role: r, oncall: [x]}]\nroles: {r: {}}"},
            "a.yaml:1:1: rotation `x` is not defined under `oncall`",
        ),
        (
            {"a": "version: 1\noncall: {x: {start: 2026-01-01, every: 1d, users: [U1]}}"},
            f"a.yaml:2:21: {NO_MOMENT}",
        ),
        (
            {"a": "version: 1\noncall: {x: {start: 2026-01-01T00:00:00Z, every: 1y, users: [U1]}}"},
            "a.yaml:2:50: a span is a number with s, m, h, d or w: 90s, 12h, 7d",
        ),
        ({"a": "version: 1\nroles: {r: {inherits: [s]}}"}, "a.yaml:2:24: role `s` is not defined"),
        (
            {"a": "version: 1\nrates: [{per: user, limit: 1, within: 1m, verbs: [list], roles: [s]}]"},
            "a.yaml:2:66: role `s` is not defined",
        ),
    ],
)
def test_a_mistake_in_a_folder_is_told_with_its_file(folder, texts: dict[str, str], mistake: str):
    path = folder(**texts)
    with pytest.raises(PolicyError) as caught:
        load(path)
    assert str(caught.value).splitlines() == [f"{path}/{mistake}"]


def test_a_file_that_is_added_changed_or_taken_from_a_folder_comes_into_force(folder):
    path = folder(a="version: 1\n")
    holder = PolicyHolder(path)
    assert holder.reload_if_changed() is None
    folder(b="contact: x")
    first = holder.current.sha256
    assert holder.reload_if_changed() is holder.current
    assert (holder.current.policy.contact, holder.current.sha256 == first) == ("x", False)
    (path / "b.yaml").rename(path / "c.yaml")
    assert holder.reload_if_changed() is holder.current
    (path / "c.yaml").unlink()
    assert holder.reload_if_changed() is holder.current
    assert holder.current.sha256 == first
    (path / "a.yaml").unlink()
    assert isinstance(holder.reload_if_changed(), PolicyError)
    assert holder.current.sha256 == first
