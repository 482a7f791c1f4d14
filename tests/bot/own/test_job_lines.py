"""The lines about jobs: what they mean, and what they are told when they mean nothing."""

import pytest

from bot.jobs.wire import ShowOrder
from bot.own.job_lines import WORDS, Cancel, Check, Display, Follow, Grep, Jobs, Show, job_line
from bot.written import spelled
from handlers.faults import UsageFault
from handlers.grammar.parser import HelpAsked

LINES = {
    "jobs": Jobs(),
    "jobs -a": Jobs(all=True),
    "cancel J-42": Cancel(job="J-42"),
    "check J-42": Check(job="J-42"),
    "follow J-42": Follow(job="J-42"),
    "display --pause J-42": Display(job="J-42", pause=True),
    "grep J-42": Grep(job="J-42"),
    "grep J-42 ERROR": Grep(job="J-42", words=("ERROR",)),
    "grep J-42 connection reset": Grep(job="J-42", words=("connection", "reset")),
    "grep J-42 -- -v": Grep(job="J-42", words=("-v",)),
    "show J-42 --grep ERROR -C3 --tail 50": Show(job="J-42", grep="ERROR", context=3, tail=50),
}


@pytest.mark.parametrize(("line", "command"), LINES.items())
def test_means(line, command):
    assert job_line(line) == command


@pytest.mark.parametrize("spelling", ["J-42", "j-42", "42", "J-042", "j42", "J42"])
def test_an_id_has_one_meaning_however_it_is_written(spelling):
    assert job_line(f"cancel {spelling}").job_id == "J-42"
    assert job_line(f"who-can {spelling}").approval == spelling
    assert spelled(spelling, "J") == "J-42"


@pytest.mark.parametrize(
    ("line", "name", "one"),
    [
        ("unlock 3", "lock_id", "K-3"),
        ("unlock k03", "lock_id", "K-3"),
        ("review r2 --note 'it was right'", "review_id", "R-2"),
        ("revoke b-4", "record_id", "B-4"),
        ("revoke g4", "record_id", "G-4"),
    ],
)
def test_so_have_the_ids_of_what_is_in_force(line, name, one):
    assert getattr(job_line(line), name) == one


@pytest.mark.parametrize("line", ["revoke 4", "unlock J-3", "cancel -- -42", "cancel J--4", "cancel J-٤"])
def test_a_number_that_could_be_of_two_kinds_and_what_is_none_are_no_ids(line):
    with pytest.raises(UsageFault, match="an id is written"):
        job_line(line)


def test_the_order_has_what_the_options_say():
    order = job_line("show 7 -e 'a b' -B1 -A2 -n 9 --stderr --below 77 --file").order()
    assert order == ShowOrder(
        job_id="J-7", stream="stderr", pattern="a b", before=1, after=2, lines=9, below=77, whole=True
    )


POINTED_AT = {
    "unlock web": "web",
    "incident open inc12 x": "inc12",
    "revoke x3": "x3",
    "lock prod-1 --for 99y --reason 'heap dump'": "99y",
    "use a/b/c": "a/b/c",
    "review seven --note 'it was right'": "seven",
    "elevate lead --reason no": "--reason no",
    "elevate lead": "elevate",
}


@pytest.mark.parametrize(("line", "wrong"), POINTED_AT.items(), ids=POINTED_AT)
def test_what_is_wrong_is_pointed_at(line, wrong):
    with pytest.raises(UsageFault) as raised:
        job_line(line)
    assert line[slice(*raised.value.span)] == wrong


FOOTERS = {
    "lock prod-1": "docktalk lock",
    "incident open": "docktalk incident open",
    "cancel": "docktalk cancel",
    "incident opn INC-1": "docktalk incident",
}


@pytest.mark.parametrize(("line", "path"), FOOTERS.items(), ids=FOOTERS)
def test_a_refusal_says_whose_help_has_more(line, path):
    with pytest.raises(UsageFault) as raised:
        job_line(line)
    assert f"Usage:  {path}" in raised.value.usage or f"{path} --help" in raised.value.usage
    assert "`cancel" not in raised.value.hint  # an example can be sent as it stands


@pytest.mark.parametrize("word", ["lock", "use", "jobs", "incident open", "break-glass"])
def test_the_help_of_a_line_says_once_how_it_is_written(word):
    first = job_line(f"{word} --help").text.splitlines()[0]
    assert first.startswith(f"Usage:  docktalk {word} ")
    assert first.count("docktalk") == 1


@pytest.mark.parametrize("line", ["", "help", "hosts", "audit --user x", "whoami", "jobsx"])
def test_other_lines_are_others(line):
    assert job_line(line) is None


REFUSED = {
    "cancel": "requires 1 argument",
    "cancel web": "no job",
    "cancel J-": "no job",
    "cancel J-1 J-2": "requires 1 argument",
    "grep J-1 (": "not a pattern",
    "show J-1 --grep [": "not a pattern",
    "show J-1 --tail 0": "from 1 to 200",
    "show J-1 --tail 500": "from 1 to 200",
    "show J-1 -C 99": "from 0 to 50",
    "show J-1 --below -4": "from 0 to",
    "show J-1 --tail x": "invalid argument",
    "show J-1 --frobnicate": "unknown flag",
    f"grep J-1 {'a' * 300}": "at most 200",
}


@pytest.mark.parametrize(("line", "sentence"), REFUSED.items())
def test_refuses(line, sentence):
    with pytest.raises(UsageFault, match=sentence) as fault:
        job_line(line)
    assert "docker " not in fault.value.message + fault.value.usage


@pytest.mark.parametrize("word", WORDS)
def test_every_line_has_its_help(word):
    answer = job_line(f"{word} --help")
    assert isinstance(answer, HelpAsked)
    assert f"docktalk {word}" in answer.text
    assert "--instead" not in answer.text
