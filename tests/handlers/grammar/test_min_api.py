from typing import Annotated

import pytest

from handlers.faults import Fault, Reason
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import parse
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Verb


class Odd(Command, path="odd", verb=Verb.LIST, danger=Danger.SAFE, example="docker odd x"):
    """Does something odd."""

    name: Annotated[str, Arg("NAME")]
    zone: Annotated[str, Opt("--zone", help="Where", min_api=(1, 32))] = ""
    area: Annotated[bool, Opt("-a", "--area", help="How much", type=BOOL, min_api=(1, 44))] = False
    plain: Annotated[str, Opt("--plain", help="What every engine knows")] = ""


class Late(Command, path="late", verb=Verb.LIST, danger=Danger.SAFE, example="docker late", min_api=(1, 25)):
    """Does something odd, on newer engines."""

    zone: Annotated[str, Opt("--zone", help="Where", min_api=(1, 32))] = ""


CATALOGUE = Catalogue([Odd, Late])
OLD = "requires API version {}, but the Docker daemon API version is {}"


def command(line):
    return parse(line, CATALOGUE).command


@pytest.mark.parametrize(
    ("line", "version", "sentences"),
    [
        ("docker odd --zone x n", (1, 24), [f'"--zone" {OLD.format("1.32", "1.24")}']),
        ("docker odd --zone '' n", (1, 31), [f'"--zone" {OLD.format("1.32", "1.31")}']),
        ("docker odd -a=false n", (1, 41), [f'"--area" {OLD.format("1.44", "1.41")}']),
        (
            "docker odd --zone x -a n",
            (1, 9),
            [f'"--area" {OLD.format("1.44", "1.9")}', f'"--zone" {OLD.format("1.32", "1.9")}'],
        ),
        ("docker late --zone x", (1, 24), [f"docker late {OLD.format('1.25', '1.24')}"]),
        ("docker late --zone x", (1, 25), [f'"--zone" {OLD.format("1.32", "1.25")}']),
    ],
)
def test_what_an_engine_is_too_old_for_is_refused_with_the_clis_sentences(line, version, sentences):
    with pytest.raises(Fault) as fault:
        command(line).require_api(version)
    assert fault.value.message == "\n".join(sentences)
    assert (fault.value.reason, fault.value.exit_code) == (Reason.API_TOO_OLD, 1)
    assert fault.value.hint


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("docker odd n", (1, 12)),
        ("docker odd --plain x n", (1, 12)),
        ("docker odd --zone x n", (1, 32)),
        ("docker odd --zone x -a n", (2, 0)),
        ("docker late", (1, 25)),
    ],
)
def test_an_engine_that_is_new_enough_is_asked(line, version):
    command(line).require_api(version)


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("docker odd --plain x n", ()),
        ("docker odd -a --zone x n", (('"--area"', (1, 44)), ('"--zone"', (1, 32)))),
        ("docker late", (("docker late", (1, 25)),)),
    ],
)
def test_a_line_without_such_needs_can_do_without_the_version(line, needs):
    assert command(line).needs_api() == needs
