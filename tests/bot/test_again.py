"""Jobs that came too late: decided anew with the same nonce, asked about, or refused."""

import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.again import Again
from bot.hosts import Host, Hosts
from bot.jobs.names import AGAIN_SECONDS, Names, bot_client
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Late
from bot.keys import BotKeys
from bot.lending.lending import Lending
from bot.lending.revoked import Revoked
from bot.policy.file import PolicyHolder
from bot.request import Origin
from bot.store.audit import AuditIntake
from bot.store.corrections import Corrections
from bot.store.grants import stores
from bot.store.intake import IntakeEntry
from bot.store.records import RequestRecord
from bot.trust import Trust
from handlers.faults import Denied, Fault
from permissions.approval import Step, Terms, Threshold
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.ticket import Approved, Claims, CommandWire, Effect, Ticket
from permissions.verbs import Danger, Kind, Verb
from tests.bot.incidents.tagged import Tagged

pytestmark = pytest.mark.store

POLICY = """\
version: 1
roles: {{all: {{rules: [{{commands: [{commands}]}}]}}}}
bindings: [{{role: all, users: [U1]}}]
"""
NOTE = IntakeEntry(number=1, text="{}", mac="")


@dataclass
class People:
    standing: Standing = Standing.MEMBER

    async def principal(self, team_id: str, user_id: str, name: str) -> Principal:
        return Principal(
            team_id=team_id, user_id=user_id, name=name, standing=self.standing, as_of=time.time()
        )


@dataclass
class Side:
    """The bot's side with one late job."""

    again: Again
    keys: BotKeys
    people: People
    client: Any
    policy: Path
    now: list[float] = field(default_factory=lambda: [time.time()])
    tagged: Tagged = field(default_factory=Tagged)

    def claims(self, **changes: Any) -> Claims:
        operation = Operation(
            command="container restart",
            verb=Verb.OPERATE,
            danger=Danger.INTERRUPTS,
            resources=(Resource(kind=Kind.CONTAINER, name="web"),),
            host="local",
        )
        fields = {
            "job_id": "J-1",
            "nonce": secrets.token_hex(16),
            "host": "local",
            "effect": Effect.CHANGE,
            "command": CommandWire(path="container restart", fields={"containers": ["web"]}),
            "operation": operation,
            "principal": Principal(
                team_id="T1", user_id="U1", name="ada", standing=Standing.MEMBER, as_of=self.now[0]
            ),
            "policy": "0" * 64,
            "rule": "role all, rule 1",
            "issued_at": self.now[0],
            "not_after": self.now[0] + 1,
            "deadline": 30.0,
            "channel_id": "C1",
        }
        return Claims.model_validate({**fields, **changes})

    async def accept(self, claims: Claims) -> RequestRecord:
        record = RequestRecord(
            job_id=claims.job_id,
            delivery_id=f"d-{claims.job_id}",
            origin=Origin.SLASH,
            team_id="T1",
            user_id="U1",
            user_name="ada",
            channel_id="C1",
            shown="container restart web",
            host=claims.host,
            command="container restart",
            effect=claims.effect,
            rule=claims.rule,
            accepted_at=self.now[0],
            not_after=claims.not_after,
            deadline=claims.deadline,
        )
        await self.again.queue.accept(record, self.keys.sign(claims), NOTE)
        # A worker took it, and handed it back as too late.
        [(entry, _)] = await self.entries()
        await self.client.xdel(Names("docktalk").stream("local", "normal"), entry)
        return record

    def late(self, claims: Claims) -> Late:
        ticket = self.keys.sign(claims).model_dump_json()
        return Late(job_id=claims.job_id, worker="w", ticket=ticket, at=self.now[0])

    async def entries(self) -> Any:
        return await self.client.xrange(Names("docktalk").stream("local", "normal"))

    async def queued(self) -> Claims | None:
        entries = await self.entries()
        if not entries:
            return None
        ticket = Ticket.model_validate_json(entries[-1][1][b"ticket"])
        return self.again.trust.verify(ticket)


