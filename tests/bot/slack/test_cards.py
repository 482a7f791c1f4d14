"""The cards of an approval, state by state against golden files, inside Slack's limits whatever they say."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from slack_sdk.models.blocks import Block as SdkBlock
from slack_sdk.models.views import View

from bot.jobs.wire import Probed, Target
from bot.slack import cards
from bot.slack.blocks import MESSAGE_CHARS, TEXT_CHARS, clean, size
from bot.slack.card_parts import Standing as Shown
from bot.standin.limits import block_problems, view_problems
from bot.store.approvals import Asked
from bot.store.records import Draft
from handlers import catalogue
from permissions.approval import Approval, Bound, State, Step, Terms, Threshold, Vote, Voter
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.ticket import CommandWire, Mode
from permissions.verbs import Danger, Kind, Verb

from .conftest import record

GOLDEN = Path(__file__).parents[2] / "golden" / "slack"
ASKED = 1_790_000_000.0
SRE, LEADS = "S0SRE", "S0LEADS"
BUTTONS = {cards.APPROVE, cards.DENY, cards.DETAILS, cards.WITHDRAW}

TERMS = Terms(
    any=(
        Threshold(steps=(Step(people=2, groups=(SRE,)),)),
        Threshold(steps=(Step(roles=("lead",)), Step(users=("U09EVE",)))),
        Threshold(steps=(Step(groups=(LEADS,), roles=("lead",)),), after=600.0),
        Threshold(steps=(Step(groups=(SRE,)),), reason="INC-*"),
    )
)
WEB = Target(
    bound=Bound(
        kind=Kind.CONTAINER,
        name="web",
        id="4f1c2d9ab310" + "0" * 52,
        image="sha256:" + "a" * 64,
        parts={"Config": "1", "HostConfig": "2", "Mounts": "3", "networks": "4"},
    ),
    state="Up 3 hours (healthy)",
    image="nginx:1.27",
    restarts=2,
    exit_code=137,
    ports="0.0.0.0:80->80/tcp",
    peers=("api", "db", "cache", "mail"),
    log=tuple(f"GET /{number} 200" for number in range(9)),
)
API = Target(
    bound=Bound(kind=Kind.CONTAINER, name="api", id="b" * 64), state="Exited (1) 5 minutes ago", exit_code=1
)
PROBED = Probed(
    job_id="J-1",
    worker="w",
    targets=(WEB,),
    calls=("POST /containers/4f1c2d9ab310/restart?t=2",),
    at=ASKED + 1,
)
MANY = PROBED.model_copy(
    update={
        "targets": (
            WEB,
            API.model_copy(update={"log": ("boot", "panic: <!channel>")}),
            *(
                API.model_copy(update={"bound": API.bound.model_copy(update={"name": f"old-{n}"})})
                for n in range(5)
            ),
        )
    }
)
YES = Vote(user_id="U02BOB", name="bob", approves=True, at=ASKED + 60)
NO = Vote(user_id="U03CAROL", name="carol", approves=False, reason="drain it first", at=ASKED + 90)
BOB = Voter(user_id="U02BOB", standing=Standing.MEMBER, groups=(SRE,))


def asked(
    state: State = State.OPEN,
    *,
    probed: Probed | None = PROBED,
    verb: Verb = Verb.OPERATE,
    danger: Danger = Danger.INTERRUPTS,
    names: tuple[str, ...] = ("web",),
    rule: str = "prod-changes",
    line: dict | None = None,
    **approval,
) -> Asked:
    """An approval of ``docker container restart web -t 2``; the line's own record takes ``line``."""
    of_job = record(**(line or {}))
    command = of_job.command
    operation = Operation(
        command=command,
        verb=verb,
        danger=danger,
        resources=tuple(Resource(kind=Kind.CONTAINER, name=name) for name in names),
        host="prod-1",
    )
    of_job = of_job.model_copy(update={"operation": operation})
    looked_at = probed is not None and not probed.reason
    return Asked(
        token="opaque-token",
        probe_key="00" * 32,
        approval=Approval.model_validate(
            {
                "job_id": of_job.job_id,
                "revision": 3,
                "asker_id": "U01ALICE",
                "reason": "web does not answer",
                "terms": TERMS,
                "asked_at": ASKED,
                "bound": tuple(one.bound for one in probed.targets) if looked_at else None,
                "state": state,
                **({} if state is State.OPEN else {"ended_at": ASKED + 120}),
            }
            | approval
        ),
        draft=Draft(
            record=of_job,
            command=CommandWire(path=command, fields={"containers": ["web"]}),
            mode=Mode.RUN,
            lane="changes",
            nonce="n",
        ),
        principal=Principal(
            team_id="T0STANDIN", user_id="U01ALICE", name="alice", standing=Standing.MEMBER, as_of=ASKED
        ),
        policy="p" * 64,
        rule=rule,
        probed=probed,
    )


