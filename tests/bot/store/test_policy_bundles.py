"""The policy on its way through the store, and what somebody who writes there cannot do to it."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.jobs.names import bot_client, worker_client
from bot.jobs.queue import StoreDown
from bot.keys import BotKeys
from bot.store.policy_bundles import BotBundles, WorkerBundles
from bot.trust import TicketRefused, Trust
from permissions.bundle import BUNDLE, IN_FORCE, MARK_SECONDS, Mark, bundle, digest
from permissions.holds import Lock
from permissions.policy import Policy, Role, Rule
from permissions.ticket import TicketRefusal

pytestmark = pytest.mark.store

SPACE = "docktalk"
MARK = "{docktalk}:policy:in-force"
OLD = Policy(version=1, contact="old", roles={"r": Role(rules=(Rule(commands=("*",)),))})
NEW = Policy(version=1, contact="new")
WorkerOf = Callable[[], WorkerBundles]


def key(policy: Policy) -> str:
    return f"{{docktalk}}:policy:{digest(bundle(policy))}"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("bot.store.policy_bundles.AGAIN_SECONDS", 0.0)


@pytest.fixture
def keys(tmp_path: Path) -> BotKeys:
    return BotKeys.load_or_create(tmp_path / "keys")


@pytest.fixture
def trust(tmp_path: Path, keys: BotKeys) -> Trust:
    keys.publish(tmp_path / "trust")
    return Trust(tmp_path / "trust")


@pytest.fixture
async def bot(store_url: str, keys: BotKeys, trust: Trust):
    client = bot_client(store_url)
    yield BotBundles(client, SPACE, keys, trust)
    await client.aclose()


@pytest.fixture
async def bot_again(store_url: str, keys: BotKeys, trust: Trust):
    """Another bot, or the same once it was restarted."""
    client = bot_client(store_url)
    yield BotBundles(client, SPACE, keys, trust)
    await client.aclose()


@pytest.fixture
def store(store_url: str):
    """What an attacker with access to Redis has."""
    with contextlib.closing(worker_client(store_url)) as client:
        yield client


@pytest.fixture
def worker_of(store: Any, trust: Trust, tmp_path: Path) -> WorkerOf:
    """A worker as it starts on its data folder."""
    return lambda: WorkerBundles(store, SPACE, trust, tmp_path / "seen")


def refusal(worker: WorkerBundles, policy: Policy) -> TicketRefusal:
    with pytest.raises(TicketRefused) as caught:
        worker.policy(digest(bundle(policy)))
    return caught.value.refusal


async def test_a_worker_gets_the_policy_in_force_and_keeps_it(bot, worker_of: WorkerOf, store):
    assert await bot.publish(OLD, 1)
    worker = worker_of()
    assert worker.policy(digest(bundle(OLD))) == OLD
    store.delete(key(OLD))
    assert worker.policy(digest(bundle(OLD))) == OLD
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_UNKNOWN
    assert await bot.publish(OLD, 1)
    assert worker_of().policy(digest(bundle(OLD))) == OLD


async def test_a_user_demoted_between_request_and_run_is_refused_with_the_policy_that_allowed(
    bot, worker_of: WorkerOf
):
    await bot.publish(OLD, 1)
    worker = worker_of()
    assert worker.policy(digest(bundle(OLD))) == OLD
    await bot.publish(NEW, 2)
    assert refusal(worker, OLD) is TicketRefusal.POLICY_STALE
    assert worker.policy(digest(bundle(NEW))) == NEW


async def test_an_older_policy_put_back_into_the_store_is_refused(bot, worker_of: WorkerOf, store):
    await bot.publish(OLD, 1)
    kept = store.get(MARK)
    await bot.publish(NEW, 2)
    worker = worker_of()
    assert worker.policy(digest(bundle(NEW))) == NEW
    store.set(MARK, kept)
    assert refusal(worker, OLD) is TicketRefusal.POLICY_STALE
    assert refusal(worker, NEW) is TicketRefusal.POLICY_STALE


async def test_a_worker_that_starts_again_remembers_the_newest_policy(bot, worker_of: WorkerOf, store):
    await bot.publish(OLD, 1)
    kept = store.get(MARK)
    await bot.publish(NEW, 2)
    worker_of().policy(digest(bundle(NEW)))
    store.set(MARK, kept)
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_STALE


async def test_the_same_policy_read_again_by_another_bot_is_no_older_one(bot, worker_of: WorkerOf):
    await bot.publish(NEW, 2)
    worker = worker_of()
    worker.policy(digest(bundle(NEW)))
    await bot.publish(NEW, 1)
    assert worker.policy(digest(bundle(NEW))) == NEW


async def test_a_bot_with_an_older_policy_does_not_put_it_in_force(bot, worker_of: WorkerOf):
    await bot.publish(NEW, 2)
    assert not await bot.publish(OLD, 1)
    assert worker_of().policy(digest(bundle(NEW))) == NEW


@pytest.mark.parametrize("age", [MARK_SECONDS + 5, -60.0])
async def test_a_word_that_is_old_or_from_the_future_decides_nothing(
    bot, worker_of: WorkerOf, store, keys: BotKeys, age: float
):
    """Held back by somebody in between, or said by a clock that is ahead."""
    await bot.publish(OLD, 1)
    text = Mark(sha256=digest(bundle(OLD)), serial=1, at=time.time() - age).model_dump_json()
    store.set(MARK, keys.sign_text(IN_FORCE, text).model_dump_json())
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_STALE


def flipped(raw: bytes, where: str) -> str:
    """One letter changed in the text, the signature or the key's id."""
    data = json.loads(raw)
    letter = data[where][5]
    data[where] = data[where][:5] + ("a" if letter != "a" else "b") + data[where][6:]
    return json.dumps(data)


