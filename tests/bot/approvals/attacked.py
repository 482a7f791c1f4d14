"""An approval with many ways to a yes, for those who try to get round all of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.jobs.names import Names, bot_client
from permissions.approval import State
from tests.bot.approvals.approval_side import Side

MANY_WAYS = """\
version: 1
roles:
  operator:
    rules:
      - verbs: [operate]
        approval:
          any:
            - steps: [{people: 2, groups: [S0SRE]}]
            - steps: [{groups: [S0OTHER]}]
            - steps: [{roles: [lead]}]
            - steps: [{users: [U0ANA, U0BOSS]}]
          denials: 2
          remind: 60s
          expires: 10m
      - verbs: [create]
        max_danger: ROOT_EQUIVALENT
        flags: {allow: ["*"]}
        approval:
          any:
            - steps: [{roles: [lead]}]
  lead: {rules: [{verbs: [list]}]}
bindings:
  - {role: operator, users: [U0ANA]}
  - {role: lead, users: [U0LEAD, U0ANA]}
  - {role: lead, users: [U0EVE], channels: [C2]}
  - {role: lead, groups: [S0LEADS]}
"""
KEY = f"{Names('docktalk').prefix}approval:"
DUE = f"{Names('docktalk').prefix}approvals-due"


@pytest.fixture
async def attacked(store_url: str, tmp_path: Path) -> AsyncIterator[Side]:
    async with bot_client(store_url) as client:
        await client.set(Names("docktalk").alive("local"), "w", ex=600)
        side = Side(client, tmp_path)
        side.policy_file.write_text(MANY_WAYS, encoding="utf-8")
        side.people.groups["U0ANA"] = ("S0SRE", "S0OTHER", "S0LEADS")
        yield side


async def kept(side: Side, job_id: str) -> Any:
    found = await side.desk.store.of_job(job_id)
    assert found is not None
    return found


async def untouched(side: Side, job_id: str, revision: int = 1) -> None:
    """Nobody's vote is in it, and nothing runs."""
    await side.tick()
    approval = (await kept(side, job_id)).approval
    assert (approval.state, approval.votes, approval.revision) == (State.OPEN, (), revision)
    assert await side.queued() == []
