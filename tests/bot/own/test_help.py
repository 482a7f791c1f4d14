"""What ``/docktalk help`` says, and what a wrong word is answered."""

import pytest

from bot.hosts import Host, Hosts
from bot.own.commands import GROUPS, OWN, answer, sent_to_docker
from bot.request import Origin, Request
from handlers import catalogue
from handlers.faults import UsageFault
from handlers.grammar.parser import parse
from permissions.operation import Principal, Standing

PATHS = {"container ls", "container stop", "version"}
SOME = tuple(one for one in catalogue.load().commands if one.path in PATHS)
WHO = Principal(team_id="T1", user_id="U0ANA", name="ana", standing=Standing.MEMBER, as_of=0.0)
PHONE_LINES = 30


def told(text: str, *, commands=SOME, audit=False) -> str:
    hosts = Hosts(default="prod-1", known=(Host(name="prod-1"),))
    request = Request(
        delivery_id="d1",
        team_id="T1",
        user_id="U0ANA",
        user_name="ana",
        channel_id="C1",
        text=text,
        program="docktalk",
        origin=Origin.SLASH,
        received_at=0.0,
    )
    return answer(request, commands, WHO, hosts, audit=audit).text


def test_every_line_of_ours_stands_in_one_group():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(OWN)


def test_the_help_names_all_that_there_is_on_a_phones_screen():
    text = told("help", audit=True)
    assert len(text.splitlines()) <= PHONE_LINES
    assert "  container: ls, stop\n  version\n" in text
    for name in OWN:
        assert name in text


def test_who_may_run_nothing_is_told_so():
    assert "no rule lets you run a docker command here" in told("help", commands=())


@pytest.mark.parametrize("topic", ["locks", "unlock", "lock"])
def test_a_group_is_told_line_by_line(topic):
    text = told(f"help {topic}")
    assert [line.split()[0] for line in text.splitlines()[1:]] == list(GROUPS["locks"])
    assert OWN["lock"] in text


def test_the_audit_is_named_to_whom_it_is_shown():
    for text in ("help", "help general"):
        assert "audit" in told(text, audit=True)
        assert "audit" not in told(text)


CORRECTIONS = {
    "lok prod-1 --reason 'heap dump'": "lock prod-1 --reason 'heap dump'",
    "incidnt list": "incident list",
    "whomai": "whoami",
    "frobnicate J-1": None,
}


@pytest.mark.parametrize(("typed", "meant"), CORRECTIONS.items(), ids=CORRECTIONS)
def test_a_wrong_word_is_corrected_in_the_whole_line(typed, meant):
    with pytest.raises(UsageFault) as raised:
        told(typed)
    assert raised.value.suggestion == meant
    assert typed[slice(*raised.value.span)] == typed.split()[0]


ELSEWHERE = {
    "lock prod-1": "`/docktalk lock`",
    "incidnt open INC-12": "Did you mean `/docktalk incident`?",
    "restrat web": "Did you mean `restart`?",
    "frobnicate": "",
}


@pytest.mark.parametrize(("typed", "hint"), ELSEWHERE.items(), ids=ELSEWHERE)
def test_a_line_of_ours_sent_to_docker_is_told_where_it_goes(typed, hint):
    with pytest.raises(UsageFault) as raised:
        parse(typed, catalogue.load())
    sent_to_docker(typed, raised.value)
    assert hint in raised.value.hint
    assert bool(hint) == bool(raised.value.hint)
    assert raised.value.suggestion == ("restart web" if typed == "restrat web" else None)


def test_help_about_nothing_that_there_is_says_so():
    with pytest.raises(UsageFault) as raised:
        told("help frobnicate")
    assert "unknown command" in raised.value.message
