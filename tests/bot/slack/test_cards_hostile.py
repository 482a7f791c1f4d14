"""Whatever names, reasons, lines and logs hold, a card stays inside Slack's limits and shows it as text."""

import json
from collections.abc import Iterator

import pytest

from bot.jobs.wire import Target
from bot.slack import cards
from bot.slack.blocks import clean
from permissions.approval import Bound, State, Step, Terms, Threshold, Vote, Voter
from permissions.operation import Standing
from permissions.verbs import Kind

from .approval_cards import ASKED, LEADS, NO, PROBED, SRE, UNSEEN, YES, asked, check, check_view

HOSTILE = {
    "one character": "x",
    "ten thousand characters": "x" * 10_000,
    "wide characters": "\U0001f600" * 10_000,
    "nothing": "",
    "blanks": " \n\t ",
    "a mention of everybody": "<!channel> <@U02BOB> <#C01OPS> <!subteam^S1> @here",
    "a link that lies": "<http://evil.example|docs> [docs](http://evil.example)",
    "bidi overrides": "abc\u202etxt.exe\u2066",
    "terminal tricks": "\x1b[31mred\x1b[0m\x1b]8;;http://evil.example\x07link\x1b]8;;\x07\rover\x08\x00\x9b1m",
    "invisible characters": "we\u200bb\ufeff\U000e0041",
    "many lines": "x\n" * 5_000,
    "markup": "</text> & *bold* `code` ~~~ ``` :bomb:",
}


def hostile_target(text: str) -> Target:
    bound = Bound(kind=Kind.CONTAINER, name=text, id=text, image=text, parts={text: text})
    return Target(
        bound=bound, state=text, image=text, restarts=10**9, ports=text, peers=(text,) * 30, log=(text,) * 30
    )


FIELDS = {
    "the line": lambda text: {"line": {"shown": text}},
    "the asker's name": lambda text: {"line": {"user_name": text}},
    "the host": lambda text: {"line": {"host": text}},
    "the notes": lambda text: {"line": {"notes": (text,) * 9}},
    "the rule": lambda text: {"rule": text},
    "the names": lambda text: {"names": (text,) * 30},
    "the reason": lambda text: {"reason": text},
    "the end": lambda text: {"why": text, "ended_by": "U02BOB"},
    "the votes": lambda text: {
        "votes": tuple(
            Vote(user_id=f"U{number}", name=text, approves=number % 2 == 0, reason=text, at=ASKED)
            for number in range(40)
        )
    },
    "the targets": lambda text: {
        "probed": PROBED.model_copy(update={"targets": (hostile_target(text),) * 30})
    },
    "the calls": lambda text: {"probed": PROBED.model_copy(update={"calls": (text,) * 30})},
    "what the look says": lambda text: {"probed": UNSEEN.model_copy(update={"message": text})},
}


def everything(text: str) -> dict:
    """All of it at once."""
    merged: dict = {"line": {}}
    for make in FIELDS.values():
        fields = make(text)
        merged["line"] |= fields.pop("line", {})
        merged |= fields
    targets = PROBED.model_copy(update={"targets": (hostile_target(text),) * 30, "calls": (text,) * 30})
    return merged | {"probed": targets}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("field", [*FIELDS, "everything"])
def test_nothing_from_outside_breaks_out_of_a_card(field, text):
    changes = FIELDS.get(field, everything)(text)
    for state in State if field == "everything" else (State.VOID, State.OPEN):
        one = asked(state, **changes)
        for message in (cards.card(one), cards.ask(one), cards.reminder(one, escalated=True)):
            check(message)
            seen = json.dumps(message.blocks, ensure_ascii=False) + message.text
            assert clean(seen) == seen
            assert "<" not in message.text
            assert ">" not in message.text
            assert not {"broadcast", "channel", "color"} & set(kinds(message.blocks))
    for view in (cards.deny_form(one), cards.details(one)):
        check_view(view)
        shown = json.dumps(view, ensure_ascii=False)
        assert clean(shown) == shown


def kinds(part) -> Iterator[str]:
    """The type of every block, element and object in it."""
    if isinstance(part, dict):
        if isinstance(part.get("type"), str):
            yield part["type"]
        for value in part.values():
            yield from kinds(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from kinds(value)


def mentions(part) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (part[key] for key in ("user_id", "usergroup_id", "url") if key in part)
        for value in part.values():
            yield from mentions(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from mentions(value)


INJECTED = "<!channel> <@U66MALLORY> <http://evil.example|docs> @everyone"


@pytest.mark.parametrize("field", FIELDS)
def test_a_mention_that_is_typed_in_stays_text(field):
    known = {"U01ALICE", "U02BOB", "U09EVE", SRE, LEADS, *(f"U{number}" for number in range(40))}
    one = asked(**FIELDS[field](INJECTED))
    shown = [cards.card(one), cards.ask(one), cards.reminder(one, escalated=True)]
    for part in [*(list(message.blocks) for message in shown), cards.details(one), cards.deny_form(one)]:
        assert set(mentions(part)) <= known
        assert "mrkdwn" not in set(kinds(part))
    assert not any("<" in message.text for message in shown)


@pytest.mark.parametrize("count", [1, 50])
def test_terms_of_any_length_stay_inside_the_limits(count):
    step = Step(
        people=20,
        users=tuple(f"U{number}" for number in range(500)),
        groups=tuple(f"S{number}" for number in range(500)),
        roles=tuple("r" * 10_000 for _ in range(50)),
    )
    terms = Terms(any=(Threshold(steps=(step,) * 5),) * count, denials=20)
    one = asked(terms=terms, votes=(YES, NO))
    voters = {"U02BOB": Voter(user_id="U02BOB", standing=Standing.MEMBER, groups=("S1",))}
    check(cards.card(one, voters))
    check(cards.ask(one))
    check(cards.reminder(one, escalated=False))
    check_view(cards.details(one))
