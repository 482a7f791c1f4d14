"""The bot's side of approvals, in processes that have just started, on a store."""

import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from bot.approvals.approvals import ApprovalDesk
from bot.approvals.approvers import Approvers
from bot.approvals.budgets import BudgetDesk
from bot.holds.not_now import NotNow
from bot.hosts import Host, Hosts
from bot.jobs.names import Names
from bot.jobs.queue import BotQueue
from bot.jobs.wire import Probed, Target
from bot.keys import BotKeys, HostKeys
from bot.lending.lending import Lending
from bot.lending.revoked import Revoked
from bot.own.said import Said
from bot.policy.file import PolicyHolder
from bot.policy.limits import Limits
from bot.registry_logins import RegistryLogins
from bot.request import Origin, Request
from bot.store.approvals import Approvals, Asked
from bot.store.audit import AuditIntake
from bot.store.budgets import Budget
from bot.store.corrections import Corrections
from bot.store.grants import Grant, Review, stores
from bot.store.in_force import InForce
from bot.store.inventory import Inventories
from bot.store.kept_locks import KeptLocks
from bot.store.logins import Logins
from bot.store.rates import Rates
from bot.tickets import Tickets
from bot.trust import Trust
from handlers.catalogue import load
from handlers.grammar.parser import parse
from permissions.approval import Bound, State
from permissions.decide import decide
from permissions.decision import NeedsApproval
from permissions.operation import Principal, Standing
from permissions.ticket import Mode, Ticket
from permissions.verbs import Kind
from tests.bot.incidents.tagged import Tagged

CATALOGUE = load()
POLICY = """\
version: 1
roles:
  operator:
    rules:
      - verbs: [operate]
        approval:
          any:
            - steps: [{people: 2, groups: [S0SRE]}]
            - steps: [{roles: [lead]}]
          remind: 60s
          expires: 10m
  lead: {rules: [{verbs: [list]}]}
bindings:
  - {role: operator, users: [U0ANA]}
  - {role: lead, users: [U0LEAD]}
"""
NOBODY_MAY = POLICY.replace("users: [U0ANA]", "users: [U0OTHER]")
WEB = Bound(kind=Kind.CONTAINER, name="web", id="a" * 64, image="sha256:1", parts={"Config.Env": "1"})


@dataclass
class People:
    groups: dict[str, tuple[str, ...]]
    standing: dict[str, Standing] = field(default_factory=dict)

    async def principal(self, team_id: str, user_id: str, name: str) -> Principal:
        return Principal(
            team_id=team_id,
            user_id=user_id,
            name=name,
            standing=self.standing.get(user_id, Standing.MEMBER),
            groups=self.groups.get(user_id, ()),
            as_of=time.time(),
        )

    async def members(self, group_id: str) -> tuple[str, ...]:
        return tuple(sorted(user for user, groups in self.groups.items() if group_id in groups))


