# ruff: noqa: E501 - a case is a line
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from handlers.container.inspect import ContainerInspect
from handlers.container.ls import IGNORED, ContainerLs
from handlers.faults import EngineFault, Fault, Reason
from handlers.format import budget
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import parse
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb
from tests.fakes.context import FakeClock, FakeContext
from tests.fakes.engine import FakeEngine

GOLDEN = Path(__file__).parents[2] / "golden" / "container"
CATALOGUE = Catalogue([ContainerLs, ContainerInspect])
NOW = 1_795_478_400
LIST = ("GET", "/containers/json")


def container(number, **facts):
    return {
        "Id": f"{number:02x}" * 32,
        "Names": [f"/c{number}"],
        "Image": "web:1.0",
        "ImageID": "sha256:" + "ab" * 32,
        "Command": "httpd -f",
        "Created": NOW - 200,
        "Ports": [],
        "Labels": {},
        "State": "running",
        "Status": "Up 3 minutes",
        "NetworkSettings": {"Networks": {"bridge": {}}},
        "Mounts": [],
    } | facts


def port(private, public, ip):
    return {"PrivatePort": private, "PublicPort": public, "Type": "tcp", "IP": ip}


CONTAINERS = [
    container(
        1,
        Names=["/web"],
        Command="httpd -f -p 80 -h /www --very-long-command-line",
        Ports=[port(80, 8080, "0.0.0.0"), port(80, 8080, "::"), {"PrivatePort": 443, "Type": "tcp"}],  # noqa: S104
        Labels={"tier": "web", "b": "2"},
        SizeRw=1_210_000,
        SizeRootFs=2_500_000,
    ),
    container(2, Names=["/web/db", "/db"], Command="sh -c 'echo \"q\"'", Created=NOW - 7300),
    container(
        3,
        Image="sha256:" + "cd" * 32,
        State="exited",
        Status="Exited (137) 5 seconds ago",
        Mounts=[
            {"Type": "volume", "Name": "v" * 20, "Driver": "local"},
            {"Type": "bind", "Source": "/home/user/some/long/path"},
        ],
        NetworkSettings={"Networks": {"zeta": {}, "alpha": {}}},
    ),
    container(4, Image="", Command="", Created=NOW, State="created", Status="Created"),
    container(5, Image="repo@sha256:" + "ef" * 32, Command="한글 명령 실행 파일 이름 길게"),
    container(6, Image="ab" * 6, Created=NOW - 69_120_000),
]


def run(line, answer=CONTAINERS, zone="UTC", **api):
    engine = FakeEngine({LIST: answer}, **api)
    command = parse(line, CATALOGUE).command
    command.check()
    return command.run(FakeContext(engine, clock=FakeClock(NOW, ZoneInfo(zone)))), engine


@pytest.mark.parametrize(
    ("line", "golden"),
    [
        ("docker ps", "ls.txt"),
        ("docker container ls --no-trunc", "ls_no_trunc.txt"),
        ("docker container list -s", "ls_size.txt"),
        ("docker container ps --format json", "ls_json.txt"),
        ("docker ps --format raw -s", "ls_raw.txt"),
        ("docker ps --format 'table {{.Names}}\\t{{.Label \"tier\"}}\\t{{.Mounts}}\\t{{.Networks}}\\t{{.LocalVolumes}}'", "ls_columns.txt"),
    ],
)  # fmt: skip
def test_a_listing_is_what_the_cli_prints(line, golden):
    assert run(line)[0].stdout == (GOLDEN / golden).read_text(encoding="utf-8")


def test_the_cells_of_the_table_are_those_of_the_text():
    table, _ = run("docker ps")
    assert table.header == ("CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES")
    assert len(table.rows) == len(CONTAINERS)
    assert table.rows[1][1:] == (
        "web:1.0",
        '"sh -c \'echo \\"q\\"\'"',
        "2 hours ago",
        "Up 3 minutes",
        "",
        "db",
    )


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("docker ps", {}),
        ("docker ps -a", {"all": "1"}),
        ("docker ps --all=false", {}),
        ("docker ps -s", {"size": "1"}),
        ("docker ps -n 3", {"limit": "3"}),
        ("docker ps -n 0", {}),
        ("docker ps -n -2", {}),
        ("docker ps -l", {"limit": "1"}),
        ("docker ps -l -n 4", {"limit": "4"}),
        ("docker ps -aqf name=web", {"all": "1", "filters": {"name": {"web": True}}}),
        (
            "docker ps -f status=exited -f status=paused -f LABEL=a=b",
            {"filters": {"status": {"exited": True, "paused": True}, "label": {"a=b": True}}},
        ),
        ("docker ps --format '{{.Names}} {{.Size}}'", {"size": "1"}),
        ("docker ps --format '{{json .}}'", {"size": "1"}),
        ("docker ps --format '{{.Size}}' --size=false", {}),
        ("docker ps --format '{{.Size}}' -q", {}),
        ("docker ps --format json", {}),
    ],
)
def test_the_engine_is_asked_what_the_cli_asks(line, query):
    _, engine = run(line)
    (request,) = engine.requests
    sent = dict(request.query)
    if "filters" in sent:
        sent["filters"] = json.loads(sent["filters"])
    assert sent == query


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("docker ps -q", [f"{n:02x}" * 6 for n in range(1, 7)]),
        ("docker ps -q --no-trunc", [f"{n:02x}" * 32 for n in range(1, 7)]),
        ("docker ps --format '{{.Names}}'", ["web", "db", "c3", "c4", "c5", "c6"]),
        ("docker ps --format '{{.Names}}' --no-trunc", ["web", "web/db,db", "c3", "c4", "c5", "c6"]),
        ("docker ps --format pretty", ["pretty"] * 6),
    ],
)
def test_ids_and_templates_are_lines(line, lines):
    shown, _ = run(line)
    assert list(shown.lines) == lines


