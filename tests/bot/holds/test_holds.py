"""Locks on the bot's side, in processes that have just started, on a store."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.holds.holds import MOST_OWN
from bot.holds.not_now import NotNow
from bot.jobs.names import Names, bot_client, worker_client
from bot.jobs.queue import StoreDown
from bot.jobs.wire import Seen
from bot.lending.lends import Lends
from bot.own.job_lines import job_line
from bot.store.policy_bundles import WorkerBundles
from bot.weighing import Weighing
from handlers.catalogue import load
from handlers.faults import Denied, Fault, Reason, UsageFault
from handlers.grammar.parser import parse
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Principal, Standing
from tests.bot.holds.hold_side import FREEZE, POLICY, RESTART, Side, principal, store


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Side]:
    async with bot_client(store_url) as client:
        yield Side(client, store_url, tmp_path)


WRONG = {
    "lock": "say what to lock",
    "lock --everything prod-1 --reason x": "say what to lock",
    "lock prod-1 test-1 --reason x": "say what to lock",
    "lock prod-1": "give a --reason",
    'lock prod-1 --reason " "': "give a --reason",
    "lock prod-1/a/b --reason x": "is no host",
    "lock prod-1/web* --reason x": "is no host",
    "lock prod-1 --reason x --for 3": "is no time",
    "lock prod-1 --reason x --for 31d": "is no time",
    f"lock prod-1 --reason {'x' * 201}": "longer than 200",
    "unlock": "requires 1 argument",
    "unlock web": "is no lock",
}


@pytest.mark.parametrize(("line", "sentence"), WRONG.items())
def test_a_line_that_locks_nothing_is_refused(line, sentence):
    with pytest.raises(UsageFault, match=sentence):
        job_line(line)


@store
async def test_workers_know_a_lock_before_its_owner_is_told(side: Side, tmp_path: Path):
    bot = side.bot
    await bot.in_use.tell()
    assert "K-1" in await side.say("lock prod-1/web --reason heap --for 2h")
    client = worker_client(side.url)
    worker = WorkerBundles(client, "docktalk", side.trust, tmp_path / "seen")
    worker.policy(bot.policy.current.sha256)
    [lock] = worker.locks
    assert (lock.id, lock.owner_id, lock.reason, lock.until) == ("K-1", "U0ANA", "heap", side.now + 7200)
    await side.say("unlock k-1")
    worker.policy(bot.policy.current.sha256)
    assert worker.locks == ()
    assert side.shown == [("K-1", False), ("K-1", True)]
    client.close()


@store
async def test_releasing_one_lock_leaves_the_other_of_the_same_owner(side: Side):
    for _ in range(2):
        await side.say("lock prod-1/web --reason heap")
    await side.say("unlock K-1")
    assert await side.locks() == ["K-2"]


@store
async def test_a_delivery_that_comes_twice_locks_once(side: Side):
    for _ in range(2):
        assert "K-1" in await side.say("lock prod-1/web --reason heap", delivery="same")
    assert await side.locks() == ["K-1"]


@store
@pytest.mark.parametrize(
    ("line", "user", "reason"),
    [
        ("lock prod-1/db --reason x", "U0ANA", ""),
        ("lock prod-1 --reason x", "U0ANA", ""),
        ("lock test-1/web --reason x", "U0ANA", ""),
        ("lock test-1/db --reason x", "U0ANA", Reason.DENIED),
        ("lock test-1 --reason x", "U0ANA", Reason.DENIED),
        ("lock --everything --reason x", "U0ANA", Reason.DENIED),
        ("lock 'prod-*' --reason x", "U0ANA", ""),
        ("lock '*-1' --reason x", "U0ANA", Reason.DENIED),
        # It may be an id of anything: only the worker could tell.
        ("lock test-1/cafe --reason x", "U0ANA", Reason.DENIED),
        ("lock prod-9 --reason x", "U0ANA", Reason.UNKNOWN_HOST),
        ("lock prod-1/web --reason x", "U0EVE", Reason.UNKNOWN_HOST),
        ("lock --everything --reason x", "U0CHIEF", ""),
        ("lock test-1 --reason x", "U0CHIEF", ""),
    ],
)
async def test_whoever_the_policy_lets_locks_and_nobody_else(side: Side, line, user, reason):
    if not reason:
        assert "locked" in await side.say(line, user)
        return
    with pytest.raises(Fault) as fault:
        await side.say(line, user)
    assert fault.value.reason is reason
    assert await side.locks() == []


SPELLED = {
    "a container that is there": ("web", ("web", "db"), False),
    "a name that nothing has": ("wbe", ("web", "db"), True),
    # A lock tells nobody what a list would hide.
    "a container that its owner may not see": ("mysql", ("web", "mysql"), True),
    # It may be an id: only a worker could tell of what.
    "what may be an id, of something there": ("db", ("web", "db"), False),
    "what may be an id, of nothing": ("db", ("web",), False),
    "a name on a host that is not known well": ("wbe", (), False),
}


@store
@pytest.mark.parametrize(("name", "there", "asked"), SPELLED.values(), ids=SPELLED)
async def test_whether_a_name_is_spelled_right_is_asked_where_it_is_not_seen(side: Side, name, there, asked):
    names, client = Names("docktalk"), worker_client(side.url)
    client.set(names.inventory_at("prod-1"), "1", ex=600)
    for number, one in enumerate(there):
        seen = Seen(id=f"{number}" * 64, names=(one,))
        client.hset(names.inventory("prod-1", "container"), seen.id, seen.model_dump_json())
    told = await side.say(f"lock prod-1/{name} --reason heap")
    assert ("spelled right" in told) == asked
    assert await side.locks() == ["K-1"]
    client.close()


@store
async def test_a_lock_is_released_by_its_owner_and_by_whom_the_policy_lets(side: Side):
    await side.say("lock prod-1/web --reason heap")
    for user, reason in (("U0BEN", Reason.DENIED), ("U0EVE", Reason.NOT_FOUND)):
        with pytest.raises(Fault) as fault:
            await side.say("unlock K-1", user)
        assert fault.value.reason is reason
    with pytest.raises(Fault, match="no lock K-7"):
        await side.say("unlock K-7")
    assert await side.locks() == ["K-1"]
    assert "released" in await side.say("unlock K-1", "U0CHIEF")
    with pytest.raises(Fault, match="no lock K-1"):
        await side.say("unlock K-1")


@store
async def test_there_are_only_so_many_locks(side: Side, monkeypatch):
    monkeypatch.setattr("bot.holds.holds.MOST_LOCKS", 2)
    for _ in range(2):
        await side.say("lock prod-1/web --reason heap")
    with pytest.raises(Fault) as fault:
        await side.say("lock prod-1/web --reason heap")
    assert fault.value.reason is Reason.LIMIT


@store
async def test_nobody_sets_so_many_locks_that_the_others_can_set_none(side: Side):
    for _ in range(MOST_OWN):
        await side.say("lock prod-1/web --reason heap")
    with pytest.raises(Fault, match="Nothing was locked") as fault:
        await side.say("lock prod-1/web --reason heap")
    assert fault.value.reason is Reason.LIMIT
    await side.say("lock prod-1/web --reason heap", "U0BEN")
    await side.say("unlock K-1")
    await side.say("lock prod-1/web --reason heap")


@store
async def test_a_lock_ends_by_the_clock_and_says_so_whatever_died_meanwhile(side: Side):
    await side.say("lock prod-1/web --reason heap --for 60s")
    await side.tick()
    assert await side.locks() == ["K-1"]
    side.now += 60
    side.store_fails = True
    await side.tick()
    assert (await side.locks(), side.shown) == ([], [("K-1", False)])
    side.store_fails = False
    await side.tick()
    assert side.shown == [("K-1", False), ("K-1", True)]
    await side.tick()
    assert len(side.shown) == 2


@store
async def test_a_lock_whose_setter_died_before_it_was_shown_is_shown_and_known_to_workers(
    side: Side, tmp_path: Path
):
    side.store_fails = True
    with pytest.raises(StoreDown):
        await side.say("lock prod-1/web --reason heap")
    side.store_fails = False
    await side.tick()
    assert side.shown == [("K-1", False)]
    bot = side.bot
    await bot.in_use.tell()
    with contextlib.closing(worker_client(side.url)) as client:
        worker = WorkerBundles(client, "docktalk", side.trust, tmp_path / "seen")
        worker.policy(bot.policy.current.sha256)
        assert [lock.id for lock in worker.locks] == ["K-1"]


@store
async def test_what_holds_and_what_will_is_listed(side: Side):
    await side.say("lock prod-1/web --reason heap")
    side.policy_file.write_text(POLICY + FREEZE, encoding="utf-8")
    listed = await side.say("locks", "U0BEN")
    for said in ("prod-1/web is locked by ana", "(K-1): heap", "by board (stock): books", "2099-01-01"):
        assert said in listed
    assert "heap" not in await side.say("locks", "U0EVE")
    later = FREEZE.replace("2020-01-01", "2098-01-01")
    side.policy_file.write_text(POLICY + later, encoding="utf-8")
    assert "Next: frozen from" in await side.say("locks", "U0BEN")


@store
async def test_a_reason_shows_no_secret(side: Side):
    await side.say("lock prod-1/web --reason 'with password=hunter2hunter2'")
    assert "hunter2" not in await side.say("locks")


@store
async def test_a_line_is_refused_under_a_lock_and_asked_about_under_a_freeze(side: Side):
    await side.say("lock prod-1/web --reason heap")
    bot = side.bot
    gate, ben = NotNow(bot.locks, side.clock), await principal("T1", "U0BEN", "ben")
    with pytest.raises(Denied) as fault:
        await gate.passed(bot.policy.current.policy, ben, RESTART, Allow(rule="r"))
    assert fault.value.reason is Reason.LOCKED
    assert "K-1" in fault.value.message
    await side.say("unlock K-1")
    assert await gate.passed(bot.policy.current.policy, ben, RESTART, Allow(rule="r")) == Allow(rule="r")
    side.policy_file.write_text(POLICY + FREEZE, encoding="utf-8")
    with pytest.raises(Denied) as fault:
        await gate.passed(side.bot.policy.current.policy, ben, RESTART, Allow(rule="r"))
    assert fault.value.reason is Reason.FROZEN
    asked = "    exception: {any: [{steps: [{roles: [chief]}]}]}\n"
    side.policy_file.write_text(POLICY + FREEZE + asked, encoding="utf-8")
    needs = await gate.passed(side.bot.policy.current.policy, ben, RESTART, Allow(rule="r"))
    assert isinstance(needs, NeedsApproval)
    assert needs.excepted == ("stock",)


@store
async def test_what_was_altered_in_the_store_is_neither_a_lock_nor_a_held_job(side: Side):
    await side.say("lock prod-1/web --reason heap")
    await side.say("lock prod-1 --reason heap", "U0CHIEF")
    await side.hold(side.claims(1), lock="K-1")
    await side.hold(side.claims(2), lock="K-1")
    kept, jobs = "{docktalk}:in-force:lock", "{docktalk}:held:prod-1"
    first = await side.client.hget(kept, "K-1")
    await side.client.hset(kept, "K-7", first)
    await side.client.hset(kept, "K-2", b"0 forged")
    assert await side.locks() == ["K-1"]
    other = await side.client.hget(jobs, "J-2")
    await side.client.hset(jobs, "J-1", other)
    await side.say("unlock K-1")
    await side.tick()
    assert [queued.job_id for queued in await side.queued()] == ["J-2"]


class Frozen:
    """Holds everything."""

    async def passed(self, *_: object) -> Allow:
        raise Denied("Frozen until Monday", rule="freeze weekend", hint="Reads pass.", reason=Reason.FROZEN)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("restart web", "Reads pass."),
        (
            'restart --break-glass "payments are down" web',
            "lifts neither locks nor freezes; it was not broken.",
        ),
    ],
)
async def test_who_would_break_the_glass_is_told_that_it_lifts_no_hold(line: str, says: str):
    nothing = dict.fromkeys(Weighing.__dataclass_fields__)
    weighing = Weighing(**{**nothing, "not_now": Frozen()})
    asker = Principal(team_id="T1", user_id="U0ANA", name="ana", standing=Standing.MEMBER, as_of=0.0)
    lends = Lends(principal=asker, decision=Allow(rule="r"))
    with pytest.raises(Denied) as raised:
        await weighing.now(None, lends, None, parse(line, load()))
    assert raised.value.hint.endswith(says)
