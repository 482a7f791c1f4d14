"""Approvals step by step: every event in every state, who counts, which thresholds, what is told when."""

import pytest

from permissions.approval import (
    MAX_REASON,
    Approval,
    Bound,
    NotCounted,
    State,
    Step,
    Terms,
    Threshold,
    Vote,
    Voter,
    askable,
    cast,
    either,
    entitled,
    expire,
    last_told,
    looked_at,
    next_due,
    next_way,
    possible,
    seated,
    tell,
    touched,
    void,
    waive,
    withdraw,
)
from permissions.operation import Standing
from permissions.verbs import Kind

ASKED = 1_000.0
SRE, LEADS = "S0SRE", "S0LEADS"
WEB = Bound(
    kind=Kind.CONTAINER, name="web", id="1" * 64, image="sha256:aa", parts={"Config": "c", "Mounts": "m"}
)


def way(*steps: Step, **more) -> Threshold:
    return Threshold(steps=steps or (Step(groups=(SRE,)),), **more)


def people(number: int, *groups: str, **more) -> Step:
    return Step(people=number, groups=groups, **more)


def asking(*ways: Threshold, **changes) -> Approval:
    """Open, looked at, asked by alice; times are seconds from the asking."""
    terms = Terms(any=ways or (way(),), denials=changes.pop("denials", 1), **changes.pop("times", {}))
    values = {"job_id": "J-1", "asker_id": "UALICE", "terms": terms, "asked_at": ASKED, "bound": (WEB,)}
    return Approval.model_validate(values | changes)


def voter(user_id: str, *groups: str, roles=(), standing=Standing.MEMBER) -> Voter:
    return Voter(user_id=user_id, standing=standing, groups=groups, roles=roles)


def known(*voters: Voter) -> dict[str, Voter]:
    return {one.user_id: one for one in voters}


def vote(user_id: str, after: float = 10.0, *, yes: bool = True, reason: str = "") -> Vote:
    return Vote(user_id=user_id, name=user_id.lower(), approves=yes, reason=reason, at=ASKED + after)


BOB, CAROL, DAN, LEA = (voter(user_id, SRE) for user_id in ("UBOB", "UCAROL", "UDAN", "ULEA"))
EVERYBODY = known(BOB, CAROL, DAN, LEA, voter("UALICE", SRE, LEADS))

APPROVE, DENY = vote("UBOB"), vote("UBOB", yes=False)
EVENTS = {
    "is looked at": lambda one: looked_at(one, (WEB,), one.terms),
    "is waived": lambda one: waive(one, (WEB,), ASKED + 10),
    "gets the last yes": lambda one: cast(one, APPROVE, EVERYBODY),
    "gets the last no": lambda one: cast(one, DENY, EVERYBODY),
    "comes to its end": lambda one: expire(one, ASKED + 900),
    "is not at its end yet": lambda one: expire(one, ASKED + 899.9),
    "is withdrawn by its asker": lambda one: withdraw(one, "UALICE", ASKED + 10),
    "is withdrawn by another": lambda one: withdraw(one, "UBOB", ASKED + 10),
    "moves": lambda one: void(one, "web is gone", ASKED + 10),
    "has to be told of": lambda one: tell(one, ASKED + 300),
    "has nothing to tell": lambda one: tell(one, ASKED + 299),
}
OVER, OPEN = NotCounted.OVER, State.OPEN
ENDED = (State.DENIED, State.EXPIRED, State.WITHDRAWN, State.VOID)
OUTCOMES = {
    # event: while nobody has looked, while open, once approved; whatever else has ended is over
    "is looked at": (OPEN, OVER, OVER),
    "is waived": (State.APPROVED, OVER, OVER),
    "gets the last yes": (NotCounted.NOT_LOOKED_AT, State.APPROVED, OVER),
    "gets the last no": (NotCounted.NOT_LOOKED_AT, State.DENIED, OVER),
    "comes to its end": (State.EXPIRED, State.EXPIRED, OVER),
    "is not at its end yet": (NotCounted.ALREADY, NotCounted.ALREADY, OVER),
    "is withdrawn by its asker": (State.WITHDRAWN, State.WITHDRAWN, OVER),
    "is withdrawn by another": (NotCounted.NOT_ENTITLED, NotCounted.NOT_ENTITLED, OVER),
    "moves": (State.VOID, State.VOID, State.VOID),
    "has to be told of": (OVER, OPEN, OVER),
    "has nothing to tell": (OVER, NotCounted.ALREADY, OVER),
}
TRANSITIONS = [
    (event, before, expected)
    for event, (unseen, seen, approved) in OUTCOMES.items()
    for before, expected in [
        (asking(bound=None), unseen),
        (asking(), seen),
        (asking(state=State.APPROVED), approved),
        *((asking(state=state), OVER) for state in ENDED),
    ]
]


