"""The systemd units: what they promise, and systemd's own check where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).resolve().parents[2] / "deploy/systemd"
NAMES = ("docktalk-bot", "docktalk-worker")


def service(name: str) -> dict[str, str]:
    text = (UNITS / f"{name}.service").read_text()
    return dict(re.findall(r"(?m)^(\w+)=(.*)$", text.partition("[Service]")[2].partition("[Install]")[0]))


@pytest.mark.parametrize("name", NAMES)
def test_each_process_has_a_user_of_its_own_and_no_more_rights(name: str) -> None:
    unit = service(name)
    assert unit["User"] == unit["StateDirectory"] == name
    assert unit["StateDirectoryMode"] == "0700"
    assert unit["CapabilityBoundingSet"] == ""
    assert (unit["NoNewPrivileges"], unit["ProtectSystem"], unit["ProtectHome"]) == ("yes", "strict", "yes")
    assert unit["ExecStart"].split()[1:] == [name.removeprefix("docktalk-")]


def test_the_worker_alone_may_talk_to_the_engine() -> None:
    assert service("docktalk-worker")["SupplementaryGroups"] == "docker"
    assert "SupplementaryGroups" not in service("docktalk-bot")
    assert service("docktalk-bot")["InaccessiblePaths"] == "-/run/docker.sock"


@pytest.mark.parametrize("name", NAMES)
def test_systemd_finds_nothing_to_complain_of(name: str, tmp_path: Path) -> None:
    unit = tmp_path / f"{name}.service"
    text = (UNITS / unit.name).read_text()
    # The installed program is not here; any program stands for it.
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={shutil.which('true')}", text))
    assert "ExecStart=/opt/" not in unit.read_text()
    if verify := shutil.which("systemd-analyze"):
        found = subprocess.run([verify, "verify", unit], capture_output=True, text=True, check=False)
        assert (found.returncode, found.stderr) == (0, "")
