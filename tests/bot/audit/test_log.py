"""The chainer between a real store and the disk: order, lease, forged and lost entries, other folders."""

import asyncio
import contextlib
import errno
import hashlib
import shutil
import time

import pytest

from bot.audit import segments as audit_segments
from bot.audit.log import Chainer
from bot.jobs.names import Names, bot_client
from bot.jobs.queue import BotQueue, StoreDown
from bot.keys import BotKeys
from bot.request import Origin
from bot.store import audit as store
from bot.store.audit import AuditIntake, AuditQueue
from bot.store.intake import NotRecorded
from bot.store.records import RequestRecord
from permissions.audit import PolicyInForce
from permissions.ticket import Effect, Ticket
from tests.bot.audit.chains import Installation

pytestmark = pytest.mark.store

NAMES = Names("test")


def policy(number: int) -> PolicyInForce:
    return PolicyInForce(file="policy.yaml", old="", new=f"{number:064x}")


class Bots:
    """Bots on one store and one folder, and what somebody with write access to the store can do."""

    def __init__(self, installation: Installation, redis) -> None:
        self.made, self.redis = installation, redis
        self.intake = self.new_intake()
        self.posted = []
        self.chainers: list[Chainer] = []

    def new_intake(self, keys: BotKeys | None = None) -> AuditIntake:
        return AuditIntake(self.redis, "test", keys or self.made.keys, time.time)

    def chainer(self, owner: str = "one") -> Chainer:
        async def post(checkpoint):
            self.posted.append(checkpoint)

        queue = AuditQueue(self.redis, "test", self.made.keys, owner=owner)
        chainer = Chainer(queue, self.made.folder, self.made.keys, self.made.trust.signed, time.time, post)
        self.chainers.append(chainer)
        return chainer

    async def say(self, *numbers: int, intake: AuditIntake | None = None) -> None:
        for number in numbers:
            await (intake or self.intake).append(policy(number))

    async def chain(self) -> None:
        chainer = self.chainer(f"owner {len(self.chainers)}")
        assert await chainer.hold()
        await chainer.stop()

    def chained(self) -> list[int]:
        return [int(one.what.new, 16) for one in self.made.chained() if one.what.kind == "policy"]


@pytest.fixture
async def bots(tmp_path, store_url):
    async with contextlib.aclosing(bot_client(store_url)) as redis:
        made = Bots(Installation(tmp_path), redis)
        yield made
        for chainer in made.chainers:  # those that a test left as a crash would
            chainer._disk.shutdown()
            if chainer._chain:
                chainer._chain.close()


async def test_what_was_said_is_chained_in_order_and_leaves_the_store(bots):
    await bots.say(*range(250))
    await bots.chain()
    assert bots.chained() == [*range(250)]
    assert await bots.redis.xlen(NAMES.audit) == 0
    report = bots.made.verify()
    assert (report.outcome, report.tail) == ("sound", 0)
    assert report.checkpoints >= 2
    assert len(bots.posted) == 1


async def test_of_two_chainers_one_writes_and_the_other_takes_over(bots):
    first, second = bots.chainer("one"), bots.chainer("two")
    await bots.say(1)
    assert await first.hold()
    assert not await second.hold()
    await first.step()
    await bots.say(2)
    await bots.redis.delete(NAMES.audit_lease)  # as after a pause that outlasted the lease
    assert await second.hold()
    assert not await second.attempt()  # the folder is still open elsewhere
    first._held_at = 0.0
    assert not await first.hold()
    assert await second.attempt()
    assert bots.chained() == [1, 2]
    await second.stop()
    assert bots.made.verify().outcome == "sound"


async def test_who_lost_the_lease_trims_nothing_and_nothing_is_repeated(bots):
    first = bots.chainer("one")
    await bots.say(1, 2)
    assert await first.hold()
    await bots.redis.set(NAMES.audit_lease, "two")
    await first.step()
    assert await bots.redis.xlen(NAMES.audit) == 2
    await bots.redis.delete(NAMES.audit_lease)
    await bots.chain()
    assert bots.chained() == [1, 2]


