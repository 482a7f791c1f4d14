"""An approval is opened once, changed by one writer at a time, unreadable and unalterable in the store."""

import asyncio
import contextlib
from functools import partial

import pytest
from redis.asyncio import from_url as redis_client

from bot.jobs.names import bot_client
from bot.jobs.queue import StoreDown
from bot.keys import BotKeys
from bot.request import Origin
from bot.store.approvals import KEPT_SECONDS, Approvals, Asked, new_token
from bot.store.intake import IntakeEntry, NotRecorded
from bot.store.records import Draft, RequestRecord
from permissions import approval as step
from permissions.approval import Approval, Bound, State, Step, Terms, Threshold, Vote, Voter
from permissions.operation import Operation, Principal, Standing
from permissions.ticket import CommandWire, Effect, Mode
from permissions.verbs import Danger, Kind, Verb

pytestmark = pytest.mark.store

NOW = 1_790_000_000.0
SOON = NOW + 2
"""When what is not settled is to be looked after."""
WEB = Bound(kind=Kind.CONTAINER, name="web", id="1" * 64)
TERMS = Terms(any=(Threshold(steps=(Step(people=2, groups=("S1",)),)),))
VOTERS = {
    user_id: Voter(user_id=user_id, standing=Standing.MEMBER, groups=("S1",))
    for user_id in ("U2", "U3", "U4")
}
OPERATION = Operation(command="container restart", verb=Verb.OPERATE, danger=Danger.INTERRUPTS, host="prod-1")
AUDIT = "{test}:audit"


def asked(job_id: str = "J-1", delivery: str = "", at: float = NOW) -> Asked:
    """A restart that U1 asks for."""
    record = RequestRecord(
        job_id=job_id,
        delivery_id=delivery or f"d-{job_id}",
        origin=Origin.SLASH,
        team_id="T1",
        user_id="U1",
        user_name="ana",
        channel_id="C1",
        shown="docker container restart web",
        host="prod-1",
        command="container restart",
        effect=Effect.CHANGE,
        operation=OPERATION,
    )
    command = CommandWire(path="container restart", fields={"containers": ["web"]})
    return Asked(
        token=new_token(),
        probe_key="00" * 32,
        approval=Approval(job_id=job_id, asker_id="U1", reason="swordfish", terms=TERMS, asked_at=at),
        draft=Draft(record=record, nonce="n", command=command, mode=Mode.RUN, lane="normal"),
        principal=Principal(team_id="T1", user_id="U1", name="ana", standing=Standing.MEMBER, as_of=at),
        same=job_id,
        policy="p",
        rule="prod",
    )


def noted(number: int = 1) -> IntakeEntry:
    return IntakeEntry(number=number, text=f'{{"n":{number}}}', mac="mac")


async def opened(approvals, *args, **changes) -> Asked:
    one = asked(*args, **changes)
    assert await approvals.open(one, noted(), SOON) == (one.job_id, False)
    return one


def moved_on(one: Asked, approval) -> Asked:
    """The same with the next step of its approval."""
    assert isinstance(approval, Approval)
    return one.model_copy(update={"approval": approval})


def seen(one: Asked) -> Asked:
    return moved_on(one, step.looked_at(one.approval, (WEB,), TERMS))


def yes(one: Asked, user_id: str) -> Asked:
    vote = Vote(user_id=user_id, name=user_id, approves=True, at=one.approval.asked_at + 10)
    return moved_on(one, step.cast(one.approval, vote, VOTERS))


async def taken(approvals, one: Asked, number: int = 2) -> Asked:
    assert await approvals.change(one, noted(number), SOON)
    return one


async def entries(redis) -> list[bytes]:
    return [fields[b"entry"] for _, fields in await redis.xrange(AUDIT)]


async def everything(redis) -> dict[bytes, object]:
    """All that is in the store."""
    found: dict[bytes, object] = {}
    for key in await redis.keys("*"):
        kind = await redis.type(key)
        read = {
            b"string": redis.get,
            b"hash": redis.hgetall,
            b"zset": partial(redis.zrange, start=0, end=-1, withscores=True),
            b"stream": redis.xrange,
        }[kind]
        found[key] = await read(key)
    return found


async def test_what_was_asked_is_found_by_its_job_and_by_its_token(approvals):
    one = await opened(approvals)
    assert await approvals.of_job("J-1") == one
    assert await approvals.of_token(one.token) == one


async def test_nothing_is_found_where_there_is_nothing(approvals):
    await opened(approvals)
    assert await approvals.of_job("J-2") is None
    assert await approvals.of_token(new_token()) is None
    assert await approvals.of_token("") is None


