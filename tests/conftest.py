"""Fixtures of every test; those that need a service lie in tests/services and mark the test by themselves."""

import gc

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes on a busy machine says nothing of the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

pytest_plugins = ["tests.services.engine", "tests.services.registry", "tests.services.store"]

MARKS = {
    "engine": {"docker_host", "image"},
    "store": {"store_url", "each_store_url", "real_redis_url", "start_store"},
    "registry": {"registry"},
}


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    # What is collected stays to the end: looking through it for garbage takes as long as collecting it.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Before `-m` chooses: a test that takes a service's fixture needs the service, whether it says so or not.
    for item in items:
        for mark, fixtures in MARKS.items():
            if fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(mark)
