from typing import Annotated

import pytest

from handlers.catalogue import load
from handlers.faults import UsageFault
from handlers.grammar.command import Arg, Command
from handlers.grammar.flags import table_of
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import HelpAsked, Parsed, parse
from permissions.verbs import Danger, Verb
from tests.handlers.grammar.sample import CATALOGUE, Ls, Restart, Run


def parsed(line):
    answer = parse(line, CATALOGUE)
    assert isinstance(answer, Parsed), answer
    return answer


def refused(line, catalogue=CATALOGUE):
    with pytest.raises(UsageFault) as fault:
        parse(line, catalogue)
    return fault.value


@pytest.mark.parametrize(
    ("line", "path", "fields"),
    [
        ("docker container restart web", "container restart", {"containers": ("web",)}),
        ("restart web -t 2", "container restart", {"containers": ("web",), "timeout": 2}),
        ("/docker restart -t2 web db", "container restart", {"containers": ("web", "db"), "timeout": 2}),
        ("restart -t=2 web", "container restart", {"containers": ("web",), "timeout": 2}),
        ("restart --timeout=2 web", "container restart", {"containers": ("web",), "timeout": 2}),
        ("restart --timeout -1 web", "container restart", {"containers": ("web",), "timeout": -1}),
        ("restart --timeout=0x10 web", "container restart", {"containers": ("web",), "timeout": 16}),
        ("restart -t 2 -t 3 web", "container restart", {"containers": ("web",), "timeout": 3}),
        ("restart --signal= web", "container restart", {"containers": ("web",), "signal": ""}),
        ("restart -s= web", "container restart", {"containers": ("web",), "signal": "="}),
        ("restart -s== web", "container restart", {"containers": ("web",), "signal": "="}),
        ("restart -s '' web", "container restart", {"containers": ("web",), "signal": ""}),
        ("restart -s --timeout web", "container restart", {"containers": ("web",), "signal": "--timeout"}),
        ("restart web -- -t --x", "container restart", {"containers": ("web", "-t", "--x")}),
        ("restart -s -- web", "container restart", {"containers": ("web",), "signal": "--"}),
        ("restart - web", "container restart", {"containers": ("-", "web")}),
        ("docker container ls", "container ls", {}),
        ("docker container list -aq", "container ls", {"all": True, "quiet": True}),
        ("container ps --all=false", "container ls", {"all": False}),
        ("ps -a=0 -qs", "container ls", {"all": False, "quiet": True, "size": True}),
        ("ps -an5", "container ls", {"all": True, "last": 5}),
        ("ps -an=5", "container ls", {"all": True, "last": 5}),
        ("ps -an 5", "container ls", {"all": True, "last": 5}),
        ("ps -f name=a --filter Status=up", "container ls", {"filter": ("name=a", "status=up")}),
        ("ps --help=false", "container ls", {}),
        (
            "docker container run -itd --name=webapp --net=web-network nginx",
            "container run",
            {
                "image": "nginx",
                "interactive": True,
                "tty": True,
                "detach": True,
                "name": "webapp",
                "network": ("web-network",),
            },
        ),
        (
            "run --net a --network b --net c x",
            "container run",
            {"image": "x", "network": ("a", "b", "c")},
        ),
        ("run -p80:80 -p=81:81 x", "container run", {"image": "x", "publish": ("80:80", "81:81")}),
        ("run x ls -la --all", "container run", {"image": "x", "command": ("ls", "-la", "--all")}),
        ("run x -- y", "container run", {"image": "x", "command": ("--", "y")}),
        ("run -- x --help", "container run", {"image": "x", "command": ("--help",)}),
        ("run -- -x", "container run", {"image": "-x"}),
        ("run -h web x", "container run", {"image": "x", "hostname": "web"}),
        ("run -hweb x", "container run", {"image": "x", "hostname": "web"}),
        ("run -e A=1 -e 'B=2 3' x", "container run", {"image": "x", "env": ("A=1", "B=2 3")}),
        ("run -m 1g --memory-swap -1 x", "container run", {"image": "x", "memory": 2**30, "memory_swap": -1}),
        ("run --cpus 1.5 x", "container run", {"image": "x", "cpus": 1_500_000_000}),
        ("run x — y", "container run", {"image": "x", "command": ("\u2014", "y")}),
        ("images", "image ls", {}),
        ("images centos", "image ls", {"repository": "centos"}),
        ("images -- —x", "image ls", {"repository": "\u2014x"}),
        ("rename a b", "container rename", {"container": "a", "new_name": "b"}),
        ("commit -m 'a b' c d", "container commit", {"container": "c", "repository": "d", "message": "a b"}),
        (
            "docker network create -d=bridge web-network",
            "network create",
            {"network": "web-network", "driver": "bridge"},
        ),
        (
            "network create --subnet a,b --subnet '\"c,d\"' n",
            "network create",
            {"network": "n", "subnet": ("a", "b", "c,d")},
        ),
        ("network create --subnet= n", "network create", {"network": "n", "subnet": ()}),
        ("version -f json", "version", {"format": "json"}),
    ],
)
def test_a_line_becomes_a_command_with_just_the_fields_it_sets(line, path, fields):
    command = parsed(line).command
    assert command.path == path
    assert {name: getattr(command, name) for name in command.model_fields_set} == fields


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("docker ps", None),
        ("docker -H prod ps", "prod"),
        ("-H=prod ps", "prod"),
        ("-Hprod ps", "prod"),
        ("docker --host prod ps", "prod"),
        ("docker --host=prod container ls", "prod"),
        ("docker -H prod -- ps", "prod"),
    ],
)
def test_the_host_is_an_option_before_the_command(line, host):
    answer = parsed(line)
    assert (type(answer.command), answer.host) == (Ls, host)


