"""The bot's side of roles lent for a time, in processes that have just started, on a store."""

import json
from pathlib import Path

from bot.approvals.lines import Approve
from bot.jobs.listing import Listing
from bot.jobs.names import Names
from bot.lending.desk import LendingDesk
from bot.lending.lines import Elevate
from bot.own.said import Said
from bot.request import Origin, Request
from bot.store.grants import Grant
from handlers.grammar.parser import parse
from tests.bot.approvals.approval_side import CATALOGUE, Side

POLICY = """\
version: 1
roles:
  reader: {rules: [{verbs: [list]}]}
  operator:
    description: Runs what is there.
    rules: [{verbs: [operate]}]
  asker:
    rules:
      - verbs: [operate]
        approval: {any: [{steps: [{roles: [lead]}]}]}
  lead: {rules: [{verbs: [list]}]}
  everything: {rules: [{commands: ["*"], max_danger: ROOT_EQUIVALENT}]}
bindings:
  - {role: reader, users: [U0ANA, U0BEN]}
  - {role: asker, users: [U0DAN]}
  - {role: lead, users: [U0LEAD, U0ANA]}
deny:
  - {commands: [container kill], reason: Nothing is killed.}
elevations:
  - role: operator
    users: [U0ANA, U0LEAD]
    most: 1h
    approval: {any: [{steps: [{roles: [lead]}]}, {steps: [{groups: [S0SRE]}]}]}
  - {role: everything, users: [U0ANA], approval: {any: [{steps: [{roles: [lead]}]}]}}
break_glass:
  - role: everything
    users: [U0ANA, U0DAN]
    channels: [C1]
    verbs: [operate]
    hosts: [local]
    most: 30m
    tell: [C0SEC]
    reviewers: {roles: [lead]}
"""


class Lenders(Side):
    """The same side with a policy that lends, and its desk."""

    def __init__(self, client, folder: Path) -> None:
        super().__init__(client, folder)
        self.policy_file.write_text(POLICY, encoding="utf-8")
        self.reviewed: list[tuple[str, str]] = []

    @property
    def lenders(self) -> LendingDesk:
        desk = self.desk
        return LendingDesk(
            lending=self.lending,
            approvals=desk,
            tickets=desk.tickets,
            listing=Listing(self.client, "docktalk"),
            reviewed=self._reviewed,
            can_post=self._can_post,
            clock=lambda: self.now,
        )

    async def _can_post(self, channel_id: str) -> bool:
        return channel_id != "CSTRANGE"

    async def _reviewed(self, _review, by, note):
        self.reviewed.append((by.user_id, note))

    def request(self, user_id: str, channel: str = "C1", delivery: str | None = None) -> Request:
        return Request(
            origin=Origin.SLASH,
            delivery_id=delivery or f"lent-{next(self._said)}",
            team_id="T1",
            user_id=user_id,
            user_name=user_id.lower(),
            channel_id=channel,
            program="docktalk",
            text="a line",
            received_at=self.now,
        )

    async def tell_desk(self, line, user_id: str, channel: str = "C1"):
        said = Said(self.request(user_id, channel), await self.who(user_id), self.desk.policy.current)
        return await self.lenders.answer(line, said)

    async def revoke(self, grant_id: str, user_id: str):
        said = Said(self.request(user_id), await self.who(user_id), self.desk.policy.current)
        return await self.lenders.revoke(grant_id, said)

    async def decide(self, line: str, user_id: str, breaks: str | None = None, channel: str = "C1"):
        operation = parse(line, CATALOGUE).command.operation("local")
        return await self.lending.decided(await self.who(user_id), channel, operation, breaks)

    async def run(
        self,
        line: str,
        user_id: str,
        breaks: str | None = None,
        channel: str = "C1",
        delivery: str | None = None,
    ):
        """As the pipeline does it; the claims that a worker gets."""
        parsed = parse(line, CATALOGUE)
        operation = parsed.command.operation("local")
        lends = await self.lending.decided(await self.who(user_id), channel, operation, breaks)
        tickets = self.desk.tickets
        request = self.request(user_id, channel, delivery)
        draft = await tickets.draft(request, lends.principal, parsed, operation)
        own = {"notes": (*draft.record.notes, *lends.notes)}
        draft = draft.model_copy(update={"record": draft.record.model_copy(update=own)})
        principal, draft = await self.lending.break_glass(lends, draft)
        job_id, _ = await tickets.issue(draft, principal, lends.decision, "p")
        await self.lending.ran(principal, job_id)
        return next(claims for claims in await self.queued() if claims.job_id == job_id)

    async def elevated(self, lasting: float = 600.0) -> Grant:
        """ana holds the role operator; the one other lead, or sre, has agreed."""
        asked = await self.tell_desk(elevate(lasting), "U0ANA")
        await self.say(Approve(approval=asked.job_id), "U0LEAD")
        return (await self.lending.grants.all())[-1]


def elevate(lasting: float = 600.0, role: str = "operator", **fields) -> Elevate:
    return Elevate(role=role, lasting=int(lasting * 1e9), reason="web hangs", **fields)


BROKEN = "INC-812 it is down"


async def entries(side: Lenders) -> list[tuple[str, str, str]]:
    """What the audit was told of things in force."""
    found = [json.loads(fields[b"entry"]) for _, fields in await side.client.xrange(Names("docktalk").audit)]
    told = [one["what"] for one in found if one["what"]["kind"] == "in_force"]
    return [(one["what"], one["change"], one["id"]) for one in told]
