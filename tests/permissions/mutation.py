"""How many small changes to permissions/ its tests notice: ``python -m tests.permissions.mutation``.

A copy of the tree is changed in one place at a time (mutmut, in an environment of its own), and the tests
that reach the place run on it. Of all the changes a sample is tried, always the same for one seed. What no
test noticed, or reaches, is listed with its change; below 90 % the run fails. docs/mutation.md says what
is left and why.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "mutation"
TREE = FOLDER / "tree"
REQUIREMENTS = ROOT / "requirements-mutation.txt"
COPIED = ("permissions", "bot", "handlers", "tests", "scripts", "deploy", "docs", "pyproject.toml")
TESTS = (
    "tests/permissions",
    "tests/bot/audit/test_tampering.py",
    "tests/bot/audit/test_tools.py",
    "tests/bot/policy/test_mount_spellings.py",
)
AT_IMPORT = (
    "permissions.names.x__image_shape_",
    "permissions.patterns.x__id_",
    "permissions.patterns.x__shaped_",
    "permissions.patterns.x_target_of_",
)
"""Functions that run when the code is loaded, before the tool puts a change in force: it cannot try them."""
ENOUGH = 90.0
SURVIVED, UNREACHED = {0}, {33}
CONFIG = """\
[mutmut]
paths_to_mutate=permissions/
tests_dir=
{tests}
also_copy=
{copied}
"""


def mutmut() -> Path:
    """The tool; makes its environment where there is none, or an older one."""
    python, mark = FOLDER / "bin" / "python", FOLDER / "finished"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        sys.stdout.write("making .cache/mutation (about half a minute)\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "-qq"]
        subprocess.run([*pip, "install", "--require-hashes", "-r", REQUIREMENTS], check=True)
        [packages] = (FOLDER / "lib").glob("python*/site-packages")
        # What the project itself needs comes from its own environment.
        (packages / "project.pth").write_text(sysconfig.get_paths()["purelib"])
        mark.write_text(wanted)
    return FOLDER / "bin" / "mutmut"


def copy_tree() -> None:
    """Makes the copy that is changed."""
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, TREE / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, TREE / name)
    tests, copied = ("".join(f"    {name}\n" for name in names) for names in (TESTS, COPIED[1:]))
    (TREE / "setup.cfg").write_text(CONFIG.format(tests=tests, copied=copied))


def run(names: Sequence[str], seconds: float) -> None:
    """Tries these changes, with two processes, for so long at most."""
    command = [mutmut(), "run", "--max-children", "2", *names]
    with (FOLDER / "log").open("ab") as log:
        process = subprocess.Popen(
            ["nice", "-n", "10", *command], cwd=TREE, stdout=log, stderr=log, start_new_session=True
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            sys.stdout.write("the time is over; what was tried until now counts\n")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def results() -> dict[str, int | None]:
    """Every change by its name: the status of the tests on it, None where it was not tried."""
    found: dict[str, int | None] = {}
    for path in sorted((TREE / "mutants" / "permissions").glob("*.meta")):
        found |= json.loads(path.read_text())["exit_code_by_key"]
    return found


def change(name: str) -> str:
    """The lines that differ."""
    shown = subprocess.run([mutmut(), "show", name], cwd=TREE, capture_output=True, text=True, check=False)
    return "".join(f"    {line}\n" for line in shown.stdout.splitlines() if line[:2] in {"- ", "+ "})


def main() -> int:
    """Runs it; 1 below :data:`ENOUGH`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=1000, help="how many changes (default: 1000; 0: all)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default: 1)")
    parser.add_argument("--minutes", type=float, default=25.0, help="the longest it may take (default: 25)")
    given = parser.parse_args()
    mutmut()
    copy_tree()
    # A run of a few makes the list of all.
    run(["permissions.oncall*"], 600.0)
    every = sorted(name for name in results() if not name.startswith(AT_IMPORT))
    # By a hash, so that a change of the code leaves most of the sample as it was.
    mixed = sorted(every, key=lambda name: hashlib.sha256(f"{given.seed} {name}".encode()).digest())
    chosen = mixed[: given.sample or len(mixed)]
    run(chosen, given.minutes * 60)
    tried = {name: status for name, status in results().items() if name in set(chosen) and status is not None}
    left = [name for name, status in tried.items() if status in SURVIVED | UNREACHED]
    for name in left:
        sys.stdout.write(f"{name}\n{change(name)}")
    score = 100 * (len(tried) - len(left)) / len(tried) if tried else 0.0
    sys.stdout.write(
        f"{len(every)} changes, {len(tried)} tried (seed {given.seed}), {len(tried) - len(left)} noticed: "
        f"{score:.1f} %\n"
    )
    return 0 if score >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
