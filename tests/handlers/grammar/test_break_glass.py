"""``--break-glass``: on every change, with a reason, and never part of the command."""

import pytest

from handlers import catalogue
from handlers.faults import UsageFault
from handlers.grammar.parser import parse

CATALOGUE = catalogue.load()


@pytest.mark.parametrize("command", [one for one in CATALOGUE.commands if not one.verb.reads], ids=str)
def test_every_change_takes_it_and_is_the_same_command(command):
    plain = parse(command.example, CATALOGUE)
    words = command.path + ' --break-glass "INC-8 it is down"'
    line = command.example.replace(command.path, words, 1)
    if line == command.example:  # its example is in another spelling
        spelling = next(alias for alias in command.aliases if command.example.startswith(f"docker {alias}"))
        line = command.example.replace(spelling, words, 1)
    parsed = parse(line, CATALOGUE)
    assert parsed.break_glass == "INC-8 it is down"
    assert parsed.command == plain.command
    assert plain.break_glass is None


def test_an_empty_reason_is_one_that_was_given():
    assert parse('restart --break-glass "" web', CATALOGUE).break_glass == ""


def test_a_read_has_no_glass_to_break():
    with pytest.raises(UsageFault, match="unknown flag"):
        parse("ps --break-glass reason", CATALOGUE)


def test_without_a_word_behind_it_nothing_is_guessed():
    with pytest.raises(UsageFault, match="flag needs an argument"):
        parse("restart web --break-glass", CATALOGUE)
