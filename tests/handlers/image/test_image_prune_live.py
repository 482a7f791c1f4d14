"""A prune of images that people agreed to, on a real engine: names, parents, and what happened meanwhile."""

import contextlib
import io
import tarfile

import docker
import pytest

from handlers.engine import DockerEngine
from handlers.image.prune import ImagePrune
from handlers.system.condemned import CACHE
from handlers.system.prune import SystemPrune
from tests.fakes.context import FakeContext


@pytest.fixture
def engine(docker_host):
    engine = DockerEngine(docker_host, slots=4)
    yield engine
    engine.close()


class Shelf:
    """Builds images that carry a label nobody else's have."""

    def __init__(self, client, mark):
        self.client = client
        self.mark = mark

    def build(self, name, base="scratch", tag=""):
        """The id of a new image, made in several steps."""
        steps = f"FROM {base}\nLABEL mark={self.mark} name={name}\nCOPY Dockerfile /d\nENV NAME={name}"
        context = io.BytesIO(self.context(steps))
        told = self.client.build(fileobj=context, custom_context=True, tag=tag or None, rm=True, decode=True)
        return [one["aux"]["ID"] for one in told if "ID" in one.get("aux", {})][-1]

    def context(self, steps):
        """The archive that a build takes, of a Dockerfile alone."""
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as tar:
            info = tarfile.TarInfo("Dockerfile")
            info.size = len(steps.encode())
            tar.addfile(info, io.BytesIO(steps.encode()))
        return file.getvalue()

    def left(self):
        """The ids of every image of ours, those that no listing shows as well."""
        found = self.client.images(all=True, filters={"label": f"mark={self.mark}"})
        return {one["Id"] for one in found}

    def prune(self, **options):
        return ImagePrune(filter=(f"label=mark={self.mark}",), **options)


@pytest.fixture
def shelf(docker_host, unique):
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        shelf = Shelf(client, unique("mark"))
        yield shelf
        mine = {"label": f"mark={shelf.mark}"}
        for container in client.containers(all=True, filters=mine):
            client.remove_container(container["Id"], force=True)
        while found := client.images(filters=mine):
            for one in found:
                with contextlib.suppress(docker.errors.ImageNotFound):
                    client.remove_image(one["Id"], force=True)


def test_an_image_goes_with_the_unnamed_ones_it_was_made_on(engine, shelf):
    assert shelf.prune().condemned(FakeContext(engine)) == ()
    made = shelf.build("one")
    assert len(shelf.left()) == 3
    command = shelf.prune()
    agreed = command.condemned(FakeContext(engine))
    assert [one.id for one in agreed] == [made]
    ctx = FakeContext(engine)
    assert command.only(agreed).run(ctx).note == ""
    assert (ctx.err, shelf.left()) == (b"", set())
    assert f"deleted: {made}\n" in ctx.out.decode()


def test_one_that_was_made_on_another_whose_name_was_taken_since_stays(engine, shelf):
    base_name = f"{shelf.mark}:base"
    base = shelf.build("base", tag=base_name)
    made = shelf.build("one", base=base_name)
    command = shelf.prune()
    agreed = command.condemned(FakeContext(engine))
    assert [one.id for one in agreed] == [made]
    shelf.client.remove_image(base_name, force=True)
    ctx = FakeContext(engine)
    command.only(agreed).run(ctx)
    assert {base, made} <= shelf.left()
    assert b"has other names now" in ctx.err


def test_of_all_unused_ones_only_those_agreed_to_go(engine, shelf):
    mark = shelf.mark
    base = shelf.build("base", tag=f"{mark}-x/base:1")
    shelf.client.tag(base, f"{mark}-y/base", "2")
    app = shelf.build("app", base=f"{mark}-x/base:1", tag=f"{mark}:app")
    used, named = (shelf.build(name, tag=f"{mark}:{name}") for name in ("used", "named"))
    command = shelf.prune(all=True)
    agreed = command.condemned(FakeContext(engine))
    assert {one.id for one in agreed} == {base, app, used, named}
    late = shelf.build("late", tag=f"{mark}:late")
    shelf.client.tag(named, mark, "kept")
    shelf.client.create_container(used, ["sh"], name=mark)
    ctx = FakeContext(engine)
    output = command.only(agreed).run(ctx)
    left = {one["Id"]: one["RepoTags"] for one in shelf.client.images(filters={"label": f"mark={mark}"})}
    assert left.keys() == {used, named, late}
    assert sorted(left[named]) == [f"{mark}:kept", f"{mark}:named"]
    assert output.note == "2 of the 4 agreed to went; 2 skipped."
    skipped = sorted(ctx.err.decode().splitlines())
    assert [line.partition(" (")[0] for line in skipped] == [
        f"skipped image {mark}:named",
        f"skipped image {mark}:used",
    ]


def records(engine):
    return {one["ID"] for one in engine.get("/system/df")["BuildCache"] or ()}


def test_records_of_the_build_cache_go_one_by_one_and_no_others(engine, shelf):
    context = shelf.context(f"FROM scratch\nLABEL mark={shelf.mark}\nCOPY Dockerfile /a\nCOPY Dockerfile /b")
    build = shelf.client._url("/build")  # the SDK itself knows no BuildKit
    before = records(engine)
    for number in (1, 2):
        answer = shelf.client.post(
            build,
            params={"version": "2", "t": f"{shelf.mark}:{number}"},
            data=context,
            headers={"Content-Type": "application/x-tar"},
        )
        assert answer.status_code == 200, answer.text
        shelf.client.remove_image(f"{shelf.mark}:{number}")
    command = SystemPrune(all=True, filter=("label=nobody-has-it",))
    agreed = [one for one in command.condemned(FakeContext(engine)) if one.id not in before]
    assert len(agreed) >= 3
    assert {one.kind for one in agreed} == {CACHE}
    spared, *agreed = agreed[-1:] + agreed[:-1]
    ctx = FakeContext(engine)
    command.only(tuple(agreed)).run(ctx)
    assert ctx.err == b""
    assert records(engine) - before == {spared.id}
    command.only((spared,)).run(ctx)
    assert not records(engine) - before
