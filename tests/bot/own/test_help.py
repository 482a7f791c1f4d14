"""What ``/docktalk help`` says, and what a wrong word is answered."""

import pytest

from bot.hosts import Host, Hosts
from bot.own.commands import GROUPS, OWN, answer, option_meant, program_meant
from bot.own.lines import pointing
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


ALL = catalogue.load()
MEANT = {
    "docker: lock prod-1": ("docktalk", "lock prod-1", "`lock` is mine"),
    "docker: incidnt open INC-12 incidnt": ("docktalk", "incident open INC-12 incidnt", ""),
    "docker: restrat web": ("docker", "restart web", "Did you mean `restart`?"),
    "docker: frobnicate": ("docker", None, ""),
    "docker: help lock": ("docker", None, ""),
    "docktalk: ps -a": ("docker", "ps -a", "`ps` is Docker's"),
    "docktalk: container ls": ("docker", "container ls", "`container` is Docker's"),
    "docktalk: restrat web": ("docktalk", None, ""),
    "docktalk: lok prod-1": ("docktalk", "lock prod-1", ""),
}


@pytest.mark.parametrize(("typed", "meant"), MEANT.items(), ids=MEANT)
def test_a_line_sent_to_the_wrong_one_of_the_two_is_one_click_from_the_other(typed, meant):
    program, line = typed.split(": ")
    with pytest.raises(UsageFault) as raised:
        told(line) if program == "docktalk" else parse(line, ALL)
    assert (program_meant(program, line, raised.value, ALL), raised.value.suggestion) == meant[:2]
    assert meant[2] in raised.value.hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("help frobnicate now", "there is no help about frobnicate now"),
        ("hosts now", "'docktalk hosts' accepts no arguments"),
        ("whoami w", "'docktalk whoami' accepts no arguments"),
    ],
)
def test_what_is_too_much_is_pointed_at(line, message):
    with pytest.raises(UsageFault, match=message) as raised:
        told(line)
    assert line[slice(*raised.value.span)] == line.partition(" ")[2]


@pytest.mark.parametrize(
    ("text", "inner", "wrong", "corrected"),
    [
        ("can-i rm", "rm", "rm", None),
        ('can-i "restrat web"', "restrat web", "restrat", 'can-i "restart web"'),
        ("can-i docker restart --tiem 2 web", "docker restart --tiem 2 web", "--tiem", None),
    ],
)
def test_what_is_wrong_in_a_line_that_is_asked_about_is_pointed_at_there(text, inner, wrong, corrected):
    with pytest.raises(UsageFault) as raised:
        parse(inner.removeprefix("docker "), ALL)
    fault = pointing(raised.value, text, inner)
    assert text[slice(*fault.span)] == wrong
    if corrected:
        assert fault.suggestion == corrected
    assert not fault.suggestion or fault.suggestion.startswith("can-i ")


@pytest.mark.parametrize(
    ("message", "line", "pointed"),
    [
        ("--break-glass needs a few words", "restart --break-glass now web", "--break-glass"),
        ("--times is for an open incident", "restart --times 3 web", "--times"),
        ("--times is for an open incident", "restart web", None),
        ("no such host: --times", "restart --times 3 web", None),
    ],
)
def test_an_option_that_is_wrong_only_here_is_pointed_at_as_well(message, line, pointed):
    at = option_meant(UsageFault(message), line)
    assert (line[slice(*at)] if at else None) == pointed


def test_an_unknown_line_is_not_said_again_whole():
    with pytest.raises(UsageFault) as raised:
        told("run -e DB_PASSWORD=hunter2 web")
    assert "hunter2" not in raised.value.message + raised.value.hint