@pytest.mark.parametrize(("event", "before", "expected"), TRANSITIONS)
def test_every_event_in_every_state(event, before, expected):
    after = EVENTS[event](before)
    if isinstance(expected, NotCounted):
        assert after is expected
    else:
        assert after.state is expected
        assert after.revision == before.revision + 1


def test_every_event_and_every_state_is_in_the_table():
    assert EVENTS.keys() == OUTCOMES.keys()
    assert {before.state for _, before, _ in TRANSITIONS} == set(State)


ENDS = {
    "gets the last yes": ("UBOB", ""),
    "gets the last no": ("UBOB", ""),
    "comes to its end": ("", ""),
    "is withdrawn by its asker": ("UALICE", ""),
    "is waived": ("", ""),
    "moves": ("", "web is gone"),
}


@pytest.mark.parametrize(("event", "ends"), ENDS.items())
def test_an_end_says_who_ended_it_when_and_why(event, ends):
    before = asking(bound=None) if event == "is waived" else asking()
    after = EVENTS[event](before)
    assert (after.ended_by, after.why) == ends
    assert after.ended_at == ASKED + (900 if event == "comes to its end" else 10)


def test_the_terms_are_those_of_what_was_found():
    stricter = Terms(any=(way(people(2, SRE)),))
    after = looked_at(asking(bound=None), (WEB,), stricter)
    assert (after.bound, after.terms) == ((WEB,), stricter)
    assert waive(asking(bound=None), (WEB,), ASKED).bound == (WEB,)


def test_a_denial_keeps_its_reason_and_no_more_of_it_than_people_read():
    after = cast(asking(), vote("UBOB", yes=False, reason="r" * 10_000), EVERYBODY)
    assert after.why == "r" * MAX_REASON
    assert after.votes[0].reason == after.why


WRONG = {
    "the asker": (vote("UALICE"), EVERYBODY, NotCounted.OWN),
    "the asker, who says no": (vote("UALICE", yes=False), EVERYBODY, NotCounted.OWN),
    "somebody of another group": (vote("UEVE"), known(voter("UEVE", "S0OTHER")), NotCounted.NOT_ENTITLED),
    "somebody with another role": (
        vote("UEVE"),
        known(voter("UEVE", roles=("viewer",))),
        NotCounted.NOT_ENTITLED,
    ),
    "somebody nobody knows": (vote("UEVE"), EVERYBODY, NotCounted.NOT_ENTITLED),
    "somebody whose group is a role's name": (
        vote("UEVE"),
        known(voter("UEVE", roles=("sre",))),
        NotCounted.NOT_ENTITLED,
    ),
    **{
        f"an account that is {standing}": (
            vote("UEVE"),
            known(voter("UEVE", SRE, standing=standing)),
            NotCounted.NOT_ENTITLED,
        )
        for standing in Standing
        if standing is not Standing.MEMBER
    },
    "somebody at its end": (vote("UBOB", 900.0), EVERYBODY, NotCounted.EXPIRED),
    "somebody long after it": (vote("UBOB", 10_000.0), EVERYBODY, NotCounted.EXPIRED),
}


@pytest.mark.parametrize(("said", "voters", "why"), WRONG.values(), ids=WRONG)
def test_who_may_not_decide_changes_nothing(said, voters, why):
    assert cast(asking(), said, voters) is why


def test_the_last_moment_counts():
    assert cast(asking(), vote("UBOB", 899.999), EVERYBODY).state is State.APPROVED


def test_the_asker_does_not_count_through_another_group_or_by_name():
    mine = asking(way(Step(users=("UALICE",))), way(people(1, LEADS)), way(people(1, SRE)))
    assert cast(mine, vote("UALICE"), EVERYBODY) is NotCounted.OWN
    assert not entitled(mine, EVERYBODY["UALICE"], ASKED)


def said_in_turn(approval: Approval, *votes: Vote, voters=EVERYBODY) -> Approval:
    """The approval after these votes, each of which counts."""
    for one in votes:
        after = cast(approval, one, voters)
        assert isinstance(after, Approval), after
        approval = after
    return approval


def test_a_click_that_comes_twice_counts_once():
    once = said_in_turn(asking(way(people(2, SRE))), vote("UBOB"))
    assert cast(once, vote("UBOB", 20), EVERYBODY) is NotCounted.ALREADY
    assert said_in_turn(once, vote("UCAROL", 30)).state is State.APPROVED


def test_a_click_that_comes_after_the_end_changes_nothing():
    over = said_in_turn(asking(), vote("UBOB"))
    assert cast(over, vote("UCAROL", 20, yes=False), EVERYBODY) is NotCounted.OVER


