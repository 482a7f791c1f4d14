import pytest
from pydantic import ValidationError

from permissions.bundle import MARK_SECONDS, Mark, bundle, digest, newest, unbundled, unfit
from permissions.policy import Policy, Role, Rule
from permissions.ticket import CLOCK_SKEW, TicketRefusal

NOW = 1_750_000_000.0
FULL = """\
version: 1
contact: Sara
roles:
  viewer: {rules: [{verbs: [list], hosts: ["label:env=prod"]}]}
  operator:
    inherits: [viewer]
    rules:
      - commands: ["container *"]
        targets: {container: ["web label:tier=web"], image: ["tag:x"]}
        flags: {allow: ["restart=no"], deny: [rm]}
        gives: ["tmp-*", "a=b"]
        max_danger: LOSES_DATA
bindings:
  - {role: operator, users: [U1], from: 2026-01-01T00:00:00Z, until: 2026-02-01T00:00:00Z}
  - {role: viewer, oncall: [web], channels: [C1]}
deny:
  - {verbs: [exec], min_danger: ROOT_EQUIVALENT, unless: [operator], reason: no}
oncall:
  web: {start: 2026-01-01T00:00:00Z, every: 7d, users: [U1, U2]}
rates:
  - {per: user, limit: 3, within: 1m, commands: ["*"]}
"""


def test_a_policy_comes_out_of_its_bundle_as_it_went_in(policy_of):
    policy = policy_of(FULL.replace("reason: no", "reason: 'no'"))
    text = bundle(policy)
    assert unbundled(text) == policy
    assert bundle(unbundled(text)) == text
    assert digest(text) == digest(bundle(unbundled(text)))
    assert len(digest(text)) == 64


def test_a_bundle_speaks_the_words_of_the_file(policy_of):
    text = bundle(policy_of(FULL.replace("reason: no", "reason: 'no'")))
    assert '"from":' in text
    assert "from_" not in text


def test_whatever_decides_changes_the_hash(policy_of):
    policy = policy_of(FULL.replace("reason: no", "reason: 'no'"))
    rule = policy.roles["operator"].rules[0].model_copy(update={"gives": ()})
    less = policy.model_copy(update={"roles": {**policy.roles, "operator": Role(rules=(rule,))}})
    assert digest(bundle(less)) != digest(bundle(policy))


def test_what_is_no_bundle_is_refused():
    for text in ("", "[]", "{}", '{"version":2}', '{"version":1,"x":1}'):
        with pytest.raises(ValidationError):
            unbundled(text)
    assert unbundled('{"version":1}') == Policy(version=1)


def test_a_rule_keeps_where_it_was_written():
    policy = Policy(version=1, roles={"r": Role(rules=(Rule(commands=("*",), source="p.yaml:3"),))})
    assert unbundled(bundle(policy)).labelled_rules["r"][0][0] == "role r, rule 1 (p.yaml:3)"


STALE = TicketRefusal.POLICY_STALE


@pytest.mark.parametrize(
    ("mark", "seen", "refused"),
    [
        (("a", 5, NOW), None, None),
        (("a", 5, NOW), ("a", 5), None),
        (("a", 6, NOW), ("b", 5), None),
        (("a", 4, NOW), ("a", 5), None),
        (("a", 4, NOW), ("b", 5), STALE),
        (("a", 5, NOW), ("b", 5), None),
        (("b", 5, NOW), None, STALE),
        (("a", 5, NOW - MARK_SECONDS), None, None),
        (("a", 5, NOW - MARK_SECONDS - 0.1), None, STALE),
        (("a", 5, NOW + CLOCK_SKEW), None, None),
        (("a", 5, NOW + CLOCK_SKEW + 0.1), None, STALE),
    ],
)
def test_a_policy_decides_only_while_it_is_the_newest_and_confirmed(mark, seen, refused):
    said = Mark(sha256=mark[0], serial=mark[1], at=mark[2])
    before = Mark(sha256=seen[0], serial=seen[1], at=0.0) if seen else None
    assert unfit(said, policy="a", seen=before, now=NOW) is refused


def test_the_newest_policy_of_all_that_were_seen_is_remembered_with_the_highest_count():
    older, newer = (Mark(sha256=name, serial=serial, at=NOW) for name, serial in (("a", 4), ("b", 5)))
    assert newest(older, None) == older
    assert newest(newer, older) == newer
    # Two bots read the same policy: the later word has the lower count.
    assert newest(older, newer) == older.model_copy(update={"serial": 5})
