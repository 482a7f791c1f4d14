"""Laws of approvals, whoever says what in whatever order: compared with counting by trying everything out."""

import itertools
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from permissions.approval import (
    Approval,
    Bound,
    State,
    Step,
    Terms,
    Threshold,
    Vote,
    Voter,
    cast,
    expire,
    looked_at,
    next_due,
    seated,
    tell,
    void,
    withdraw,
)
from permissions.operation import Standing
from permissions.verbs import Kind

law = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no reason to fail."""

ASKED = 1_000.0
ASKER = "U0"
PEOPLE = ("U0", "U1", "U2", "U3", "U4")
GROUPS, ROLES = ("S1", "S2"), ("lead",)
NOW_BOUND = (Bound(kind=Kind.CONTAINER, name="web", id="1"),)


def some(values):
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


STEP = st.builds(Step, people=st.integers(1, 2), users=some(PEOPLE), groups=some(GROUPS), roles=some(ROLES))
THRESHOLD = st.builds(
    Threshold,
    steps=st.lists(STEP, min_size=1, max_size=2).map(tuple),
    reason=st.sampled_from(["", "", "INC-*"]),
    after=st.sampled_from([0.0, 0.0, 300.0]),
)
TERMS = st.builds(
    Terms, any=st.lists(THRESHOLD, min_size=1, max_size=3).map(tuple), denials=st.integers(1, 2)
)
APPROVAL = st.builds(
    lambda terms, reason, bound: Approval(
        job_id="J-1", asker_id=ASKER, reason=reason, terms=terms, asked_at=ASKED, bound=bound
    ),
    TERMS,
    st.sampled_from(["", "INC-12"]),
    st.sampled_from([NOW_BOUND, NOW_BOUND, NOW_BOUND, None]),
)
STANDING = st.sampled_from([*([Standing.MEMBER] * 12), *Standing])
WORLD = st.fixed_dictionaries(
    {user_id: st.tuples(STANDING, some(GROUPS), some(ROLES)) for user_id in PEOPLE[:3]},
    optional={user_id: st.tuples(STANDING, some(GROUPS), some(ROLES)) for user_id in PEOPLE[3:]},
).map(
    lambda seen: {
        user_id: Voter(user_id=user_id, standing=standing, groups=groups, roles=roles)
        for user_id, (standing, groups, roles) in seen.items()
    }
)
MOMENT = st.sampled_from([0.0, 1.0, 299.0, 300.0, 899.0, 900.0, 2_000.0]).map(lambda after: ASKED + after)


def voted(user_id, approves, at, world):
    vote = Vote(user_id=user_id, name=user_id, approves=approves, at=at)
    return lambda approval: cast(approval, vote, world)


VOTED = st.builds(voted, st.sampled_from(PEOPLE), st.sampled_from([True, True, False]), MOMENT, WORLD)
OTHERS = st.one_of(
    MOMENT.map(lambda at: lambda one: expire(one, at)),
    MOMENT.map(lambda at: lambda one: tell(one, at)),
    MOMENT.map(lambda at: lambda one: void(one, "moved", at)),
    st.just(lambda one: looked_at(one, NOW_BOUND, one.terms)),
    st.builds(lambda who, at: lambda one: withdraw(one, who, at), st.sampled_from(PEOPLE), MOMENT),
)
EVENTS = st.lists(st.one_of(VOTED, VOTED, VOTED, OTHERS), max_size=12)


def may_sit(step: Step, voter: Voter | None) -> bool:
    if voter is None or voter.standing is not Standing.MEMBER or voter.user_id == ASKER:
        return False
    return bool(
        voter.user_id in step.users
        or [group for group in voter.groups if group in step.groups]
        or [role for role in voter.roles if role in step.roles]
    )


def places(threshold: Threshold) -> list[Step]:
    return [step for step in threshold.steps for _ in range(step.people)]


def begun(approval: Approval, at: float) -> Iterator[Threshold]:
    for threshold in approval.terms.any:
        fits = threshold.reason == "" or approval.reason.startswith("INC-")
        if fits and at - approval.asked_at >= threshold.after:
            yield threshold


def enough(approval: Approval, yes: set[str], world: dict[str, Voter], at: float) -> bool:
    """Whether some seating, of all there are, fills some threshold that has begun."""
    return any(
        all(may_sit(step, world.get(who)) for step, who in zip(places(threshold), row, strict=True))
        for threshold in begun(approval, at)
        for row in itertools.permutations(yes, len(places(threshold)))
    )


BALLOT = st.tuples(st.sampled_from(PEOPLE), st.sampled_from([True, True, False]), MOMENT, WORLD)


@law
@given(APPROVAL, st.lists(BALLOT, max_size=10))
def test_votes_approve_exactly_when_enough_different_people_may_and_say_yes(approval, ballots):
    said: dict[str, bool] = {}
    for user_id, approves, at, world in ballots:
        vote = Vote(user_id=user_id, name=user_id, approves=approves, at=at)
        after = cast(approval, vote, world)
        entitled = any(
            may_sit(step, world.get(user_id)) for threshold in begun(approval, at) for step in threshold.steps
        )
        in_time = approval.state is State.OPEN and approval.bound is not None and at < ASKED + 900
        if not (entitled and in_time):
            assert not isinstance(after, Approval)
            continue
        said[user_id] = approves
        now = after if isinstance(after, Approval) else approval
        noes = [
            who
            for who, yes in said.items()
            if not yes
            and any(may_sit(step, world.get(who)) for one in begun(approval, at) for step in one.steps)
        ]
        if len(noes) >= approval.terms.denials:
            assert now.state is State.DENIED
        elif enough(approval, {who for who, yes in said.items() if yes}, world, at):
            assert now.state is State.APPROVED
        else:
            assert now.state is State.OPEN
        approval = now


@law
@given(APPROVAL, EVENTS)
def test_an_end_is_the_end_but_for_what_was_approved_and_moved(approval, events):
    for event in events:
        after = event(approval)
        if not isinstance(after, Approval):
            continue
        if approval.state is State.APPROVED:
            assert after.state is State.VOID
        else:
            assert approval.state is State.OPEN
        approval = after


@law
@given(APPROVAL, EVENTS)
def test_the_revision_counts_every_change_and_nothing_else(approval, events):
    changes = 0
    for event in events:
        after = event(approval)
        if isinstance(after, Approval):
            changes += 1
            assert after.model_copy(update={"revision": approval.revision}) != approval
            approval = after
    assert approval.revision == changes


@law
@given(APPROVAL, EVENTS)
def test_who_asks_on_what_grounds_and_since_when_never_changes(approval, events):
    first = approval
    for event in events:
        after = event(approval)
        approval = after if isinstance(after, Approval) else approval
        for name in ("job_id", "asker_id", "reason", "terms", "asked_at"):
            assert getattr(approval, name) == getattr(first, name)
        assert ASKER not in {vote.user_id for vote in approval.votes}
        assert (next_due(approval) is None) == (approval.state is not State.OPEN)
        assert Approval.model_validate_json(approval.model_dump_json()) == approval


@law
@given(THRESHOLD, WORLD, st.sets(st.sampled_from(PEOPLE)))
def test_as_many_places_are_taken_as_can_be(threshold, world, yes):
    votes = tuple(Vote(user_id=who, name=who, approves=True, at=ASKED) for who in sorted(yes))
    approval = Approval(
        job_id="J-1", asker_id=ASKER, terms=Terms(any=(threshold,)), asked_at=ASKED, votes=votes
    )
    there = seated(threshold, approval, world)
    rows = itertools.permutations([*yes, *([None] * len(places(threshold)))], len(places(threshold)))
    most = max(
        sum(who is not None for who in row)
        for row in rows
        if all(
            who is None or may_sit(step, world.get(who))
            for step, who in zip(places(threshold), row, strict=True)
        )
    )
    assert len(there) == len(set(there)) == most
    assert set(there) <= yes
