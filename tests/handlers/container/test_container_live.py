"""What only a real engine can show: taken-over connections, closed stdin, samples, endings."""

import json

import pytest

from handlers.catalogue import load
from handlers.engine import DockerEngine
from handlers.faults import Cancelled, Fault
from handlers.grammar.parser import parse
from tests.fakes.context import FakeContext


@pytest.fixture
def web(docker_host, image, unique):
    """A context on a real engine and the name of a container that runs for ten minutes."""
    engine = DockerEngine(docker_host, slots=4)
    name = unique("web")
    engine.post("/containers/create", {"name": name}, {"Image": image, "Cmd": ["sleep", "600"]})
    engine.post(f"/containers/{name}/start")
    yield FakeContext(engine), name
    engine.delete(f"/containers/{name}", {"force": True})
    engine.close()


def run(ctx, line):
    return parse(line, load()).command.run(ctx)


@pytest.mark.parametrize(
    ("options", "command", "code", "out", "err"),
    [
        ("", "sh -c 'echo out; echo err >&2; exit 7'", 7, "out\n", "err\n"),
        ("-t", "sh -c 'echo out; echo err >&2; exit 4'", 4, "out\r\nerr\r\n", ""),
        ("-i", "cat", 0, "", ""),
        ("-e A=1 -w /tmp", "sh -c 'echo $A $PWD'", 0, "1 /tmp\n", ""),
        ("-d", "sleep 1", 0, "", ""),
        ("", "sh -c 'head -c 300000 /dev/zero | tr \"\\\\0\" x'", 0, "x" * 300_000, ""),
    ],
)
def test_an_exec_shows_its_output_and_ends_as_its_command(web, options, command, code, out, err):
    ctx, name = web
    done = run(ctx, f"docker exec {options} {name} {command}")
    assert (done.exit_code, ctx.out.decode(), ctx.err.decode()) == (code, out, err)


def test_a_command_that_is_none_is_the_engine_s_to_tell(web):
    ctx, name = web
    assert run(ctx, f"docker exec {name} nosuch").exit_code in {126, 127}
    assert b"executable file not found" in ctx.out


def test_an_attach_ends_as_the_container_does(web, image, unique):
    ctx, _ = web
    name = unique("short")
    script = "sleep 0.3; echo late; exit 9"
    ctx.engine.post("/containers/create", {"name": name}, {"Image": image, "Cmd": ["sh", "-c", script]})
    ctx.engine.post(f"/containers/{name}/start")
    assert run(ctx, f"docker attach --no-stdin {name}").exit_code == 9
    assert ctx.out.decode() == "late\n"
    run(ctx, f"docker wait {name}")
    assert ctx.out.decode() == "late\n9\n"
    with pytest.raises(Fault, match="stopped container"):
        run(ctx, f"docker attach {name}")


def test_stats_show_the_container_once_and_again(web):
    ctx, name = web
    once = json.loads(run(ctx, f"docker stats --no-stream --format json {name}").stdout)
    assert (once["Name"], once["PIDs"]) == (name, "1")

    class Twice(FakeContext):
        def stdout(self, data):
            super().stdout(data)
            if self.out.count(b"\n") == 2:
                self.cancel()

    again = Twice(ctx.engine)
    with pytest.raises(Cancelled):
        run(again, f"docker stats --format '{{{{.Name}}}} {{{{.PIDs}}}}' {name}")
    assert again.out.decode() == f"{name} 1\n" * 2


def test_every_change_is_seen_by_the_engine(web, unique):
    ctx, name = web
    new, repository = unique("renamed"), unique("saved")
    assert run(ctx, f"docker update -m 64m --memory-swap 128m --restart on-failure:2 {name}").exit_code == 0
    assert run(ctx, f"docker pause {name}").exit_code == 0
    assert run(ctx, f"docker unpause {name}").exit_code == 0
    assert run(ctx, f"docker rename {name} {new}").exit_code == 0
    run(ctx, f"docker exec {new} touch /made")
    assert "A /made" in run(ctx, f"docker diff {new}").lines
    assert "sleep 600" in run(ctx, f"docker top {new}").text
    assert run(ctx, f"docker port {new}").lines == ()
    made = run(ctx, f"docker commit -a ann -m why -c 'ENV A=1' -c 'USER app' {new} {repository}:1").lines[0]
    image = ctx.engine.get(f"/images/{repository}:1/json")
    assert (image["Id"], image["Author"], image["Comment"]) == (made, "ann", "why")
    assert (image["Config"]["User"], "A=1" in image["Config"]["Env"]) == ("app", True)
    host = ctx.engine.get(f"/containers/{new}/json")["HostConfig"]
    assert (host["Memory"], host["RestartPolicy"]["MaximumRetryCount"]) == (64 * 1024**2, 2)
    ctx.engine.post(f"/containers/{new}/rename", {"name": name})
