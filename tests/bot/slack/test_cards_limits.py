"""Every card and form of an approval, however short or long every text in it is, is what Slack takes.

What is filled in is found by walking the records, so that a field which is new is filled as well; and every
function of the cards has its line in the table.
"""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from bot.slack import cards
from bot.slack.blocks import Message
from bot.store.approvals import Asked
from bot.store.grants import GrantDraft
from permissions.approval import State, Step, Terms, Threshold, Vote, Voter
from permissions.model import Record
from permissions.operation import Standing
from permissions.verbs import Danger

from .approval_cards import ASKED, MANY, SRE, UNSEEN, asked, check, check_view

UPDATE_CHARS = 4_000
"""The most characters of a message's text that an edit takes."""
VIEW_BYTES = 250_000
MANY_OF_ALL = 200
LINK = "https://example.slack.com/archives/C0123456789/p1790000000000000"

TEXTS = {
    "one character": "x",
    "ten thousand characters": "x" * 10_000,
    "ten thousand wide characters": "\U0001f600" * 10_000,
    "ten thousand that are escaped": "&" * 10_000,
    "ten thousand words": "word " * 2_000,
    "five thousand lines": "x\n" * 5_000,
    "nothing": "",
}

GIVEN = {
    *("token", "probe_key", "mac", "nonce", "policy", "under", "instead", "delivery_id", "confirmation_id"),
    *("job_id", "grant_id", "team_id", "channel_id", "thread_ts", "user_id", "asker_id", "ended_by"),
    *("users", "groups", "told", "command", "lane", "same", "worker", "page", "principal"),
}
"""The fields that hold what Slack or the bot itself has made, or the name of a command."""

VOTERS = {
    f"U{number}": Voter(user_id=f"U{number}", standing=Standing.MEMBER, groups=(SRE,))
    for number in range(MANY_OF_ALL)
}


def filled(value: Any, text: str, times: int) -> Any:
    """The same with ``text`` in every field that somebody outside has a say in, lists ``times`` as long."""
    if isinstance(value, Record):
        fields = [name for name in type(value).model_fields if name not in GIVEN]
        return value.model_copy(update={name: filled(getattr(value, name), text, times) for name in fields})
    if isinstance(value, tuple):
        return tuple(filled(one, text, times) for one in value for _ in range(times))
    if isinstance(value, dict):
        return {f"{text}{number}"[:10_000]: text for number in range(times)} if value else value
    return text if type(value) is str else value


def rich(state: State, times: int, **changes: Any) -> Asked:
    """An approval with at least one of everything; ``times`` people have voted."""
    step = Step(people=2, users=("U0EVE", "U1"), groups=(SRE, "S1"), roles=("lead", "other"))
    ways = (
        Threshold(steps=(step, step)),
        Threshold(steps=(step,), after=60.0),
        Threshold(steps=(step,), after=120.0, reason="?*"),
    )
    votes = tuple(
        Vote(user_id=f"U{number}", name="bob", approves=number % 3 > 0, reason="why", at=ASKED + number)
        for number in range(times)
    )
    values = {
        "terms": Terms(any=ways, denials=20),
        "votes": votes,
        "why": "moved",
        "reason": "INC-12: web is down",
        "incident": "INC-12",
        "ended_by": "" if state is State.OPEN else "U1",
        "probed": MANY.model_copy(update={"rule": "on what it is now"}),
        "line": {"notes": ("a note",)},
        "danger": Danger.ROOT_EQUIVALENT,
    }
    return asked(state, **{**values, **changes})


def lent(state: State, times: int) -> Asked:
    """The same about a role."""
    one = rich(state, times, probed=None, bound=())
    draft = GrantDraft(
        record=one.draft.record,
        grant_id="G-1",
        role="lead",
        seconds=3_600.0,
        hosts=("prod-1",),
        places=(one.operation,),
        may=("start",),
    )
    return one.model_copy(update={"draft": draft})


KINDS: Mapping[str, Callable[[State, int], Asked]] = {
    "looked at": rich,
    "being looked at": lambda state, times: rich(state, times, probed=None),
    "not to be seen": lambda state, times: rich(state, times, probed=UNSEEN),
    "waived": lambda state, times: rich(state, times, ended_by=""),
    "of many names": lambda state, times: rich(state, times, names=("web",) * 30),
    "about a role": lent,
}


def messages(one: Asked) -> Iterator[tuple[str, Message]]:
    """Every message that the cards make of it, in every way."""
    yield "card", cards.card(one)
    yield "card", cards.card(one, VOTERS)
    yield "ask", cards.ask(one)
    yield "ask", cards.ask(one, LINK)
    for told in range(3):
        again = one.model_copy(update={"approval": one.approval.model_copy(update={"told": told})})
        for escalated in (False, True):
            yield "reminder", cards.reminder(again, escalated)
    yield "refused", cards.refused(one)


VIEWS: Mapping[str, Callable[[Asked], dict[str, Any]]] = {
    "deny_form": cards.deny_form,
    "break_glass_form": cards.break_glass_form,
    "details": cards.details,
}


def test_every_function_of_the_cards_is_in_the_table():
    made = {
        name
        for name, function in inspect.getmembers(cards, inspect.isfunction)
        if function.__module__ == cards.__name__ and not name.startswith("_")
    }
    assert {name for name, _ in messages(rich(State.OPEN, 1))} | VIEWS.keys() == made
    assert made <= set(cards.__all__)


def test_every_text_of_an_approval_is_filled():
    """What the fill leaves alone is named in GIVEN: so nothing new is left out unseen."""
    for one in (rich(State.VOID, 3), lent(State.VOID, 3)):
        seen = dict(texts(filled(one, "FILLED", 1)))
        assert {name for name, text in seen.items() if text and text != "FILLED"} <= GIVEN | ENUMERATED


ENUMERATED = {"state", "kind", "verb", "danger", "origin", "effect", "mode", "standing", "path", "verbs"}
"""Fields of a few known words."""


def texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a record, by the name of its field; what GIVEN names is not walked into."""
    if isinstance(value, Record):
        for field in type(value).model_fields:
            if field not in GIVEN:
                yield from texts(getattr(value, field), field)
    elif isinstance(value, tuple):
        for one in value:
            yield from texts(one, name)
    elif isinstance(value, str):
        yield name, value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("times", [1, 30], ids=["one of each", "many of each"])
def test_slack_takes_every_card_whatever_is_in_it(kind: str, text: str, times: int):
    for state in State:
        one = filled(KINDS[kind](state, min(MANY_OF_ALL, 10 * times)), text, 1)
        approval = one.approval
        ways = approval.terms.any * times
        terms = approval.terms.model_copy(update={"any": ways})
        probed = one.probed and one.probed.model_copy(
            update={name: getattr(one.probed, name) * times for name in ("targets", "calls")}
        )
        update = {"approval": approval.model_copy(update={"terms": terms}), "probed": probed}
        one = one.model_copy(update=update)
        for _, message in messages(one):
            check(message)
            assert len(message.text) <= UPDATE_CHARS
            assert len(message.blocks) <= 50
        for view in VIEWS.values():
            shown = check_view(view(one))
            assert len(json.dumps(shown)) <= VIEW_BYTES
