"""What is in force is kept once, changed by one at a time, told to the audit, and believed as it was kept."""

import contextlib
import json
import time

import pytest

from bot.jobs.names import Names, bot_client
from bot.jobs.queue import StoreDown
from bot.store import in_force
from bot.store.audit import AuditIntake
from bot.store.in_force import InForce, Standing
from bot.store.intake import NotRecorded
from permissions.audit import ENTRY, InForceChanged

pytestmark = pytest.mark.store


class Note(Standing):
    """Something in force."""

    text: str = ""


class Other(Standing):
    """Of the same shape, but another kind."""

    text: str = ""


@pytest.fixture
def audit(redis, keys):
    return AuditIntake(redis, "test", keys, time.time)


@pytest.fixture
def fresh(redis, keys, audit):
    """The store as a process that has just started has it."""
    return lambda model=Note, kind="note": InForce(redis, "test", keys, audit, model, kind=kind, letter="N")


@pytest.fixture
def store(fresh):
    return fresh()


RECORDS, NUMBERS = "{test}:in-force:note", "{test}:in-force:note:numbers"


def told(change="began"):
    return InForceChanged(what="note", id="N-1", change=change, about="a note")


async def entries(redis):
    return [ENTRY.validate_json(fields[b"entry"]) for _, fields in await redis.xrange(Names("test").audit)]


async def changes(redis):
    return [entry.what.change for entry in await entries(redis)]


async def test_it_begins_changes_and_ends_with_an_entry_each(store, redis):
    note = Note(id=await store.next_id(), text="a")
    assert note.id == "N-1"
    assert await store.begin(note, told())
    assert await store.get("N-1") == note
    assert await store.change(note.model_copy(update={"text": "b"}), told("changed"))
    after = await store.get("N-1")
    assert (after.text, after.revision) == ("b", 1)
    assert await store.end(after, told("ended"))
    assert await store.get("N-1") is None
    assert await store.all() == ()
    assert await changes(redis) == ["began", "changed", "ended"]
    assert await redis.hlen(RECORDS) == 0


async def test_ids_are_never_given_twice_and_all_are_read_in_their_order(store):
    ids = [await store.next_id() for _ in range(11)]
    assert len(set(ids)) == 11
    for record_id in reversed(ids):
        await store.begin(Note(id=record_id), told())
    assert [one.id for one in await store.all()] == ids


async def test_what_lies_in_the_store_says_nothing_to_whoever_reads_it(store, redis):
    await store.begin(Note(id="N-1", text="between us"), told())
    assert b"between us" not in b"".join(await redis.hvals(RECORDS))


async def test_of_two_who_change_what_they_read_one_is_first(fresh, redis):
    one, other = fresh(), fresh()
    await one.begin(Note(id="N-1"), told())
    mine, theirs = await one.get("N-1"), await other.get("N-1")
    assert await one.change(mine.model_copy(update={"text": "mine"}), told("changed"))
    assert not await other.change(theirs.model_copy(update={"text": "theirs"}), told("changed"))
    assert not await other.end(theirs, told("ended"))
    assert (await other.get("N-1")).text == "mine"
    assert await changes(redis) == ["began", "changed"]


async def test_nothing_begins_twice_under_one_id(fresh, redis):
    assert await fresh().begin(Note(id="N-1", text="a"), told())
    assert not await fresh().begin(Note(id="N-1", text="b"), told())
    assert (await fresh().get("N-1")).text == "a"
    assert await changes(redis) == ["began"]


async def test_what_may_be_there_once_begins_only_if_nothing_changed_since_it_was_looked_for(fresh, redis):
    one, other = fresh(), fresh()
    _, seen_by_one = await one.as_of()
    _, seen_by_other = await other.as_of()
    assert await one.begin(Note(id="N-1"), told(), changes=seen_by_one)
    assert not await other.begin(Note(id="N-2"), told(), changes=seen_by_other)
    assert [note.id for note in await other.all()] == ["N-1"]
    assert await other.begin(Note(id="N-2"), told(), changes=(await other.as_of())[1])
    assert await changes(redis) == ["began", "began"]


async def test_what_changed_nothing_leaves_no_gap_in_the_audits_numbers(store, redis):
    await store.begin(Note(id="N-1"), told())
    await store.begin(Note(id="N-1"), told())
    await store.begin(Note(id="N-2"), told())
    first, second = await entries(redis)
    assert (first.number, second.number, second.void) == (1, 3, (2,))


