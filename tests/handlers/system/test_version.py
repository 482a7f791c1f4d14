import json
import platform
from importlib.metadata import version
from pathlib import Path

import pytest

from handlers.faults import Fault, Unreachable
from handlers.system.version import Version
from permissions.verbs import Danger, Verb
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

GOLDEN = Path(__file__).parents[2] / "golden" / "system" / "version.txt"
DETAILS = {
    "ApiVersion": "1.41",
    "Arch": "amd64",
    "BuildTime": "2026-05-07T21:09:36.000000000+00:00",
    "Experimental": "false",
    "GitCommit": "5d6db84",
    "GoVersion": "go1.19.8",
    "KernelVersion": "6.1",
    "MinAPIVersion": "1.12",
    "Os": "linux",
}
SERVER = {
    "Platform": {"Name": "Docker Engine - Community"},
    "Components": [
        {"Name": "Engine", "Version": "20.10.24", "Details": DETAILS},
        {"Name": "containerd", "Version": "1.6.20", "Details": {"GitCommit": "1.6.20-1"}},
        {"Name": "docker-init", "Version": "0.19.0", "Details": {"GitCommit": ""}},
    ],
    "Version": "20.10.24",
    "ApiVersion": "1.41",
    "MinAPIVersion": "1.12",
    "Os": "linux",
    "Arch": "amd64",
    "BuildTime": "2026-05-07T21:09:36.000000000+00:00",
}
DOWN = Unreachable("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?")


@pytest.fixture(autouse=True)
def _on_a_known_machine(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def run(form="", answer=SERVER):
    engine = FakeEngine({("GET", "/version"): answer})
    return Version(format=form).run(FakeContext(engine)), engine


def test_docktalk_shows_itself_as_the_client_and_the_engine_as_the_cli_does():
    shown, engine = run()
    ours, theirs = shown.stdout.split("\n\n")
    assert ours.splitlines() == [
        "Client: Docktalk",
        f" Version:           {version('docktalk')}",
        " API version:       1.41",
        " OS/Arch:           linux/amd64",
    ]
    assert theirs == GOLDEN.read_text(encoding="utf-8")
    assert [str(request) for request in engine.requests] == ["GET /version"]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("{{.Server.Version}} {{.Server.APIVersion}} {{.Client.APIVersion}}", "20.10.24 1.41 1.41\n"),
        ("{{range .Server.Components}}{{.Name}} {{end}}", "Engine containerd docker-init \n"),
        ("{{(index .Server.Components 0).Details.BuildTime}}", "Thu May  7 21:09:36 2026\n"),
        ("{{.Client.Platform.Name}}", "Docktalk\n"),
        ("{{.Server.Platform.Name}}", "Docker Engine - Community\n"),
    ],
)
def test_a_template_sees_both_sides(form, text):
    assert run(form)[0].stdout == text


def test_json_shows_both_sides_under_the_clis_keys():
    shown = json.loads(run("json")[0].stdout)
    assert shown["Server"]["ApiVersion"] == "1.41"
    assert shown["Client"]["Platform"] == {"Name": "Docktalk"}


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("{{.Nosuch}}", "<.Nosuch>: can't evaluate field Nosuch in type system.versionInfo"),
        ("{{.Server.Foo}}", "<.Server.Foo>: can't evaluate field Foo in type *types.Version"),
    ],
)
def test_a_template_that_fails_says_so_as_the_cli_does(form, sentence):
    shown, _ = run(form)
    assert (shown.stdout, shown.exit_code) == ("\n", 1)
    assert shown.stderr.startswith("template: version:1:")
    assert shown.stderr.endswith(f' executing "version" at {sentence}\n')


def test_a_template_that_does_not_parse_is_a_fault():
    with pytest.raises(Fault) as fault:
        run("{{.Nosuch")
    assert fault.value.exit_code == 64
    assert fault.value.message == "template parsing error: template: version:1: unclosed action"


def test_without_an_engine_the_client_shows_and_the_reason():
    shown, _ = run(answer=DOWN)
    assert shown.stdout.startswith("Client: Docktalk\n")
    assert "Server" not in shown.stdout
    assert (shown.stderr, shown.exit_code) == (f"{DOWN.message}\n", 1)


@pytest.mark.parametrize(
    ("form", "text"), [("{{.Client.Version}}", f"{version('docktalk')}\n"), ("{{.Server.Version}}", "\n")]
)
def test_without_an_engine_a_template_shows_what_it_can(form, text):
    shown, _ = run(form, DOWN)
    assert (shown.stdout, shown.stderr, shown.exit_code) == (text, f"{DOWN.message}\n", 1)


def test_the_version_is_a_harmless_listing():
    operation = Version().operation("local")
    assert (operation.verb, operation.danger, operation.resources) == (Verb.LIST, Danger.SAFE, ())