def test_a_format_beside_quiet_is_ignored_with_a_warning():
    shown, _ = run("docker ps -q --format 'table {{.Names}}'")
    assert shown.stdout.startswith("010101010101\n")
    assert shown.stderr == f"{IGNORED}\n"
    assert shown.exit_code == 0


@pytest.mark.parametrize("form", ["", " --format table", " --format raw", " --format json", " -q"])
def test_a_format_of_ours_lists_any_number_of_containers(monkeypatch, form):
    monkeypatch.setattr(budget, "STEPS", 20)
    monkeypatch.setattr(budget, "CHARS", 50)
    monkeypatch.setattr(budget, "CPU_SECONDS", 0.0)
    shown, _ = run(f"docker ps{form}", [container(number) for number in range(1, 100)])
    assert len(shown.stdout.splitlines()) >= 99


def test_a_format_that_was_typed_is_bounded_over_all_containers(monkeypatch):
    monkeypatch.setattr(budget, "STEPS", 20)
    with pytest.raises(Fault) as fault:
        run("docker ps --format '{{.Names}}'", [container(number) for number in range(1, 100)])
    assert fault.value.reason is Reason.TEMPLATE


def test_times_show_in_the_readers_zone():
    shown, _ = run("docker ps --format '{{.CreatedAt}}'", CONTAINERS[:1], zone="Asia/Seoul")
    assert shown.lines == ("2026-11-24 08:56:40 +0900 KST",)


@pytest.mark.parametrize(
    ("descriptor", "text"),
    [(None, "<nil> null"), ({"platform": {"architecture": "arm64", "os": "linux", "variant": "v8"}},
     'linux/arm64/v8 {"architecture":"arm64","os":"linux","variant":"v8"}')],
)  # fmt: skip
def test_a_platform_shows_where_the_engine_tells_it(descriptor, text):
    shown, _ = run(
        "docker ps --format '{{.Platform}} {{json .Platform}}'",
        [container(1, ImageManifestDescriptor=descriptor)],
    )
    assert shown.lines == (text,)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("{{.ID", "failed to parse template: template: :1: unclosed action"),
        ("{{nosuch .ID}}", 'failed to parse template: template: :1: function "nosuch" not defined'),
        (
            "{{.Nosuch}}",
            (
                'failed to execute template: template: :1:2: executing "" at <.Nosuch>: '
                "can't evaluate field Nosuch in type *formatter.ContainerContext"
            ),
        ),
    ],
)
def test_a_wrong_template_is_refused_before_the_engine_is_asked(form, sentence):
    engine = FakeEngine()
    with pytest.raises(Fault) as fault:
        ContainerLs(format=form).run(FakeContext(engine))
    assert (fault.value.reason, fault.value.exit_code, fault.value.message) == (Reason.TEMPLATE, 1, sentence)
    assert engine.requests == []


def test_what_the_engine_refuses_is_the_fault():
    with pytest.raises(EngineFault, match="Invalid filter"):
        run("docker ps -f status=bogus", EngineFault("Invalid filter 'status=bogus'"))


def test_a_listing_names_no_object():
    operation = parse("docker ps -a", CATALOGUE).command.operation("local")
    assert (operation.verb, operation.danger, operation.resources) == (Verb.LIST, Danger.SAFE, ())


def test_inspect_names_its_containers():
    operation = parse("docker container inspect -s web db", CATALOGUE).command.operation("local")
    assert (operation.verb, operation.danger) == (Verb.REVEAL, Danger.SAFE)
    assert operation.resources == tuple(Resource(kind=Kind.CONTAINER, name=name) for name in ("web", "db"))
