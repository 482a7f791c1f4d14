"""Debian packages: installs what is missing, and says so."""
# ruff: noqa: S603 - the commands are our own, apt-get and sudo are found in PATH as everywhere else

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a server's program may lie, whatever PATH a person who is not root has."""


class SetupError(Exception):
    """The machine cannot be made ready; the text says what is missing and what to do."""


def say(text: str) -> None:
    """Tell the person at the terminal what is being done to the machine."""
    print(f"setup: {text}", file=sys.stderr, flush=True)  # noqa: T201


def program(name: str) -> str | None:
    """The path of a program, looked for in the folders of servers too; None when it is not installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")


def as_root(*command: str) -> list[str]:
    """The command as root runs it; without a terminal sudo must not stop to ask for a password."""
    if os.geteuid() == 0:
        return list(command)
    return ["sudo", *([] if sys.stdin.isatty() else ["-n"]), *command]


def ending_with_us(*command: str) -> list[str]:
    """The command of a server that the kernel asks to end when we died without a chance to do so."""
    setpriv = program("setpriv")  # on every Debian; elsewhere a server may outlive a kill -9
    return [setpriv, "--pdeathsig", "TERM", *command] if setpriv else list(command)


def install_missing(wanted: Mapping[str, str]) -> None:
    """Install the packages whose program is missing.

    Args:
        wanted: Name of the program → name of the package that brings it.

    Raises:
        SetupError: There is no apt-get, or it failed.
    """
    packages = sorted({package for name, package in wanted.items() if program(name) is None})
    if not packages:
        return
    if program("apt-get") is None:
        raise SetupError(f"missing: {', '.join(packages)}; only Debian and Ubuntu are set up automatically")
    say(f"installing {', '.join(packages)} (apt)")
    install = ["install", "-y", "--no-install-recommends", *packages]
    # Fresh lists cost seconds, stale ones fail: refresh only when there are none or the first try failed.
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")) or _apt(*install) != 0:
        _apt("update")
        if _apt(*install) != 0:
            raise SetupError(f"apt-get could not install {', '.join(packages)}; run it by hand to see why")


def _apt(*arguments: str) -> int:
    options = ["-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3"]
    command = as_root("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *options, *arguments)
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False).returncode
