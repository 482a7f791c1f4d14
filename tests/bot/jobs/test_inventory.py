# ruff: noqa: ARG002 - the signatures are those of handlers.context.Engine
"""What a host has is known soon, also after a break in which things happened, and decides nothing."""

import asyncio
import contextlib
import json
import queue
import threading
import time

import pytest

from bot.jobs import inventory
from bot.jobs.inventory import Inventory
from bot.jobs.names import bot_client, worker_client
from bot.jobs.wire import Seen
from bot.store.inventory import Inventories
from handlers.faults import Unreachable
from permissions.verbs import Kind

pytestmark = pytest.mark.store


class Events:
    """A stream of events that a test feeds and breaks."""

    def __init__(self):
        self.queue = queue.SimpleQueue()

    def __iter__(self):
        while (event := self.queue.get()) is not None:
            yield event

    def close(self):
        self.queue.put(None)


class Engine:
    """An engine that has what a test says."""

    def __init__(self):
        self.containers = ["web", "api"]
        self.away = False
        self.streams = []
        self.listed = []
        self.before_listing = lambda: None

    def get(self, path, query=None):
        self.listed.append(path)
        self.before_listing()
        if self.away:
            raise Unreachable("away")
        if path == "/containers/json":
            return [
                {
                    "Id": name.encode().hex().ljust(64, "0"),
                    "Names": [f"/{name}", f"/other/{name}"],
                    "Image": "nginx:1.27",
                    "State": "running",
                    "Labels": {"team": "shop"},
                    "Env": ["PASSWORD=hunter2"],
                }
                for name in self.containers
            ]
        if path == "/images/json":
            return [{"Id": "sha256:ab", "RepoTags": ["nginx:1.27", "<none>:<none>"]}]
        return {"Volumes": [{"Name": "data", "Driver": "local"}]} if path == "/volumes" else []

    def watch(self, path, query):
        if self.away:
            raise Unreachable("away")
        self.streams.append(Events())
        return self.streams[-1]

    def tell(self, action, kind="container"):
        self.streams[-1].queue.put({"Type": kind, "Action": action, "Actor": {"ID": "x"}})


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def keeping(store_url, engine, monkeypatch):
    monkeypatch.setattr(inventory, "SETTLE", 0.02)
    monkeypatch.setattr(inventory, "RETRY", 0.05)
    with contextlib.closing(worker_client(store_url)) as client:
        kept = Inventory(client, "test", "prod-1", engine)
        thread = threading.Thread(target=kept.run)
        thread.start()
        yield client
        kept.stop()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture
async def known(store_url, keeping):  # noqa: ARG001 - it has to be kept
    async with contextlib.aclosing(bot_client(store_url)) as client:
        yield Inventories(client, "test")


async def until(known, names, kind=Kind.CONTAINER):
    deadline = time.monotonic() + 60
    while (found := await known.names("prod-1", kind)) != names:
        assert time.monotonic() < deadline, found
        await known._redis.ping()


async def test_everything_is_known_at_the_start(known):
    await until(known, {"web", "api"})
    await until(known, {"nginx:1.27"}, Kind.IMAGE)
    await until(known, {"data"}, Kind.VOLUME)
    [web] = [seen for seen in await known.of("prod-1", Kind.CONTAINER) if seen.names == ("web",)]
    assert (web.image, web.state, web.labels) == ("nginx:1.27", "running", {"team": "shop"})


async def test_what_comes_and_goes_is_known_after_its_event(known, engine):
    await until(known, {"web", "api"})
    engine.containers = ["web", "cache"]
    engine.tell("create")
    await until(known, {"web", "cache"})


async def test_what_happened_in_a_break_is_known_after_it(known, engine):
    await until(known, {"web", "api"})
    engine.away = True
    engine.streams[-1].close()
    engine.containers = ["cache"]
    while engine.listed:
        engine.listed.clear()
        await asyncio.sleep(0.1)
    assert await known.names("prod-1", Kind.CONTAINER) == {"web", "api"}
    engine.away = False
    await until(known, {"cache"})


async def test_what_happens_while_the_host_is_listed_is_not_missed(known, engine):
    await until(known, {"web", "api"})

    def meanwhile():
        engine.before_listing = lambda: None
        engine.containers = ["late"]
        engine.tell("create")

    engine.before_listing = meanwhile
    engine.containers = ["first"]
    engine.tell("start")
    await until(known, {"late"})


async def test_what_no_event_told_of_is_known_after_a_while(monkeypatch, known, engine):
    monkeypatch.setattr(inventory, "RELIST", 0.1)
    monkeypatch.setattr(inventory, "RENEW", 0.05)
    await until(known, {"web", "api"})
    engine.streams[-1].close()  # begins anew, with these times
    await until(known, {"web", "api"})
    engine.containers = ["silent"]
    await until(known, {"silent"})
    assert len(engine.streams) <= 2


@pytest.mark.parametrize("action", ["exec_create: sh", "health_status: healthy", "top"])
async def test_health_checks_and_the_like_have_nothing_listed(known, engine, action):
    await until(known, {"web", "api"})
    await until(known, {"data"}, Kind.VOLUME)
    engine.listed.clear()
    for _ in range(50):
        engine.tell(action)
    engine.tell("mount", "volume")
    while "/volumes" not in engine.listed:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)
    assert "/containers/json" not in engine.listed


async def test_a_burst_of_events_is_one_listing(known, engine):
    await until(known, {"web", "api"})
    await asyncio.sleep(0.1)
    engine.listed.clear()
    for number in range(500):
        engine.containers = [f"c{number}"]
        engine.tell("create")
    await until(known, {"c499"})
    assert len(engine.listed) < 20


async def test_no_environment_is_kept(known, keeping):
    await until(known, {"web", "api"})
    for key in keeping.keys("*inventory*"):
        assert b"hunter2" not in keeping.dump(key)


async def test_the_inventory_of_a_silent_worker_counts_for_nothing(known, keeping):
    await until(known, {"web", "api"})
    keeping.delete("{test}:inventory:prod-1:at")
    assert await known.of("prod-1", Kind.CONTAINER) == ()


async def test_what_others_wrote_into_it_is_ignored_where_it_is_none(known, keeping):
    await until(known, {"web", "api"})
    keeping.hset("{test}:inventory:prod-1:container", "x", "not json")
    keeping.hset("{test}:inventory:prod-1:container", "y", json.dumps({"id": 5}))
    keeping.hset("{test}:inventory:prod-1:container", "z", Seen(id="z", names=("planted",)).model_dump_json())
    assert await known.names("prod-1", Kind.CONTAINER) == {"web", "api", "planted"}
    assert await known.of("prod-1", Kind.REGISTRY) == ()
