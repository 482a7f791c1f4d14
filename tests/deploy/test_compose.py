"""What the two compose files promise, read as they are merged."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.settings import BotSettings, StoreSettings, WorkerSettings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OURS = ("bot", "worker", "bot-keys", "worker-keys")
SOCKET = "/var/run/docker.sock"


def load(name: str) -> Any:
    return YAML(typ="safe").load((DEPLOY / name).read_text())


SERVICES = load("compose.yaml")["services"]


@pytest.mark.parametrize("name", [*OURS, "redis"])
def test_every_process_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "pid", "ipc", "devices", "userns_mode"} & service.keys()
    assert service["pids_limit"] > 0
    assert service["mem_limit"]


def test_the_worker_alone_has_the_engines_socket() -> None:
    holders = [name for name, service in SERVICES.items() if SOCKET in str(service.get("volumes"))]
    assert holders == ["worker"]
    assert [name for name, service in SERVICES.items() if "group_add" in service] == ["worker"]


def test_nothing_is_published_in_socket_mode_and_loopback_alone_over_http() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == []
    over_http = load("compose.http.yaml")["services"]
    assert over_http.keys() == {"bot"}
    assert all(port.startswith("127.0.0.1:") for port in over_http["bot"]["ports"])


def test_running_processes_only_read_the_public_keys() -> None:
    for name in ("bot", "worker"):
        assert "trust:/trust:ro" in SERVICES[name]["volumes"]
        assert SERVICES[name]["depends_on"][f"{name}-keys"] == {"condition": "service_completed_successfully"}
        assert SERVICES[f"{name}-keys"]["network_mode"] == "none"


def test_secret_keys_are_never_shared() -> None:
    def data(name: str) -> set[str]:
        return {volume.partition(":")[0] for volume in SERVICES[name]["volumes"] if ":/data" in volume}

    assert data("bot") == data("bot-keys") == {"bot-data"}
    assert data("worker") == data("worker-keys") == {"worker-data"}


def test_the_store_is_reached_from_inside_alone() -> None:
    assert SERVICES["redis"]["networks"] == ["store"]
    assert load("compose.yaml")["networks"]["store"] == {"internal": True}


def test_no_secret_stands_in_the_files() -> None:
    for service in (*SERVICES.values(), *load("compose.http.yaml")["services"].values()):
        names = service.get("environment", {}).keys()
        assert not [
            name for name in names if any(word in name for word in ("TOKEN", "SECRET", "PASSWORD", "URL"))
        ]


@pytest.mark.parametrize("settings", [BotSettings, WorkerSettings])
def test_every_name_in_the_environment_is_a_setting(settings: type[StoreSettings]) -> None:
    name = "bot" if settings is BotSettings else "worker"
    given = {**SERVICES[name]["environment"]}
    if name == "bot":
        given |= load("compose.http.yaml")["services"]["bot"]["environment"]
    known = {f"DOCKTALK_{field}".upper() for field in settings.model_fields}
    assert given.keys() <= known


def test_the_docker_cli_reads_the_files(tmp_path: Path) -> None:
    """Where the CLI has compose, it has the last word on the merge; elsewhere the rules above stand alone."""
    copied = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copied, ignore=shutil.ignore_patterns("secrets", ".env"))
    prepared = subprocess.run([copied / "prepare"], capture_output=True, text=True, check=False)
    assert prepared.returncode == 0, prepared.stderr
    (copied / "policy.yaml").touch()
    mounted = [volume.split(":")[0] for volume in SERVICES["redis"]["volumes"] if volume.startswith("./")]
    assert [path for path in mounted if not (copied / path).exists()] == []
    for name in ("bot", "worker"):
        assert all((copied / path).exists() for path in SERVICES[name]["env_file"])
    command = [
        "docker",
        "compose",
        "-f",
        "compose.yaml",
        "-f",
        "compose.http.yaml",
        "config",
        "--format",
        "json",
    ]
    if (
        shutil.which("docker")
        and not subprocess.run(command[:2], capture_output=True, check=False).returncode
    ):
        shown = subprocess.run(command, cwd=copied, capture_output=True, text=True, check=True)
        assert json.loads(shown.stdout)["services"].keys() == SERVICES.keys()
