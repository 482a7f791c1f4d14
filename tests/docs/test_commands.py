"""Every command of the catalogue is whole: help, verb, danger, example, golden and docs page."""

from pathlib import Path

import pytest

from bot.command_docs import file_name, index, page
from bot.trial.example_thread import threads
from handlers.catalogue import load
from handlers.grammar.parser import HelpAsked, parse

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "commands"
WRITE = "; write it with `python -m bot.cli catalogue docs`"
COMMANDS = load().commands
THREADS = threads(COMMANDS, ROOT / "tests" / "golden" / "examples.json")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.path)
class TestEveryCommand:
    def test_has_its_docs_page(self, command):
        path = DOCS / file_name(command)
        assert path.exists(), f"{path} is missing{WRITE}"
        assert path.read_text(encoding="utf-8") == page(command, THREADS[command.path]), (
            f"{path} is old{WRITE}"
        )

    def test_has_a_golden(self, command):
        group, _, name = command.path.rpartition(" ")
        folder = ROOT / "tests" / "golden" / (group or "system")
        assert list(folder.glob(f"{name}.*")), f"no golden {folder}/{name}.*"

    def test_answers_help_in_every_spelling(self, command):
        for spelling in (command.path, *command.aliases):
            asked = parse(f"{spelling} --help", load())
            assert isinstance(asked, HelpAsked)
            assert command.summary() in asked.text


def test_the_index_is_of_today():
    assert (DOCS / "README.md").read_text(encoding="utf-8") == index(load()), f"the index is old{WRITE}"


def test_no_page_is_left_over():
    names = {file_name(command) for command in COMMANDS} | {"README.md"}
    assert {path.name for path in DOCS.iterdir()} == names
