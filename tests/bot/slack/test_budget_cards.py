"""What a card says of a budget, before the yes and after it, inside Slack's limits."""

import json
from collections.abc import Iterator

import pytest

from bot.slack import card_budget, cards
from bot.slack.blocks import clean
from bot.store.budgets import Budget
from permissions.approval import State

from .approval_cards import ASKED, TERMS, WEB, YES, asked, buttons, check, said

TEXTS = {"one character": "x", "ten thousand": "x" * 10_000, "mention": "<!channel>", "bidi": "a\u202eb"}


def wanted(state: State = State.OPEN, *, times: int = 3, incident: str = "INC-12", **changes):
    one = asked(state, **changes)
    record = one.draft.record
    operation = record.operation.model_copy(update={"incident": incident})
    draft = one.draft.model_copy(
        update={
            "times": times,
            "within": 3600.0,
            "record": record.model_copy(update={"operation": operation}),
        }
    )
    return one.model_copy(update={"draft": draft})


def approved(**changes):
    return wanted(State.APPROVED, votes=(YES,), ended_by="U02BOB", **changes)


def budget(**changes) -> Budget:
    values = {
        "id": "B-1",
        "revision": 1,
        "job_id": "J-1",
        "team_id": "T0STANDIN",
        "user_id": "U01ALICE",
        "user_name": "alice",
        "host": "prod-1",
        "shown": "docker restart web",
        "digest": "0" * 64,
        "asked": TERMS,
        "terms": TERMS,
        "bound": (WEB.bound,),
        "by": ("U02BOB",),
        "most": 3,
        "used": 2,
        "until": ASKED + 3720,
        "incident": "INC-12",
        "incident_id": "I-1",
        "channel_id": "C01OPS",
        "secret": "00" * 32,
    }
    return Budget(**(values | changes))


def test_before_the_yes_every_copy_says_what_else_it_is_good_for():
    for message in (cards.card(wanted()), cards.ask(wanted())):
        text = said(check(message))
        for words in (
            "And up to 2 more times within 60 minutes of the approval",
            "for INC-12, by ",
            "on exactly these objects",
        ):
            assert words in text.replace("  ", " "), words
        assert '"user_id": "U01ALICE"' in json.dumps(message.blocks)
        confirm = buttons(message)[cards.APPROVE]["confirm"]["text"]["text"]
        assert "And up to 2 more times within 60 minutes, without asking." in confirm


def test_after_the_yes_it_says_until_when_and_how_far_it_is_used():
    message = check(cards.card(approved(), budget=budget()))
    text = said(message)
    for words in ("And up to 2 more times until ", "B-1: 2 of 3 used"):
        assert words in text.replace("  ", " "), words
    revoke = buttons(message)[card_budget.REVOKE]
    assert revoke["value"] == "revoke B-1"
    assert "confirm" in revoke


def test_at_the_end_it_says_why_and_offers_nothing():
    message = check(cards.card(approved(), budget=budget(over="INC-12 is closed")))
    assert "INC-12 is closed (2 of 3 used)." in said(message)
    assert not buttons(message)


NOTHING: dict[str, object] = {
    "once": lambda: wanted(times=1),
    "denied": lambda: wanted(State.DENIED, ended_by="U02BOB"),
    "nobody had to agree": lambda: wanted(State.APPROVED),
}


@pytest.mark.parametrize("make", NOTHING.values(), ids=NOTHING)
def test_where_there_is_none_nothing_is_said(make):
    assert "more time" not in said(check(cards.card(make())))


def test_every_revision_has_block_ids_of_its_own():
    ids = [block["block_id"] for one in messages() for block in one.blocks]
    assert len(ids) == len(set(ids))


def messages() -> Iterator:
    yield cards.card(approved())
    for revision in range(3):
        yield cards.card(approved(), budget=budget(revision=revision))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_whatever_it_is_about_it_stays_inside_the_limits(text):
    changes = {"incident": text, "names": (text,) * 30, "line": {"shown": text, "user_name": text}}
    for message in (
        cards.card(wanted(times=20, **changes)),
        cards.ask(wanted(times=20, **changes)),
        cards.card(approved(times=20, **changes), budget=budget(over=text, most=20)),
        cards.card(approved(times=20, **changes), budget=budget(most=20)),
    ):
        seen = json.dumps(check(message).blocks, ensure_ascii=False)
        assert clean(seen) == seen
