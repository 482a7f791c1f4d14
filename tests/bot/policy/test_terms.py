"""Terms that nobody could meet are a mistake in the policy, told when it is read and not at night."""

from pathlib import Path

import pytest

from bot.policy.file import PolicyError, load

RULE = """\
version: 1
roles:
  operator:
    rules:
      - verbs: [operate]
        approval: TERMS
"""
FREEZE = """\
version: 1
freezes:
  stock:
    by: board
    reason: books
    when: [{from: 2020-01-01T00:00:00Z, until: 2030-01-01T00:00:00Z}]
    exception: TERMS
"""
ELEVATION = """\
version: 1
roles:
  operator: {rules: [{verbs: [operate]}]}
elevations:
  - role: operator
    users: [U0ANA]
    approval: TERMS
"""
PLACES = {"a rule": RULE, "a freeze": FREEZE, "an elevation": ELEVATION}
IMPOSSIBLE = {
    "{any: [{steps: [{}]}]}": "needs 1 people and lists 0",
    "{any: [{steps: [{people: 2, users: [U0BEN]}]}]}": "needs 2 people and lists 1",
    "{any: [{steps: [{people: 2, users: [U0BEN, U0BEN]}]}]}": "needs 2 people and lists 1",
    "{any: [{steps: [{groups: [S0SRE]}]}, {steps: [{users: [U0BEN]}], after: 15m}]}": "begins `after`",
    "{any: [{steps: [{users: [U0BEN]}], after: 10m}], expires: 10m}": "begins `after`",
}
POSSIBLE = [
    "{any: [{steps: [{people: 2, users: [U0BEN, U0CLEO]}]}]}",
    "{any: [{steps: [{people: 3, users: [U0BEN], groups: [S0SRE]}]}]}",
    "{any: [{steps: [{users: [U0BEN]}], after: 14m}]}",
]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize(("terms", "sentence"), IMPOSSIBLE.items())
def test_terms_that_nobody_can_meet_are_refused(place: str, terms: str, sentence: str, tmp_path: Path):
    (tmp_path / "policy.yaml").write_text(place.replace("TERMS", terms), encoding="utf-8")
    with pytest.raises(PolicyError, match=sentence):
        load(tmp_path / "policy.yaml")


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("terms", POSSIBLE)
def test_terms_that_somebody_can_meet_are_taken(place: str, terms: str, tmp_path: Path):
    (tmp_path / "policy.yaml").write_text(place.replace("TERMS", terms), encoding="utf-8")
    load(tmp_path / "policy.yaml")
