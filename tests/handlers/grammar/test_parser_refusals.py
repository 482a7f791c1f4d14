from typing import Annotated

import pytest
from pydantic import Field

from handlers.catalogue import load
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import parse
from handlers.grammar.values import INT
from permissions.verbs import Danger, Verb
from tests.handlers.grammar.sample import CATALOGUE


def refused(line, catalogue=CATALOGUE):
    with pytest.raises(UsageFault) as fault:
        parse(line, catalogue)
    return fault.value


RUN = "\n\nRun 'docker {} --help' for more information"
RESTART_USAGE = "Usage:  docker restart [OPTIONS] CONTAINER [CONTAINER...]" + RUN.format("restart")
LS_USAGE = "Usage:  docker container ls [OPTIONS]\n\nRun 'docker container ls --help' for more information"
PS_USAGE = "Usage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information"
RUN_USAGE = "Usage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]" + RUN.format("run")
TOP_USAGE = "Usage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information"


@pytest.mark.parametrize(
    ("line", "bad", "message", "usage"),
    [
        ("restart -t", "-t", "flag needs an argument: 't' in -t", RESTART_USAGE),
        ("restart web --timeout", "--timeout", "flag needs an argument: --timeout", RESTART_USAGE),
        (
            "restart -t x web",
            "x",
            'invalid argument "x" for "-t, --timeout" flag: strconv.ParseInt: parsing "x": invalid syntax',
            RESTART_USAGE,
        ),
        (
            "restart --timeout=2s web",
            "2s",
            'invalid argument "2s" for "-t, --timeout" flag: strconv.ParseInt: parsing "2s": invalid syntax',
            RESTART_USAGE,
        ),
        (
            "restart -s x -t='2s' web",
            "-t='2s'",
            'invalid argument "2s" for "-t, --timeout" flag: strconv.ParseInt: parsing "2s": invalid syntax',
            RESTART_USAGE,
        ),
        (
            "restart --time x web",
            "x",
            'invalid argument "x" for "--time" flag: strconv.ParseInt: parsing "x": invalid syntax',
            RESTART_USAGE,
        ),
        ("restart --nosuch=1 web", "--nosuch=1", "unknown flag: --nosuch", RESTART_USAGE),
        ("docker container list --nosuch", "--nosuch", "unknown flag: --nosuch", LS_USAGE),
        ("ps --help --nosuch", "--nosuch", "unknown flag: --nosuch", PS_USAGE),
        ("ps -xq", "-xq", "unknown shorthand flag: 'x' in -xq", PS_USAGE),
        ("ps -aqz", "-aqz", "unknown shorthand flag: 'z' in -z", PS_USAGE),
        ("ps -a=", "-a=", "unknown shorthand flag: '=' in -=", PS_USAGE),
        ("ps -=x", "-=x", "unknown shorthand flag: '=' in -=x", PS_USAGE),
        ("ps -é", "-é", "unknown shorthand flag: 'é' in -é", PS_USAGE),
        ("ps --=x", "--=x", "bad flag syntax: --=x", PS_USAGE),
        ("ps ---all", "---all", "bad flag syntax: ---all", PS_USAGE),
        ("ps -q -D", "-D", "unknown shorthand flag: 'D' in -D", PS_USAGE),
        (
            "ps --all=2",
            "2",
            'invalid argument "2" for "-a, --all" flag: strconv.ParseBool: parsing "2": invalid syntax',
            PS_USAGE,
        ),
        (
            "ps --help=x",
            "x",
            'invalid argument "x" for "--help" flag: strconv.ParseBool: parsing "x": invalid syntax',
            PS_USAGE,
        ),
        (
            "ps -f status",
            "status",
            'invalid argument "status" for "-f, --filter" flag: bad format of filter (expected name=value)',
            PS_USAGE,
        ),
        ("docker -x ps", "-x", "unknown shorthand flag: 'x' in -x", TOP_USAGE),
        ("docker --nosuch ps", "--nosuch", "unknown flag: --nosuch", TOP_USAGE),
        ("docker -H", "-H", "flag needs an argument: 'H' in -H", TOP_USAGE),
        (
            "docker container --nosuch ls",
            "--nosuch",
            "unknown flag: --nosuch",
            "Usage:  docker container\n\nRun 'docker container --help' for more information",
        ),
        (
            "run --net alias=x img",
            "alias=x",
            'invalid argument "alias=x" for "--net" flag: network name/id is not specified',
            RUN_USAGE,
        ),
        (
            "run --rm --restart always img",
            "--restart always",
            "docker: conflicting options: cannot specify both --restart and --rm",
            "Run 'docker run --help' for more information",
        ),
    ],
)
def test_a_bad_option_is_refused_in_the_words_of_the_cli(line, bad, message, usage):
    fault = refused(line)
    assert (fault.message, fault.usage, fault.exit_code) == (message, usage, 125)
    assert line[slice(*fault.span)] == bad