def removed(state: State = State.OPEN, **changes) -> Asked:
    """The same of a line that loses data, about several containers."""
    values = {
        "verb": Verb.DESTROY,
        "danger": Danger.LOSES_DATA,
        "names": ("web", "api"),
        "line": {"shown": "docker container rm --force web api", "command": "container rm"},
        "probed": MANY,
    }
    return asked(state, **(values | changes))


MOVED = "container web is another one: 4f1c2d9ab310, was c01d33fe8a10\ncontainer api: Mounts has changed"
UNSEEN = Probed(job_id="J-1", worker="w", reason="not_found", message="No such container: web.", at=ASKED + 1)

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
}
FORMS = {
    "approval_deny_form": lambda: cards.deny_form(asked()),
    "approval_details": lambda: cards.details(asked(votes=(YES,))),
    "approval_details_before_a_look": lambda: cards.details(asked(probed=None)),
}


def texts(part) -> Iterator[str]:
    """Every piece of text that people see or hear, wherever it stands."""
    if isinstance(part, dict):
        for key in ("text", "accessibility_label", "fallback"):
            if isinstance(part.get(key), str):
                yield part[key]
        for value in part.values():
            yield from texts(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from texts(value)


def said(message) -> str:
    return "".join(texts(message.blocks))


def buttons(message) -> dict[str, dict]:
    found = [
        element for block in message.blocks if block["type"] == "actions" for element in block["elements"]
    ]
    return {element["action_id"]: element for element in found}


def check(message):
    """Fails unless Slack's own models and the stand-in both take the message, and it parses nothing."""
    for block in message.blocks:
        known = SdkBlock.parse(block)
        assert known is not None
        known.validate_json()
    assert block_problems(list(message.blocks)) == []
    assert 0 < len(message.text) <= 2 * TEXT_CHARS
    assert size("".join(texts(message.blocks))) <= MESSAGE_CHARS
    assert '"mrkdwn"' not in json.dumps(message.blocks)
    return message


def check_view(view):
    assert view_problems(view) == []
    View(
        **{key: value for key, value in view.items() if key != "blocks"}, blocks=view["blocks"]
    ).validate_json()
    for block in view["blocks"]:
        SdkBlock.parse(block).validate_json()
    assert '"mrkdwn"' not in json.dumps(view)
    return view


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
    assert {shown.name for shown in Shown} == {state.name for state in State}
    assert len({shown.word for shown in Shown}) == len({shown.emoji for shown in Shown}) == len(State)


STATES = {
    "open": (asked, BUTTONS),
    "being looked at": (lambda: asked(probed=None), {cards.WITHDRAW}),
    "not to be seen": (lambda: asked(probed=UNSEEN), {cards.WITHDRAW}),
    "seen but not bound yet": (lambda: asked(bound=None), {cards.WITHDRAW}),
    "approved": (lambda: asked(State.APPROVED), set()),
    "denied": (lambda: asked(State.DENIED), set()),
    "expired": (lambda: asked(State.EXPIRED), set()),
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
    text = cards.card(asked(state, why="drained")).text
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