def test_a_deprecated_spelling_works_and_warns():
    answer = parsed("restart --time 3 --time 4 web")
    assert answer.command == Restart(containers=("web",), timeout=4)
    assert answer.warnings == ("Flag --time has been deprecated, use --timeout instead",)


def test_a_deprecated_spelling_is_told_of_where_the_line_is_refused_too():
    fault = refused("restart --time 3 --timeout 4 web", CATALOGUE)
    assert fault.warnings == ("Flag --time has been deprecated, use --timeout instead",)


@pytest.mark.parametrize(
    ("line", "warned", "unasked"),
    [
        ("docker", False, True),
        ("docker container", False, True),
        ("docker container --help", False, False),
        ("docker container -h", True, False),
        ("docker -h", True, False),
        ("docker help", False, False),
        ("docker ps -h", True, False),
        ("docker ps -ah", True, False),
        ("docker ps --help", False, False),
        ("docker help ps", False, False),
    ],
)
def test_help_tells_how_it_was_asked_for(line, warned, unasked):
    answer = parse(line, CATALOGUE)
    assert isinstance(answer, HelpAsked)
    said = ("Flag shorthand -h has been deprecated, use --help",) if warned else ()
    assert (answer.warnings, answer.unasked) == (said, unasked)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("docker stop ''", "container"),
        ("docker stop ' ' web", "container"),
        ("docker network rm '\u00a0'", "network"),
        ("docker volume rm ''", "volume"),
        ("docker network connect net ''", "container"),
    ],
)
def test_a_name_without_a_visible_character_is_refused_as_the_cli_does(line, kind):
    fault = refused(line, load())
    assert (fault.message, fault.exit_code) == (f"invalid {kind} name or ID: value is empty", 1)


def test_a_flag_has_its_own_danger():
    operation = parsed("run --privileged=true x").command.operation("local")
    assert (operation.danger, operation.flags) == (Danger.ROOT_EQUIVALENT, ("privileged",))


@pytest.mark.parametrize(
    ("line", "topic", "start"),
    [
        ("", "", "Usage:  docker [OPTIONS] COMMAND\n"),
        ("docker", "", "Usage:  docker [OPTIONS] COMMAND\n"),
        ("docker help", "", "Usage:  docker [OPTIONS] COMMAND\n"),
        ("docker --help", "", "Usage:  docker [OPTIONS] COMMAND\n"),
        ("docker -h", "", "Usage:  docker [OPTIONS] COMMAND\n"),
        ("docker -H prod", "", "Usage:  docker [OPTIONS] COMMAND\n"),
        ("docker container", "container", "Usage:  docker container COMMAND\n"),
        ("docker help container", "container", "Usage:  docker container COMMAND\n"),
        ("docker container --help", "container", "Usage:  docker container COMMAND\n"),
        ("docker container --help ls", "container ls", "Usage:  docker container ls [OPTIONS]\n"),
        ("docker --help ps", "container ls", "Usage:  docker ps [OPTIONS]\n"),
        ("docker help ps", "container ls", "Usage:  docker ps [OPTIONS]\n"),
        ("docker help container list", "container ls", "Usage:  docker container ls [OPTIONS]\n"),
        ("docker ps -ah", "container ls", "Usage:  docker ps [OPTIONS]\n"),
        ("docker ps too many --help", "container ls", "Usage:  docker ps [OPTIONS]\n"),
        ("docker run --help", "container run", "Usage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"),
    ],
)
def test_help_is_asked_for_in_every_way_of_the_cli(line, topic, start):
    answer = parse(line, CATALOGUE)
    assert isinstance(answer, HelpAsked)
    assert (answer.topic, answer.exit_code) == (topic, 0)
    assert answer.text.startswith(start)


def test_arguments_that_cannot_be_filled_in_order_are_a_mistake_of_the_declaration():
    class Hole(Command, path="hole", verb=Verb.LIST, danger=Danger.SAFE, example="docker hole a"):
        """Has one after the rest."""

        some: Annotated[tuple[str, ...], Arg("SOME")]
        one: Annotated[str, Arg("ONE")]

    with pytest.raises(TypeError, match=r"Hole\.one"):
        table_of(Hole)


def test_two_commands_cannot_have_one_spelling():
    class Other(Command, path="ps", verb=Verb.LIST, danger=Danger.SAFE, example="docker ps"):
        """Takes the short form of another."""

    with pytest.raises(TypeError, match="docker ps is already taken"):
        Catalogue([Ls, Other])


def test_a_part_of_the_catalogue_knows_nothing_of_the_rest():
    part = CATALOGUE.only(lambda command: command.verb is Verb.LIST)
    assert part.find(["ps"]) is Ls
    assert part.find(["docker", "run"]) is None
    assert refused("docker rn x", part).hint == ""
    assert CATALOGUE.find(["run", "x"]) is Run
    assert CATALOGUE.find(["container", "run", "x"]) is Run


def test_a_path_is_found_by_its_canonical_spelling_alone():
    assert CATALOGUE.by_path("container ls") is Ls
    assert CATALOGUE.by_path("ps") is None
    assert CATALOGUE.by_path("container") is None
