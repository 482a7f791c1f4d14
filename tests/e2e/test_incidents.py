"""An incident in a thread of the whole: opened, worked on with a thread's target, told, closed."""

import json

import pytest
import pytest_asyncio

from bot.jobs.names import Names
from bot.reply import Unconfirmed
from bot.slack import cards, replies
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
      - commands: [container kill]
        approval:
          any:
            - steps: [{users: [U0BEN]}]
              reason: "INC-*"
              incident: true
            - steps: [{people: 2, users: [U0BEN, U0CLEO]}]
          expires: 5m
bindings:
  - {role: admin, users: [U0ADMIN]}
  - {role: responder, users: [U0ANA, U0BEN, U0CLEO]}
"""


class Night(Floor):
    """Whoever sends alerts, two on call, and somebody who may do nothing."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self.alerts, self.eve = self.person("alerts"), self.person("eve")

    async def alert(self) -> str:
        return (await self.trial.standin.say(self.alerts.id, self.ops.id, "web is down")).ts

    async def ask(self, line: str, thread: str):
        return await self.trial.ask(f"@docktalk {line}", user=self.ana, channel=self.ops, thread=thread)

    async def mention(self, line: str, thread: str, user=None):
        """The reply to a line; what is to be seen of it is there afterwards."""
        await self.trial.standin.mention((user or self.ana).id, self.ops.id, line, thread)
        reply = await self.trial.reply()
        await self.trial.settled()
        return reply

    def seen(self, thread: str) -> list[str]:
        """What everybody sees in a thread."""
        shown = self.trial.standin.thread(self.ops.id, thread)
        return [json.dumps(m.blocks) for m in shown if m.ephemeral_to is None]

    async def says(self, thread: str, text: str) -> None:
        await self.trial.standin.until(lambda _: any(text in one for one in self.seen(thread)))

    async def click_newest(self, action: str, user):
        shown = [m for m in self.trial.standin.messages(self.ops.id) if action in json.dumps(m.blocks)]
        return await self.click(shown[-1], action, user)


@pytest.fixture(scope="module")
def night(trial):
    return Night(trial)


@pytest_asyncio.fixture(loop_scope="module")
async def web(night, unique, image):
    name = unique("web")
    await night.by_day(f"/docker run -d --name {name} {image} sh -c 'echo no more connections; sleep 600'")
    yield name
    await night.trial.ask(f"/docker rm -f {name}", user=night.admin, channel=night.day)


async def urgent(night) -> int:
    """How many jobs have gone to the incident lane so far."""
    stream = await night.trial.bot.ground.redis.xinfo_stream(Names("docktalk").stream(HOST, "incident"))
    return int(stream["entries-added"])


async def test_an_incident_from_the_opening_to_the_end(night, web):
    thread = await night.alert()
    opened = await night.mention('incident open inc-12 "payments down"', thread)
    assert "INC-12 is open for this thread" in opened.text
    await night.says(thread, "payments down")

    used = await night.mention(f"use {HOST}/{web}", thread)
    assert f"{web} on {HOST}" in used.text
    read = await night.ask("logs --tail 5", thread)
    assert "no more connections" in read.stdout
    await night.says(thread, f"{web} on {HOST}: this thread's target, set by ana")

    before = await night.started_at(web)
    first = await urgent(night)
    asked = await night.mention("restart -t 0", thread)
    assert isinstance(asked, Unconfirmed)
    assert (asked.host, asked.objects) == (HOST, (web,))
    assert await night.started_at(web) == before
    await night.mention(f"use {HOST}/another", thread, night.ben)
    went = await night.click_newest(replies.CORRECTION, night.ana)
    assert (await night.trial.ended(went.job_id)).result.exit_code == 0
    assert await night.started_at(web) != before
    assert await urgent(night) == first + 1
    await night.says(thread, "INC-12")

    kill = await night.mention(f"-H {HOST} kill {web}", thread)
    assert kill.waits
    await night.trial.looked(kill.job_id)
    await night.trial.settled()
    assert "approved" in (await night.click_newest(cards.APPROVE, night.ben)).text
    assert (await night.trial.ended(kill.job_id)).result.exit_code == 0

    closed = await night.mention("incident close INC-12 it was the pool", thread)
    assert "closed" in closed.text
    await night.says(thread, "it was the pool")
    told = [one for one in night.seen(thread) if "payments down" in one]
    assert len(told) == 1
    assert "3 jobs, 2 changes, 0 failed; 1 approval asked" in told[0], told[0][-400:]

    timeline = ""
    while "incident INC-12 closed" not in timeline:  # the audit is written beside
        timeline = (await night.mention("incident timeline INC-12", thread)).text
    steps = [
        "incident INC-12 opened",
        f"logs --tail 5 {web}",
        f"{went.job_id} done: exit 0",
        f"{kill.job_id} waits for an approval (INC-12)",
        f"{kill.job_id} approval: ben (U0BEN) agrees, approved",
        f"→ {kill.job_id}, role",
        f"{kill.job_id} started by",
        f"{kill.job_id} done: exit 0",
        "incident INC-12 closed",
    ]
    assert [step for step in steps if step not in timeline] == [], timeline
    assert not [word for word in ("unconfirmed", "to confirm", "ordered by") if word in timeline], timeline
    at = [timeline.rindex(step) for step in steps]
    assert at == sorted(at, reverse=True), timeline

    after = await night.mention(f"-H {HOST} restart -t 0 {web}", thread)
    assert (await night.trial.ended(after.job_id)).result.exit_code == 0
    assert await urgent(night) == first + 2
    assert after.job_id not in (await night.mention("incident timeline INC-12", thread)).text


async def test_a_typed_name_opens_nothing_that_an_open_incident_does(night, web):
    thread = await night.alert()
    asked = await night.mention(f"kill --reason 'INC-99 trust me' {web}", thread)
    assert asked.waits
    await night.trial.looked(asked.job_id)
    await night.trial.settled()
    assert "others have to agree" in (await night.click_newest(cards.APPROVE, night.ben)).text
    await night.click_newest(cards.WITHDRAW, night.ana)
    assert "no incident INC-99" in (await night.mention("incident timeline INC-99", thread)).message


async def test_who_may_not_open_one_opens_none(night):
    thread = await night.alert()
    refused = await night.mention("incident open INC-13", thread, night.eve)
    assert refused.reason == "denied"
    assert "No incident is open" in (await night.mention("incident list", thread)).text


async def test_a_slash_command_has_no_thread_to_give_a_target_to(night):
    answer = await night.trial.ask(f"/docktalk use {HOST}", user=night.ana, channel=night.ops)
    assert "Only a thread has a target" in answer.stderr
    assert "Mention me in the thread" in answer.picture
