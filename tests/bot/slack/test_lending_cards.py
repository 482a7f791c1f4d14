"""What Slack shows of lent roles keeps Slack's limits and says who, why, where and how it ends."""

import json

import pytest

from bot.slack import cards, lending_cards
from bot.store.approvals import Asked
from bot.store.grants import GrantDraft, Review
from permissions.approval import State, Step, Vote
from permissions.operation import Principal, Standing
from permissions.verbs import Verb

from .approval_cards import ASKED, asked, check, check_view

LONG = "x" * 10_000
TEXTS = ["x", LONG, "\U0001f600" * 5_000, "<!channel> *_`&\u202e\n" * 500]
BY = Principal(team_id="T1", user_id="U0LEA", name="lea", standing=Standing.MEMBER, as_of=ASKED)


def elevation(state: State = State.OPEN, text: str = "operator", **changes) -> Asked:
    """Somebody asks for a role, on two hosts."""
    job = asked(state, probed=None, **{"bound": (), "reason": text, **changes.pop("approval", {})})
    operation = job.operation.model_copy(update={"command": "docktalk elevate", "verb": Verb.ADMIN})
    record = job.draft.record.model_copy(
        update={"shown": f"docktalk elevate {text} --for 30m", "command": "docktalk elevate"}
    )
    draft = {
        "record": record.model_copy(update={"operation": operation}),
        "grant_id": "G-4",
        "role": text,
        "seconds": 1800.0,
        "hosts": ("prod-1", "prod-2"),
        "places": (operation,),
        "may": ("Runs what is there.", "operate on anything"),
        **changes,
    }
    return job.model_copy(update={"draft": GrantDraft(**draft)})


def review(**changes) -> Review:
    told = {
        "id": "R-2",
        "grant_id": "G-4",
        "role": "operator",
        "team_id": "T1",
        "user_id": "U0ANA",
        "user_name": "ana",
        "reason": "payments are down",
        "host": "prod-1",
        "verbs": (Verb.OPERATE, Verb.DESTROY),
        "shown": "docker container stop web",
        "rule": "break-glass 1 (policy.yaml:9)",
        "channel_id": "C1",
        "tell": ("C0SEC",),
        "reviewers": Step(roles=("lead",), groups=("S0SEC",)),
        "jobs": ("J-7",),
        "ran": 1,
        "opened_at": ASKED,
        "ended_at": ASKED + 1800,
        **changes,
    }
    return Review(**told)


def said(message) -> str:
    return json.dumps(message.blocks, ensure_ascii=False)


VOTED = {"ended_by": "U02BOB", "votes": (Vote(user_id="U02BOB", name="bob", approves=True, at=ASKED),)}


@pytest.mark.parametrize("text", TEXTS, ids=["1", "10,000", "emoji", "markup"])
@pytest.mark.parametrize("state", list(State))
def test_the_card_of_an_elevation_is_one_that_slack_takes(state: State, text: str):
    one = elevation(state, text, hosts=tuple(f"{text[:200]}{n}" for n in range(50)), may=(text,) * 9)
    one = one.model_copy(update={"glass": True})
    check(cards.card(one))
    check(cards.ask(one, "https://slack.example/1"))
    check_view(cards.details(one))
    check_view(cards.deny_form(one))
    check_view(cards.break_glass_form(one))


@pytest.mark.parametrize("text", TEXTS, ids=["1", "10,000", "emoji", "markup"])
@pytest.mark.parametrize("now", [ASKED, ASKED + 9 * 86_400])
def test_what_is_told_of_a_broken_glass_is_what_slack_takes(text: str, now: float):
    jobs = tuple(f"J-{n}" for n in range(50))
    one = review(
        reason=text,
        role=text,
        host=text,
        shown=text,
        rule=text,
        user_name=text,
        incident=text,
        jobs=jobs,
        ran=10_000,
        reviewers=Step(roles=(LONG,) * 9, users=("U1",) * 50),
        ended_by="U0LEA",
    )
    for here in (True, False):
        check(lending_cards.broken(one, now, here=here))
    check(lending_cards.reviewed(one, BY.model_copy(update={"name": text}), text))
    check(lending_cards.reminder(one, 9))


def test_the_card_says_the_role_for_how_long_where_what_it_gives_and_why():
    shown = said(cards.card(elevation(approval={"reason": "web hangs"})))
    for text in (
        "lend the role operator",
        "30 minutes",
        "prod-1",
        "prod-2",
        "Runs what is there.",
        "web hangs",
    ):
        assert text in shown
    for action in (cards.APPROVE, cards.DENY, cards.WITHDRAW, cards.DETAILS):
        assert action in shown
    assert cards.BREAK_GLASS not in shown


def test_the_card_says_until_when_it_is_lent_and_that_it_ended_and_by_whom():
    agreed = elevation(State.APPROVED, approval=VOTED)
    assert f'"timestamp": {int(ASKED) + 120 + 1800}' in said(cards.card(agreed))
    assert "is lent until" in said(cards.card(agreed))
    over = elevation(State.APPROVED, approval=VOTED, ended_at=ASKED + 300, ended_by="U0CAL")
    shown = said(cards.card(over))
    assert "it ended at" in shown
    assert f'"timestamp": {int(ASKED) + 300}' in shown
    assert "U0CAL" in shown


def test_a_notification_says_which_role_is_asked_for_and_for_how_long():
    text = cards.card(elevation(State.OPEN)).text
    assert "asks for the role operator for 30 minutes on prod-1, prod-2" in text


def test_nothing_void_is_asked_for_again_by_a_button_where_it_is_a_role():
    assert cards.AGAIN not in said(cards.card(elevation(State.VOID)))


def test_the_asker_alone_of_what_could_run_at_once_is_offered_that():
    job = asked()
    assert cards.BREAK_GLASS not in said(cards.card(job))
    could = said(cards.card(job.model_copy(update={"glass": True})))
    assert cards.BREAK_GLASS in could
    assert cards.BREAK_GLASS not in said(cards.ask(job.model_copy(update={"glass": True})))
    form = cards.break_glass_form(job)
    assert form["private_metadata"] == job.token
    assert "value" not in json.dumps(form["blocks"])


def test_a_broken_glass_says_who_why_what_ran_and_how_to_review_it():
    shown = said(lending_cards.broken(review(), ASKED, here=True))
    for text in ("U0ANA", "payments are down", "operate, destroy", "J-7", "R-2", "G-4", lending_cards.REVOKE):
        assert text in shown
    told = lending_cards.broken(review(), ASKED, here=False)
    assert lending_cards.REVOKE not in said(told)
    assert {"type": "channel", "channel_id": review().channel_id} in told.blocks[0]["elements"][0]["elements"]
    over = said(lending_cards.broken(review(ended_by="U0LEA"), ASKED + 1800, here=True))
    assert "revoked by" in over
    assert lending_cards.REVOKE not in over
    closed = said(lending_cards.reviewed(review(), BY, "it was right"))
    assert "was reviewed by" in closed
    assert "it was right" in closed
