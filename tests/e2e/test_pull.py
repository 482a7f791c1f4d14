"""Pull and push as jobs: one message tells how far it is, it can be stopped, and what went wrong is said."""

import asyncio
import contextlib
import io
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
import pytest_asyncio
from docker.errors import ImageNotFound

from tests.e2e.test_live import begin, click, message_of, text_of, until
from tests.handlers.image.test_registry_live import digest_at

pytestmark = pytest.mark.asyncio(loop_scope="module")

LAYER = 5_000_000
SLOW = 500_000
"""Bytes a second: a layer takes four seconds, and is told of about three times."""
VERY_SLOW = 100_000
GONE_WITHIN = 60
HALF_WAY = re.compile(r"\d of \d layers? · [\d.]+ MB of [5-9]\.\d MB · [\d.]+ [kM]B/s · about [^\"]+ left")
BEGUN = re.compile(r"of \d layers? · [\d.]+ [kM]B of [5-9]\.\d MB")


@pytest.fixture(scope="module")
def client(docker_host):
    with contextlib.closing(docker.APIClient(base_url=docker_host, version="auto")) as client:
        yield client


@dataclass(frozen=True)
class Shop:
    """An image of two layers, the upper one a large one that nobody else has, and its name on the road."""

    client: docker.APIClient
    registry: object
    address: str
    repository: str

    @property
    def name(self):
        return f"{self.address}/{self.repository}:1"

    @property
    def there(self):
        """The image that the engine has under that name, "" for none."""
        try:
            return self.client.inspect_image(self.name)["Id"]
        except ImageNotFound:
            return ""

    def moved_to_the_registry(self):
        """The engine has it no longer; its digest."""
        straight = f"{self.registry.address}/{self.repository}"
        self.client.tag(self.name, straight, "1")
        auth = {"username": self.registry.username, "password": self.registry.password}
        pushed = self.client.push(straight, "1", auth_config=auth)
        assert "error" not in pushed
        self.client.remove_image(f"{straight}:1")
        self.client.remove_image(self.name)
        return re.search("sha256:[0-9a-f]{64}", pushed)[0]


@pytest_asyncio.fixture(loop_scope="module")
async def shop(workspace, client, image, registry, road, unique):
    login = {"username": registry.username, "password": registry.password}
    await workspace.trial.log_in(workspace.admin, {road.address: login})
    shop = Shop(client, registry, road.address, unique("shop"))
    container = client.create_container(image, "true")["Id"]
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        entry = tarfile.TarInfo("large")
        entry.size = LAYER
        tar.addfile(entry, io.BytesIO(os.urandom(LAYER)))
    client.put_archive(container, "/", layer.getvalue())
    client.commit(container, f"{shop.address}/{shop.repository}", "1")
    client.remove_container(container)
    yield shop
    with contextlib.suppress(ImageNotFound):
        client.remove_image(shop.name, force=True)


@pytest.mark.parametrize("command", ["pull", "push"])
async def test_one_message_tells_how_far_it_is_and_the_digest_at_the_end(workspace, road, shop, command):
    digest = shop.moved_to_the_registry() if command == "pull" else ""
    road.slow(SLOW)
    before = len(workspace.trial.standin.messages(workspace.ops.id))
    job_id = await begin(workspace, f"/docker {command} {shop.name}")
    half_way = await until(workspace, job_id, HALF_WAY.search)
    assert "job.stop" in text_of(half_way)
    ended = await workspace.trial.ended(job_id)
    await workspace.trial.settled()
    assert ended.result.exit_code == 0
    made = workspace.trial.standin.messages(workspace.ops.id)[before:]
    assert [m.ts for m in made if not m.thread_ts] == [half_way.ts]
    assert "Done" in text_of(half_way)
    told = digest_at(shop.registry, shop.name.removesuffix(":1"), "1")
    assert told == (digest or told) != ""
    assert told in "".join(text_of(m) for m in made if m.thread_ts)


async def befall(trouble, workspace, road, job_id):
    """Lets a job that is half-way run into it."""
    match trouble:
        case "stopped":
            await click(workspace, message_of(workspace, job_id), "job.stop")
        case "timed out":
            await workspace.trial.bot.ground.queue.cancel(job_id, "local", reason="timed_out")
        case "refused":
            road.slow(0)
        case "cut off":
            # The engine tries again for most of a minute: that can be read, and waited for or stopped.
            road.break_down()
            await until(workspace, job_id, lambda text: "The registry broke off. Retrying in" in text)
            await click(workspace, message_of(workspace, job_id), "job.stop")


@pytest.mark.parametrize("command", ["pull", "push"])
@pytest.mark.parametrize(
    ("trouble", "code", "reason", "said"),
    [
        ("stopped", 130, "cancelled", "Stopped"),
        ("timed out", 124, "timed_out", "Timed out"),
        ("refused", 1, "engine", "this repository may not be used today"),
        ("cut off", 130, "cancelled", "Stopped"),
    ],
)
async def test_what_ends_it_half_way_is_said_and_nothing_is_left_behind(
    workspace, road, shop, command, trouble, code, reason, said
):
    if command == "pull":
        shop.moved_to_the_registry()
    worker = Worker.of(workspace.trial.folder)
    # What the first job of its kind brings up stays.
    await workspace.ask(f"/docker {command} {shop.address}/nosuch")
    threads = worker.threads
    road.slow(VERY_SLOW)
    if trouble == "refused":
        # The last step of each: a pull has its manifest by then, a push its layers.
        road.refuse(f"PUT /v2/{shop.repository}/manifests/", f"GET /v2/{shop.repository}/blobs/")
    job_id = await begin(workspace, f"/docker {command} {shop.name}")
    if trouble != "refused":
        await until(workspace, job_id, BEGUN.search)
    await befall(trouble, workspace, road, job_id)
    ended = await workspace.trial.ended(job_id)
    await workspace.trial.settled()
    assert (ended.result.exit_code, ended.result.reason) == (code, reason)
    parent = message_of(workspace, job_id)
    thread = workspace.trial.standin.thread(workspace.ops.id, parent.ts)
    assert said in "".join(map(text_of, [parent, *thread]))
    assert "job.stop" not in text_of(parent)
    assert not ended.result.stdout.text.endswith(f"{shop.name}\n")
    left = shop.there if command == "pull" else digest_at(shop.registry, f"/{shop.repository}", "1")
    assert left == ""
    road.slow(0)  # what is in its buffers still has to pass
    async with asyncio.timeout(GONE_WITHIN):
        while road.open or worker.threads > threads:  # noqa: ASYNC110 - neither has an event
            await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Worker:
    """The trial's worker process."""

    proc: Path

    @classmethod
    def of(cls, folder):
        """The process that was told to keep its data in the trial's folder."""
        told = f"DOCKTALK_DATA_DIR={folder}"
        for proc in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (proc / "cmdline").read_text().split("\0")
                if "worker" in words and told in (proc / "environ").read_text().split("\0"):
                    return cls(proc)
        raise AssertionError("the worker's process is not to be found")

    @property
    def threads(self):
        """How many threads it has."""
        return len(list((self.proc / "task").iterdir()))
