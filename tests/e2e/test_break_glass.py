"""Roles lent for a time, in the whole: from what somebody types to what the threads say, on a real engine."""

import json

import pytest
import pytest_asyncio

from bot.slack import cards, lending_cards
from bot.trial.trial import Trial
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
      - verbs: [list]
      - commands: [container restart]
        approval: {any: [{steps: [{roles: [lead]}]}]}
  operator:
    description: Runs what is there.
    rules: [{verbs: [operate]}]
  lead: {rules: [{verbs: [list]}]}
bindings:
  - {role: admin, users: [U0ADMIN]}
  - {role: responder, users: [U0ANA, U0BEN, U0CLEO]}
  - {role: lead, users: [U0LEAD]}
elevations:
  - {role: operator, roles: [responder], most: 1h, approval: {any: [{steps: [{roles: [lead]}]}]}}
break_glass:
  - {role: operator, users: [U0ANA, U0CLEO], verbs: [operate], hosts: [local], tell: [C0TOLD],
     reviewers: {roles: [lead]}}
"""
MOST_MESSAGES = 3


class Night(Floor):
    """Another channel that is told, two who may little, and a lead."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self.told = trial.channel("C0TOLD")
        self.cleo, self.lead = self.person("cleo"), self.person("lead")

    async def ended(self, job_id):
        return (await self.trial.ended(job_id)).result.exit_code


@pytest.fixture(scope="module")
def night(trial):
    return Night(trial)


@pytest_asyncio.fixture(loop_scope="module")
async def web(night, unique, image):
    name = unique("web")
    await night.by_day(f"/docker run -d --name {name} {image} sleep 600")
    yield name
    await night.by_day(f"/docker rm -f {name}")


async def test_a_glass_is_broken_told_used_again_revoked_and_reviewed(night, web):
    before, told_before = len(night.roots()), len(night.roots(night.told))
    assert (await night.say(f"/docker stop -t 0 {web}", night.ana)).reason == "denied"
    assert await night.running(web)
    first = await night.say(f'/docker stop -t 0 --break-glass "INC-812 payments are down" {web}', night.ana)
    assert await night.ended(first.job_id) == 0
    assert not await night.running(web)
    said = (first.job_id, "INC-812 payments are down", "U0ANA", "operator")
    here = await night.shows(*said)
    assert await night.shows(*said, channel=night.told)
    thread = night.trial.standin.world.replies
    await night.trial.standin.until(
        lambda _: any("under break-glass G-" in json.dumps(m.blocks) for m in thread(night.ops.id, here.ts))
    )

    second = await night.say(f"/docker start {web}", night.ana)
    assert await night.ended(second.job_id) == 0
    assert await night.running(web)
    await night.shows(first.job_id, second.job_id, channel=night.told)
    assert (await night.say(f"/docker stop {web}", night.ben)).reason == "denied"
    listed = (await night.say("/docktalk grants", night.ana)).text
    [line] = [line for line in listed.splitlines() if "INC-812" in line]
    grant = line.split()[0]
    assert "role operator on local to operate" in line

    assert "is ended" in (await night.click(here, lending_cards.REVOKE, night.lead)).text
    await night.shows(grant, "revoked by", "U0LEAD", channel=night.told)
    assert (await night.say(f"/docker stop {web}", night.ana)).reason == "denied"
    assert await night.running(web)

    listed = (await night.say("/docktalk reviews", night.lead)).text
    [review] = [line.split()[0] for line in listed.splitlines() if "INC-812" in line]
    close = f'/docktalk review {review} --note "it was right"'
    assert (await night.say(close, night.ana)).reason == "denied"
    assert "closed" in (await night.say(close, night.lead)).text
    for channel in (night.ops, night.told):
        await night.shows(grant, "was reviewed by", "it was right", channel=channel)
    assert "INC-812" not in (await night.say("/docktalk reviews", night.lead)).text
    await night.trial.settled()
    assert len(night.roots()) - before <= MOST_MESSAGES
    assert len(night.roots(night.told)) - told_before == 1


async def test_a_role_is_asked_for_lent_used_and_ends_by_itself(night, web):
    before = len(night.roots())
    assert (await night.say(f"/docker stop -t 0 {web}", night.ben)).reason == "denied"
    asked = await night.say('/docktalk elevate operator --for 8s --reason "web hangs"', night.ben)
    assert asked.waits
    card = await night.shows(asked.job_id, "Runs what is there.", "web hangs")
    assert (await night.click(card, cards.APPROVE, night.ben)).reason == "approval_closed"
    assert (await night.click(card, cards.APPROVE, night.ana)).reason == "approval_closed"
    assert (await night.say(f"/docker stop -t 0 {web}", night.ben)).reason == "denied"
    assert "approved" in (await night.click(card, cards.APPROVE, night.lead)).text
    job = await night.say(f"/docker stop -t 0 {web}", night.ben)
    assert await night.ended(job.job_id) == 0
    await night.shows(asked.job_id, "is lent until")
    await night.shows(asked.job_id, "was lent as", "it ended at")
    assert (await night.say(f"/docker start {web}", night.ben)).reason == "denied"
    await night.trial.settled()
    assert len(night.roots()) - before <= MOST_MESSAGES


async def test_what_waits_for_an_approval_is_run_at_once_by_its_asker_alone(night, web):
    before = await night.started_at(web)
    asked = await night.say(f"/docker restart -t 0 {web}", night.cleo)
    await night.trial.looked(asked.job_id)
    card = await night.shows(asked.job_id, "Break glass")

    await night.trial.standin.click(night.ben.id, card, cards.BREAK_GLASS)
    await night.trial.standin.until(
        lambda s: any("Only who asked for it" in str(m.blocks) for m in s.messages(night.ops.id))
    )
    typed = f'/docktalk break-glass {asked.job_id} --reason "nobody answers"'
    assert (await night.say(typed, night.ben)).reason == "approval_closed"
    assert all(view.user != night.ben.id for view in night.trial.standin.world.views.values())

    await night.trial.standin.click(night.cleo.id, card, cards.BREAK_GLASS)
    view = await night.form(night.cleo)
    values = {cards.REASON: {cards.REASON: {"value": "nobody answers"}}}
    await night.trial.standin.submit(night.cleo.id, view, values)
    assert (await night.trial.reply()).job_id == asked.job_id
    assert await night.ended(asked.job_id) == 0
    assert await night.started_at(web) != before
    await night.shows(asked.job_id, "Withdrawn", "break-glass")
    assert (await night.say(f"/docktalk approve {asked.job_id}", night.lead)).reason == "approval_closed"
