"""Every command of the catalogue as a line and back, and as JSON and back.

DOCKTALK_FUZZ_SECONDS=20 runs on for half of that.
"""

import os
import re
import shlex
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from handlers.catalogue import load
from handlers.faults import UsageFault
from handlers.grammar.parser import Parsed, parse
from handlers.grammar.render import argv
from tests.handlers.grammar.texts import TEXTS, commands, without_generator

SECONDS = float(os.environ.get("DOCKTALK_FUZZ_SECONDS", "0")) / 2
CATALOGUE = load()
BY_PATH = {command.path: command for command in CATALOGUE.commands}


def comes_back(command):
    """Whether the canonical line was taken; else it is the command's own check that refuses it."""
    assert same(command, type(command).model_validate_json(command.model_dump_json(exclude_unset=True)))
    line = shlex.join(argv(command))
    try:
        command.check()
    except UsageFault as own:
        with pytest.raises(UsageFault, match=f"^{re.escape(own.message)}$"):
            parse(line, CATALOGUE)
        return False
    answer = parse(line, CATALOGUE)
    assert isinstance(answer, Parsed)
    assert same(command, answer.command)
    return True


def same(one, other):
    return one == other and one.model_fields_set == other.model_fields_set


def test_every_type_of_option_has_a_generator():
    assert without_generator() == set()


@pytest.mark.parametrize("kind", TEXTS, ids=lambda kind: kind.word or "bool")
def test_a_generated_text_has_the_value_that_it_is_shown_as(kind):
    @settings(max_examples=40, deadline=None)
    @given(TEXTS[kind])
    def shown_and_read(text):
        for part in kind.split(text) if kind.split else [text]:
            value = kind.parse(part)
            shown = kind.show(value)
            assert (kind.split(shown) == [value]) if kind.split else (kind.parse(shown) == value)

    shown_and_read()


@pytest.mark.parametrize("path", sorted(BY_PATH))
def test_the_line_and_the_json_of_a_command_become_the_same_command(path):
    taken = []

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(commands(BY_PATH[path]))
    def there_and_back(command):
        taken.append(comes_back(command))

    there_and_back()
    assert any(taken)


if SECONDS:

    def test_no_command_is_lost_in_a_long_run():
        @settings(
            max_examples=500,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.sampled_from(sorted(BY_PATH)).flatmap(lambda path: commands(BY_PATH[path])))
        def there_and_back(command):
            comes_back(command)

        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            there_and_back()
