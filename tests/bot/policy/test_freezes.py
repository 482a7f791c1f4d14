"""Freezes in the policy file: read whole, or each mistake with its line and column."""

from pathlib import Path

import pytest

from bot.policy.file import KnownCommand, PolicyError, load
from permissions.bundle import bundle, unbundled
from permissions.verbs import Verb

FREEZE = """\
version: 1
roles: {manager: {rules: [{verbs: [list]}]}}
freezes:
  weekend:
    by: board
    reason: books
    hosts: ["prod-*"]
    when:
      - {from: Fri 18:00, until: Mon 08:00, zone: Europe/Berlin}
      - {from: 2026-12-24T12:00:00+01:00, until: 2026-12-27T00:00:00+01:00}
    passes: [{commands: [container rename], targets: {container: ["test-*"]}}]
    incident_verbs: []
    exception: {any: [{steps: [{people: 2, roles: [manager]}]}]}
"""
COMMANDS = [KnownCommand(path="container rename", verb=Verb.CHANGE)]


def read(folder: Path, text: str):
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, commands=COMMANDS, hosts=["prod-1"])


def test_a_freeze_is_read_and_goes_to_the_workers_as_it_is(tmp_path: Path):
    policy = read(tmp_path, FREEZE).policy
    freeze = policy.freezes["weekend"]
    assert [when.zone for when in freeze.when] == ["Europe/Berlin", ""]
    assert freeze.passes[0].source == "policy.yaml:11"
    assert unbundled(bundle(policy)) == policy


def test_without_more_only_reads_and_operating_under_an_incident_pass(tmp_path: Path):
    lines = [line for line in FREEZE.splitlines() if not line.strip().startswith(("passes", "incid", "exc"))]
    freeze = read(tmp_path, "\n".join(lines)).policy.freezes["weekend"]
    assert (freeze.passes, freeze.incident_verbs, freeze.exception) == ((), (Verb.OPERATE,), None)


@pytest.mark.parametrize(
    ("right", "wrong", "mistake"),
    [
        ("weekend:", "Week End:", "4:3: `Week End` is not a freeze's name: small letters, digits and dashes"),
        (
            "Europe/Berlin",
            "Europe/Berln",
            "9:51: `Europe/Berln` is no time zone; they are written like Europe/Berlin or UTC",
        ),
        (
            ", zone: Europe/Berlin",
            "",
            "9:9: days of the week need their `zone`, Europe/Berlin for example",
        ),
        ("2026-12-27T", "2026-12-20T", "10:9: the freeze ends before it begins"),
        (
            "until: Mon 08:00",
            "until: 2026-12-20T00:00:00Z",
            "9:9: it begins and ends either at moments, or at days of the week",
        ),
        ("zone:", "zon:", "9:45: unknown key `zon` (did you mean `zone`?)"),
        ("    by: board\n", "", "5:5: `by` is missing"),
        ("prod-*", "prd-*", "7:13: there is no host `prd-*` (did you mean `prod-1`?)"),
        (
            "container rename",
            "container renam",
            "11:26: there is no command `container renam` (did you mean `container rename`?)",
        ),
        ("targets:", "target:", "11:45: unknown key `target` (did you mean `targets`?)"),
        ("[manager]", "[manger]", "13:52: role `manger` is not defined (did you mean `manager`?)"),
        ("incident_verbs: []", "incident_verbs: [restart]", "12:22: `restart` is not one of list, "),
    ],
)
def test_a_mistake_is_named_where_it_stands(tmp_path: Path, right, wrong, mistake):
    assert right in FREEZE
    with pytest.raises(PolicyError) as caught:
        read(tmp_path, FREEZE.replace(right, wrong))
    found = [f"{one.line}:{one.column}: {one.sentence}" for one in caught.value.mistakes]
    assert any(line.startswith(mistake) for line in found), found


def test_a_freeze_that_is_never_is_a_mistake(tmp_path: Path):
    lines = [line for line in FREEZE.splitlines() if not line.startswith(("    when", "      -"))]
    with pytest.raises(PolicyError, match="`when` is missing"):
        read(tmp_path, "\n".join(lines))
