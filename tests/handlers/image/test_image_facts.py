"""What a policy and a person are told of the image commands before anything runs."""

import pytest

from handlers.catalogue import load
from handlers.faults import Cancelled
from handlers.grammar.parser import parse
from handlers.image import platform
from permissions.verbs import Danger, Kind, Verb
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

NOW = 1_700_000_000
DANGLING = "WARNING! This will remove all dangling images.\nAre you sure you want to continue?"
UNUSED = (
    "WARNING! This will remove all images without at least one container associated to them.\n"
    "Are you sure you want to continue?"
)


def command(line):
    return parse(line, load()).command


@pytest.mark.parametrize(
    ("line", "verb", "danger", "names"),
    [
        (
            "docker tag shop:1 r.example/shop:stable",
            Verb.CHANGE,
            Danger.SAFE,
            ["shop:1", "r.example/shop:stable"],
        ),
        ("docker rmi shop:1 3f2a", Verb.DESTROY, Danger.LOSES_DATA, ["shop:1", "3f2a"]),
        ("docker image prune -a", Verb.DESTROY, Danger.LOSES_DATA, []),
        ("docker push -a r.example/shop", Verb.REGISTRY, Danger.INTERRUPTS, ["r.example/shop"]),
        ("docker history shop:1", Verb.REVEAL, Danger.SAFE, ["shop:1"]),
        ("docker image inspect shop:1 web", Verb.REVEAL, Danger.SAFE, ["shop:1", "web"]),
        ("docker save shop:1 web", Verb.TRANSFER, Danger.SAFE, ["shop:1", "web"]),
        ("docker load", Verb.TRANSFER, Danger.INTERRUPTS, []),
        ("docker import http://x/y.tar", Verb.TRANSFER, Danger.INTERRUPTS, []),
        ("docker import http://x/y.tar base:2 more", Verb.TRANSFER, Danger.INTERRUPTS, ["base:2"]),
    ],
)
def test_the_operation_names_every_image_that_gains_or_loses_something(line, verb, danger, names):
    operation = command(line).operation("local")
    assert (operation.verb, operation.danger) == (verb, danger)
    assert [resource.name for resource in operation.resources] == names
    assert {resource.kind for resource in operation.resources} <= {Kind.IMAGE}


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("docker image prune", DANGLING),
        ("docker image prune --filter until=1h", DANGLING),
        ("docker image prune -a", UNUSED),
        ("docker image prune -a --force", ""),
        ("docker image prune --force=false", DANGLING),
    ],
)
def test_a_prune_asks_what_the_cli_asks(line, question):
    assert command(line).question() == question


def image(name, *, age=0, size=1_000_000, labels=None):
    tags = [f"{name}:1"] if name.startswith("shop") else None
    data = {"Id": f"sha256:{name}", "RepoTags": tags, "RepoDigests": None, "Created": NOW - age, "Size": size}
    return data | {"Labels": labels}


IMAGES = [
    image("shop"),
    image("used"),
    image("old", age=7200, labels={"a": "1"}),
    image("new", labels={"b": ""}),
]


@pytest.mark.parametrize(
    ("options", "gone", "total"),
    [
        ("", ["shop", "old", "new"], "3 images would go, at most 3MB with them."),
        ("-a", ["shop", "old", "new"], "3 images would go, at most 3MB with them."),
        ("--filter until=1h", ["old"], "1 image would go, at most 1MB with them."),
        ("--filter label=a", ["old"], "1 image would go, at most 1MB with them."),
        ("--filter label=a=2", [], "0 images would go, at most 0B with them."),
        ("--filter label!=b", ["shop", "old"], "2 images would go, at most 2MB with them."),
        ("--filter until=soon", [], "0 images would go, at most 0B with them."),
    ],
)
def test_a_prune_shows_what_would_go_and_spares_what_is_used(options, gone, total):
    engine = FakeEngine(
        {
            ("GET", "/containers/json"): [{"ImageID": "sha256:used"}],
            ("GET", "/images/json"): IMAGES,
        }
    )
    shown = command(f"docker image prune {options}").preview(FakeContext(engine))
    assert [row[2] for row in shown.rows] == gone
    assert shown.warnings == (total,)
    dangling = {} if "-a" in options else {"filters": '{"dangling":{"true":true}}'}
    assert [request.query for request in engine.requests] == [{"all": "1"}, dangling]


def test_a_removal_that_is_cancelled_stops_before_the_next_image():
    engine = FakeEngine({("DELETE", "/images/a"): Cancelled("Cancelled"), ("DELETE", "/images/b"): []})
    with pytest.raises(Cancelled):
        command("docker rmi a b").run(FakeContext(engine))
    assert [request.path for request in engine.requests] == ["/images/a"]


@pytest.mark.parametrize(
    "reason", ["no basic auth credentials", "denied: no", "unauthorized: bad", "no space"]
)
def test_a_push_that_was_locked_out_is_pointed_to_the_login(reason):
    engine = FakeEngine({("POST", "/images/r.example%2Fshop/push"): [{"error": reason}]})
    with pytest.raises(Exception, match=reason) as fault:
        command("docker push r.example/shop:1").run(FakeContext(engine))
    assert ("docker login r.example" in fault.value.hint) == (reason != "no space")


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", None),
        ("x86_64", '{"architecture":"amd64","os":"linux"}'),
        ("Linux/ARM/7", '{"architecture":"arm","os":"linux","variant":"v7"}'),
        ("windows/amd64", '{"architecture":"amd64","os":"windows"}'),
    ],
)
def test_a_platform_is_asked_for_with_the_engines_keys(text, encoded):
    assert platform.encoded(text) == encoded
