"""A real Docker Engine, a tiny image in it, and names whose objects are gone after the run."""

import contextlib
import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from scripts.image import make_tiny_image
from tests.services.missing import missing

CACHE = Path(__file__).resolve().parents[2] / ".cache"
LABEL = "org.docktalk.made-by=tests"
SUFFIX = f"dt{secrets.token_hex(3)}"
"""In every name `unique` gives; what carries it at the end of the run is removed."""

GONE = (DockerException, OSError)

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def unique() -> Callable[[str], str]:
    """`unique("web")` is a name nobody else has; the object that gets it need not be removed by the test."""
    return lambda stem: f"{stem}-{SUFFIX}-{next(_numbers)}"


@pytest.fixture(scope="session")
def docker_host() -> Iterator[str]:
    """The URL of a real engine: DOCKER_HOST, the default socket, or the one that scripts/ started."""
    default = [Path("/var/run/docker.sock"), CACHE / "engine/docker.sock"]
    named = os.environ.get("DOCKER_HOST")
    candidates = [named] if named else [f"unix://{path}" for path in default if path.exists()]
    client = None
    for url in candidates:
        with contextlib.suppress(DockerException):
            client = docker.APIClient(base_url=url, version="auto")
            break
    if client is None:
        missing(f"no Docker Engine answers at {named or 'the usual sockets'}")
    try:
        yield url
    finally:
        _sweep(client)
        client.close()


@pytest.fixture(scope="session")
def image(docker_host: str, unique: Callable[[str], str]) -> str:
    """The name of an image of a few MB with busybox's sh, sleep, httpd and the rest."""
    name = f"{unique('busybox')}:latest"
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        make_tiny_image(client, name, CACHE, labels=[LABEL])
    return name


def _sweep(client: docker.APIClient) -> None:
    """Remove what this run made and its tests left; one that resists must not keep the others."""
    by_name = {"name": SUFFIX}
    for container in client.containers(all=True, filters=by_name):
        with contextlib.suppress(*GONE):
            client.remove_container(container["Id"], force=True, v=True)
    tags = [tag for found in client.images() for tag in found["RepoTags"] or () if SUFFIX in tag]
    for tag in tags:
        with contextlib.suppress(*GONE):
            client.remove_image(tag, force=True)
    for volume in client.volumes(filters=by_name)["Volumes"] or ():
        with contextlib.suppress(*GONE):
            client.remove_volume(volume["Name"], force=True)
    for network in client.networks(filters=by_name):
        with contextlib.suppress(*GONE):
            client.remove_network(network["Id"])
