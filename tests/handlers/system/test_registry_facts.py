"""What a policy is told of logins and of what has no kind, and what of a password is shown."""

import pytest

from handlers.catalogue import load
from handlers.faults import UsageFault
from handlers.grammar.mask import masked
from handlers.grammar.parser import parse
from handlers.grammar.secrecy import MASK
from handlers.system.login import Login, server_key
from permissions.operation import Resource
from permissions.verbs import Danger, Kind, Verb
from tests.fakes.context import FakeContext
from tests.fakes.engine import FakeEngine

HUB = "https://index.docker.io/v1/"


def command(line):
    return parse(line, load()).command


@pytest.mark.parametrize(
    ("line", "verb", "resource"),
    [
        ("docker login", Verb.REGISTRY, (Kind.REGISTRY, "docker.io")),
        (
            "docker login -u a -p b https://r.example:5000/v2/",
            Verb.REGISTRY,
            (Kind.REGISTRY, "r.example:5000"),
        ),
        ("docker logout docker.io", Verb.REGISTRY, (Kind.REGISTRY, "docker.io")),
        ("docker logout r.example", Verb.REGISTRY, (Kind.REGISTRY, "r.example")),
        ("docker search nginx", Verb.LIST, None),
        ("docker inspect web", Verb.REVEAL, (Kind.SYSTEM, "web")),
        ("docker inspect --type container web", Verb.REVEAL, (Kind.CONTAINER, "web")),
        ("docker inspect --type image web", Verb.REVEAL, (Kind.IMAGE, "web")),
        ("docker inspect --type network web", Verb.REVEAL, (Kind.NETWORK, "web")),
        ("docker inspect --type volume web", Verb.REVEAL, (Kind.VOLUME, "web")),
    ],
)
def test_the_operation_names_the_registry_or_the_object(line, verb, resource):
    operation = command(line).operation("local")
    assert (operation.verb, operation.danger) == (verb, Danger.SAFE)
    named = () if resource is None else (Resource(kind=resource[0], name=resource[1]),)
    assert operation.resources == named


@pytest.mark.parametrize(
    ("server", "key"),
    [
        (None, HUB),
        ("", HUB),
        ("docker.io", HUB),
        (HUB, HUB),
        ("index.docker.io", "index.docker.io"),
        ("r.example", "r.example"),
        ("https://r.example/v2/x", "r.example"),
        ("ftp://r.example", "r.example"),
        ("127.0.0.1:5000/", "127.0.0.1:5000"),
    ],
)
def test_a_server_has_one_key_however_it_is_written(server, key):
    assert server_key(server) == key


@pytest.mark.parametrize(
    "line",
    [
        "docker login -u eve -p hunter2hunter2 r.example",
        "docker login -u eve -phunter2hunter2 r.example",
        "docker login -u eve --password=hunter2hunter2 r.example",
        "docker login -u eve --password hunter2hunter2 r.example",
    ],
)
def test_a_password_on_the_line_is_never_shown(line):
    shown, _ = masked(line, None, load())
    assert "hunter2" not in shown
    assert shown.startswith("docker login -u eve -")
    assert shown.endswith(MASK)


def test_with_quotes_or_without_all_that_follows_a_password_is_hidden():
    line = "docker login -u eve -p 'two words' and three more r.example --nosuch"
    shown, span = masked(line, (line.index("--nosuch"), len(line)), load())
    assert shown == f"docker login -u eve -p {MASK}"
    assert shown[slice(*span)] == MASK


def test_a_password_given_apart_from_the_line_is_used_without_a_warning():
    engine = FakeEngine({("POST", "/auth"): {"Status": "Login Succeeded"}})
    ctx = FakeContext(engine)
    asked = command("docker login r.example")
    assert isinstance(asked, Login)
    output = asked.with_password("correct horse", "eve").run(ctx)
    assert (output.stdout, bytes(ctx.err)) == ("Login Succeeded\n", b"")
    assert engine.requests[0].body == {
        "username": "eve",
        "password": "correct horse",
        "serveraddress": "r.example",
    }


def test_a_name_on_the_line_stays_where_the_form_gives_none():
    filled = command("docker login -u eve --password-stdin r.example").with_password("correct horse")
    assert (filled.username, filled.password) == ("eve", "correct horse")


@pytest.mark.parametrize(
    ("server", "taken"),
    [
        ("", True),
        ("r.example", True),
        ("localhost", True),
        ("https://registry:5000/v2/", True),
        ("horse", False),
        ("http://horse/x", False),
    ],
)
def test_what_cannot_be_a_registry_of_images_gets_no_password(server, taken):
    line = f"docker login -u eve -p hunter2 '{server}'"
    if taken:
        assert command(line).server == server
        return
    with pytest.raises(UsageFault, match="neither a dot nor a port") as fault:
        command(line).check()
    assert "quotes" in fault.value.hint
    assert "horse" not in fault.value.message + fault.value.hint


def test_the_last_word_about_a_logout_is_the_name_that_was_written():
    ctx = FakeContext(FakeEngine())
    told = [
        command(f"docker logout {server}").run(ctx).lines[0].rpartition(" ")[2]
        for server in ("", "docker.io", "https://index.docker.io/v1/", "http://r.example/v2/")
    ]
    assert told == [HUB, "docker.io", "index.docker.io", "r.example"]
