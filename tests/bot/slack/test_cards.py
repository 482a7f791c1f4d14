"""The cards of an approval, state by state against golden files, inside Slack's limits whatever they say."""

import json
import os
from pathlib import Path

import pytest

from bot.slack import cards
from bot.slack.approval_board import ApprovalBoard
from bot.slack.card_parts import Standing as Shown
from bot.store.outbox import Entry
from handlers import catalogue
from permissions.approval import State, Step, Terms, Threshold
from permissions.verbs import Danger, Verb

from .approval_cards import (
    BOB,
    BUTTONS,
    MOVED,
    NO,
    PROBED,
    SRE,
    UNSEEN,
    YES,
    asked,
    buttons,
    check,
    check_view,
    removed,
    said,
    texts,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "slack"


CARDS = {
    "approval_looking": lambda: cards.card(asked(probed=None, revision=0)),
    "approval_not_seen": lambda: cards.card(asked(probed=UNSEEN)),
    "approval_open": lambda: cards.card(asked()),
    "approval_open_with_votes": lambda: cards.card(asked(votes=(YES, NO)), {"U02BOB": BOB}),
    "approval_open_of_many": lambda: cards.card(removed()),
    "approval_open_with_an_incident": lambda: cards.card(asked(reason="INC-12: web is down")),
    "approval_open_for_nobody": lambda: cards.card(
        asked(terms=Terms(any=(Threshold(steps=(Step(groups=(SRE,)),), reason="INC-*"),)))
    ),
    "approval_open_as_root": lambda: cards.card(asked(danger=Danger.ROOT_EQUIVALENT)),
    "approval_approved": lambda: cards.card(asked(State.APPROVED, votes=(YES,), ended_by="U02BOB")),
    "approval_waived": lambda: cards.card(
        asked(State.APPROVED, probed=PROBED.model_copy(update={"rule": "on what it is now"}))
    ),
    "approval_denied": lambda: cards.card(
        asked(State.DENIED, votes=(YES, NO), ended_by="U03CAROL", why="drain it first")
    ),
    "approval_expired": lambda: cards.card(asked(State.EXPIRED)),
    "approval_withdrawn": lambda: cards.card(asked(State.WITHDRAWN, ended_by="U01ALICE")),
    "approval_void": lambda: cards.card(removed(State.VOID, votes=(YES,), why=MOVED)),
    "approval_asked_directly": lambda: cards.ask(asked(), "https://example.slack.com/archives/C1/p1"),
    "approval_asked_directly_and_over": lambda: cards.ask(asked(State.EXPIRED)),
    "approval_reminder": lambda: cards.reminder(asked(told=1), escalated=False),
    "approval_escalated": lambda: cards.reminder(asked(told=2), escalated=True),
    "approval_told_denied": lambda: cards.refused(
        asked(State.DENIED, votes=(NO,), ended_by="U03CAROL", why="drain it first")
    ),
    "approval_told_expired": lambda: cards.refused(asked(State.EXPIRED)),
}
FORMS = {
    "approval_deny_form": lambda: cards.deny_form(asked()),
    "approval_details": lambda: cards.details(asked(votes=(YES,))),
    "approval_details_before_a_look": lambda: cards.details(asked(probed=None)),
}


def recorded(name: str, shown) -> None:
    text = json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("DOCKTALK_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


@pytest.mark.parametrize("name", CARDS)
def test_a_card_looks_as_recorded(name):
    recorded(name, check(CARDS[name]()).model_dump(mode="json"))


@pytest.mark.parametrize("name", FORMS)
def test_a_form_looks_as_recorded(name):
    recorded(name, check_view(FORMS[name]()))


def test_every_golden_file_of_an_approval_has_its_case():
    assert {path.stem for path in GOLDEN.glob("approval_*.json")} == {*CARDS, *FORMS}


def test_every_state_has_a_word_and_a_picture_of_its_own():
    assert {shown.name for shown in Shown} == {state.name for state in State} | {"WAIVED"}
    assert len({shown.word for shown in Shown}) == len({shown.emoji for shown in Shown}) == len(Shown)


STATES = {
    "open": (asked, BUTTONS),
    "being looked at": (lambda: asked(probed=None), {cards.WITHDRAW}),
    "not to be seen": (lambda: asked(probed=UNSEEN), {cards.WITHDRAW}),
    "seen but not bound yet": (lambda: asked(bound=None), {cards.WITHDRAW}),
    "approved": (lambda: asked(State.APPROVED), set()),
    "denied": (lambda: asked(State.DENIED), set()),
    "expired": (lambda: asked(State.EXPIRED), {cards.AGAIN}),
    "withdrawn": (lambda: asked(State.WITHDRAWN), set()),
    "void": (lambda: asked(State.VOID), {cards.AGAIN}),
}


@pytest.mark.parametrize(("make", "offered"), STATES.values(), ids=STATES)
def test_a_card_offers_what_can_be_done_and_nothing_else(make, offered):
    shown = buttons(check(cards.card(make())))
    assert shown.keys() == offered
    assert {button["value"] for button in shown.values()} <= {"opaque-token"}
    assert buttons(check(cards.ask(make()))).keys() == offered - {cards.AGAIN}


def test_the_token_stands_in_the_buttons_alone():
    message = cards.card(asked())
    others = [block for block in message.blocks if block["type"] != "actions"]
    assert "opaque-token" not in json.dumps(others) + message.text


def test_a_copy_says_how_the_target_fares_and_who_feels_it_and_leaves_the_log_in_the_channel():
    copy, card = said(cards.ask(asked())), said(cards.card(asked()))
    for state in (
        "Up 3 hours (healthy)",
        "restarted 2 times",
        "last exit 137",
        "shares its networks with api",
    ):
        assert state in copy
        assert card.count(state) == 1
    assert "GET /8 200" in card
    assert "GET /" not in copy


@pytest.mark.parametrize("probed", [None, UNSEEN], ids=["not looked at", "not to be seen"])
def test_without_a_look_nothing_is_said_of_how_it_fares(probed):
    assert "Now: " not in said(cards.ask(asked(probed=probed))) + said(cards.card(asked(probed=probed)))


def test_the_incident_is_no_reason_that_the_asker_gave():
    named = asked(reason="INC-12", incident="INC-12")
    assert "Incident: " in said(cards.card(named))
    assert "Why: " not in said(cards.card(named))


def test_an_exception_to_a_freeze_is_said_where_it_is_read():
    frozen = PROBED.model_copy(update={"excepted": ("weekend",)})
    for made in (cards.card, cards.ask):
        assert "to the freeze weekend" in said(made(asked(probed=frozen)))
        assert "Exception" not in said(made(asked()))


def test_what_was_withdrawn_to_run_at_once_is_not_said_to_stay_undone():
    text = cards.card(asked(State.WITHDRAWN, why="It runs at once, under break-glass G-2.")).text
    assert text.endswith("It runs at once, under break-glass G-2.")
    assert "is not run" not in text
    assert cards.card(asked(State.WITHDRAWN)).text.endswith("is not run.")


def test_approving_is_confirmed_with_the_line_and_the_host():
    confirm = buttons(cards.card(asked()))[cards.APPROVE]["confirm"]
    assert "docker container restart web -t 2 on prod-1" in confirm["text"]["text"]


def test_every_revision_has_block_ids_of_its_own():
    made = [cards.card(asked(revision=number)) for number in range(3)]
    made += [cards.ask(asked()), cards.reminder(asked(), escalated=False)]
    ids = [block["block_id"] for message in made for block in message.blocks]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("state", State)
def test_a_notification_is_a_sentence_that_names_line_and_host(state):
    text = cards.card(asked(state, why="drained", ended_by="" if state is State.EXPIRED else "U02BOB")).text
    assert text.startswith(Shown[state.name].word)
    assert "docker container restart web -t 2 on prod-1" in text


CONSEQUENCES = {
    Danger.SAFE: set(),
    Danger.INTERRUPTS: {"interrupted"},
    Danger.LOSES_DATA: {"cannot be undone"},
    Danger.ROOT_EQUIVALENT: {"cannot be undone", "as good as root"},
}


@pytest.mark.parametrize(("danger", "told"), CONSEQUENCES.items())
def test_a_card_says_how_bad_it_can_be(danger, told):
    shown = said(cards.card(asked(danger=danger)))
    assert {one for one in set().union(*CONSEQUENCES.values()) if one in shown} == told


CHANGES = [command for command in catalogue.load().commands if not command.verb.reads]


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: command.path)
@pytest.mark.parametrize(
    "probed", [PROBED, PROBED.model_copy(update={"targets": ()})], ids=["web", "nothing"]
)
def test_every_change_is_said_in_words_of_its_own(command, probed):
    line = {"shown": command.example, "command": command.path}
    shown = said(check(cards.card(asked(verb=command.verb, line=line, probed=probed))))
    does = shown.partition("What it does: ")[2].partition("Needs ")[0]
    assert does
    assert not any(does.startswith(word) for word in ("operates", "changes .", "moves data", "exchanges"))


def test_a_way_that_counts_later_says_from_when():
    shown = said(cards.card(asked()))
    assert "or from 14:23:20 UTC on: 1 of " in shown


def test_a_way_that_can_never_count_is_not_named():
    never = Terms(
        any=(
            Threshold(steps=(Step(users=("U09EVE",)),)),
            Threshold(steps=(Step(roles=("late",)),), after=900.0),
            Threshold(steps=(Step(roles=("other",)),), reason="INC-*"),
        )
    )
    shown = said(cards.card(asked(terms=never)))
    assert "late" not in shown
    assert "other" not in shown


def test_a_reminder_names_who_can_decide_by_now():
    before, after = (said(cards.reminder(asked(told=told), escalated=told > 1)) for told in (1, 2))
    assert "or with the role lead" not in before
    assert "or with the role lead" in after


def test_a_reminder_mentions_those_whose_copy_would_stay_silent():
    waiting = asked(told=1).model_copy(update={"told": tuple(f"U0{n}" for n in range(5))})
    message = check(cards.reminder(waiting, escalated=False))
    named = [one["user_id"] for one in message.blocks[0]["elements"][0]["elements"] if one["type"] == "user"]
    assert [one for one in named if one in waiting.told] == ["U00", "U01", "U02"]
    assert "and 2 more)" in said(message)


class Shelf:
    """An outbox that keeps what it is given, and where nothing has been posted yet."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def put(self, *entries: Entry) -> None:
        self.entries += entries

    async def at(self, _key: str) -> str:
        return ""


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State.APPROVED, False),
        (State.DENIED, True),
        (State.EXPIRED, True),
        (State.WITHDRAWN, False),
        (State.VOID, False),
    ],
)
@pytest.mark.parametrize("thread", ["", "1790000000.000100"])
async def test_an_end_that_no_job_tells_of_is_a_reply_below_the_card_once(state, told, thread):
    shelf = Shelf()
    over = asked(state, line={"thread_ts": thread}, **({"ended_by": "U03CAROL"} if told else {}))
    for _ in range(2):
        await ApprovalBoard(shelf, shelf).show(over, {})
    replies = [one for one in shelf.entries if one.key == "J-1/0.over"]
    assert len(replies) == (2 if told else 0)  # of one key and revision, so the second one posts nothing
    for one in replies:
        assert (one.revision, one.thread_ts) == (1, thread)
        assert one.under == ("" if thread else "J-1/0.card")
        assert "U01ALICE" in json.dumps(one.message.blocks)


def test_what_a_program_does_to_others_is_not_foretold():
    line = {"shown": "docker container exec web df -h", "command": "container exec"}
    shown = said(cards.card(asked(verb=Verb.EXEC, line=line)))
    assert "the program decides" in shown
    assert "interrupted" not in shown


def test_an_approver_is_told_that_the_line_goes_on_or_hides_something():
    long = said(cards.card(asked(line={"shown": "docker run " + "x" * 3_000})))
    hidden = said(cards.card(asked(line={"shown": "docker rm we\u202eb"})))
    assert "Details has more of it" in long
    assert "characters that cannot be shown" in hidden
    assert "Details has more" not in hidden
    assert "cannot be shown" not in long


def test_a_blank_inside_of_a_line_is_shown_as_it_is():
    assert "sh -c 'rm  -rf  /x'" in said(
        cards.card(asked(line={"shown": "docker exec web sh -c 'rm  -rf  /x'"}))
    )


def test_the_details_show_whole_what_a_card_cuts():
    line = "docker run nginx " + "".join(f"--env=N{number} " for number in range(800))
    many = PROBED.model_copy(update={"calls": tuple(f"DELETE /images/{number}" for number in range(100))})
    shown = "".join(texts(check_view(cards.details(asked(probed=many, line={"shown": line})))["blocks"]))
    assert line.strip() in shown
    assert "DELETE /images/99" in shown
