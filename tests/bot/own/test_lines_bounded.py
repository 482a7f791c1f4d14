"""What a line of ours names stands in every refusal and every record: it has a length that people read."""

import pytest

from bot.own.job_lines import job_line
from handlers.faults import UsageFault
from handlers.grammar.command import Command
from handlers.grammar.secrecy import MASK

LONG = {
    "a host of a lock": f"lock {'*' * 129} --reason x",
    "a container of a lock": f"lock prod-1/{'w' * 256} --reason x",
    "an incident": f"incident open {'A' * 21}-1",
    "an incident's number": f"incident open A-{'1' * 10}",
}


@pytest.mark.parametrize("line", LONG.values(), ids=LONG)
def test_what_is_longer_than_any_name_is_none(line: str):
    with pytest.raises(UsageFault):
        job_line(line)


@pytest.mark.parametrize(
    "line",
    [
        f"lock {'p' * 128}/{'w' * 255} --reason x",
        f"incident open {'A' * 20}-{'1' * 9}",
    ],
)
def test_the_longest_names_are_taken(line: str):
    assert isinstance(job_line(line), Command)


TOKEN = "hunter2-hunter2"
TEXTS = {
    "a lock's reason": ("lock prod-1 --reason", lambda said: said.told),
    "an incident's title": ("incident open INC-1", lambda said: said.title),
    "an incident's note": ("incident close INC-1", lambda said: said.note),
}


@pytest.mark.parametrize(("line", "read"), TEXTS.values(), ids=TEXTS)
def test_what_looks_secret_in_a_text_is_kept_nowhere(line: str, read):
    assert read(job_line(f'{line} "api_key={TOKEN}"')) == f"api_key={MASK}"


@pytest.mark.parametrize(("line", "read"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_one_line_so_that_it_forges_no_other(line: str, read):
    assert read(job_line(f'{line} "down\nINC-2  is open\tby ana"')) == "down INC-2 is open by ana"


@pytest.mark.parametrize(("line", "read"), TEXTS.values(), ids=TEXTS)
def test_nothing_unseen_is_kept_nor_hides_a_secret(line: str, read):
    unseen = "\u202e", "\u2066", "\x1b[31m", "\x07", "\u200b"
    assert read(job_line(f'{line} "a{"b".join(unseen)}c api_\u2060key={TOKEN}"')) == f"abbbbc api_key={MASK}"
