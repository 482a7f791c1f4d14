"""The bot's side of incidents, in processes that have just started, on a store."""

import time
from pathlib import Path
from typing import Any

from bot.hosts import Host, Hosts
from bot.incidents.incidents import IncidentDesk
from bot.jobs.names import Names
from bot.own.job_lines import job_line
from bot.own.said import Said
from bot.policy.file import load
from bot.request import Origin, Request
from bot.store.audit import AuditIntake
from bot.store.in_force import InForce
from bot.store.incidents import Incident
from permissions import audit
from permissions.audit import ENTRY
from permissions.operation import Operation, Principal, Standing
from permissions.verbs import Danger, Verb
from tests.bot.audit.chains import Installation

POLICY = """\
version: 1
roles:
  responder: {rules: [{commands: [docktalk incident]}]}
  auditor: {rules: [{commands: [docktalk audit], verbs: [admin]}]}
  asks:
    rules:
      - commands: [docktalk incident]
        approval: {any: [{steps: [{users: [U0BEN]}]}]}
bindings:
  - {role: responder, users: [U0ANA, U0BEN], channels: [C1, C2]}
  - {role: asks, users: [U0CLEO]}
  - {role: auditor, users: [U0AUDIT]}
"""


class Places:
    """Where the bot is a member, and what it showed."""

    def __init__(self) -> None:
        self.member = {"C1", "C2"}
        self.shown: list[tuple[str, str]] = []
        self.told: Any = None

    async def can_post(self, channel_id):
        return channel_id in self.member

    async def opened(self, incident):
        self.shown.append((incident.name, "opened"))

    async def closed(self, incident, by, note, told):
        self.shown.append((incident.name, f"closed by {by.user_id if by else 'the clock'}: {note}"))
        self.told = told

    async def reminded(self, incident):
        self.shown.append((incident.name, "reminded"))


class Side:
    """The bot's side; ``desk`` is that of a process that has just started."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client = client
        self.installation = Installation(folder)
        file = folder / "policy.yaml"
        file.write_text(POLICY, encoding="utf-8")
        self.loaded = load(file)
        self.places = Places()
        self.now = time.time()
        self.intake = AuditIntake(client, "docktalk", self.installation.keys, lambda: self.now)

    @property
    def desk(self) -> IncidentDesk:
        store = InForce(
            self.client,
            "docktalk",
            self.installation.keys,
            self.intake,
            Incident,
            kind="incident",
            letter="I",
        )
        return IncidentDesk(
            store=store,
            channels=self.places,
            board=self.places,
            hosts=Hosts(default="local", known=(Host(name="local"),)),
            audit_dir=self.installation.folder,
            clock=lambda: self.now,
            pause=0.0,
        )

    def said(self, user="U0ANA", channel="C1", thread="") -> Said:
        person = Principal(
            team_id="T1",
            user_id=user,
            name=user.removeprefix("U0").lower(),
            standing=Standing.MEMBER,
            as_of=self.now,
        )
        request = Request(
            origin=Origin.MENTION if thread else Origin.SLASH,
            delivery_id="d1",
            team_id="T1",
            user_id=user,
            user_name=person.name,
            channel_id=channel,
            thread_ts=thread,
            program="docktalk",
            text="",
            received_at=self.now,
        )
        return Said(request, person, self.loaded)

    async def say(self, line: str, desk: IncidentDesk | None = None, **where: str) -> str:
        reply = await (desk or self.desk).answer(job_line(f"incident {line}"), self.said(**where))
        return reply.text

    async def entries(self) -> list[audit.Entry]:
        found = await self.client.xrange(Names("docktalk").audit)
        return [ENTRY.validate_json(fields[b"entry"]) for _, fields in found]

    async def chain(self) -> None:
        """Brings the intake to disk, as the chainer does."""
        made = [(ENTRY.dump_json(entry), entry) for entry in await self.entries()]
        await self.client.delete(Names("docktalk").audit)
        chain = self.installation.open(self.now)
        chain.append(made, self.now)
        chain.close()

    async def ran(self, job_id: str, line: str, incident: str, channel="C1", exit_code=0, verb=Verb.OPERATE):
        """A job from its acceptance to its end, as the audit has it."""
        operation = Operation(
            command="container restart", verb=verb, danger=Danger.SAFE, host="local", incident=incident
        )
        note = audit.TicketNote(nonce="n", claims="c", key_id="k", not_after=0, deadline=0)
        await self.intake.append(
            audit.Accepted(
                job_id=job_id,
                who=self.said().principal,
                place=audit.Place(origin="slash", delivery_id=job_id, channel_id=channel),
                line=line,
                operation=operation,
                effect="read" if verb.reads else "change",
                mode="run",
                rule="r",
                policy="p",
                ticket=note,
            )
        )
        await self.intake.append(audit.Started(job_id=job_id, worker="w", began_at=self.now))
        await self.intake.append(
            audit.Ended(
                job_id=job_id,
                worker="w",
                exit_code=exit_code,
                reason="",
                began_at=self.now,
                ended_at=self.now,
                stdout_bytes=0,
                stderr_bytes=0,
            )
        )
