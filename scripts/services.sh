#!/usr/bin/env bash
# scripts/services.sh demo|test COMMAND…   brings what a bare machine lacks, runs COMMAND, stops what it started.
#
#   demo   Python environment, a Docker Engine, a tiny image
#   test   the same, and the servers the tests start: redis-server, docker-registry
#
# COMMAND sees DOCKER_HOST and DOCKTALK_IMAGE (the tiny image); its exit status is ours.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/environment.sh"
cd "$here/.."
exec .venv/bin/python -m scripts.run_with "$@"
