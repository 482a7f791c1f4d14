"""What an open incident opens to an approval ends with the incident, and a typed name opens nothing of it."""

import pytest

from bot.approvals.lines import Approve
from bot.jobs.names import Names, bot_client
from bot.request import Origin, Request
from handlers.faults import ApprovalClosed
from handlers.grammar.parser import parse
from permissions.approval import State
from permissions.decide import decide
from tests.bot.approvals.approval_side import CATALOGUE, Side

pytestmark = pytest.mark.store

POLICY = """\
version: 1
roles:
  operator:
    rules:
      - verbs: [operate]
        approval:
          any:
            - steps: [{users: [U0BEN]}]
              reason: "INC-*"
              incident: true
            - steps: [{people: 2, groups: [S0SRE]}]
bindings:
  - {role: operator, users: [U0ANA]}
"""


@pytest.fixture
async def side(store_url, tmp_path):
    async with bot_client(store_url) as client:
        await client.set(Names("docktalk").alive("local"), "w", ex=600)
        side = Side(client, tmp_path)
        side.policy_file.write_text(POLICY, encoding="utf-8")
        yield side


async def asked(side: Side, line: str, incident: str) -> str:
    """A line that was tagged so when it was decided on, looked at."""
    desk, ana = side.desk, await side.who("U0ANA")
    request = Request(
        origin=Origin.SLASH,
        delivery_id=f"{line} {incident}",
        team_id="T1",
        user_id="U0ANA",
        user_name="ana",
        channel_id="C1",
        text=line,
        received_at=side.now,
    )
    parsed = parse(line, CATALOGUE)
    operation = parsed.command.operation("local").model_copy(update={"incident": incident})
    needs = decide(desk.policy.current.policy, ana, "C1", operation, side.now)
    draft = await desk.tickets.draft(request, ana, parsed, operation)
    job_id = (await desk.ask(draft, ana, needs, parsed.reason)).job_id
    await side.look(job_id)
    return job_id


async def test_one_of_its_threshold_is_enough_and_the_job_is_urgent_and_tagged(side):
    side.tagged.there = {("C1", ""): "INC-12"}
    job_id = await asked(side, "restart web", "INC-12")
    assert (await side.desk.store.of_job(job_id)).approval.reason == "INC-12"
    await side.say(Approve(approval=job_id), "U0BEN")
    assert await side.state(job_id) is State.APPROVED
    request = await side.desk.queue.request(job_id)
    assert request.operation.incident == "INC-12"
    assert await side.client.xlen(Names("docktalk").stream("local", "incident")) == 1


@pytest.mark.parametrize(
    ("line", "tag", "now"),
    [
        ("restart --reason 'INC-12 trust me' web", "", {("C1", ""): "INC-12"}),
        ("restart web", "OPS-1", {("C1", ""): "OPS-1"}),
        ("restart --reason INC-12 web", "OPS-1", {("C1", ""): "OPS-1"}),
        ("restart web", "INC-12", {}),
        ("restart web", "INC-12", {("C2", ""): "INC-12"}),
        ("restart web", "INC-12", {("C1", ""): "INC-13"}),
    ],
    ids=["typed", "of another kind", "typed in another", "closed", "elsewhere", "another one since"],
)
async def test_without_that_incident_open_there_one_is_not_enough(side, line, tag, now):
    side.tagged.there = {("C1", ""): tag} if tag else now
    job_id = await asked(side, line, tag)
    side.tagged.there = now
    assert "others have to agree" in (await side.say(Approve(approval=job_id), "U0BEN")).text
    await side.say(Approve(approval=job_id), "U0CLEO")
    assert await side.state(job_id) is State.APPROVED


async def test_the_asker_never_counts_by_an_incident_of_their_own(side):
    side.tagged.there = {("C1", ""): "INC-12"}
    job_id = await asked(side, "restart web", "INC-12")
    with pytest.raises(ApprovalClosed):
        await side.say(Approve(approval=job_id), "U0ANA")


@pytest.mark.parametrize("open_still", [True, False])
async def test_where_nobody_typed_a_reason_that_of_a_closed_incident_is_none(side, open_still):
    side.policy_file.write_text(POLICY.replace("              incident: true\n", ""), encoding="utf-8")
    side.tagged.there = {("C1", ""): "INC-12"}
    job_id = await asked(side, "restart web", "INC-12")
    if not open_still:
        side.tagged.there = {}
    await side.say(Approve(approval=job_id), "U0BEN")
    assert await side.state(job_id) is (State.APPROVED if open_still else State.OPEN)