@pytest.mark.parametrize(
    ("line", "bad", "message", "pointer"),
    [
        ("restart -s HUP", "restart", "docker: 'docker restart' requires at least 1 argument", "See"),
        ("docker run -d", "run", "docker: 'docker run' requires at least 1 argument", "See"),
        ("rename a", "rename", "docker: 'docker rename' requires 2 arguments", "Run"),
        ("rename a b c d", "c d", "docker: 'docker rename' requires 2 arguments", "Run"),
        ("docker ps web", "web", "docker: 'docker ps' accepts no arguments", "Run"),
        ("container ps web", "web", "docker: 'docker container ls' accepts no arguments", "Run"),
        ("image ls a b", "b", "docker: 'docker image ls' requires at most 1 argument", "Run"),
        ("commit", "commit", "docker: 'docker commit' requires at least 1 and at most 2 arguments", "Run"),
        (
            "commit a b -m x",
            "-m x",
            "docker: 'docker commit' requires at least 1 and at most 2 arguments",
            "Run",
        ),
        ("stop --", "stop", "docker: unknown command: docker stop", None),
    ],
)
def test_a_wrong_number_of_arguments_is_refused_in_the_words_of_the_cli(line, bad, message, pointer):
    fault = refused(line)
    assert (fault.message, fault.exit_code) == (message, 1)
    assert line[slice(*fault.span)] == bad
    if pointer is None:
        return
    spelling = message.split("'docker ")[1].split("'")[0]
    assert fault.reason is Reason.WRONG_ARGUMENTS
    assert fault.usage.startswith(f"Usage:  docker {spelling} ")
    assert fault.usage.endswith(f"\n\n{pointer} 'docker {spelling} --help' for more information")
    assert fault.hint.startswith("For example: `docker ")


@pytest.mark.parametrize(
    ("line", "bad", "message"),
    [
        (
            "restart --time 2 --timeout 3 web",
            "--time 2",
            "conflicting options: cannot specify both --timeout and --time",
        ),
        (
            "restart -t 3 --time 2 web",
            "--time 2",
            "conflicting options: cannot specify both --timeout and --time",
        ),
        (
            "run -d -a stdout img",
            "-a stdout",
            "conflicting options: cannot specify both --attach and --detach",
        ),
        (
            "docker -H a -H b ps",
            "-H b",
            "Failed to initialize: unable to resolve docker endpoint: Specify only one -H",
        ),
    ],
)
def test_options_that_exclude_each_other_are_refused(line, bad, message):
    fault = refused(line)
    assert (fault.message, fault.exit_code, fault.usage) == (message, 1, "")
    # A sentence that names several options points at the last of them in the line.
    assert line[slice(*fault.span)] == bad


def test_the_number_of_arguments_is_checked_before_the_two_spellings():
    assert refused("restart --time 2 --timeout 3").reason is Reason.WRONG_ARGUMENTS


@pytest.mark.parametrize(
    ("line", "bad", "message", "usage"),
    [
        (
            "docker contaner ls",
            "contaner",
            "docker: unknown command: docker contaner",
            "Run 'docker --help' for more information",
        ),
        (
            "docker container lss -a",
            "lss",
            "docker: unknown command: docker container lss",
            "Usage:  docker container\n\nRun 'docker container --help' for more information",
        ),
        ("docker Container ls", "Container", "docker: unknown command: docker Container", None),
        ("docker ''", "''", "docker: unknown command: docker ", None),
        ("docker docker ps", "docker", "docker: unknown command: docker docker", None),
        ("docker container help", "help", "docker: unknown command: docker container help", None),
        ("docker ps=1", "ps=1", "docker: unknown command: docker ps=1", None),
    ],
)
def test_an_unknown_command_is_refused_in_the_words_of_the_cli(line, bad, message, usage):
    fault = refused(line)
    assert (fault.reason, fault.message, fault.exit_code) == (Reason.UNKNOWN_COMMAND, message, 1)
    assert line[slice(*fault.span)] == bad
    assert usage is None or fault.usage == usage