async def no_news(*_: object) -> None:
    raise AssertionError("nothing was lent")


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Side]:
    keys = BotKeys.load_or_create(tmp_path / "keys")
    keys.publish(tmp_path / "trust")
    trust = Trust(tmp_path / "trust")
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(commands='"*"'), encoding="utf-8")
    people = People()
    tagged = Tagged()
    async with bot_client(store_url) as client:
        now = [time.time()]
        holder = PolicyHolder(policy, hosts=["local"])
        lending = Lending(
            policy=holder,
            hosts=Hosts(default="local", known=(Host(name="local"),)),
            stores=stores(client, "docktalk", keys, AuditIntake(client, "docktalk", keys, time.time)),
            tell=no_news,
            ended=no_news,
            delivered=BotQueue(client, "docktalk", keys).delivered,
            revoked=Revoked(tmp_path / "revoked", lambda: now[0]),
            clock=lambda: now[0],
        )
        again = Again(
            policy=holder,
            people=people,
            hosts=Hosts(default="local", known=(Host(name="local"),)),
            keys=keys,
            trust=trust,
            queue=BotQueue(client, "docktalk", keys),
            corrections=Corrections(client, "docktalk", keys),
            audit=AuditIntake(client, "docktalk", keys, time.time),
            incidents=tagged,
            lending=lending,
            clock=lambda: now[0],
            start_within=60.0,
            ask_after=900.0,
        )
        yield Side(again, keys, people, client, policy, now, tagged)


async def test_a_late_job_is_decided_anew_and_keeps_its_nonce(side: Side):
    claims = side.claims()
    record = await side.accept(claims)
    side.now[0] += 100
    assert await side.again.late(record, side.late(claims)) == ""
    queued = await side.queued()
    assert queued is not None
    assert (queued.job_id, queued.nonce, queued.command) == ("J-1", claims.nonce, claims.command)
    assert (queued.issued_at, queued.not_after) == (side.now[0], side.now[0] + 60)
    assert queued.policy == side.again.policy.current.sha256
    assert queued.principal.as_of >= claims.principal.as_of
    assert await side.client.xlen(Names("docktalk").audit) == 2


@pytest.mark.parametrize(("place", "tag"), [(("C1", ""), "INC-2"), (("C2", ""), ""), (("C1", "1.5"), "")])
async def test_it_belongs_to_what_is_open_there_now_and_to_nothing_else(side: Side, place, tag):
    then = side.claims().operation.model_copy(update={"incident": "INC-1"})
    claims = side.claims(operation=then)
    record = await side.accept(claims)
    side.tagged.there = {place: "INC-2"}
    await side.again.late(record, side.late(claims))
    queued = await side.queued()
    assert queued is not None
    assert queued.operation.incident == tag


async def test_the_same_event_twice_queues_it_once(side: Side):
    claims = side.claims()
    record = await side.accept(claims)
    for _ in range(2):
        await side.again.late(record, side.late(claims))
    assert len(await side.entries()) == 1


async def test_a_job_that_is_over_is_not_queued_again(side: Side):
    claims = side.claims()
    record = await side.accept(claims)
    await side.client.set("{docktalk}:done:J-1", "token")
    await side.again.late(record, side.late(claims))
    assert await side.queued() is None


async def test_what_may_not_run_any_more_is_refused(side: Side):
    claims = side.claims()
    record = await side.accept(claims)
    side.policy.write_text(POLICY.format(commands='"container ls"'), encoding="utf-8")
    side.again.policy.reload_if_changed()
    with pytest.raises(Denied):
        await side.again.late(record, side.late(claims))
    assert await side.queued() is None


async def test_a_use_of_a_budget_does_not_wait(side: Side):
    claims = side.claims()
    record = (await side.accept(claims)).model_copy(update={"budget": "B-7"})
    for later in (100, 1000):
        side.now[0] += later
        with pytest.raises(Fault, match="B-7 is good for nothing else"):
            await side.again.late(record, side.late(claims))
    assert await side.queued() is None


async def test_somebody_who_has_left_starts_nothing(side: Side):
    claims = side.claims()
    record = await side.accept(claims)
    side.people.standing = Standing.DELETED
    with pytest.raises(Denied):
        await side.again.late(record, side.late(claims))
    assert await side.queued() is None