@pytest.mark.parametrize("where", ["text", "signature", "key_id"])
async def test_an_altered_bundle_or_word_is_refused(bot, worker_of: WorkerOf, store, where: str):
    await bot.publish(OLD, 1)
    good = {name: store.get(name) for name in (MARK, key(OLD))}
    for name, raw in good.items():
        store.set(name, flipped(raw, where))
        assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_ALTERED
        store.set(name, raw)


@pytest.mark.parametrize("where", ["text", "signature", "key_id"])
async def test_an_altered_word_that_comes_with_a_job_is_refused(bot, worker_of: WorkerOf, store, where: str):
    await bot.publish(OLD, 1)
    with pytest.raises(TicketRefused) as caught:
        worker_of().policy(digest(bundle(OLD)), flipped(store.get(MARK), where).encode())
    assert caught.value.refusal is TicketRefusal.POLICY_ALTERED


async def test_an_older_word_that_comes_with_a_job_is_refused(bot, worker_of: WorkerOf, store):
    await bot.publish(OLD, 1)
    older = store.get(MARK)
    await bot.publish(NEW, 2)
    worker = worker_of()
    assert worker.policy(digest(bundle(NEW)), store.get(MARK)) == NEW
    with pytest.raises(TicketRefused) as caught:
        worker.policy(digest(bundle(OLD)), older)
    assert caught.value.refusal is TicketRefusal.POLICY_STALE


async def test_what_a_job_came_too_early_to_bring_is_asked_for(bot, worker_of: WorkerOf, store):
    await bot.publish(OLD, 1)
    older = store.get(MARK)
    await bot.publish(NEW, 2)
    assert worker_of().policy(digest(bundle(NEW)), older) == NEW
    assert worker_of().policy(digest(bundle(NEW)), b"") == NEW