class Side:
    """The bot's side; every ``desk`` is that of a process which has just started."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client = client
        self.keys = BotKeys.load_or_create(folder / "keys")
        self.keys.publish(folder / "trust")
        HostKeys.load_or_create(folder / "host").publish(folder / "trust", "local")
        self.trust = Trust(folder / "trust")
        self.policy_file = folder / "policy.yaml"
        self.policy_file.write_text(POLICY, encoding="utf-8")
        self.people = People({"U0BEN": ("S0SRE",), "U0CLEO": ("S0SRE",), "U0ANA": ("S0SRE",)})
        self.now = time.time()
        self.tagged = Tagged()
        self.shown: list[tuple[State, tuple[str, ...]]] = []
        self.cards: dict[str, Asked] = {}
        self._said = count()
        self.accepted: list[str] = []
        self.shown_budgets: list[Budget] = []
        self.told: list[tuple[Review, float]] = []
        self.hosts = Hosts(default="local", known=(Host(name="local"),))

    @property
    def desk(self) -> ApprovalDesk:
        policy = PolicyHolder(self.policy_file, hosts=["local"])
        queue = BotQueue(self.client, "docktalk", self.keys)
        audit = AuditIntake(self.client, "docktalk", self.keys, time.time)
        corrections = Corrections(self.client, "docktalk", self.keys)
        tickets = Tickets(
            keys=self.keys,
            trust=self.trust,
            queue=queue,
            audit=audit,
            logins=RegistryLogins(self.keys, Logins(self.client, "docktalk", self.keys), corrections),
            corrections=corrections,
            clock=lambda: self.now,
            start_within=60.0,
            deadline=30.0,
        )
        return ApprovalDesk(
            store=Approvals(self.client, "docktalk", self.keys),
            tickets=tickets,
            policy=policy,
            people=self.people,
            approvers=Approvers(policy, self.people, lambda: self.now),
            hosts=self.hosts,
            queue=queue,
            audit=audit,
            show=self._show,
            link=self._link,
            limits=Limits(Rates(self.client, "docktalk"), Inventories(self.client, "docktalk")),
            accepted=self.accepted.append,
            incidents=self.tagged,
            lending=self.lending,
            not_now=NotNow(KeptLocks(self.client, "docktalk", self.keys, audit), lambda: self.now),
            budgets=self.budgets,
            clock=lambda: self.now,
        )

    @property
    def budgets(self) -> BudgetDesk:
        audit = AuditIntake(self.client, "docktalk", self.keys, time.time)
        policy = PolicyHolder(self.policy_file, hosts=["local"])
        return BudgetDesk(
            store=InForce(self.client, "docktalk", self.keys, audit, Budget, kind="budget", letter="B"),
            asked=Approvals(self.client, "docktalk", self.keys),
            approvers=Approvers(policy, self.people, lambda: self.now),
            incidents=self.tagged,
            show=self._show_budget,
            clock=lambda: self.now,
        )

    async def _show_budget(self, _asked, budget: Budget) -> None:
        self.shown_budgets.append(budget)

    @property
    def lending(self) -> Lending:
        audit = AuditIntake(self.client, "docktalk", self.keys, time.time)
        return Lending(
            policy=PolicyHolder(self.policy_file, hosts=["local"]),
            hosts=self.hosts,
            stores=stores(self.client, "docktalk", self.keys, audit),
            tell=self._tell,
            ended=self._lent_ended,
            delivered=BotQueue(self.client, "docktalk", self.keys).delivered,
            revoked=Revoked(self.policy_file.with_name("revoked"), lambda: self.now),
            clock=lambda: self.now,
        )

    async def _lent_ended(self, grant: Grant) -> None:
        await self.desk.lent_ended(grant)

    async def _tell(self, review: Review, now: float) -> None:
        self.told.append((review, now))

    async def _link(self, key: str) -> str:
        return f"https://example.slack.com/{key}"

    async def _show(self, asked, _voters):
        self.shown.append((asked.approval.state, asked.told))
        self.cards[asked.job_id] = asked

    async def who(self, user_id: str) -> Principal:
        return await self.people.principal("T1", user_id, user_id.lower())

    async def ask(self, line: str = "restart web", delivery: str = "d1", user_id: str = "U0ANA") -> str:
        """The id of what is asked for."""
        return (await self.asks(line, delivery, user_id)).job_id

    async def asks(self, line: str, delivery: str, user_id: str = "U0ANA", channel_id: str = "C1"):
        """What is said to who asks."""
        desk, asker = self.desk, await self.who(user_id)
        request = Request(
            origin=Origin.SLASH,
            delivery_id=delivery,
            team_id="T1",
            user_id=user_id,
            user_name=asker.name,
            channel_id=channel_id,
            text=line,
            received_at=self.now,
        )
        parsed = parse(line, CATALOGUE)
        operation = parsed.command.operation("local")
        needs = decide(desk.policy.current.policy, asker, channel_id, operation, self.now)
        assert isinstance(needs, NeedsApproval)
        draft = await desk.tickets.draft(request, asker, parsed, operation)
        return await desk.ask(draft, asker, needs, parsed.reason)

    async def look(self, job_id: str, *, free: bool = False, **changes: Any) -> None:
        asked = await self.desk.store.of_job(job_id)
        told = {
            "job_id": job_id,
            "worker": "w",
            "targets": (Target(bound=WEB),),
            "terms": None if free else asked.approval.terms,
            "rule": asked.rule,
            "at": self.now,
        }
        key = changes.pop("key", asked.probe_key)
        await self.desk.probed(Probed(**{**told, **changes}).signed(key))

    async def asked(self) -> str:
        job_id = await self.ask()
        await self.look(job_id)
        return job_id

    async def say(self, line, user_id: str, **request: Any):
        """A line of somebody's; ``request`` is what is not as in a click of its own."""
        told = {
            "origin": Origin.BUTTON,
            "delivery_id": f"said-{next(self._said)}",
            "team_id": "T1",
            "user_id": user_id,
            "user_name": user_id.lower(),
            "channel_id": "C1",
            "program": "docktalk",
            "text": line.path,
            "received_at": self.now,
        }
        return await self.answer(line, Request(**{**told, **request}))

    async def answer(self, line, request: Request):
        desk = self.desk
        principal = await self.people.principal(request.team_id, request.user_id, request.user_name)
        return await desk.answer(line, Said(request, principal, desk.policy.current))

    async def state(self, job_id: str) -> State:
        return (await self.desk.store.of_job(job_id)).approval.state

    async def tick(self) -> None:
        self.now += 1
        await self.desk.tick()

    async def queued(self, mode: Mode = Mode.RUN) -> list[Any]:
        entries = await self.client.xrange(Names("docktalk").stream("local", "normal"))
        tickets = [Ticket.model_validate_json(fields[b"ticket"]) for _, fields in entries]
        return [claims for ticket in tickets if (claims := self.trust.verify(ticket)).mode is mode]