@pytest.mark.parametrize("step", ["begin", "change", "end"])
async def test_a_call_sent_again_after_a_lost_reply_counts_once(store, redis, step, monkeypatch):
    note = Note(id="N-1")
    if step != "begin":
        await store.begin(note, told())
    before = len(await entries(redis))
    run = store._keep

    async def twice(script_keys, args):
        await run(script_keys, args)
        return await run(script_keys, args)

    monkeypatch.setattr(store, "_keep", twice)
    assert await getattr(store, step)(note, told(step))
    assert len(await entries(redis)) == before + 1
    assert int(await redis.hget(NUMBERS, "changes")) == before + 1


async def test_a_full_intake_keeps_nothing_and_changes_nothing(store, redis, monkeypatch):
    note = Note(id="N-1", text="a")
    await store.begin(note, told())
    monkeypatch.setattr(in_force, "INTAKE_ENTRIES", 1)
    for step in (
        store.begin(Note(id="N-2"), told()),
        store.change(note.model_copy(update={"text": "b"}), told("changed")),
        store.end(note, told("ended")),
    ):
        with pytest.raises(NotRecorded):
            await step
    assert await store.all() == (note,)
    assert await changes(redis) == ["began"]


ALTERED = {
    "another revision": lambda value: b"7 " + value.partition(b" ")[2],
    "cut": lambda value: value[:-4],
    "one letter": lambda value: value[:-9] + bytes([value[-9] ^ 1]) + value[-8:],
    "nothing locked": lambda _: b"0 " + json.dumps({"id": "N-1", "text": "forged"}).encode(),
    "empty": lambda _: b"",
    "no text": lambda _: b"\xff\xfe 0",
}


@pytest.mark.parametrize("how", ALTERED)
async def test_an_altered_record_is_none(fresh, redis, how):
    await fresh().begin(Note(id="N-1", text="a"), told())
    await redis.hset(RECORDS, "N-1", ALTERED[how](await redis.hget(RECORDS, "N-1")))
    assert await fresh().get("N-1") is None
    assert await fresh().all() == ()


async def test_a_record_under_another_id_is_none(fresh, redis):
    await fresh().begin(Note(id="N-1"), told())
    await redis.hset(RECORDS, "N-2", await redis.hget(RECORDS, "N-1"))
    assert await fresh().get("N-2") is None
    assert [one.id for one in await fresh().all()] == ["N-1"]


async def test_a_record_of_another_kind_is_none(fresh, redis):
    await fresh(Other, "other").begin(Other(id="N-1", text="a"), told())
    await redis.hset(RECORDS, "N-1", await redis.hget("{test}:in-force:other", "N-1"))
    assert await fresh().get("N-1") is None


async def test_an_older_form_put_back_is_refused_by_whoever_saw_the_newer(store, redis):
    note = Note(id="N-1", text="a")
    await store.begin(note, told())
    old = await redis.hget(RECORDS, "N-1")
    await store.change(note.model_copy(update={"text": "b"}), told("changed"))
    assert (await store.get("N-1")).text == "b"
    await redis.hset(RECORDS, "N-1", old)
    assert await store.get("N-1") is None


async def test_what_was_ended_does_not_come_back(store, redis):
    note = Note(id="N-1")
    await store.begin(note, told())
    old = await redis.hget(RECORDS, "N-1")
    await store.end(note, told("ended"))
    await redis.hset(RECORDS, "N-1", old)
    assert await store.get("N-1") is None
    assert await store.all() == ()


async def test_a_store_that_is_down_is_said_by_every_method(keys):
    async with contextlib.aclosing(bot_client("redis://127.0.0.1:1/0")) as client:
        audit = AuditIntake(client, "test", keys, time.time)
        store = InForce(client, "test", keys, audit, Note, kind="note", letter="N")
        note = Note(id="N-1")
        for call in (
            store.next_id(),
            store.all(),
            store.get("N-1"),
            store.begin(note, told()),
            store.change(note, told()),
            store.end(note, told()),
        ):
            with pytest.raises(StoreDown):
                await call


@pytest.mark.parametrize("read", [True, False], ids=["read from the store", "begun by this bot"])
async def test_a_count_that_was_set_back_gives_no_id_that_was_seen(store, fresh, redis, read):
    for _ in range(3):
        await store.begin(Note(id=await store.next_id()), told())
    if read:
        store = fresh()
        await store.all()
    await redis.hset(NUMBERS, "id", 0)
    assert [await store.next_id(), await store.next_id()] == ["N-4", "N-5"]
