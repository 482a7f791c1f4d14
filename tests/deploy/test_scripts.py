"""What `make` and the scripts behind it promise."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import docker
import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = [
    "demo",
    "test",
    "unit",
    "lint",
    "fmt",
    "bench",
    "chaos",
    "mutation",
    "soak",
    "slack-smoke",
    "clean",
    "help",
]


def run_with(*arguments: str, docker_host: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.run_with", *arguments]
    environment = {**os.environ, "DOCKER_HOST": docker_host}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_every_target_has_one_line_of_help_and_no_file_stands_for_it() -> None:
    assert re.findall(r"(?m)^([a-z-]+):.* ## \S.*$", MAKEFILE) == TARGETS
    assert f".PHONY: {' '.join(TARGETS)}\n" in MAKEFILE
    assert ".DEFAULT_GOAL := help\n" in MAKEFILE


@pytest.mark.parametrize("arguments", [[], ["demo"], ["up", "true"]])
def test_a_wrong_call_shows_the_usage(arguments: list[str]) -> None:
    ran = run_with(*arguments, docker_host="")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "usage:" in ran.stderr


def test_an_engine_that_was_named_and_is_not_there_is_not_replaced(tmp_path: Path) -> None:
    ran = run_with("demo", "true", docker_host=f"unix://{tmp_path}/none.sock")
    assert ran.returncode == 2
    assert (
        ran.stderr
        == f"setup: DOCKER_HOST is set to unix://{tmp_path}/none.sock, but no engine answers there\n"
    )


@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("kill -9 $$", 137), ("true", 0)])
def test_the_commands_status_passes_through_and_the_image_goes(
    docker_host: str, script: str, status: int
) -> None:
    ran = run_with("demo", "sh", "-c", f'echo "$DOCKTALK_IMAGE"; {script}', docker_host=docker_host)
    assert ran.returncode == status, ran.stderr
    image = ran.stdout.strip()
    assert image.startswith("docktalk-busybox:")
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        assert client.images(image) == []


def test_the_hooks_fetch_nothing() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (.*)", hooks) == ["local"]
    assert set(re.findall(r"entry: (\S+)", hooks)) == {".venv/bin/ruff", ".venv/bin/mypy"}


def test_ci_runs_what_make_test_runs_and_reads_nothing() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert "exec make test </dev/null" in script
    assert "export CI=true" in script