def test_who_lost_what_entitled_them_counts_no_more():
    once = said_in_turn(asking(way(people(2, SRE))), vote("UBOB"))
    demoted = EVERYBODY | known(voter("UBOB"))
    still_open = cast(once, vote("UCAROL", 20), demoted)
    assert still_open.state is State.OPEN
    decided = cast(still_open, vote("UDAN", 30), demoted)
    assert decided.state is State.APPROVED
    assert [one.user_id for one in decided.votes] == ["UCAROL", "UDAN"]


def test_who_cannot_be_looked_up_any_more_counts_no_more():
    once = said_in_turn(asking(way(people(2, SRE))), vote("UBOB"))
    assert cast(once, vote("UCAROL", 20), known(CAROL)).state is State.OPEN


def test_a_no_of_somebody_who_was_demoted_since_denies_nothing():
    once = said_in_turn(asking(way(people(3, SRE)), denials=2), vote("UBOB", yes=False))
    after = cast(once, vote("UCAROL", 20, yes=False), EVERYBODY | known(voter("UBOB")))
    assert after.state is State.OPEN


def test_as_many_as_the_terms_say_have_to_say_no():
    once = said_in_turn(asking(denials=2), vote("UBOB", yes=False))
    assert once.state is State.OPEN
    after = said_in_turn(once, vote("UCAROL", 20, yes=False, reason="no"))
    assert (after.state, after.ended_by, after.why) == (State.DENIED, "UCAROL", "no")


def test_whoever_changes_their_mind_has_one_vote():
    changed = said_in_turn(
        asking(way(people(2, SRE)), denials=2), vote("UBOB"), vote("UBOB", 20, yes=False), vote("UCAROL", 30)
    )
    assert changed.state is State.OPEN
    assert [(one.user_id, one.approves) for one in changed.votes] == [("UBOB", False), ("UCAROL", True)]
    back = said_in_turn(changed, vote("UBOB", 40))
    assert back.state is State.APPROVED


def test_a_yes_that_becomes_a_no_denies():
    once = said_in_turn(asking(way(people(2, SRE))), vote("UBOB"))
    assert said_in_turn(once, vote("UBOB", 20, yes=False)).state is State.DENIED


BOTH = known(
    voter("UBOB", SRE, LEADS), voter("UCAROL", SRE), voter("ULEA", LEADS), voter("UDAN", roles=("lead",))
)
TWO_STEPS = way(people(1, SRE), people(1, LEADS, roles=("lead",)))
SEATS = {
    "one person cannot take both places": (TWO_STEPS, ["UBOB"], {"UBOB"}, False),
    "two people of the same step are not enough": (
        way(people(1, LEADS), people(1, "S0X")),
        ["ULEA"],
        {"ULEA"},
        False,
    ),
    "whoever is in both moves aside": (TWO_STEPS, ["UBOB", "UCAROL"], {"UBOB", "UCAROL"}, True),
    "in whatever order they come": (TWO_STEPS, ["UCAROL", "UBOB"], {"UCAROL", "UBOB"}, True),
    "and for the other place as well": (TWO_STEPS, ["UBOB", "ULEA"], {"UBOB", "ULEA"}, True),
    "by a role too": (TWO_STEPS, ["UDAN", "UCAROL"], {"UDAN", "UCAROL"}, True),
    "three places, one way to fill them": (
        way(people(2, SRE), people(1, LEADS)),
        ["UBOB", "ULEA", "UCAROL"],
        {"UBOB", "ULEA", "UCAROL"},
        True,
    ),
    "a named person is one of all": (
        way(Step(users=("UBOB",)), people(1, SRE)),
        ["UBOB", "UCAROL"],
        {"UBOB", "UCAROL"},
        True,
    ),
    "a named person does not take two places": (
        way(Step(users=("UBOB",)), people(1, SRE)),
        ["UBOB"],
        {"UBOB"},
        False,
    ),
}


@pytest.mark.parametrize(("threshold", "yes", "there", "approved"), SEATS.values(), ids=SEATS)
def test_every_place_is_taken_by_somebody_else(threshold, yes, there, approved):
    after = said_in_turn(asking(threshold), *(vote(user_id) for user_id in yes), voters=BOTH)
    assert set(seated(threshold, after, BOTH)) == there
    assert (after.state is State.APPROVED) == approved


def test_any_one_of_the_thresholds_decides():
    several = asking(way(people(2, SRE)), way(people(1, LEADS)))
    assert said_in_turn(several, vote("ULEA"), voters=BOTH).state is State.APPROVED
    assert said_in_turn(several, vote("UCAROL"), voters=BOTH).state is State.OPEN


