# ruff: noqa: E501 - a case is a line
import json
from pathlib import Path

import pytest

from handlers.container.inspect import ContainerInspect
from handlers.faults import Fault, NotFound
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

GOLDEN = Path(__file__).parents[2] / "golden" / "container"
WEB = json.loads((GOLDEN / "inspected.json").read_text(encoding="utf-8"))


def run(*containers, api=(1, 41), **options):
    engine = FakeEngine(
        {
            ("GET", "/containers/web/json"): WEB,
            ("GET", "/containers/nosuch/json"): NotFound("No such container: nosuch"),
        },
        api=api,
    )
    return ContainerInspect(containers=containers, **options).run(FakeContext(engine)), engine


def test_the_whole_object_is_indented_as_the_cli_does():
    shown, engine = run("web")
    assert shown.stdout == (GOLDEN / "inspect.txt").read_text(encoding="utf-8")
    assert [str(request) for request in engine.requests] == ["GET /containers/web/json"]


def test_sizes_are_asked_for_when_wanted():
    _, engine = run("web", size=True)
    assert engine.requests[0].query == {"size": "1"}


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("{{.State.Status}} {{.ID}}", f"running {'bb' * 32}\n"),
        ("{{.Id}}", f"{'bb' * 32}\n"),
        ("{{.HostConfig.RestartPolicy}}", "{on-failure 3}\n"),
        ("{{.HostConfig.Ulimits}} {{.HostConfig.PidsLimit}} {{json .HostConfig.Ulimits}}", "[] <nil> null\n"),
        ('{{.Config.Labels.tier}} {{.Config.Labels.nosuch}}|{{index .Config.Labels "nosuch"}}|', "web <no value>||\n"),
        ("{{range $k, $v := .NetworkSettings.Ports}}{{$k}}={{range $v}}{{.HostIp}}:{{.HostPort}} {{end}}{{end}}", "80/tcp=0.0.0.0:8080 :::8080 \n"),
        ('{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "8080\n"),
        ("{{range .Mounts}}{{.Type}}:{{.Destination}}:{{.RW}} {{end}}", "volume:/data:true \n"),
        ("{{.Config.ExposedPorts}} {{.Config.Env}}", "map[80/tcp:{}] [A=1 PATH=/bin]\n"),
        ("{{json .State.Health.Log}}", '[{"Start":"2026-11-23T23:46:46.146404862Z","End":"2026-11-23T23:46:46.207457143Z","ExitCode":0,"Output":""}]\n'),
        ("{{range .State.Health.Log}}{{.Start}}{{end}}", "2026-11-23 23:46:46.146404862 +0000 UTC\n"),
        ("{{range .NetworkSettings.Networks}}{{.IPAddress}} {{json .IPAMConfig}}{{end}}", "172.17.0.2 null\n"),
        ("{{.Created}} {{.State.StartedAt}}", "2026-11-23T23:46:44.837941701Z 2026-11-23T23:46:45.145402377Z\n"),
        ("{{.SizeRw}}", "<nil>\n"),
    ],
)  # fmt: skip
def test_a_template_sees_the_clis_own_type(form, text):
    shown, _ = run("web", format=form)
    assert (shown.stdout, shown.exit_code) == (text, 0)


def test_one_name_that_is_none_does_not_stop_the_others():
    shown, _ = run("web", "nosuch", "web", format="{{.Name}}")
    assert shown.stdout == "/web\n/web\n"
    assert shown.stderr == "Error response from daemon: No such container: nosuch\n"
    assert shown.exit_code == 1


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_refused_with_the_clis_sentence(name):
    shown, engine = run(name)
    assert (shown.stdout, shown.exit_code) == ("[]\n", 1)
    assert shown.stderr == "invalid container name or ID: value is empty\n"
    assert engine.requests == []


@pytest.mark.parametrize("name", ["..", "../images/busybox", "web/../../info"])
def test_a_name_never_reaches_another_endpoint(name):
    shown, engine = run(name)
    assert shown.exit_code == 1
    assert engine.requests == []


def test_a_template_that_does_not_parse_is_a_fault():
    with pytest.raises(Fault) as fault:
        run("web", format="{{.ID")
    assert fault.value.exit_code == 64