async def test_a_bundle_of_the_attackers_own_is_refused(bot, worker_of: WorkerOf, store, tmp_path: Path):
    await bot.publish(OLD, 1)
    own = BotKeys.load_or_create(tmp_path / "mallory")
    store.set(key(OLD), own.sign_text(BUNDLE, bundle(OLD)).model_dump_json())
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_ALTERED
    mark = Mark(sha256=digest(bundle(OLD)), serial=9, at=time.time()).model_dump_json()
    store.set(MARK, own.sign_text(IN_FORCE, mark).model_dump_json())
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_ALTERED


async def test_one_of_the_bots_own_texts_stands_for_no_other(bot, worker_of: WorkerOf, store, keys: BotKeys):
    await bot.publish(OLD, 1)
    store.set(key(OLD), keys.sign_text(IN_FORCE, bundle(OLD)).model_dump_json())
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_ALTERED
    await bot.publish(NEW, 1)
    await bot.publish(OLD, 2)
    store.set(key(OLD), store.get(key(NEW)))
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_ALTERED


@pytest.mark.parametrize("raw", ["", "{}", "[]", "null", "x", '{"text": 1}', "[" * 100_000, b"\xff"])
async def test_rubbish_in_the_store_is_refused(bot, worker_of: WorkerOf, store, raw):
    await bot.publish(OLD, 1)
    good = store.get(key(OLD))
    store.set(key(OLD), raw)
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_ALTERED
    store.set(key(OLD), good)
    store.set(MARK, raw)
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_ALTERED


async def test_a_key_of_another_type_is_refused(bot, worker_of: WorkerOf, store):
    await bot.publish(OLD, 1)
    store.delete(MARK)
    store.hset(MARK, "a", "b")
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_UNKNOWN


async def test_without_a_word_or_a_store_nothing_is_decided(worker_of: WorkerOf, trust: Trust, tmp_path):
    assert refusal(worker_of(), OLD) is TicketRefusal.POLICY_UNKNOWN
    with contextlib.closing(worker_client(f"unix://{tmp_path}/nothing")) as away:
        lonely = WorkerBundles(away, SPACE, trust, tmp_path / "seen")
        assert refusal(lonely, OLD) is TicketRefusal.POLICY_UNKNOWN


async def test_a_policy_that_cannot_be_remembered_decides_nothing(bot, store, trust: Trust, tmp_path: Path):
    await bot.publish(OLD, 1)
    worker = WorkerBundles(store, SPACE, trust, tmp_path / "no" / "such" / "folder")
    assert refusal(worker, OLD) is TicketRefusal.POLICY_UNKNOWN


async def test_a_bot_without_a_store_says_so(keys: BotKeys, trust: Trust, tmp_path: Path):
    client = bot_client(f"unix://{tmp_path}/nothing")
    with pytest.raises(StoreDown):
        await BotBundles(client, SPACE, keys, trust).publish(OLD, 1)
    await client.aclose()


async def test_bundles_of_a_bot_with_unknown_words_are_refused(worker_of: WorkerOf, store, keys: BotKeys):
    """A newer bot's policy may say what an older worker would overlook."""
    text = bundle(OLD).replace('"version":1', '"version":1,"approvals":[]')
    sha256 = digest(text)
    mark = Mark(sha256=sha256, serial=1, at=time.time()).model_dump_json()
    store.set(MARK, keys.sign_text(IN_FORCE, mark).model_dump_json())
    store.set(f"{{docktalk}}:policy:{sha256}", keys.sign_text(BUNDLE, text).model_dump_json())
    with pytest.raises(TicketRefused) as caught:
        worker_of().policy(sha256)
    assert caught.value.refusal is TicketRefusal.POLICY_UNKNOWN


LOCK = Lock(id="K-3", owner_id="U1", owner_name="ana", reason="heap", set_at=1.0, host="prod-1")


