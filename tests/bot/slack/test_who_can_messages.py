"""Who can approve this now, as Slack shows it: inside its limits, by name, with one button at most."""

import json

import pytest

from bot.reply import CanDecide
from bot.slack import cards, replies
from bot.slack.blocks import clean

from .approval_cards import ASKED, BOB, YES, asked, buttons, check, said, texts

TEXTS = {"one character": "x", "ten thousand": "x" * 10_000, "mention": "<!channel>", "bidi": "a\u202eb"}


def can_decide(**changes) -> CanDecide:
    values = {
        "text": "J-1 can be approved\n",
        "asked": asked(votes=(YES,)).model_copy(update={"told": ("U04DAVE",)}),
        "voters": {"U02BOB": BOB},
        "users": ("U03CAROL", "U04DAVE"),
        "on_call": 1,
        "more": 14,
        "unsure": False,
        "askable": True,
        "next_at": ASKED + 600,
        "contact": "#infra",
    }
    return CanDecide(**(values | changes))


def shown(**changes):
    return check(replies.answer(can_decide(**changes), ASKED))


def test_names_people_says_what_is_missing_and_when_more_can():
    message = shown()
    text = said(message)
    blocks = json.dumps(message.blocks)
    for user in ("U03CAROL", "U04DAVE"):
        assert f'"user_id": "{user}"' in blocks
    told = ("(on call)", "(was asked)", "and 14 more", "1 of 2", "From ", "it ends at ", "only you see")
    for words in told:
        assert words in text, words
    assert buttons(message).keys() == {cards.ASK_THEM}
    assert buttons(message)[cards.ASK_THEM]["value"] == "opaque-token"


def test_nobody_there_names_the_contact_and_offers_nothing():
    message = shown(users=(), on_call=0, more=0, askable=False, contact="", next_at=None)
    assert "Nobody can approve J-1" in said(message)
    assert "whoever keeps the policy" in said(message)
    assert "From " not in said(message)
    assert not buttons(message)


def test_who_was_asked_just_now_and_doubt_are_said():
    text = said(shown(new=("U03CAROL",), askable=False, unsure=True))
    assert "Asked just now: " in text
    assert "not everybody could be looked at" in text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_whatever_it_is_about_it_stays_inside_the_limits(text):
    one = asked(rule=text, reason=text, names=(text,) * 30, line={"shown": text, "host": text}, votes=(YES,))
    for users in ((), tuple(f"U{number:03}" for number in range(20))):
        message = shown(asked=one, users=users, contact=text, more=10**9, on_call=len(users))
        seen = json.dumps(message.blocks, ensure_ascii=False) + message.text
        assert clean(seen) == seen
        assert "<" not in message.text
        assert all("\n\n" not in part for part in texts(message.blocks))