@pytest.mark.parametrize("step", ["read", "trim"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_chainer_that_dies_at_a_call_of_the_store_loses_and_repeats_nothing(
    bots, monkeypatch, step, when
):
    await bots.say(1, 2, 3)
    call = getattr(AuditQueue, step)

    async def dies(self, *args, **kwargs):
        if when == "after":
            await call(self, *args, **kwargs)
        raise CrashError

    with monkeypatch.context() as patch:
        chainer = bots.chainer("dead")
        await chainer.hold()
        patch.setattr(AuditQueue, step, dies)
        with pytest.raises(CrashError):
            await chainer.step()
        await chainer._close()
    await bots.redis.delete(NAMES.audit_lease)
    await bots.say(4)
    await bots.chain()
    assert bots.chained() == [1, 2, 3, 4]
    assert bots.made.verify().outcome == "sound"


class CrashError(Exception):
    """The process ends here."""


async def entries(bots) -> list:
    return await bots.redis.xrange(NAMES.audit)


async def test_an_altered_entry_is_refused_told_and_missed(bots):
    await bots.say(1)
    await bots.say(2)
    await bots.say(3)
    (_, first), (entry_id, second), _ = await entries(bots)
    await bots.redis.xdel(NAMES.audit, entry_id)
    altered = second[b"entry"].replace(b"0002", b"0007")
    for forged in (
        {"entry": altered, "mac": second[b"mac"]},
        {"entry": second[b"entry"], "mac": ""},
        {"entry": second[b"entry"]},
        {"entry": second[b"entry"], "mac": first[b"mac"]},
        {"other": "field"},
    ):
        await bots.redis.xadd(NAMES.audit, forged)
    await bots.chain()
    assert bots.chained() == [1, 3]
    [told] = [one.what for one in bots.made.chained() if one.what.kind == "intake_refused"]
    assert (told.entries, told.sha256) == (5, hashlib.sha256(altered).hexdigest())
    assert [one.number for one in bots.made.verify().underway] == [2]


async def test_entries_of_another_key_or_of_another_purpose_are_refused(bots, tmp_path):
    await bots.say(1, intake=bots.new_intake(BotKeys.load_or_create(tmp_path / "stranger")))
    text = b'{"source":"a","number":1,"at":1.0,"void":[],"what":{"kind":"stopped"}}'
    await bots.redis.xadd(NAMES.audit, {"entry": text, "mac": bots.made.keys.sign_record(text)})
    # The chain's own words come from the chainer alone.
    text = text.replace(b'"source":"a"', b'"source":"chain"')
    await bots.redis.xadd(NAMES.audit, {"entry": text, "mac": bots.made.keys.sign_record(text, store.MAC)})
    await bots.chain()
    assert [one.what.kind for one in bots.made.chained()] == ["intake_refused"]


async def test_an_entry_put_there_again_is_chained_once(bots):
    await bots.say(1, 2)
    replayed = [fields for _, fields in await entries(bots)]
    await bots.chain()
    for fields in replayed:
        await bots.redis.xadd(NAMES.audit, fields)
    await bots.say(3)
    await bots.chain()
    assert bots.chained() == [1, 2, 3]


async def test_an_entry_that_was_removed_from_the_store_is_missed(bots, monkeypatch):
    await bots.say(1, 2)
    (_, _), (entry_id, _) = await entries(bots)
    await bots.redis.xdel(NAMES.audit, entry_id)
    later = time.time() + 100
    monkeypatch.setattr(bots.intake, "_clock", lambda: later)
    await bots.say(3)
    await bots.say(4)
    monkeypatch.setattr(bots.intake, "_clock", lambda: later + 100)
    await bots.say(5)
    await bots.chain()
    report = bots.made.verify()
    assert report.outcome == "unaccounted"
    assert [(one.source, one.number) for one in report.missing] == [(bots.intake.source, 2)]


async def test_an_entry_that_the_store_never_took_is_declared_and_not_missed(bots, tmp_path):
    good = bots.intake._run
    async with contextlib.aclosing(bot_client(f"unix://{tmp_path}/nothing")) as nowhere:
        bots.intake._run = nowhere.register_script("return 1")
        with pytest.raises(StoreDown):
            await bots.say(1)
        with pytest.raises(StoreDown):
            await bots.say(2)
    bots.intake._run = good
    await bots.say(3)
    await bots.chain()
    assert bots.made.chained()[-1].void == (1, 2)
    report = bots.made.verify()
    assert (report.outcome, report.missing, report.underway) == ("sound", (), ())


async def test_a_full_intake_takes_what_happened_and_nothing_new(bots, monkeypatch):
    monkeypatch.setattr(store, "INTAKE_ENTRIES", 3)
    await bots.say(1, 2, 3)
    with pytest.raises(NotRecorded):
        await bots.say(4)
    await bots.intake.append(policy(5), bounded=False)
    await bots.chain()
    await bots.say(6)
    await bots.chain()
    assert bots.chained() == [1, 2, 3, 5, 6]
    assert bots.made.verify().outcome == "sound"


async def accept(bots, job_id: str, effect: Effect) -> None:
    record = RequestRecord(
        job_id=job_id,
        delivery_id=f"d-{job_id}",
        origin=Origin.SLASH,
        team_id="T1",
        user_id="U1",
        user_name="ana",
        channel_id="C1",
        shown="docker rm web",
        host="local",
        command="container rm",
        effect=effect,
        rule="role admin, rule 1",
        accepted_at=1.0,
        not_after=2.0,
        deadline=3.0,
    )
    with bots.intake.entry(policy(1)) as entry:
        ticket = Ticket(claims="{}", signature="", key_id="")
        await BotQueue(bots.redis, "test", bots.made.keys).accept(record, ticket, entry)


async def test_a_job_and_its_note_are_stored_together_or_not_at_all(bots, monkeypatch):
    await accept(bots, "J-1", Effect.CHANGE)
    assert await bots.redis.xlen(NAMES.audit) == 1
    await asyncio.sleep(0.01)
    keys = set(await bots.redis.keys())
    monkeypatch.setattr("bot.jobs.queue.INTAKE_MS", 1)
    with pytest.raises(NotRecorded):  # the note of J-1 waits too long for the disk
        await accept(bots, "J-2", Effect.CHANGE)
    assert set(await bots.redis.keys()) == keys
    await accept(bots, "J-3", Effect.READ)
    monkeypatch.setattr("bot.jobs.queue.INTAKE_ENTRIES", 2)
    for effect in Effect:
        with pytest.raises(NotRecorded):
            await accept(bots, "J-4", effect)
    assert await bots.redis.xlen(NAMES.audit) == 2
    monkeypatch.undo()
    await bots.chain()
    await accept(bots, "J-5", Effect.CHANGE)
    await bots.chain()
    assert bots.made.verify().outcome == "sound"
    assert bots.made.verify().underway == ()


async def test_a_disk_that_takes_nothing_loses_nothing(bots, monkeypatch):
    await bots.say(1)
    await bots.chain()
    chainer = bots.chainer()
    await bots.say(2)

    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(audit_segments, "_write_all", full)
        assert not await chainer.attempt()
        assert await bots.redis.xlen(NAMES.audit) == 1
    assert await chainer.attempt()
    assert bots.chained() == [1, 2]


async def test_a_damaged_folder_is_not_continued_until_it_is_put_aside(bots):
    await bots.say(1, 2, 3)
    await bots.chain()
    lines = bots.made.lines()
    bots.made.replace([*lines[:1], *lines[2:]])
    await bots.say(4)
    chainer = bots.chainer()
    assert not await chainer.attempt()
    assert await bots.redis.xlen(NAMES.audit) == 1
    bots.made.folder.rename(bots.made.folder.with_name("damaged"))
    assert await chainer.attempt()
    await chainer.stop()
    assert bots.chained() == [4]
    # The new folder does not hide that there was another.
    assert bots.made.verify().resumed[0].line == 2


async def test_a_folder_taken_back_to_an_older_state_is_noticed_by_the_bot(bots, tmp_path):
    await bots.say(1)
    await bots.chain()
    shutil.copytree(bots.made.folder, tmp_path / "older")
    await bots.say(2, 3)
    await bots.chain()
    shutil.rmtree(bots.made.folder)
    shutil.copytree(tmp_path / "older", bots.made.folder)
    await bots.say(4)
    await bots.chain()
    assert bots.chained() == [1, 4]
    report = bots.made.verify()
    assert report.outcome == "altered"
    assert [one.line for one in report.resumed] == [3]
    assert "it had written 4 records" in report.resumed[0].sentence


async def test_a_record_that_others_appended_while_no_bot_ran_is_noticed(bots):
    await bots.say(1)
    await bots.chain()
    chain = bots.made.open(time.time())
    chain.append([bots.made.entry(policy(9))], time.time())
    chain.close()
    await bots.chain()
    assert [one.what.kind for one in bots.made.chained()] == ["policy", "policy", "resumed"]


async def test_a_head_that_was_altered_in_the_store_is_not_believed(bots):
    await bots.say(1)
    await bots.chain()
    await bots.redis.set(NAMES.audit_head, (await bots.redis.get(NAMES.audit_head)).replace(b"2", b"9"))
    await bots.say(2)
    await bots.chain()
    assert bots.made.verify().outcome == "sound"


async def test_it_runs_beside_the_bot(bots):
    chainer = bots.chainer()
    running = asyncio.create_task(chainer.run())
    await bots.say(1, 2)
    async with asyncio.timeout(60):
        while await bots.redis.xlen(NAMES.audit):  # noqa: ASYNC110 - the store rings no bell
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await bots.say(3)
    await chainer.stop()
    assert bots.chained() == [1, 2, 3]
    assert await bots.redis.get(NAMES.audit_lease) is None
