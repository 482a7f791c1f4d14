"""Locks and held jobs on the bot's side, in processes that have just started, on a store."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.again import Again
from bot.decided import decided
from bot.held import HeldJobs
from bot.holds import HoldDesk
from bot.hosts import Host, Hosts
from bot.job_commands import job_line
from bot.jobs.listing import Listing
from bot.jobs.names import AGAIN_SECONDS, Names, bot_client, worker_client
from bot.jobs.queue import BotQueue, StoreDown
from bot.jobs.wire import Held, Late
from bot.keys import BotKeys
from bot.lends import Lends
from bot.not_now import NotNow
from bot.policy_file import PolicyHolder
from bot.policy_in_use import PolicyInUse
from bot.request import Origin, Request
from bot.said import Said
from bot.store.audit import AuditIntake
from bot.store.corrections import Corrections
from bot.store.held_jobs import HeldStore
from bot.store.intake import IntakeEntry
from bot.store.inventory import Inventories
from bot.store.kept_locks import KeptLocks
from bot.store.policy_bundles import BotBundles, WorkerBundles
from bot.store.records import RequestRecord
from bot.trust import Trust
from handlers.faults import Denied, Fault, Reason, UsageFault
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.ticket import Claims, CommandWire, Effect, Ticket
from permissions.verbs import Danger, Kind, Verb

store = pytest.mark.store

POLICY = """\
version: 1
roles:
  operator:
    rules:
      - {verbs: [list, operate], targets: {container: ["web*"]}}
      - {commands: [docktalk lock], targets: {container: ["web*"]}}
      - {commands: [docktalk lock], hosts: [prod-1]}
  chief:
    rules: [{commands: ["*"]}]
bindings:
  - {role: operator, users: [U0ANA, U0BEN]}
  - {role: chief, users: [U0CHIEF]}
"""
FREEZE = """\
freezes:
  stock:
    by: board
    reason: books
    when: [{from: 2020-01-01T00:00:00Z, until: 2099-01-01T00:00:00Z}]
