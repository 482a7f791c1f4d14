"""The real catalogue against its committed snapshot and against the facts of docker's own commands."""

import csv
import json
import re
from pathlib import Path
from typing import Annotated

import pytest

from handlers.catalogue import check, load
from handlers.elsewhere import ELSEWHERE
from handlers.faults import Reason, UsageFault
from handlers.grammar import usage
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import Parsed, parse
from handlers.grammar.values import BOOL
from permissions.verbs import Danger, Verb

TESTS = Path(__file__).parents[1]
CATALOGUE = load()
COMMANDS = {command.path: command for command in CATALOGUE.commands}


def facts(name):
    with (TESTS / "facts" / name).open(newline="") as lines:
        return list(csv.DictReader(lines))


DOCKER = facts("docker_commands.csv")
FLAGS = facts("docker_flags.csv")


def test_the_snapshot_is_the_committed_one():
    committed = json.loads((TESTS / "golden" / "catalogue.json").read_text())
    assert CATALOGUE.snapshot() == committed, "python -m handlers.catalogue > tests/golden/catalogue.json"


def test_the_catalogue_is_made_once():
    assert load() is CATALOGUE


def test_the_first_commands_are_there():
    first = {
        *("container ls", "container start", "container stop", "container restart", "container kill"),
        *("container rm", "container logs", "container inspect", "container run"),
        *("image ls", "image pull", "version"),
    }
    assert first <= set(COMMANDS)


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_the_options_are_those_of_docker(path):
    ours = {}
    for opt in COMMANDS[path].options.values():
        kind, repeatable = opt.type.word or "bool", "yes" if opt.type.repeatable else ""
        min_api = ".".join(map(str, opt.min_api)) if opt.min_api else ""
        # The CLI hides an option from engines that are too old for it, so both are right for those.
        hidden = "yes" if opt.hidden and not opt.min_api else ""
        ours[opt.long] = (opt.short, kind, repeatable, hidden, min_api)
        for other in (*opt.deprecated, *opt.hidden_names):
            ours[other.removeprefix("--")] = ("", kind, repeatable, "yes", min_api)
    docker = {
        flag["long"]: (flag["short"], flag["type"], flag["repeatable"], flag["hidden"], flag["min_api"])
        for flag in FLAGS
        if flag["command"] == path and flag["long"] != "help"
    }
    assert ours == docker


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_usage_and_short_forms_are_those_of_docker(path):
    command = COMMANDS[path]
    by_spelling = {row["command"]: row for row in DOCKER}
    shown = [spelling for spelling in (path, *command.aliases) if spelling in by_spelling]
    for spelling in shown:
        assert usage.line(command, spelling) == by_spelling[spelling]["usage"]
    names = [name.removeprefix("docker ") for name in by_spelling[path]["aliases"].split(", ") if name]
    spellings = [row["command"] for row in DOCKER if row["canonical"] == path]
    assert [path, *command.aliases] == (names or spellings)


@pytest.mark.parametrize("path", sorted(COMMANDS))
def test_every_command_explains_itself(path):
    command = COMMANDS[path]
    text = usage.text(command, path)
    assert text.startswith(f"Usage:  docker {path}")
    assert command.summary()
    assert not command.summary().endswith(".")
    assert all(len(line) <= 80 for line in text.splitlines() if "Aliases" not in line)
    answer = parse(command.example, CATALOGUE)
    assert isinstance(answer, Parsed)
    assert type(answer.command) is command


def test_secret_options_are_marked():
    marked = {
        (path, opt.long)
        for path, command in COMMANDS.items()
        for opt in command.options.values()
        if opt.secret
    }
    assert ("container run", "env") in marked
    for path, command in COMMANDS.items():
        for opt in command.options.values():
            if opt.type.word and re.search("password|build-arg|^env$|^secret$", opt.long):
                assert (path, opt.long) in marked


def test_every_docker_command_is_offered_or_its_absence_explained():
    groups = {row["command"] for row in DOCKER if row["usage"].endswith(" COMMAND")}
    spellings = {row["command"] for row in DOCKER} - groups | {"context", "plugin"}
    for row in DOCKER:
        spellings |= {name.removeprefix("docker ") for name in row["aliases"].split(", ") if name}
    assert {name for name in spellings if name not in CATALOGUE.spellings and name not in ELSEWHERE} == set()


def test_what_is_offered_does_not_stand_elsewhere():
    assert {
        spelling for spelling in ELSEWHERE if spelling in CATALOGUE.spellings or spelling in CATALOGUE.groups
    } == set()


@pytest.mark.parametrize("spelling", sorted(ELSEWHERE))
def test_what_is_not_offered_says_so_in_one_sentence(spelling):
    line = f"docker {spelling} --some thing"
    with pytest.raises(UsageFault) as refused:
        parse(line, CATALOGUE)
    fault = refused.value
    assert fault.reason is Reason.NOT_OFFERED
    assert fault.message.startswith(f"docker {spelling} is not offered here")
    assert "\n" not in fault.message
    assert line[slice(*fault.span)] == spelling


def declared(**keywords):
    """A command that is right in everything but what ``keywords`` change."""
    body = keywords.pop("body", {})
    annotations = keywords.pop("annotations", {})
    settings = {"path": "odd", "verb": Verb.LIST, "danger": Danger.SAFE, "example": "docker odd", **keywords}
    namespace = {
        "__doc__": "Does something odd.",
        "__module__": __name__,
        "__annotations__": annotations,
        **body,
    }
    return type(Command)("Odd", (Command,), namespace, **settings)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"example": "docker odd --nosuch"}, "its example does not parse: unknown flag: --nosuch"),
        ({"example": "docker help odd"}, "its example is another command"),
        ({"verb": "list"}, "verb and danger come from permissions.verbs"),
        ({"annotations": {"plain": str}, "body": {"plain": ""}}, "the field plain is neither"),
        (
            {
                "annotations": {"a": Annotated[bool, Opt("-a", "--all", help="", type=BOOL)]},
                "body": {"a": False},
            },
            "--all has no help",
        ),
        (
            {"annotations": {"a": Annotated[bool, Opt("-a", "--all", help="All", type=BOOL)]}},
            "--all has no default",
        ),
        (
            {
                "annotations": {
                    "a": Annotated[bool, Opt("-a", "--all", help="All", type=BOOL)],
                    "b": Annotated[bool, Opt("-a", "--any", help="Any", type=BOOL)],
                },
                "body": {"a": False, "b": False},
            },
            "the option name -a is taken",
        ),
        (
            {
                "annotations": {"a": Annotated[str, Opt("--all", help="All"), Arg("ALL")]},
                "body": {"a": ""},
            },
            "the field a is neither an option nor an argument, or both",
        ),
    ],
)
def test_a_wrong_declaration_is_refused(change, why):
    odd = declared(**change)
    with pytest.raises(TypeError, match=re.escape(why)):
        check(odd, Catalogue([odd]))


def test_a_right_declaration_passes():
    odd = declared()
    check(odd, Catalogue([odd]))
    assert Catalogue([odd]).snapshot()["odd"]["usage"] == "docker odd"


@pytest.mark.parametrize("missing", ["verb", "danger", "example"])
def test_a_command_without_its_facts_cannot_be_declared(missing):
    with pytest.raises(TypeError, match="a command declares verb, danger, a docstring and an example"):
        declared(**{missing: None})
