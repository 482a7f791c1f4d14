"""Names without a registry: pulled for real, from a mirror that an engine of our own asks first."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker
import pytest
import pytest_asyncio

from bot.trial.trial import Trial
from scripts.engine import stop_own_engine
from scripts.image import make_tiny_image
from scripts.packages import as_root, ending_with_us, program
from tests.services.engine import CACHE
from tests.services.missing import missing
from tests.services.registry import configure, registry_program

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]

PORT = 5000
"""In a network of its own every port is free."""
LAUNCH = """\
import fcntl, os, socket, struct, subprocess, sys, time
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH22x", b"lo", 0x41))  # SIOCSIFFLAGS: up, running
cut = sys.argv.index("--")
subprocess.Popen(sys.argv[2:cut])
until = time.monotonic() + 30
while time.monotonic() < until:
    with socket.socket() as registry:
        if registry.connect_ex(("127.0.0.1", int(sys.argv[1]))) == 0:
            break
    time.sleep(0.02)
os.execv(sys.argv[cut + 1], sys.argv[cut + 1:])
"""
"""Brings the loopback of a new network up, starts the registry there and becomes the engine."""
READY_WITHIN = 60


@pytest.fixture(scope="module")
def mirrored():
    """The URL of an engine that asks a registry at 127.0.0.1:5000 first, which has library/shop."""
    dockerd, unshare, registry = program("dockerd"), program("unshare"), registry_program()
    if dockerd is None or unshare is None:
        missing("an engine of our own cannot be started: there is no dockerd, or no unshare")
    folder = Path(tempfile.mkdtemp(prefix="dt-"))
    url = f"unix://{folder}/docker.sock"
    serve = ending_with_us(registry, "serve", str(configure(folder, PORT)))
    engine = [dockerd, f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--host={url}"]
    engine += [f"--pidfile={folder}/docker.pid", f"--group={os.getgid()}"]
    engine += [f"--registry-mirror=http://127.0.0.1:{PORT}"]
    command = [sys.executable, "-c", LAUNCH, str(PORT), *serve, "--", *engine]
    path = f"PATH={os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            as_root(*ending_with_us("env", path, unshare, "--net", *command)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + READY_WITHIN
        while not _answers(folder / "docker.sock"):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"the engine did not start:\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        with contextlib.closing(docker.APIClient(base_url=url, version="auto")) as client:
            _fill(client)
        yield url
    finally:
        stop_own_engine(folder)
        process.wait(READY_WITHIN)
        subprocess.run(as_root("rm", "-rf", str(folder)), check=True)


def _answers(path):
    with socket.socket(socket.AF_UNIX) as engine, contextlib.suppress(OSError):
        engine.connect(str(path))
        engine.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b" 200 " in engine.recv(100)
    return False


def _fill(client):
    name = f"127.0.0.1:{PORT}/library/shop"
    for tag in ("latest", "1.36"):
        make_tiny_image(client, f"shop:{tag}", CACHE, labels=[f"tag={tag}"])
        client.tag(f"shop:{tag}", name, tag)
        assert "error" not in client.push(name, tag)
        for known in (f"{name}:{tag}", f"shop:{tag}"):
            client.remove_image(known)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ask(mirrored, policy):
    """`ask(line)` has an admin type the line."""
    async with Trial(policy=policy, environ={**os.environ, "DOCKER_HOST": mirrored}) as trial:
        admin, ops = trial.user("admin"), trial.channel("ops")
        yield lambda line: trial.ask(line, user=admin, channel=ops)


@pytest.mark.parametrize(
    ("name", "known", "full"),
    [
        ("shop", "shop:latest", "docker.io/library/shop:latest"),
        ("shop:1.36", "shop:1.36", "docker.io/library/shop:1.36"),
        ("library/shop:1.36", "shop:1.36", "docker.io/library/shop:1.36"),
        ("docker.io/shop", "shop:latest", "docker.io/library/shop:latest"),
        ("index.docker.io/library/shop", "shop:latest", "docker.io/library/shop:latest"),
    ],
)
async def test_a_name_without_a_registry_is_pulled_and_known_by_its_short_form(ask, name, known, full):
    await ask(f"docker rmi -f {known}")
    pulled = await ask(f"docker pull {name}")
    assert pulled.exit_code == 0, pulled.picture
    assert "Status: Downloaded newer image for " in pulled.stdout
    assert pulled.stdout.endswith(f"{full}\n")
    digest = re.search(r"Digest: (sha256:[0-9a-f]{64})", pulled.stdout)[1]
    assert digest in pulled.picture
    shown = await ask(f"docker image inspect -f '{{{{.RepoTags}}}} {{{{.RepoDigests}}}}' {known}")
    assert known in shown.stdout
    assert f"shop@{digest}" in shown.stdout
    again = await ask(f"docker pull {name}")
    assert f"Status: Image is up to date for {known}" in again.stdout


async def test_all_tags_of_a_short_name_are_pulled(ask):
    await ask("docker rmi -f shop:latest shop:1.36")
    pulled = await ask("docker pull -a shop")
    assert pulled.exit_code == 0, pulled.picture
    listed = (await ask("docker images --format '{{.Tag}}' shop")).stdout.split()
    assert sorted(listed) == ["1.36", "latest"]


async def test_a_short_name_is_pulled_by_its_digest(ask):
    await ask("docker pull shop:1.36")
    shown = await ask("docker image inspect -f '{{index .RepoDigests 0}}' shop:1.36")
    by_digest = shown.stdout.strip()
    await ask("docker rmi -f shop:1.36")
    pulled = await ask(f"docker pull {by_digest}")
    assert pulled.exit_code == 0, pulled.picture
    assert pulled.stdout.endswith(f"docker.io/library/{by_digest}\n")


async def test_a_run_pulls_the_image_it_lacks(ask):
    await ask("docker rmi -f shop:1.36")
    ran = await ask("docker run --rm shop:1.36 echo hello")
    assert ran.exit_code == 0, ran.picture
    assert "hello" in ran.stdout
    assert "Unable to find image 'shop:1.36' locally" in ran.stderr


async def test_a_short_name_that_nobody_has_is_said(ask):
    refused = await ask("docker pull shop:nosuch")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error response from daemon: ")