"""
HOSTS = Hosts(default="prod-1", known=(Host(name="prod-1"), Host(name="test-1")))
NOTE = IntakeEntry(number=1, text="{}", mac="")
RESTART = Operation(
    command="container restart",
    verb=Verb.OPERATE,
    danger=Danger.INTERRUPTS,
    resources=(Resource(kind=Kind.CONTAINER, name="web"),),
    host="prod-1",
)


async def principal(team_id: str, user_id: str, name: str) -> Principal:
    return Principal(team_id=team_id, user_id=user_id, name=name, standing=Standing.MEMBER, as_of=time.time())


async def no_tag(*_: object) -> str:
    return ""


class Side:
    """Every ``bot`` is a process that has just started; ``shown`` is what was told of locks."""

    def __init__(self, client: Any, url: str, folder: Path) -> None:
        self.client, self.url, self.folder = client, url, folder
        self.keys = BotKeys.load_or_create(folder / "keys")
        self.keys.publish(folder / "trust")
        self.trust = Trust(folder / "trust")
        self.policy_file = folder / "policy.yaml"
        self.policy_file.write_text(POLICY, encoding="utf-8")
        self.now = time.time()
        self.shown: list[tuple[str, bool]] = []
        self.ended: list[str] = []
        self.store_fails = False
        self.deliveries = 0

    def clock(self) -> float:
        return self.now

    @property
    def bot(self) -> SimpleNamespace:
        client, keys = self.client, self.keys
        policy = PolicyHolder(self.policy_file, hosts=[host.name for host in HOSTS.known])
        audit = AuditIntake(client, "docktalk", keys, time.time)
        queue = BotQueue(client, "docktalk", keys)

        async def decides(who: Principal, channel: str, operation: Operation, *, agreed: bool) -> Lends:  # noqa: ARG001 - the desk's
            now = decided(policy.current.policy, who, channel, operation, self.now)
            return Lends(who, now)

        again = Again(
            policy=policy,
            people=SimpleNamespace(principal=principal),
            hosts=HOSTS,
            keys=keys,
            trust=self.trust,
            queue=queue,
            corrections=Corrections(client, "docktalk", keys),
            audit=audit,
            incidents=SimpleNamespace(tag=no_tag),
            lending=SimpleNamespace(decided=decides),
            clock=self.clock,
            start_within=60.0,
            ask_after=900.0,
        )
        locks = KeptLocks(client, "docktalk", keys, audit)
        held = HeldJobs(
            store=HeldStore(client, "docktalk", keys),
            locks=locks,
            policy=policy,
            hosts=HOSTS,
            queue=queue,
            again=again,
            clock=self.clock,
        )
        in_use = PolicyInUse(policy, audit, BotBundles(client, "docktalk", keys, self.trust), locks)
        desk = HoldDesk(
            locks=locks,
            held=held,
            hosts=HOSTS,
            inventories=Inventories(client, "docktalk"),
            publish=in_use.confirm,
            show=self._show,
            clock=self.clock,
        )
        return SimpleNamespace(
            desk=desk, held=held, again=again, queue=queue, policy=policy, in_use=in_use, locks=locks
        )

    async def _show(self, kept: Any) -> None:
        if self.store_fails:
            raise StoreDown(unsure=False)
        if (told := (kept.id, bool(kept.released_at))) not in self.shown:  # as the outbox knows
            self.shown.append(told)

    async def say(self, line: str, user: str = "U0ANA", delivery: str = "") -> str:
        self.deliveries += 1
        request = Request(
            origin=Origin.SLASH,
            delivery_id=delivery or f"d{self.deliveries}",
            team_id="T1",
            user_id=user,
            user_name=user[2:].lower(),
            channel_id="C1",
            text=line,
            received_at=self.now,
        )
        bot = self.bot
        who = await principal("T1", user, request.user_name)
        return (await bot.desk.answer(job_line(line), Said(request, who, bot.policy.current))).text

    async def tick(self) -> None:
        bot = self.bot

        async def released(record: RequestRecord, ticket: str) -> bool:
            event = Late(job_id=record.job_id, worker="", ticket=ticket, at=self.now)
            try:
                return not await bot.again.late(record, event)
            except StoreDown:
                raise
            except Fault as fault:
                self.ended.append(fault.message)
                return False

        await bot.desk.tick(released)

    async def locks(self) -> list[str]:
        return [lock.id for lock in await self.bot.locks.in_force()]

    def claims(self, number: int = 1, **changes: Any) -> Claims:
        fields = {
            "job_id": f"J-{number}",
            "nonce": secrets.token_hex(16),
            "host": "prod-1",
            "effect": Effect.CHANGE,
            "command": CommandWire(path="container restart", fields={"containers": ["web"]}),
            "operation": RESTART,
            "principal": Principal(
                team_id="T1", user_id="U0BEN", name="ben", standing=Standing.MEMBER, as_of=self.now
            ),
            "policy": "0" * 64,
            "rule": "role operator, rule 1",
            "issued_at": self.now,
            "not_after": self.now + 60,
            "deadline": 30.0,
            "channel_id": "C1",
        }
        return Claims.model_validate({**fields, **changes})

    async def hold(self, claims: Claims, *, lock: str = "", freeze: str = "") -> Any:
        """A job that a worker has held, as the bot hears of it."""
        record = RequestRecord(
            job_id=claims.job_id,
            delivery_id=f"of-{claims.job_id}",
            origin=Origin.SLASH,
            team_id="T1",
            user_id="U0BEN",
            user_name="ben",
            channel_id="C1",
            shown="container restart web",
            host=claims.host,
            command="container restart",
            effect=claims.effect,
            accepted_at=self.now,
            operation=claims.operation,
        )
        await self.bot.queue.accept(record, self.keys.sign(claims), NOTE)
        entry = (await self.entries())[-1][0]
        await self.client.xdel(Names("docktalk").stream("prod-1", "normal"), entry)
        return await self.heard(record, claims, lock=lock, freeze=freeze)

    async def heard(self, record: RequestRecord, claims: Claims, **by: str) -> Any:
        ticket = self.keys.sign(claims).model_dump_json()
        event = Held(job_id=record.job_id, worker="w", ticket=ticket, at=self.now, **by)
        return await self.bot.held.keep(record, event)

    async def entries(self) -> Any:
        return await self.client.xrange(Names("docktalk").stream("prod-1", "normal"))

    async def queued(self) -> list[Claims]:
        tickets = [fields[b"ticket"] for _, fields in await self.entries()]
        return [self.trust.verify(Ticket.model_validate_json(ticket)) for ticket in tickets]

    async def is_held(self, job_id: str = "J-1") -> bool:
        rows = await Listing(self.client, "docktalk").jobs("prod-1")
        return any(row.job_id == job_id and row.state == "held" for row in rows)


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
    monkeypatch.setattr("bot.holds.MOST_LOCKS", 2)
    for _ in range(2):
        await side.say("lock prod-1/web --reason heap")
    with pytest.raises(Fault) as fault:
        await side.say("lock prod-1/web --reason heap")
    assert fault.value.reason is Reason.LIMIT


@store
async def test_a_lock_ends_by_the_clock_and_says_so_whatever_died_meanwhile(side: Side):
    await side.say("lock prod-1/web --reason heap --for 60s")
    await side.tick()
    assert await side.locks() == ["K-1"]
    side.now += 60
    side.store_fails = True
    with pytest.raises(StoreDown):
        await side.tick()
    assert await side.locks() == []
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
async def test_a_held_job_is_decided_anew_under_its_own_nonce_once_the_lock_is_gone(side: Side):
    await side.say("lock prod-1/web --reason heap")
    claims = side.claims()
    hold = await side.hold(claims, lock="K-1")
    assert "heap" in hold.sentence
    await side.tick()
    assert await side.is_held()
    assert await side.queued() == []
    await side.say("unlock K-1")
    await asyncio.gather(side.tick(), side.tick())
    [queued] = await side.queued()
    assert (queued.job_id, queued.nonce) == ("J-1", claims.nonce)
    assert not await side.is_held()


@store
async def test_a_hold_that_is_told_again_once_it_is_over_holds_nothing(side: Side):
    await side.say("lock prod-1/web --reason heap")
    claims = side.claims()
    await side.hold(claims, lock="K-1")
    await side.say("unlock K-1")
    await side.tick()
    record = await side.bot.queue.request("J-1")
    assert await side.heard(record, claims, lock="K-1") is None
    assert not await side.is_held()
    await side.tick()
    assert len(await side.queued()) == 1


@store
async def test_a_hold_that_is_heard_twice_before_the_end_of_the_lock_is_told_twice_and_kept_once(side: Side):
    await side.say("lock prod-1/web --reason heap")
    claims = side.claims()
    first = await side.hold(claims, lock="K-1")
    record = await side.bot.queue.request("J-1")
    assert await side.heard(record, claims, lock="K-1") == first
    await side.say("unlock K-1")
    await side.tick()
    assert len(await side.queued()) == 1


@store
async def test_a_hold_by_what_is_not_there_lets_the_job_go_with_the_next_tick(side: Side):
    assert await side.hold(side.claims(), lock="K-9") is None
    assert await side.queued() == []
    await side.tick()
    assert len(await side.queued()) == 1


@store
@pytest.mark.parametrize(
    "changes",
    [{"job_id": "J-2"}, {"host": "test-1"}, {"effect": Effect.READ}],
    ids=["another job", "another host", "a read"],
)
async def test_a_ticket_that_is_not_the_jobs_own_is_never_kept(side: Side, changes):
    await side.say("lock prod-1/web --reason heap")
    claims = side.claims()
    await side.hold(claims, lock="K-1")
    record = await side.bot.queue.request("J-1")
    with pytest.raises(Fault):
        await side.heard(record, side.claims().model_copy(update=changes), lock="K-1")


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


@store
async def test_a_held_job_is_taken_back_once(side: Side):
    await side.say("lock prod-1/web --reason heap")
    await side.hold(side.claims(), lock="K-1")
    assert await side.bot.queue.cancel("J-1", "prod-1") == "removed"
    assert await side.bot.queue.cancel("J-1", "prod-1") == "ended"
    await side.say("unlock K-1")
    await side.tick()
    assert await side.queued() == []


@store
async def test_one_that_was_held_for_long_is_asked_about_and_after_a_day_it_ends(side: Side):
    await side.say("lock prod-1/web --reason heap")
    await side.hold(side.claims(1), lock="K-1")
    side.now += 1000
    await side.hold(side.claims(2), lock="K-1")
    await side.say("unlock K-1")
    await side.say("lock prod-1/web --reason more", "U0CHIEF")
    await side.tick()
    assert [queued.job_id for queued in await side.queued()] == ["J-2"]
    assert not await side.is_held("J-1")
    await side.hold(side.claims(3), lock="K-2")
    side.now += AGAIN_SECONDS + 1
    await side.tick()
    assert side.ended == ["It waited too long. Nothing was run."]
    assert not await side.is_held("J-3")


@store
async def test_one_that_the_policy_forbids_by_then_ends(side: Side):
    await side.say("lock prod-1/web --reason heap")
    await side.hold(side.claims(), lock="K-1")
    await side.say("unlock K-1")
    side.policy_file.write_text(POLICY.replace("U0BEN", "U0OTHER"), encoding="utf-8")
    await side.tick()
    assert await side.queued() == []
    assert not await side.is_held()
    assert len(side.ended) == 1


@store
async def test_a_freeze_lets_go_what_it_held_when_it_ends_or_leaves_the_policy(side: Side):
    side.policy_file.write_text(POLICY + FREEZE, encoding="utf-8")
    hold = await side.hold(side.claims(), freeze="stock")
    assert "books" in hold.sentence
    await side.tick()
    assert await side.is_held()
    side.policy_file.write_text(POLICY, encoding="utf-8")
    await side.tick()
    assert [queued.job_id for queued in await side.queued()] == ["J-1"]
