"""Which thresholds an open incident opens, and which a typed name does."""

import pytest

from bot.policy.file import PolicyError, load
from permissions.approval import (
    Approval,
    NotCounted,
    State,
    Step,
    Terms,
    Threshold,
    Vote,
    Voter,
    cast,
    possible,
)
from permissions.operation import Standing

STEPS = (Step(users=("UBEN",)),)
TEXT = Threshold(steps=STEPS, reason="INC-*")
OPEN = Threshold(steps=STEPS, reason="INC-*", incident=True)
ANY = Threshold(steps=STEPS, incident=True)
OTHER = Threshold(steps=STEPS, reason="CHG-*")

CASES = [
    # reason typed, incident that is open, the thresholds that count
    ("", "", ()),
    ("it hangs", "", ()),
    ("INC-12 it hangs", "", (TEXT,)),
    ("it hangs", "INC-12", (TEXT, OPEN, ANY)),
    ("INC-12", "INC-12", (TEXT, OPEN, ANY)),
    ("INC-12 trust me", "OPS-1", (TEXT, ANY)),
    ("CHG-3", "INC-12", (TEXT, OPEN, ANY, OTHER)),
    ("CHG-3", "", (OTHER,)),
]


def asking(*ways: Threshold, reason: str = "", incident: str = "") -> Approval:
    return Approval(
        job_id="J-1",
        asker_id="UANA",
        reason=reason,
        incident=incident,
        terms=Terms(any=ways),
        asked_at=0.0,
        bound=(),
    )


@pytest.mark.parametrize(("reason", "incident", "count"), CASES)
def test_a_typed_name_is_text_and_only_an_open_incident_is_one(reason, incident, count):
    approval = asking(TEXT, OPEN, ANY, OTHER, reason=reason, incident=incident)
    assert tuple(possible(approval)) == count


def test_a_vote_for_an_incidents_threshold_counts_only_while_it_is_open():
    ben = {"UBEN": Voter(user_id="UBEN", standing=Standing.MEMBER)}
    yes = Vote(user_id="UBEN", name="ben", approves=True, at=1.0)
    tagged = asking(OPEN, reason="INC-12", incident="INC-12")
    assert cast(tagged, yes, ben).state is State.APPROVED
    assert cast(tagged.model_copy(update={"incident": ""}), yes, ben) is NotCounted.NOT_ENTITLED


POLICY = """\
version: 1
roles:
  responder:
    rules:
      - verbs: [operate]
        approval: {any: [{steps: [{users: [U0BEN]}], reason: "INC-*"%s}]}
bindings: [{role: responder, users: [U0ANA]}]
"""


@pytest.mark.parametrize(
    ("text", "meant"), [("", False), (", incident: true", True), (", incident: false", False)]
)
def test_a_policy_says_it_with_true_or_false(tmp_path, text, meant):
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY % text, encoding="utf-8")
    [rule] = load(file).policy.roles["responder"].rules
    assert rule.approval.any[0].incident is meant


@pytest.mark.parametrize("value", ['"true"', "yes", "1", "INC-12"])
def test_anything_else_is_a_mistake_with_its_place(tmp_path, value):
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY % f", incident: {value}", encoding="utf-8")
    with pytest.raises(PolicyError, match=r"6:\d+: `incident` is true or false"):
        load(file)