def test_thresholds_are_not_filled_together():
    several = asking(way(people(2, SRE)), way(people(2, LEADS)))
    assert said_in_turn(several, vote("UCAROL"), vote("ULEA"), voters=BOTH).state is State.OPEN


REASONS = {"INC-12": True, "INC-": True, "incident": False, "": False, "see INC-12": False}


@pytest.mark.parametrize(("reason", "counts"), REASONS.items())
def test_a_threshold_for_incidents_counts_with_the_reason_of_one(reason, counts):
    one = asking(way(people(2, SRE)), way(people(1, SRE), reason="INC-*"), reason=reason)
    assert (said_in_turn(one, vote("UBOB")).state is State.APPROVED) == counts
    assert len(list(possible(one))) == 1 + counts


def test_nobody_can_approve_what_every_threshold_wants_another_reason_for():
    one = asking(way(people(1, SRE), reason="INC-*"))
    assert cast(one, vote("UBOB"), EVERYBODY) is NotCounted.NOT_ENTITLED


ESCALATED = {0.0: False, 599.999: False, 600.0: True, 899.0: True}


@pytest.mark.parametrize(("after", "counts"), ESCALATED.items())
def test_the_next_group_counts_from_its_moment_on(after, counts):
    one = asking(way(people(2, SRE)), way(people(1, LEADS), after=600.0))
    answer = cast(one, vote("ULEA", after), BOTH)
    assert answer is NotCounted.NOT_ENTITLED if not counts else answer.state is State.APPROVED
    assert any(LEADS in step.groups for step in askable(one, ASKED + after)) == counts


@pytest.mark.parametrize(
    ("after", "next_after"), [(0.0, 300.0), (299.0, 300.0), (300.0, 600.0), (599.0, 600.0), (600.0, None)]
)
def test_the_next_moment_at_which_more_people_can_decide(after, next_after):
    ways = way(people(2, SRE)), way(people(1, LEADS), after=600.0), way(people(2, LEADS), after=300.0)
    never = way(people(1, LEADS), after=700.0, reason="INC-*")
    found = next_way(asking(*ways, never), ASKED + after)
    assert found == (None if next_after is None else ASKED + next_after)


def test_an_earlier_yes_decides_when_it_is_said_again_after_the_escalation():
    one = said_in_turn(asking(way(people(2, SRE)), way(people(1, SRE), after=600.0)), vote("UBOB"))
    assert cast(one, vote("UBOB", 599), EVERYBODY) is NotCounted.ALREADY
    assert cast(one, vote("UBOB", 600), EVERYBODY).state is State.APPROVED


def test_a_threshold_that_begins_at_the_end_never_counts():
    one = asking(way(people(2, SRE)), way(people(1, LEADS), after=900.0))
    assert len(list(possible(one))) == 1
    assert next_due(one) == ASKED + 300


ON_THE_CLOCK = asking(
    way(), way(people(1, LEADS), after=600.0), way(people(2, LEADS), after=600.0), times={"expires": 900.0}
)


def test_people_are_told_once_of_each_moment():
    told, at = ON_THE_CLOCK, []
    for _ in range(3):
        due = next_due(told)
        at.append(due - ASKED)
        assert tell(told, due - 0.001) is NotCounted.ALREADY
        after = tell(told, due)
        told = after if isinstance(after, Approval) else told
    assert at == [300.0, 600.0, 900.0]
    assert told.told == 2
    assert last_told(ON_THE_CLOCK) == ASKED
    assert last_told(told) == ASKED + 600


def test_a_bot_that_was_away_tells_of_two_moments_at_once():
    after = tell(ON_THE_CLOCK, ASKED + 700)
    assert (after.told, next_due(after)) == (2, ASKED + 900)


def test_nobody_is_told_again_of_what_nobody_can_vote_on_yet():
    assert next_due(asking(bound=None)) == ASKED + 900


def test_only_what_is_open_is_written_once_more():
    one = asking()
    assert touched(one) == one.model_copy(update={"revision": one.revision + 1})
    assert touched(withdraw(one, "UALICE", ASKED + 10)) is NotCounted.OVER


def test_the_clock_has_nothing_to_do_for_what_is_over():
    assert {next_due(asking(state=state)) for state in State if state is not State.OPEN} == {None}


def test_a_reminder_after_the_end_is_none():
    assert next_due(asking(times={"remind": 1_000.0, "expires": 60.0})) == ASKED + 60


def test_several_rules_together_take_any_threshold_and_the_earliest_times():
    one = Terms(any=(way(), way(people(2, SRE))), denials=2, expires=600.0, remind=300.0)
    other = Terms(any=(way(),), denials=1, expires=900.0, remind=60.0)
    assert either([one, other]) == Terms(any=one.any, denials=1, expires=600.0, remind=60.0)