async def test_the_word_of_a_bot_with_unknown_words_is_none_until_this_bot_speaks(
    bot, worker_of: WorkerOf, store, keys: BotKeys
):
    await bot.publish(NEW, 1)
    mark = json.loads(json.loads(store.get(MARK))["text"])
    made = keys.sign_text(IN_FORCE, json.dumps({**mark, "of_a_later_version": True}))
    store.set(MARK, json.dumps({"text": made.text, "signature": made.signature, "key_id": made.key_id}))
    worker = worker_of()
    assert refusal(worker, NEW) is TicketRefusal.POLICY_ALTERED
    assert await bot.publish(NEW, 1)
    assert worker.policy(digest(bundle(NEW))) == NEW


def reads(*locks: Lock):
    async def read() -> tuple[Lock, ...]:
        return locks

    return read


async def test_locks_travel_with_the_mark_and_are_the_newest_seen(bot, worker_of: WorkerOf):
    await bot.publish(NEW, 1, reads(LOCK))
    worker = worker_of()
    assert worker.locks == ()
    worker.policy(digest(bundle(NEW)))
    assert worker.locks == (LOCK,)
    assert worker_of().locks == (LOCK,)
    await bot.publish(NEW, 1, reads())
    worker.policy(digest(bundle(NEW)))
    assert worker.locks == ()


async def test_a_mark_of_before_the_lock_is_refused_also_after_a_restart(bot, worker_of: WorkerOf, store):
    await bot.publish(NEW, 1)
    kept = store.get(MARK)
    await bot.publish(NEW, 1, reads(LOCK))
    worker = worker_of()
    worker.policy(digest(bundle(NEW)))
    store.set(MARK, kept)
    assert refusal(worker, NEW) is TicketRefusal.POLICY_STALE
    assert refusal(worker_of(), NEW) is TicketRefusal.POLICY_STALE


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("lost", [False, True])
async def test_the_bots_next_word_is_believed_whatever_was_put_back_or_lost(
    bot, bot_again, worker_of: WorkerOf, store, restarted, lost
):
    await bot.publish(NEW, 1)
    kept = store.get(MARK)
    await bot.publish(NEW, 1, reads(LOCK))
    await bot.publish(NEW, 1)
    worker = worker_of()
    worker.policy(digest(bundle(NEW)))
    if lost:
        store.flushall()
    else:
        store.set(MARK, kept)
    await (bot_again if restarted else bot).publish(NEW, 1)
    worker.policy(digest(bundle(NEW)))
    assert worker.locks == ()


async def test_what_has_not_changed_has_the_same_turn(bot, store):
    turns = []
    for locks in ((), (), (LOCK,), (LOCK,), ()):
        await bot.publish(NEW, 1, reads(*locks))
        turns.append(json.loads(json.loads(store.get(MARK))["text"])["turn"])
    assert turns[0] == turns[1] < turns[2] == turns[3] < turns[4]


async def test_of_bots_that_speak_at_one_moment_the_last_word_has_what_is_there(
    bot, bot_again, worker_of: WorkerOf
):
    there: list[Lock] = []

    async def read() -> tuple[Lock, ...]:
        found = tuple(there)
        await asyncio.sleep(0)  # another bot may speak between this and what is said of it
        return found

    async def locks() -> None:
        there.append(LOCK)
        await bot.publish(NEW, 1, read)

    await asyncio.gather(bot_again.publish(NEW, 1, read), locks(), bot_again.publish(NEW, 1, read))
    worker = worker_of()
    worker.policy(digest(bundle(NEW)))
    assert worker.locks == (LOCK,)


async def test_what_a_worker_remembers_from_before_there_were_locks_is_read(
    bot, worker_of: WorkerOf, tmp_path
):
    (tmp_path / "seen").write_text(json.dumps({"sha256": "a" * 64, "serial": 1, "at": 1.0}), "utf-8")
    await bot.publish(NEW, 2, reads(LOCK))
    worker = worker_of()
    worker.policy(digest(bundle(NEW)))
    assert worker.locks == (LOCK,)
