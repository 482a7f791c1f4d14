"""The environment of the peers, apart from the project's own: made once from requirements-bench.txt."""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "bench"
REQUIREMENTS = ROOT / "requirements-bench.txt"


def peers_python() -> Path:
    """The interpreter that has the peers; makes its environment where there is none, or an older one."""
    python, mark = FOLDER / "bin" / "python", FOLDER / "finished"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return python
    print("making .cache/bench with the peers of the queue benchmark (about half a minute)", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "-qq"]
    subprocess.run([*pip, "install", "--require-hashes", "-r", REQUIREMENTS], check=True)
    mark.write_text(wanted)
    return python
