"""A reason that people type is kept, shown and told to the audit on one line, without what looks secret."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.approvals.lines import Deny
from bot.jobs.names import Names, bot_client
from bot.lending.lines import BreakGlass, CloseReview, Elevate
from handlers.grammar.secrecy import MASK
from tests.bot.approvals.approval_side import POLICY
from tests.bot.lending.lending_side import Lenders

pytestmark = pytest.mark.store

LENDING = (
    POLICY
    + """\
  - {role: chief, users: [U0CHIEF]}
elevations:
  - {role: lead, users: [U0ANA], approval: {any: [{steps: [{users: [U0BEN]}]}]}}
break_glass:
  - role: chief
    users: [U0ANA]
    verbs: [operate]
    hosts: [local]
    tell: [C0SEC]
    reviewers: {users: [U0BEN]}
"""
).replace("  lead: {", "  chief: {rules: [{verbs: [operate]}]}\n  lead: {")
TOKEN = "hunter2-hunter2"
TYPED = f"it is\ndown, api_key={TOKEN}"
KEPT = f"it is down, api_key={MASK}"


async def audited(side: Lenders) -> bytes:
    """All that the audit was told."""
    entries = await side.client.xrange(Names("docktalk").audit)
    return b"\n".join(fields[b"entry"] for _, fields in entries)


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Lenders]:
    async with bot_client(store_url) as client:
        await client.set(Names("docktalk").alive("local"), "w", ex=600)
        side = Lenders(client, tmp_path)
        side.policy_file.write_text(LENDING, encoding="utf-8")
        yield side


async def test_why_a_line_or_a_role_is_asked_for(side: Lenders):
    job_id = await side.ask(f'restart web --reason "{TYPED}"')
    assert (await side.desk.find(job_id)).approval.reason == KEPT
    asked = await side.tell_desk(Elevate(role="lead", reason=TYPED), "U0ANA")
    assert (await side.desk.find(asked.job_id)).approval.reason == KEPT
    assert TOKEN.encode() not in await audited(side)


async def test_why_it_is_denied(side: Lenders):
    job_id = await side.asked()
    await side.say(Deny(approval=job_id, reason=TYPED), "U0LEAD")
    approval = (await side.desk.find(job_id)).approval
    assert (approval.why, [vote.reason for vote in approval.votes]) == (KEPT, [KEPT])
    assert TOKEN.encode() not in await audited(side)


async def test_why_a_glass_is_broken_and_what_its_review_found(side: Lenders):
    job_id = await side.asked()
    await side.tell_desk(BreakGlass(approval=job_id, reason=TYPED), "U0ANA")
    [grant], [review] = await side.lending.grants.all(), await side.lending.reviews.all()
    assert (grant.reason, review.reason) == (KEPT, KEPT)
    side.now = grant.until
    await side.tell_desk(CloseReview(review=review.id, note=TYPED), "U0BEN")
    assert side.reviewed == [("U0BEN", KEPT)]
    assert TOKEN.encode() not in await audited(side)
