"""Budgets in the whole: agreed to once, used, revoked, ended with their incident; and who can approve."""

import json

import pytest
import pytest_asyncio

from bot.slack import card_budget, cards
from bot.trial.trial import HOST, Trial
from tests.e2e.floor import Floor

pytestmark = pytest.mark.asyncio(loop_scope="module")

POLICY = """\
version: 1
contact: the owner
roles:
  admin:
    rules:
      - commands: ["*"]
        max_danger: ROOT_EQUIVALENT
  responder:
    rules:
      - verbs: [list, reveal]
      - commands: [docktalk incident]
      - commands: [container restart]
        approval:
          any:
            - steps: [{roles: [lead]}]
            - steps: [{people: 2, groups: [S0SRE]}]
  lead: {rules: [{verbs: [list]}]}
bindings:
  - {role: admin, users: [U0ADMIN]}
  - {role: responder, users: [U0ANA, U0BEN]}
  - {role: lead, users: [U0LEAD]}
"""


class Night(Floor):
    """An asker, a lead, and two of the group."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self.cleo, self.lead = self.person("cleo"), self.person("lead")
        trial.standin.world.add_group("sre", "S0SRE", [self.ben.id, self.cleo.id])

    async def ask(self, line: str) -> str:
        return await self.asked(line, self.ana)

    async def runs(self, line: str):
        """The end of a job that nobody is asked about."""
        reply = await self.say(line, self.ana)
        assert not getattr(reply, "waits", True), reply
        return await self.trial.ended(reply.job_id)

    async def approve(self, job_id: str):
        await self.decide(job_id, cards.APPROVE, self.lead)
        return await self.trial.ended(job_id)


@pytest.fixture(scope="module")
def night(trial):
    return Night(trial)


@pytest_asyncio.fixture(loop_scope="module")
async def web(night, unique, image):
    name = unique("web")
    await night.by_day(f"/docker run -d --name {name} {image} sleep 600")
    yield name
    await night.trial.ask(f"/docker rm -f {name}", user=night.admin, channel=night.day)


@pytest_asyncio.fixture(loop_scope="module")
async def incident(night):
    await night.say("/docktalk incident open INC-12 web is down", night.ana)
    yield "INC-12"
    await night.say("/docktalk incident close INC-12", night.ana)


@pytest.mark.usefixtures("incident")
async def test_one_yes_three_runs_and_the_fourth_asks_again(night, web):
    before = len(night.roots())
    job_id = await night.ask(f"/docker restart -t 0 --times 3 {web}")
    await night.card_says(job_id, "And up to 2 more times")
    ends = [await night.approve(job_id)]
    budget = f"B-{job_id[2:]}"
    await night.card_says(job_id, f"{budget}: 1 of 3 used")
    assert budget in (await night.say("/docktalk budgets", night.ana)).text
    for number in (2, 3):
        was = await night.started_at(web)
        ends.append(await night.runs(f"/docker restart -t 0 {web}"))
        assert await night.started_at(web) != was
        await night.trial.settled()
        thread = night.trial.standin.world.replies(night.ops.id, night.card(job_id).ts)
        assert any(f"use {number} of 3 of {budget}" in json.dumps(reply.blocks) for reply in thread)
    assert [end.result.exit_code for end in ends] == [0, 0, 0]
    await night.card_says(job_id, "all of it is used (3 of 3 used)")
    assert len(night.roots()) == before + 1  # the card; what ran is in its thread
    fourth = await night.ask(f"/docker restart -t 0 {web}")
    await night.decide(fourth, cards.WITHDRAW, night.ana)


@pytest.mark.usefixtures("incident")
async def test_it_is_revoked_by_a_click_and_then_asked_for_again(night, web):
    job_id = await night.ask(f"/docker restart -t 0 --times 3 --within 10m {web}")
    await night.approve(job_id)
    await night.card_says(job_id, "1 of 3 used")
    assert "is over" in (await night.decide(job_id, card_budget.REVOKE, night.lead)).text
    await night.card_says(job_id, "revoked by lead")
    again = await night.ask(f"/docker restart -t 0 {web}")
    await night.decide(again, cards.WITHDRAW, night.ana)


@pytest.mark.usefixtures("incident")
async def test_what_was_recreated_is_not_what_it_is_good_for(night, web, image):
    job_id = await night.ask(f"/docker restart -t 0 --times 3 {web}")
    await night.approve(job_id)
    await night.by_day(f"/docker rm -f {web}")
    await night.by_day(f"/docker run -d --name {web} {image} sleep 600")
    was = await night.started_at(web)
    assert (await night.runs(f"/docker restart -t 0 {web}")).result.reason == "moved"
    assert await night.started_at(web) == was
    await night.card_says(job_id, "what was agreed to is not what is there any more")
    again = await night.ask(f"/docker restart -t 0 {web}")
    await night.decide(again, cards.WITHDRAW, night.ana)


@pytest.mark.usefixtures("incident")
async def test_a_lock_stops_it_and_counts_nothing(night, web):
    job_id = await night.ask(f"/docker restart -t 0 --times 2 {web}")
    await night.approve(job_id)
    locked = await night.say(f'/docktalk lock {HOST}/{web} --reason "a heap dump"', night.admin)
    assert (await night.say(f"/docker restart -t 0 {web}", night.ana)).reason == "locked"
    await night.card_says(job_id, "1 of 2 used")
    await night.say(f"/docktalk unlock {locked.text.partition(':')[0]}", night.admin)
    assert (await night.runs(f"/docker restart -t 0 {web}")).result.exit_code == 0


async def test_it_ends_with_the_incident(night, web):
    await night.say("/docktalk incident open INC-13", night.ana)
    job_id = await night.ask(f"/docker restart -t 0 --times 2 {web}")
    await night.approve(job_id)
    await night.say("/docktalk incident close INC-13", night.ana)
    await night.card_says(job_id, "(1 of 2 used)")
    await night.card_says(job_id, "INC-13 is closed")
    again = await night.ask(f"/docker restart -t 0 {web}")
    await night.decide(again, cards.WITHDRAW, night.ana)


async def test_without_an_incident_it_is_refused_and_says_how(night, web):
    reply = await night.say(f"/docker restart -t 0 --times 3 {web}", night.ana)
    assert reply.reason == "bad_value"
    assert "incident open" in reply.hint


async def test_who_may_anyway_is_told_that_it_was_not_needed(night, web):
    answer = await night.trial.ask(
        f"/docker restart -t 0 --times 3 {web}", user=night.admin, channel=night.day
    )
    assert answer.exit_code == 0
    assert "--times was not needed" in answer.stdout


async def test_who_can_approve_is_answered_to_whoever_clicks_and_they_are_asked(night, web):
    job_id = await night.ask(f"/docker restart -t 0 {web}")
    answer = await night.decide(job_id, cards.WHO_CAN, night.cleo)
    assert set(answer.users) == {night.ben.id, night.cleo.id, night.lead.id}
    shown = await night.trial.standin.until(
        lambda s: next(
            (
                m
                for m in s.messages(night.ops.id)
                if m.ephemeral_to == night.cleo.id and "Who can approve" in json.dumps(m.blocks)
            ),
            None,
        )
    )
    await night.trial.standin.click(night.cleo.id, shown, cards.ASK_THEM)
    asked = await night.trial.reply()
    assert asked.new == (night.ben.id,)  # the lead was told at once, and cleo knows
    await night.trial.settled()
    direct = night.trial.standin.world.direct_channel(night.ben.id)
    assert cards.APPROVE in json.dumps(night.card(job_id, direct).blocks)
    await night.decide(job_id, cards.WITHDRAW, night.ana)
    assert (await night.say(f"/docktalk who-can {job_id}", night.ana)).reason == "approval_closed"
