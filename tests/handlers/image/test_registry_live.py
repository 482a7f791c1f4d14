"""login, tag, push, pull and rm on a real engine and a real registry that asks for a password."""

import base64
import contextlib
import http.client

import pytest

from handlers.catalogue import load
from handlers.engine import DockerEngine
from handlers.faults import EngineFault, NotFound
from handlers.grammar.parser import parse
from tests.fakes.context import FakeContext, FakeLogin

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture
def engine(docker_host):
    engine = DockerEngine(docker_host, slots=4)
    yield engine
    engine.close()


@pytest.fixture
def run(engine, registry):
    """`run(line, logged_in=False)` runs a line and returns its output and what it printed, both streams."""

    def run(line, *, logged_in=True):
        login = FakeLogin(registry.username, registry.password)
        ctx = FakeContext(engine, logins={registry.address: login} if logged_in else {})
        output = parse(line, load()).command.run(ctx)
        return output, ctx.out.decode() + output.stdout, ctx.err.decode() + output.stderr

    return run


@pytest.fixture
def name(engine, registry, unique, image, run):
    """A repository in the registry, whose tags 1 and 2 the engine has."""
    name = f"{registry.address}/{unique('shop')}"
    for tag in ("1", "2"):
        run(f"docker tag {image} {name}:{tag}")
    yield name
    for tag in ("1", "2", "stable"):
        with contextlib.suppress(NotFound):
            engine.delete(f"/images/{name}:{tag}")


def digest_at(registry, name, tag):
    """What the registry itself says a tag is, "" for none."""
    connection = http.client.HTTPConnection(registry.host, registry.port, timeout=10)
    login = base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Accept": MANIFEST}
    repository = name.partition("/")[2]
    connection.request("HEAD", f"/v2/{repository}/manifests/{tag}", headers=headers)
    answer = connection.getresponse()
    connection.close()
    return answer.headers.get("Docker-Content-Digest") if answer.status == 200 else ""


def test_a_push_tells_its_digest_last_and_the_registry_has_it(run, registry, name):
    _, out, _ = run(f"docker push {name}:1")
    lines = out.splitlines()
    assert lines[0] == f"The push refers to repository [{name}]"
    digest = digest_at(registry, name, "1")
    assert lines[-1].startswith(f"1: digest: {digest} size: ")
    assert digest_at(registry, name, "2") == ""
    assert run(f"docker push -q {name}:2")[1] == f"{name}:2\n"
    assert digest_at(registry, name, "2") == digest


def test_all_tags_of_a_repository_are_pushed(run, registry, name):
    _, out, _ = run(f"docker push -a {name}")
    assert "1: digest: sha256:" in out
    assert "2: digest: sha256:" in out
    assert digest_at(registry, name, "1") == digest_at(registry, name, "2") != ""


def test_without_a_login_nothing_is_pushed_or_pulled(run, registry, name):
    with pytest.raises(EngineFault, match="no basic auth credentials") as fault:
        run(f"docker push {name}:1", logged_in=False)
    assert f"docker login {registry.address}" in fault.value.hint
    assert digest_at(registry, name, "1") == ""
    run(f"docker push -q {name}:1")
    run(f"docker rmi {name}:1")
    with pytest.raises(EngineFault, match="no basic auth credentials"):
        run(f"docker pull {name}:1", logged_in=False)


def test_what_was_pushed_comes_back_by_its_digest(run, registry, name):
    run(f"docker push {name}:1")
    digest = digest_at(registry, name, "1")
    _, out, _ = run(f"docker rmi {name}:1 {name}:2")
    assert f"Untagged: {name}:1\n" in out
    assert f"Untagged: {name}@{digest}\n" in out
    _, out, _ = run(f"docker pull {name}@{digest}")
    assert f"Digest: {digest}\n" in out
    run(f"docker rmi {name}@{digest}")


def test_an_image_that_is_not_there_cannot_be_pushed(run, name):
    with pytest.raises(EngineFault, match="tag does not exist"):
        run(f"docker push {name}:9")


def test_a_right_login_succeeds_and_shows_no_password(run, registry):
    line = f"docker login -u {registry.username} -p '{registry.password}' http://{registry.address}"
    _, out, err = run(line, logged_in=False)
    assert out == "Login Succeeded\n"
    assert registry.password not in out + err


def test_a_wrong_login_is_refused_by_the_registry(run, registry):
    with pytest.raises(EngineFault, match="401 Unauthorized"):
        run(f"docker login -u {registry.username} -p wrong {registry.address}", logged_in=False)


def test_a_kept_login_is_checked_anew(run, registry):
    _, out, err = run(f"docker login {registry.address}")
    assert out == "Login Succeeded\n"
    assert f"[Username: {registry.username}]" in err


def test_a_tag_moves_and_a_name_of_an_image_can_be_inspected_and_told(run, engine, name):
    run(f"docker tag {name}:1 {name}:stable")
    shown = run(f"docker inspect -f '{{{{.Id}}}}' {name}:stable")[1].strip()
    assert shown == engine.get(f"/images/{name}:1/json")["Id"]
    assert run(f"docker image inspect --format '{{{{.Id}}}}' {name}:1")[1].strip() == shown
    assert run(f"docker history -q --no-trunc {name}:1")[1].splitlines()[0] == shown


def test_an_import_of_an_address_that_answers_nothing_is_the_engines_fault(run, name):
    with pytest.raises(EngineFault, match="refused"):
        run(f"docker import http://127.0.0.1:1/rootfs.tar {name}:stable")
