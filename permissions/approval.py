"""Approvals: who has to agree before a job may run, who did, and how the asking ended.

Pure: every step takes an Approval and gives the next one, or says why there is none. Where they are kept,
one writer wins (compare-and-set on ``revision``); who a voter is, is asked anew for every vote counted.

    open ──> approved ──> void      its targets moved before it ran
      └────> denied, expired, withdrawn, void
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from permissions.model import Record
from permissions.names import matches
from permissions.operation import Standing
from permissions.patterns import GroupId, RoleName, Span, UserId
from permissions.verbs import Kind

MAX_REASON = 300
"""Characters of a reason that are kept."""


class Step(Record):
    """``people`` different ones of those named, or who hold one of the roles there."""

    people: Annotated[int, Field(ge=1, le=20)] = 1
    users: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    roles: tuple[RoleName, ...] = ()


class Threshold(Record):
    """All its steps, by different people, decide. It counts from ``after`` on (seconds from the asking).

    With ``reason``, only where the asker's reason fits the pattern, or the name of the open incident that
    the line belongs to. With ``incident``, only for a line that belongs to one; then its name has to fit,
    and what the asker typed counts for nothing.
    """

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=5)]
    reason: str = ""
    incident: Annotated[bool, Field(strict=True)] = False
    after: Span = 0.0


class Terms(Record):
    """What an approval needs: any one of the thresholds, before ``denials`` people have said no.

    ``expires`` and ``remind`` are seconds from the asking.
    """

    any: Annotated[tuple[Threshold, ...], Field(min_length=1)]
    denials: Annotated[int, Field(ge=1, le=20)] = 1
    expires: Span = 900.0
    remind: Span = 300.0


class Bound(Record):
    """One target as it was looked at. ``parts`` are hashes of what it is made of, by name, never values.

    With ``of_set`` nobody named it: it is one of what a prune found, and ``bytes`` may come free with it.
    What is not among those stays; those that are gone, or are used by then, are passed over.
    """

    kind: Kind
    name: str
    id: str
    image: str = ""
    parts: dict[str, str] = Field(default_factory=dict)
    of_set: bool = False
    bytes: int = 0

    @property
    def what(self) -> str:
        """What kind of thing it is, for people: for records of the build cache policies have no kind."""
        return "build cache" if self.of_set and self.kind is Kind.SYSTEM else str(self.kind)


class State(StrEnum):
    """Where an approval stands."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    VOID = "void"


ASKED_AGAIN = frozenset({State.EXPIRED, State.VOID})
"""What its asker may ask once more by the line that is kept: nobody has said no to it."""


class Vote(Record):
    """What one person said, last; ``at`` is epoch seconds."""

    user_id: str
    name: str
    approves: bool
    reason: str = ""
    at: float


class Voter(Record):
    """Who somebody is now: asked of Slack and the policy, never of the vote."""

    user_id: str
    standing: Standing
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


class Approval(Record):
    """One asking. ``terms`` are those of the moment it was asked; later policies change nothing in them.

    ``bound`` is None until its targets were looked at; nobody can vote before. ``ended_by`` is a user's id,
    "" for the clock. Times are epoch seconds. ``told`` counts the reminders and escalations that were sent.
    ``incident`` is the name of the open one that it belongs to, "" for none.
    """

    job_id: str
    revision: int = 0
    asker_id: str
    reason: str = ""
    incident: str = ""
    terms: Terms
    asked_at: float
    bound: tuple[Bound, ...] | None = None
    votes: tuple[Vote, ...] = ()
    state: State = State.OPEN
    ended_at: float = 0.0
    ended_by: str = ""
    why: str = ""
    told: int = 0


class NotCounted(StrEnum):
    """Why a vote, or another step, changed nothing."""

    OVER = "over"
    """It has been decided, or has ended, already."""
    EXPIRED = "expired"
    NOT_LOOKED_AT = "not_looked_at"
    OWN = "own"
    """The asker never counts."""
    NOT_ENTITLED = "not_entitled"
    ALREADY = "already"
    """The same person said the same before, or it is not time yet."""


def either(terms: Iterable[Terms]) -> Terms:
    """What is enough by any one of several rules: their thresholds together, the earliest of their times."""
    several = list(terms)
    return Terms(
        any=tuple(dict.fromkeys(one for each in several for one in each.any)),
        denials=min(each.denials for each in several),
        expires=min(each.expires for each in several),
        remind=min(each.remind for each in several),
    )


def looked_at(approval: Approval, bound: tuple[Bound, ...], terms: Terms) -> Approval | NotCounted:
    """Its targets are known: from here on it is about exactly these, on the terms that hold for them."""
    if approval.state is not State.OPEN or approval.bound is not None:
        return NotCounted.OVER
    return _next(approval, bound=bound, terms=terms)


def waive(approval: Approval, bound: tuple[Bound, ...], at: float) -> Approval | NotCounted:
    """Nobody has to agree to it on what its targets were found to be."""
    if approval.state is not State.OPEN or approval.bound is not None:
        return NotCounted.OVER
    return _ended(approval.model_copy(update={"bound": bound}), State.APPROVED, at, "", "")