async def test_a_delivery_that_comes_twice_is_asked_once(approvals, redis):
    one = await opened(approvals, "J-1", "same")
    before = await everything(redis)
    assert await approvals.open(asked("J-2", "same"), noted(2), SOON) == ("J-1", True)
    assert await everything(redis) == before
    assert await approvals.of_job("J-1") == one
    assert await approvals.of_job("J-2") is None


async def test_of_ten_deliveries_at_once_one_is_asked(approvals, redis):
    several = [asked(f"J-{number}", "same") for number in range(10)]
    answers = await asyncio.gather(*(approvals.open(one, noted(), SOON) for one in several))
    assert len({job_id for job_id, _ in answers}) == 1
    assert [duplicate for _, duplicate in answers].count(False) == 1
    assert len(await entries(redis)) == 1


async def test_a_change_is_kept_and_survives_another_bot(approvals, redis, keys):
    one = await taken(approvals, seen(await opened(approvals)))
    assert await Approvals(redis, "test", keys).of_job("J-1") == one


async def test_every_step_until_the_end_is_kept(approvals):
    one = await taken(approvals, seen(await opened(approvals)))
    one = await taken(approvals, yes(one, "U2"))
    one = await taken(approvals, yes(one, "U3"))
    assert one.approval.state is State.APPROVED
    one = await taken(approvals, moved_on(one, step.void(one.approval, "web is gone", NOW + 20)))
    assert (await approvals.of_token(one.token)).approval.state is State.VOID


async def test_of_two_writers_one_is_first(approvals, redis):
    one = await taken(approvals, seen(await opened(approvals)))
    both = [yes(one, "U2"), moved_on(one, step.withdraw(one.approval, "U1", NOW + 10))]
    won = await asyncio.gather(
        *(approvals.change(each, noted(number), SOON) for number, each in enumerate(both, 7))
    )
    assert sorted(won) == [False, True]
    assert await approvals.of_job("J-1") == both[won.index(True)]
    assert (await entries(redis))[2:] == [noted(7 + won.index(True)).text.encode()]


async def test_whoever_was_second_takes_the_step_from_what_the_first_left(approvals):
    one = await taken(approvals, seen(await opened(approvals)))
    await taken(approvals, yes(one, "U2"))
    late = yes(one, "U3")
    assert not await approvals.change(late, noted(3), SOON)
    again = yes(await approvals.of_job("J-1"), "U3")
    assert again.approval.state is State.APPROVED
    await taken(approvals, again)


async def test_of_many_votes_at_once_none_is_lost_and_one_decides(approvals):
    first = seen(await opened(approvals))
    await taken(approvals, first)
    decided = []

    async def vote(user_id):
        while True:
            now = await approvals.of_job("J-1")
            if now.approval.state is not State.OPEN:
                return
            after = yes(now, user_id)
            if await approvals.change(after, noted(), SOON):
                decided.extend([user_id] if after.approval.state is State.APPROVED else [])
                return

    await asyncio.gather(*(vote(user_id) for user_id in VOTERS))
    end = await approvals.of_job("J-1")
    assert end.approval.state is State.APPROVED
    assert decided == [end.approval.ended_by]
    assert len(end.approval.votes) == 2
    assert end.approval.revision == first.approval.revision + 2


async def test_an_older_revision_does_not_come_back(approvals):
    one = await opened(approvals)
    await taken(approvals, seen(one))
    assert not await approvals.change(one, noted(), SOON)
    assert not await approvals.change(seen(one), noted(), SOON)


async def test_what_is_not_there_cannot_be_changed(approvals, redis):
    assert not await approvals.change(seen(asked()), noted(), SOON)
    assert await everything(redis) == {}


async def test_the_store_shows_nothing_of_it_and_no_token(approvals, redis):
    one = await opened(approvals)
    shown = str(await everything(redis))
    assert not [word for word in ("swordfish", "restart", "container", one.token) if word in shown]


async def test_it_is_kept_for_a_week_after_its_last_change(approvals, redis):
    one = await opened(approvals)
    await redis.expire("{test}:approval:J-1", 5)
    await taken(approvals, seen(one))
    [token] = await redis.keys("{test}:approval-token:*")
    for key in (b"{test}:approval:J-1", token):
        assert 60 < await redis.ttl(key) <= KEPT_SECONDS


async def test_it_touches_no_key_outside_of_its_namespace(redis, each_store_url, keys):
    await redis.execute_command("ACL", "SETUSER", "confined", "on", ">pass", "+@all", "~{test}:*")
    confined = redis_client(each_store_url, username="confined", password="pass")
    try:
        approvals = Approvals(confined, "test", keys)
        one = await taken(approvals, seen(await opened(approvals)))
        await taken(approvals, yes(one, "U2"))
        assert await approvals.due(NOW + 300) == ["J-1"]
        await approvals.settled(one)
        await approvals.forget("J-1")
    finally:
        await confined.aclose()
        await redis.execute_command("ACL", "DELUSER", "confined")


