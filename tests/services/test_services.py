import contextlib
from collections.abc import Callable

import docker
import pytest
import redis
from docker.errors import APIError

from tests.services.registry import Registry
from tests.services.store import Store


def test_the_tiny_image_runs_a_shell(docker_host: str, image: str, unique: Callable[[str], str]) -> None:
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        made = client.create_container(image, ["sh", "-c", "cat /etc/passwd | head -1"], name=unique("shell"))
        client.start(made)
        assert client.wait(made)["StatusCode"] == 0
        assert client.logs(made) == b"root:x:0:0:root:/root:/bin/sh\n"


def test_a_store_is_empty_and_writes_through(each_store_url: str) -> None:
    with contextlib.closing(redis.Redis.from_url(each_store_url)) as client:
        assert client.dbsize() == 0
        assert client.config_get("append*")["appendfsync"] == "always"
        client.set("left", "behind")


def test_a_killed_store_comes_back_with_its_data(start_store: Callable[..., Store]) -> None:
    store = start_store()
    with contextlib.closing(redis.Redis.from_url(store.url)) as client:
        client.set("kept", "1")
    store.kill()
    store.start()
    with contextlib.closing(redis.Redis.from_url(store.url)) as client:
        assert client.get("kept") == b"1"


def test_an_image_travels_through_the_registry_with_the_password_alone(
    docker_host: str, image: str, registry: Registry, unique: Callable[[str], str]
) -> None:
    repository = f"{registry.address}/{unique('travels')}"
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        assert client.tag(image, repository, "v1")
        right = {"username": registry.username, "password": registry.password}
        client.push(repository, "v1", auth_config=right)
        client.remove_image(f"{repository}:v1")
        with pytest.raises(APIError):
            client.pull(repository, "v1", auth_config={**right, "password": "wrong"})
        client.pull(repository, "v1", auth_config=right)
        assert client.inspect_image(f"{repository}:v1")["Id"] == client.inspect_image(image)["Id"]