async def test_after_a_long_wait_the_asker_is_asked_and_the_yes_queues_it(side: Side):
    claims = side.claims()
    record = await side.accept(claims)
    side.now[0] += 1000
    yes = await side.again.late(record, side.late(claims))
    assert await side.queued() is None
    assert await side.again.corrections.take(yes, "U2") is None
    line = await side.again.corrections.take(yes, "U1")
    assert line is not None
    assert (await side.again.wanted(line.text)).job_id == "J-1"
    queued = await side.queued()
    assert queued is not None
    assert queued.nonce == claims.nonce


FORGERIES = {
    "another host": {"host": "other"},
    "another job": {"job_id": "J-2"},
    "another effect": {"effect": Effect.READ},
}


@pytest.mark.parametrize("changes", FORGERIES.values(), ids=FORGERIES)
async def test_a_ticket_of_something_else_is_not_decided_anew(side: Side, changes: dict[str, Any]):
    record = await side.accept(side.claims())
    with pytest.raises(Fault, match="waited too long"):
        await side.again.late(record, side.late(side.claims(**changes)))
    assert await side.queued() is None


async def test_a_ticket_that_the_bot_did_not_sign_is_not_decided_anew(side: Side):
    claims = side.claims()
    record = await side.accept(claims)
    event = side.late(claims)
    forged = event.model_copy(update={"ticket": event.ticket.replace("U1", "U9")})
    with pytest.raises(Fault, match="waited too long"):
        await side.again.late(record, forged)
    with pytest.raises(Fault, match="waited too long"):
        await side.again.wanted(forged.ticket)


async def test_an_old_ticket_is_not_decided_anew_once_workers_may_forget_its_nonce(side: Side):
    claims = side.claims()
    record = await side.accept(claims)
    side.now[0] += AGAIN_SECONDS + 1
    with pytest.raises(Fault, match="waited too long"):
        await side.again.late(record, side.late(claims))
    with pytest.raises(Fault, match="waited too long"):
        await side.again.wanted(side.late(claims).ticket)


async def test_what_nobody_took_on_a_silent_host_is_told(side: Side):
    claims = side.claims(not_after=side.now[0] - 1)
    await side.again.queue.accept(
        (await side.accept(claims)).model_copy(update={"job_id": "J-2", "delivery_id": "d-2"}),
        side.keys.sign(claims),
        NOTE,
    )
    names = Names("docktalk")
    await side.client.set(names.alive("local"), "w", px=5000)
    assert await side.again.queue.expire("local") == 0  # its worker lives, and will hand it back
    await side.client.delete(names.alive("local"))
    assert await side.again.queue.expire("local") == 1
    assert await side.again.queue.expire("local") == 0
    [(_, fields)] = await side.client.xrange(names.events)
    assert b'"expired"' in fields[b"event"]
    assert await side.entries() == []


STEP = Step(users=("U2",))
AGREED = {
    "by what only an incident opens": ({"incident": True}, True),
    "by a reason that its name may have met": ({"reason": "INC-*"}, True),
    "by what nothing has to open": ({}, False),
}


@pytest.mark.parametrize(("way", "ends"), AGREED.values(), ids=AGREED)
@pytest.mark.parametrize("now", ["INC-1", "INC-2", ""])
async def test_an_incident_that_was_closed_while_it_waited_opens_nothing(side: Side, way, ends, now: str):
    terms = Terms(any=(Threshold(steps=(STEP, STEP)), Threshold(steps=(STEP,), **way)))
    agreed = Approved(policy="0" * 64, terms=terms, bound=(), by=("U2",))
    then = side.claims().operation.model_copy(update={"incident": "INC-1"})
    claims = side.claims(operation=then, approved=agreed)
    record = await side.accept(claims)
    side.tagged.there = {("C1", ""): now}
    if ends and now != "INC-1":
        with pytest.raises(Denied, match="INC-1 is closed"):
            await side.again.late(record, side.late(claims))
        assert await side.queued() is None
    else:
        assert await side.again.late(record, side.late(claims)) == ""
        assert await side.queued() is not None