ALTERED = {
    "cut": lambda blob: blob[:-4],
    "empty": lambda _: b"",
    "not text": lambda _: b"\xff\xfe",
    "in the clear": lambda _: asked().model_dump_json().encode(),
    "with another end": lambda blob: blob[:-8] + b"AAAAAAA=",
    "with another beginning": lambda blob: b"AAAA" + blob[4:],
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
async def test_what_others_altered_is_refused(approvals, redis, alter):
    one = await opened(approvals)
    key = "{test}:approval:J-1"
    await redis.hset(key, "blob", alter(await redis.hget(key, "blob")))
    assert await approvals.of_job("J-1") is None
    assert await approvals.of_token(one.token) is None


async def test_one_that_was_put_in_anothers_place_is_refused(approvals, redis):
    mine, theirs = await opened(approvals, "J-1"), await opened(approvals, "J-2")
    blob = await redis.hget("{test}:approval:J-2", "blob")
    await redis.hset("{test}:approval:J-1", "blob", blob)
    assert await approvals.of_job("J-1") is None
    assert await approvals.of_token(mine.token) is None
    assert await approvals.of_token(theirs.token) == theirs


async def test_what_another_bots_keys_locked_is_refused(approvals, redis, tmp_path):
    stranger = Approvals(redis, "test", BotKeys.load_or_create(tmp_path / "stranger"))
    await opened(stranger)
    assert await approvals.of_job("J-1") is None


async def test_what_was_locked_for_another_purpose_is_refused(approvals, redis, keys):
    one = await opened(approvals)
    locked = keys.lock(b"docktalk display\n" + one.model_dump_json().encode())
    await redis.hset("{test}:approval:J-1", "blob", locked)
    assert await approvals.of_job("J-1") is None
    await redis.hset("{test}:approval:J-1", "blob", keys.lock(one.model_dump_json().encode()))
    assert await approvals.of_job("J-1") is None


async def test_a_token_that_was_bent_to_another_approval_opens_nothing(approvals, redis):
    mine, theirs = await opened(approvals, "J-1"), await opened(approvals, "J-2")
    bent = [key for key in await redis.keys("{test}:approval-token:*") if await redis.get(key) == b"J-1"]
    await redis.set(bent[0], "J-2")
    assert await approvals.of_token(mine.token) is None
    await redis.set(bent[0], b"\xff\xfe")
    assert await approvals.of_token(mine.token) is None
    assert await approvals.of_token(theirs.token) == theirs


async def test_tokens_cannot_be_guessed_from_each_other():
    made = {new_token() for _ in range(50)}
    assert len(made) == 50
    assert all(len(token) >= 22 for token in made)


async def test_every_change_is_recorded_and_nothing_else(approvals, redis):
    one = await opened(approvals)
    assert await approvals.open(asked("J-2", "d-J-1"), noted(2), SOON) == ("J-1", True)
    after = await taken(approvals, seen(one), 3)
    assert not await approvals.change(seen(one), noted(4), SOON)
    await taken(approvals, yes(after, "U2"), 5)
    assert await entries(redis) == [noted(number).text.encode() for number in (1, 3, 5)]
    assert {fields[b"mac"] for _, fields in await redis.xrange(AUDIT)} == {b"mac"}


async def test_what_cannot_be_recorded_is_not_opened(approvals, redis, monkeypatch):
    monkeypatch.setattr("bot.store.approvals.INTAKE_ENTRIES", 0)
    with pytest.raises(NotRecorded):
        await approvals.open(asked(), noted(), SOON)
    assert await everything(redis) == {}


async def test_what_cannot_be_recorded_does_not_change(approvals, redis, monkeypatch):
    one = await opened(approvals)
    before = await everything(redis)
    monkeypatch.setattr("bot.store.approvals.INTAKE_ENTRIES", 1)
    with pytest.raises(NotRecorded):
        await approvals.change(seen(one), noted(2), SOON)
    assert await everything(redis) == before
    monkeypatch.setattr("bot.store.approvals.INTAKE_ENTRIES", 2)
    assert await approvals.change(seen(one), noted(2), SOON)


async def test_a_store_that_does_not_answer_is_said_to_be_down(keys):
    async with contextlib.aclosing(bot_client("unix:///nowhere/redis.sock")) as client:
        approvals = Approvals(client, "test", keys)
        for call in (
            approvals.open(asked(), noted(), SOON),
            approvals.change(seen(asked()), noted(), SOON),
            approvals.settled(asked()),
            approvals.forget("J-1"),
            approvals.of_job("J-1"),
            approvals.of_token("t"),
            approvals.due(NOW),
        ):
            with pytest.raises(StoreDown):
                await call