@pytest.mark.parametrize(
    ("line", "bad", "start"),
    [
        ("docker build -t x .", "build", "docker build is not offered here: a build needs your files"),
        ("docker image build .", "image build", "docker image build is not offered here"),
        ("swarm init", "swarm", "docker swarm is not offered here"),
        ("docker trust sign x", "trust", "docker trust is not offered here: signing keys"),
        ("docker volume", "volume", "docker volume is not offered here yet"),
        ("docker -c other ps", "-c other", "-c, --context is for a docker client"),
        ("docker --tlsverify ps", "--tlsverify", "--tlsverify is for a docker client"),
        ("docker --tls ps", "--tls", "--tls is for a docker client"),
        ("docker --config=/x ps", "--config=/x", "--config is for a docker client"),
    ],
)
def test_what_docker_has_and_we_do_not_is_told_in_one_sentence(line, bad, start):
    fault = refused(line)
    assert fault.reason is Reason.NOT_OFFERED
    assert fault.message.startswith(start)
    assert fault.hint
    assert line[slice(*fault.span)] == bad


@pytest.mark.parametrize("line", ["docker help nosuch", "docker help container nosuch"])
def test_help_for_what_there_is_not_is_refused(line):
    fault = refused(line)
    assert fault.message == f"unknown help topic: {line.removeprefix('docker help ')}"
    assert (fault.exit_code, fault.usage) == (1, "")


def test_a_secret_value_is_not_repeated_in_a_message():
    for line in (
        "run -e =hunter2 x",
        "run -e=hunter2 -zeA=hunter2 x",
        "run -zehunter2 x",
        "docker -eA=hunter2 run x",
        "run --=hunter2 x",
        "run —env=A=hunter2 x",
        "login --password\u00a0hunter2",
        "docker A=hunter2 ps",
        "docker help A=hunter2",
        "run -m DB_PASSWORD=hunter2 x",
        "run --cpus https://me:hunter2@host x",
    ):
        assert "hunter2" not in refused(line).message


def test_what_is_too_short_to_be_a_secret_stays_in_the_message():
    message = refused("run -e =1 x").message
    assert message == 'invalid argument "=1" for "-e, --env" flag: invalid environment variable: =1'


class Bounded(Command, path="bounded", verb=Verb.LIST, danger=Danger.SAFE, example="docker bounded"):
    """Has a limit of its own."""

    target: Annotated[str, Field(max_length=3), Arg("TARGET")]
    level: Annotated[int, Field(ge=0), Opt("--level", help="Level", type=INT)] = 0


@pytest.mark.parametrize(
    ("line", "bad", "message"),
    [
        ("bounded --level -1 abc", "-1", "invalid value for --level"),
        ("bounded abcd", "bounded", "invalid value for TARGET"),
    ],
)
def test_a_limit_of_a_model_is_a_usage_fault_too(line, bad, message):
    fault = refused(line, Catalogue([Bounded]))
    assert (fault.message, fault.reason) == (message, Reason.BAD_VALUE)
    assert line[slice(*fault.span)] == bad


def test_a_value_too_short_to_be_a_secret_stands_in_the_message():
    with pytest.raises(UsageFault, match=r'invalid argument "bad\.key=1" for "--sysctl" flag'):
        parse("docker create --sysctl bad.key=1 nginx", load())
    with pytest.raises(UsageFault, match=r'invalid argument "bad\.key=••••" for "--sysctl" flag'):
        parse("docker create --sysctl bad.key=hunter2 nginx", load())


@pytest.mark.parametrize("given", ["-H prod-1", "--host prod-1", "--host=prod-1"])
def test_a_host_behind_the_command_is_told_where_it_stands(given):
    assert refused(f"restart {given} web").hint == "The host goes before the command: `-H HOST COMMAND`."
