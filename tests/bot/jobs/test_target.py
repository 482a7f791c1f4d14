import pytest

from bot.jobs.target import target_secrets
from handlers.faults import NotFound
from permissions.operation import Operation, Resource
from permissions.verbs import Danger, Kind, Verb
from tests.fakes.engine import FakeEngine

NO = NotFound("no such object")


def env(*lines):
    return {"Config": {"Env": list(lines)}}


def found(kind, container, image):
    engine = FakeEngine({("GET", "/containers/web/json"): container, ("GET", "/images/web/json"): image})
    operation = Operation(
        command="inspect",
        verb=Verb.REVEAL,
        danger=Danger.SAFE,
        resources=(Resource(kind=kind, name="web"),),
        host="local",
    )
    return target_secrets(engine, operation)


@pytest.mark.parametrize(
    ("kind", "container", "image", "secrets"),
    [
        (Kind.CONTAINER, env("DB_PASSWORD=of-the-container"), NO, ["of-the-container"]),
        (Kind.IMAGE, NO, env("DB_PASSWORD=of-the-image"), ["of-the-image"]),
        (
            Kind.SYSTEM,
            env("DB_PASSWORD=of-the-container"),
            env("DB_PASSWORD=of-the-image"),
            ["of-the-container", "of-the-image"],
        ),
        (Kind.SYSTEM, NO, env("DB_PASSWORD=of-the-image"), ["of-the-image"]),
        (Kind.NETWORK, env("DB_PASSWORD=of-the-container"), env(), []),
    ],
)
def test_the_secrets_of_whatever_the_name_may_mean_are_known(kind, container, image, secrets):
    assert found(kind, container, image) == secrets
