"""The bot's side of budgets: a line from its decision to its ticket, and the incidents that are open."""

from pathlib import Path
from typing import Any

from bot.approvals.budget_lines import Budgets
from bot.approvals.budgets import times_checked
from bot.approvals.lines import Approve
from bot.jobs.names import Names
from bot.own.revoke import RevokeDesk
from bot.own.revoke_lines import Revoke
from bot.own.said import Said
from bot.reply import Accepted
from bot.request import Origin, Request
from bot.store.incidents import Incident
from handlers.faults import Denied
from handlers.grammar.command import Command
from handlers.grammar.parser import parse
from permissions.approval import State
from permissions.decide import decide
from permissions.decision import Deny, NeedsApproval
from permissions.ticket import Claims, Ticket
from tests.bot.approvals.approval_side import CATALOGUE, POLICY, Side

BUDGET_POLICY = POLICY.replace("verbs: [operate]", "verbs: [operate, exec]")


LINE = "restart --times 3 --within 30m web"


LATER = "restart web"


def incident(name: str = "INC-12", record_id: str = "I-1", at: float = 0.0) -> Incident:
    return Incident(
        id=record_id,
        name=name,
        team_id="T1",
        channel_id="C1",
        owner_id="U0ANA",
        owner_name="ana",
        opened_at=at,
        until=1e12,
    )


class Incidents:
    """Those that are open, by name."""

    def __init__(self) -> None:
        self.known = {"INC-12": incident(), "INC-13": incident("INC-13", "I-2")}

    async def open(self, name: str) -> Incident | None:
        return self.known.get(name)

    async def tag(self, _channel_id: str, _thread_ts: str) -> str:
        return next(iter(self.known), "")


class Floor(Side):
    """The bot's side with incidents; a line takes the path of the pipeline from its decision on."""

    def __init__(self, client: Any, folder: Path) -> None:
        super().__init__(client, folder)
        self.policy_file.write_text(BUDGET_POLICY, encoding="utf-8")
        self.tagged: Any = Incidents()
        self._typed = 0

    async def type(
        self,
        line: str = LATER,
        user_id: str = "U0ANA",
        *,
        channel_id: str = "C1",
        thread_ts: str = "",
        tag: str = "INC-12",
        host: str = "local",
        delivery: str = "",
        desk: Any = None,
    ) -> str:
        """The id of the job that runs at once, or "asked" where people have to be asked."""
        desk = desk or self.desk
        self._typed += 1
        who = await self.who(user_id)
        request = Request(
            origin=Origin.SLASH,
            delivery_id=delivery or f"typed-{self._typed}",
            team_id="T1",
            user_id=user_id,
            user_name=user_id.lower(),
            channel_id=channel_id,
            thread_ts=thread_ts,
            text=line,
            received_at=self.now,
        )
        parsed = parse(line, CATALOGUE)
        operation = parsed.command.operation(host).model_copy(update={"incident": tag})
        policy = desk.policy.current
        decision = decide(policy.policy, who, channel_id, operation, self.now)
        if isinstance(decision, Deny):
            raise Denied(decision.reason, rule=decision.rule)
        parsed = times_checked(parsed, operation, decision)
        draft = await desk.tickets.draft(request, who, parsed, operation)
        draft, approved = await desk.budgets.spend(draft, who, decision, policy.sha256)
        if isinstance(decision, NeedsApproval) and approved is None:
            asked = await desk.ask(draft, who, decision, "")
            if isinstance(asked, Accepted):  # else the same is asked for already
                self.last_asked = asked.job_id
            return "asked"
        job_id, _ = await desk.tickets.issue(draft, who, decision, policy.sha256, approved)
        return job_id

    async def approved(self, line: str = LINE) -> str:
        """The id of a budget that was just given."""
        assert await self.type(line) == "asked"
        job_id = self.last_asked
        await self.look(job_id)
        await self.say(Approve(approval=job_id), "U0LEAD")
        assert await self.state(job_id) is State.APPROVED
        return f"B-{job_id[2:]}"

    async def said(self, line: Command, user_id: str, channel_id: str = "C1") -> Said:
        request = Request(
            origin=Origin.SLASH,
            delivery_id=line.path,
            team_id="T1",
            user_id=user_id,
            user_name=user_id.lower(),
            channel_id=channel_id,
            program="docktalk",
            text=line.path,
            received_at=self.now,
        )
        return Said(request, await self.who(user_id), self.desk.policy.current)

    async def revoke(self, budget: str, user_id: str) -> str:
        line, desk = Revoke(named=budget), RevokeDesk({"B": self.budgets.revoke})
        return (await desk.answer(line, await self.said(line, user_id))).text

    async def listed(self, user_id: str = "U0EVE", channel_id: str = "C1") -> str:
        line = Budgets()
        return (await self.budgets.answer(line, await self.said(line, user_id, channel_id))).text

    async def claims(self) -> list[Claims]:
        """Of every job that is to run, in every lane."""
        found = []
        async for key in self.client.scan_iter(match=f"{Names('docktalk').prefix}*"):
            if await self.client.type(key) == b"stream":
                for _, fields in await self.client.xrange(key):
                    if b"ticket" in fields:
                        found.append(self.ticket(fields[b"ticket"]))
        return sorted((one for one in found if one.mode == "run"), key=lambda one: int(one.job_id[2:]))

    def ticket(self, text: bytes) -> Claims:
        return self.trust.verify(Ticket.model_validate_json(text))

    async def record(self, job_id: str):
        return await self.desk.queue.request(job_id)


def operation(tag: str):
    return parse(LINE, CATALOGUE).command.operation("local").model_copy(update={"incident": tag})