def cast(approval: Approval, vote: Vote, voters: Mapping[str, Voter]) -> Approval | NotCounted:
    """The approval with a vote, decided if that is enough.

    ``voters`` holds everybody who has voted, and this one, as they are now: whoever lost what entitled them
    counts no more. Whoever is not in it does not count.
    """
    refused = _uncounted(approval, vote, voters)
    if refused is not None:
        return refused
    said = any(one.user_id == vote.user_id and one.approves == vote.approves for one in approval.votes)
    kept = tuple(one for one in approval.votes if one.user_id != vote.user_id)
    vote = vote.model_copy(update={"reason": vote.reason[:MAX_REASON]})
    voted = approval.model_copy(update={"votes": (*kept, vote)})
    noes = [one for one in _standing_votes(voted, voters, vote.at) if not one.approves]
    if len(noes) >= approval.terms.denials:
        return _ended(voted, State.DENIED, vote.at, vote.user_id, vote.reason)
    if any(_enough(threshold, voted, voters) for threshold in _in_force(approval, vote.at)):
        # Who agreed is who counted: whoever lost what entitled them is not among them any more.
        counted = tuple(_standing_votes(voted, voters, vote.at))
        agreed = voted.model_copy(update={"votes": counted})
        return _ended(agreed, State.APPROVED, vote.at, vote.user_id, "")
    # Said again it may be enough by now: a threshold has begun, or somebody has joined a group, since.
    return NotCounted.ALREADY if said else _next(voted)


def _uncounted(approval: Approval, vote: Vote, voters: Mapping[str, Voter]) -> NotCounted | None:
    if approval.state is not State.OPEN:
        return NotCounted.OVER
    if approval.bound is None:
        return NotCounted.NOT_LOOKED_AT
    if vote.at >= approval.asked_at + approval.terms.expires:
        return NotCounted.EXPIRED
    if vote.user_id == approval.asker_id:
        return NotCounted.OWN
    voter = voters.get(vote.user_id)
    if voter is None or not entitled(approval, voter, vote.at):
        return NotCounted.NOT_ENTITLED
    return None


def expire(approval: Approval, now: float) -> Approval | NotCounted:
    """Its time is over."""
    if approval.state is not State.OPEN:
        return NotCounted.OVER
    if now < approval.asked_at + approval.terms.expires:
        return NotCounted.ALREADY
    return _ended(approval, State.EXPIRED, now, "", "")


def withdraw(approval: Approval, user_id: str, now: float, why: str = "") -> Approval | NotCounted:
    """Its asker does not want it any more, or does it in another way."""
    if approval.state is not State.OPEN:
        return NotCounted.OVER
    if user_id != approval.asker_id:
        return NotCounted.NOT_ENTITLED
    return _ended(approval, State.WITHDRAWN, now, user_id, why)


def void(approval: Approval, why: str, now: float) -> Approval | NotCounted:
    """What was agreed to is not there any more: a target moved, or the policy forbids it by now."""
    if approval.state not in {State.OPEN, State.APPROVED}:
        return NotCounted.OVER
    return _ended(approval, State.VOID, now, "", why)


def tell(approval: Approval, now: float) -> Approval | NotCounted:
    """The next reminder or escalation is sent, if one is due."""
    if approval.state is not State.OPEN or approval.bound is None:
        return NotCounted.OVER
    due = sum(1 for moment in _tellings(approval.terms) if now >= approval.asked_at + moment)
    return _next(approval, told=due) if due > approval.told else NotCounted.ALREADY


def touched(approval: Approval) -> Approval | NotCounted:
    """The same as it stands, open, with nothing of it changed but its revision."""
    return _next(approval) if approval.state is State.OPEN else NotCounted.OVER


def next_due(approval: Approval) -> float | None:
    """When (epoch seconds) its clock has something to do next; None when it is over."""
    if approval.state is not State.OPEN:
        return None
    # Before its targets were looked at nobody can vote, so nobody is told again.
    tellings = [] if approval.bound is None else _tellings(approval.terms)[approval.told :]
    return approval.asked_at + min([*tellings, approval.terms.expires])


def last_told(approval: Approval) -> float:
    """The moment (epoch seconds) that people were told of last: of the asking, a reminder, an escalation."""
    return approval.asked_at + [0.0, *_tellings(approval.terms)][approval.told]


def possible(approval: Approval) -> Iterator[Threshold]:
    """The thresholds that can decide it, at once or later: those whose reason fits, before its end."""
    for threshold in approval.terms.any:
        if _reasoned(threshold, approval) and threshold.after < approval.terms.expires:
            yield threshold


def _reasoned(threshold: Threshold, approval: Approval) -> bool:
    pattern, incident = threshold.reason, approval.incident
    if incident and (not pattern or matches(pattern, incident)):
        return True
    return not threshold.incident and (not pattern or matches(pattern, approval.reason))


