"""The bot's side of locks and held jobs, in processes that have just started, on a store."""

import secrets
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.again import Again
from bot.decided import decided
from bot.holds.held import HeldJobs
from bot.holds.holds import HoldDesk
from bot.hosts import Host, Hosts
from bot.jobs.listing import Listing
from bot.jobs.names import Names
from bot.jobs.queue import BotQueue, StoreDown
from bot.jobs.wire import Held, Late
from bot.keys import BotKeys
from bot.lending.lends import Lends
from bot.own.job_lines import job_line
from bot.own.said import Said
from bot.policy.file import PolicyHolder
from bot.policy.in_use import PolicyInUse
from bot.request import Origin, Request
from bot.store.audit import AuditIntake
from bot.store.corrections import Corrections
from bot.store.held_jobs import HeldStore
from bot.store.intake import IntakeEntry
from bot.store.inventory import Inventories
from bot.store.kept_locks import KeptLocks
from bot.store.policy_bundles import BotBundles
from bot.store.records import RequestRecord
from bot.trust import Trust
from handlers.faults import Fault
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
