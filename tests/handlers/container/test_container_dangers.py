"""What the commands on containers put at risk, and what they never touch."""

import pytest

from handlers.catalogue import load
from handlers.dry_run import rehearse
from handlers.faults import Fault
from handlers.grammar.parser import parse
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

ID = "4f0c" * 16


def command(line):
    return parse(line, load()).command


@pytest.mark.parametrize(
    ("line", "verb", "danger"),
    [
        ("docker pause web", Verb.OPERATE, Danger.INTERRUPTS),
        ("docker unpause web", Verb.OPERATE, Danger.SAFE),
        ("docker port web", Verb.LIST, Danger.SAFE),
        ("docker stats web", Verb.LIST, Danger.SAFE),
        ("docker wait web", Verb.LIST, Danger.SAFE),
        ("docker top web e", Verb.REVEAL, Danger.SAFE),
        ("docker diff web", Verb.REVEAL, Danger.SAFE),
        ("docker attach web", Verb.REVEAL, Danger.SAFE),
        ("docker update -m 1g web", Verb.CHANGE, Danger.INTERRUPTS),
        ("docker exec web ls", Verb.EXEC, Danger.INTERRUPTS),
        ("docker exec --privileged=false web ls --privileged", Verb.EXEC, Danger.INTERRUPTS),
        ("docker exec --privileged web ls", Verb.EXEC, Danger.ROOT_EQUIVALENT),
        ("docker exec -ti -d --privileged=1 web ls", Verb.EXEC, Danger.ROOT_EQUIVALENT),
        ("docker commit web", Verb.CREATE, Danger.INTERRUPTS),
        ("docker commit -p=false web", Verb.CREATE, Danger.SAFE),
        ("docker export web", Verb.TRANSFER, Danger.SAFE),
        ("docker cp web:/a -", Verb.TRANSFER, Danger.SAFE),
        ("docker cp - web:/a", Verb.TRANSFER, Danger.LOSES_DATA),
    ],
)
def test_the_commands_are_as_dangerous_as_they_say(line, verb, danger):
    found = command(line).operation("box")
    assert (found.verb, found.danger) == (verb, danger)
    assert found.resources == (Resource(kind=Kind.CONTAINER, name="web"),)


def test_a_name_that_is_taken_is_decided_on_too():
    renamed = command("docker rename web db").operation("box")
    assert (renamed.verb, renamed.danger) == (Verb.CHANGE, Danger.INTERRUPTS)
    assert [resource.name for resource in renamed.resources] == ["web", "db"]
    committed = command("docker commit web shop:1").operation("box")
    assert committed.resources == (
        Resource(kind=Kind.CONTAINER, name="web"),
        Resource(kind=Kind.IMAGE, name="shop:1", new=True),
    )


def test_the_values_of_an_exec_s_variables_stand_nowhere_in_the_operation():
    found = command("docker exec -e TOKEN=hunter22 web env").operation("box")
    assert "hunter22" not in found.model_dump_json()
    assert found.flags == ("env",)


@pytest.mark.parametrize(
    "line",
    [
        "docker cp web:/etc/passwd ./passwd",
        "docker cp ./secret web:/tmp",
        "docker export web",
        "docker exec --env-file ./secret web env",
        "docker export -o out.tar web",
    ],
)
def test_the_workers_files_are_never_touched(line, tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("k3y")
    monkeypatch.chdir(tmp_path)
    engine = FakeEngine()
    with pytest.raises(Exception, match="file") as raised:
        command(line).run(FakeContext(engine))
    assert raised.value.reason == "caller_file"
    assert raised.value.hint
    assert engine.requests == []
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def failure(line, engine):
    """The reasons of what fails, however it is told."""
    try:
        return {told.reason for told in command(line).run(FakeContext(engine)).failures}
    except Fault as fault:
        return {fault.reason}


@pytest.mark.parametrize(
    "line",
    [
        "docker exec {} ls",
        "docker pause {}",
        "docker attach {}",
        "docker port {}",
        "docker stats --no-stream {}",
    ],
)
@pytest.mark.parametrize("name", ["../images/x", "web/../../info", ".."])
def test_a_name_never_reaches_another_endpoint(line, name):
    engine = FakeEngine()
    assert failure(line.format(name), engine) == {"bad_value"}
    assert engine.requests == []


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("docker exec -e A=hunter22 web ls", "  POST /containers/web/exec"),
        ("docker update -m 64m web", "  POST /containers/web/update"),
        ("docker commit web shop", "  POST /commit?container=web"),
        ("docker rename web db", "  POST /containers/web/rename?name=db"),
        ("docker container prune -f", "  POST /containers/prune"),
        ("docker pause web", "  POST /containers/web/pause"),
    ],
)
def test_a_dry_run_shows_the_call_and_makes_none(line, call):
    state = {"Id": ID, "State": {"Status": "running"}}
    engine = FakeEngine({("GET", "/containers/web/json"): state})
    done = rehearse(command(line), FakeContext(engine))
    assert any(text.startswith(call) for text in done.lines)
    assert "hunter22" not in done.stdout
    assert {request.method for request in engine.requests} <= {"GET"}