def seated(threshold: Threshold, approval: Approval, voters: Mapping[str, Voter]) -> tuple[str, ...]:
    """Who fills a place of the threshold by a yes: ids, everybody once, as many as can be.

    ``voters`` as in :func:`cast`.
    """
    yes = [voters[vote.user_id] for vote in approval.votes if vote.approves and vote.user_id in voters]
    able = [one for one in yes if one.standing is Standing.MEMBER and one.user_id != approval.asker_id]
    places = [step for step in threshold.steps for _ in range(step.people)]
    found: dict[int, int] = {}
    for place in range(len(places)):
        _seat(place, places, able, found, set())
    return tuple(able[number].user_id for number in sorted(found))


def askable(approval: Approval, now: float) -> Iterator[Step]:
    """The steps whose people could say yes at this moment."""
    for threshold in _in_force(approval, now):
        yield from threshold.steps


def next_way(approval: Approval, now: float) -> float | None:
    """When (epoch seconds) more people can decide than at this moment; None where nobody is added later."""
    begins = (approval.asked_at + one.after for one in possible(approval))
    return min((at for at in begins if at > now), default=None)


def moved(bound: tuple[Bound, ...], now: tuple[Bound, ...]) -> list[str]:
    """What differs between the targets agreed to and those found, one line each; empty when nothing does.

    A set is frozen instead: who is new in it is left alone, and who left it is passed over.
    """
    left, missing = [one for one in now if not one.of_set], list[Bound]()
    lines: list[str] = []
    # Several may have one name (networks do): each is compared with itself first, if it is still there.
    for one in (one for one in bound if not one.of_set):
        same = next((other for other in left if _named(other) == _named(one) and other.id == one.id), None)
        if same is None:
            missing.append(one)
        else:
            left.remove(same)
            lines += _moved_parts(one, same)
    for one in missing:
        other = next((other for other in left if _named(other) == _named(one)), None)
        if other is None:
            lines.append(f"{one.kind} {one.name} is gone")
        else:
            left.remove(other)
            lines.append(f"{one.kind} {one.name} is another one: {other.id[:19]}, was {one.id[:19]}")
    return lines + [f"{one.kind} {one.name} is new" for one in left]


def _named(one: Bound) -> tuple[Kind, str]:
    return one.kind, one.name


def _moved_parts(one: Bound, other: Bound) -> Iterator[str]:
    if one.image != other.image:
        yield f"{one.kind} {one.name}: its image is {other.image[:19]}, was {one.image[:19]}"
    for part in sorted(one.parts.keys() | other.parts.keys()):
        if one.parts.get(part) != other.parts.get(part):
            yield f"{one.kind} {one.name}: {part} has changed"


def _next(approval: Approval, **changes: object) -> Approval:
    return approval.model_copy(update={**changes, "revision": approval.revision + 1})


def _ended(approval: Approval, state: State, at: float, by: str, why: str) -> Approval:
    ended = {"state": state, "ended_at": at, "ended_by": by, "why": why}
    return approval.model_copy(update={**ended, "revision": approval.revision + 1})


def _tellings(terms: Terms) -> list[float]:
    """When people are told again, in seconds from the asking: once to remind, and as thresholds begin."""
    moments = {terms.remind, *(threshold.after for threshold in terms.any if threshold.after)}
    return sorted(moment for moment in moments if moment < terms.expires)


def _in_force(approval: Approval, at: float) -> Iterator[Threshold]:
    return (one for one in possible(approval) if at >= approval.asked_at + one.after)


def counts(step: Step, voter: Voter) -> bool:
    """Whether somebody is of those whom a step names."""
    return (
        voter.user_id in step.users
        or not set(step.groups).isdisjoint(voter.groups)
        or not set(step.roles).isdisjoint(voter.roles)
    )


def entitled(approval: Approval, voter: Voter, at: float) -> bool:
    """Whether somebody counts at that moment, for whatever step."""
    member = voter.standing is Standing.MEMBER and voter.user_id != approval.asker_id
    return member and any(counts(step, voter) for step in askable(approval, at))


def _standing_votes(approval: Approval, voters: Mapping[str, Voter], at: float) -> Iterator[Vote]:
    for vote in approval.votes:
        voter = voters.get(vote.user_id)
        if voter is not None and entitled(approval, voter, at):
            yield vote


def _enough(threshold: Threshold, approval: Approval, voters: Mapping[str, Voter]) -> bool:
    """Whether different people can be found for every place of every step."""
    places = sum(step.people for step in threshold.steps)
    return len(seated(threshold, approval, voters)) == places


def _seat(place: int, places: list[Step], yes: list[Voter], seated: dict[int, int], tried: set[int]) -> bool:
    """Finds somebody for a place, by moving others where that helps (Kuhn's matching)."""
    for number, voter in enumerate(yes):
        if number in tried or not counts(places[place], voter):
            continue
        tried.add(number)
        if number not in seated or _seat(seated[number], places, yes, seated, tried):
            seated[number] = place
            return True
    return False
