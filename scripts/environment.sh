#!/usr/bin/env bash
# Makes .venv with everything in requirements-dev.txt (hash-checked) and the project itself, on a machine
# that may have nothing but this clone. Quick when nothing changed. PYTHON=… picks the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif [ -t 0 ]; then sudo "$@"; else sudo -n "$@"; fi
}

# A name in PATH proves little: a version switcher's shim may refuse to run, Debian's python3 may lack venv.
usable() {
  "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local candidate
  # The oldest supported version first: what passes there passes on the newer ones.
  for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3 /usr/bin/python3}; do
    if usable "$candidate"; then echo "$candidate"; return; fi
  done
  return 1
}

python=$(find_python) || {
  command -v apt-get >/dev/null || { say "Python 3.11 or newer with venv is needed"; exit 1; }
  say "installing python3 and python3-venv (apt)"
  as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get -qq update && apt-get -qq install -y --no-install-recommends python3 python3-venv' >/dev/null
  python=$(find_python) || { say "no usable Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
}

# The mark lies inside the environment it vouches for: when .venv goes, so does it. It names the place too,
# because the scripts of an environment that was moved or copied point to where it was.
mark=.venv/finished
wanted=$("$python" - <<'EOF'
import hashlib, os, pathlib
files = ("requirements-dev.txt", "deploy/requirements-build.txt")
print(hashlib.sha256(b"".join(pathlib.Path(f).read_bytes() for f in files)).hexdigest(), os.getcwd())
EOF
)
if [ -f "$mark" ] && [ "$(cat "$mark")" = "$wanted" ] && .venv/bin/python -c 'import bot, docker, pytest' 2>/dev/null; then
  exit 0
fi

say "making .venv with $("$python" --version) and the pinned packages (about half a minute)"
"$python" -m venv --clear .venv
pip=(.venv/bin/python -m pip --disable-pip-version-check -qq)
"${pip[@]}" install --require-hashes -r requirements-dev.txt -r deploy/requirements-build.txt
"${pip[@]}" install --no-deps --no-index --no-build-isolation --editable .
printf '%s\n' "$wanted" >"$mark"
