"""Nights on call, from the alert to the result; of each the channel has three messages at most."""

import asyncio
import json

import pytest
import pytest_asyncio

from bot.slack import cards, replies
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
      - verbs: [list, reveal]
      - commands: [container stop]
      - commands: [container restart]
        approval:
          any:
            - steps: [{groups: [S0ONCALL]}]
          remind: 1s
          expires: 5m
bindings:
  - {role: admin, users: [U0ADMIN]}
  - {role: responder, groups: [S0ONCALL]}
oncall:
  second: {start: 2026-01-01T00:00:00Z, every: 7d, users: [U0BEN]}
"""
MOST_MESSAGES = 3


class Night(Floor):
    """Two people on call, and whoever sends alerts."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self.alerts = self.person("alerts")
        trial.standin.world.add_group("oncall", "S0ONCALL", [self.ana.id, self.ben.id])
        self._before = 0

    def begin(self) -> None:
        """What stands in the channel from here on is counted."""
        self._before = self._outside_threads()

    def new(self) -> int:
        return self._outside_threads() - self._before

    def _outside_threads(self) -> int:
        """With what only one of them sees."""
        return sum(m.thread_ts is None for m in self.trial.standin.messages(self.ops.id))

    async def alert(self, text: str) -> str:
        """The thread of an alert."""
        said = await self.trial.standin.say(self.alerts.id, self.ops.id, text)
        return said.ts

    async def mention(self, line: str, user, thread: str):
        await self.trial.standin.mention(user.id, self.ops.id, line, thread)
        return await self.trial.reply()

    def thread(self, ts: str) -> str:
        return json.dumps([m.blocks for m in self.trial.standin.thread(self.ops.id, ts)])

    async def thread_says(self, ts: str, *texts: str) -> None:
        for text in texts:
            await self.trial.standin.until(lambda _, text=text: text in self.thread(ts))

    def with_button(self, channel_id: str, action: str, job_id: str):
        found = [
            m
            for m in self.trial.standin.messages(channel_id)
            if action in json.dumps(m.blocks) and job_id in json.dumps(m.blocks)
        ]
        return found[-1]

    async def crashed(self, name: str) -> None:
        """Waits until it waits to be started again, for long enough that it is seen."""
        for _ in range(100):
            state = await self.by_day(
                f"/docker inspect -f '{{{{.State.Status}}}} {{{{.RestartCount}}}}' {name}"
            )
            if state.startswith("restarting") and int(state.split()[1]) >= 3:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{name} does not crash: {state}")


@pytest.fixture(scope="module")
def night(trial):
    return Night(trial)


@pytest_asyncio.fixture(loop_scope="module")
async def web(night, unique):
    """The name of a container; whatever was made under it is removed."""
    name = unique("web")
    yield name
    await night.trial.ask(f"/docker rm -f {name}", user=night.admin, channel=night.day)


async def test_three_in_the_morning(night, web, image):
    crash = "echo 'no connection to the database'; sleep 0.3; exit 137"
    await night.by_day(f"/docker run -d --restart always --name {web} {image} sh -c {json.dumps(crash)}")
    await night.crashed(web)
    night.begin()
    thread = await night.alert(f"{web} is down")

    seen = await night.mention(f"ps -a -f name={web}", night.ana, thread)
    await night.trial.ended(seen.job_id)
    await night.thread_says(thread, web, "137")

    before = await night.started_at(web)
    asked = await night.mention(f'restart -t 2 --reason "crash loop" {web}', night.ana, thread)
    assert asked.waits
    await night.trial.looked(asked.job_id)
    await night.thread_says(thread, "crash loop", "no connection to the database", "U0ANA", "Still waiting")

    # Who is on call and may decide has a copy, with the same state, and decides from the phone.
    direct = night.trial.standin.world.direct_channel(night.ben.id)
    copy = night.with_button(direct.id, cards.APPROVE, asked.job_id)
    state = json.dumps(copy.blocks)
    assert "Now: " in state
    assert "restarted" in state
    assert "no connection to the database" not in state  # that is for the channel
    await night.trial.standin.click(night.ben.id, copy, cards.APPROVE)
    assert "approved" in (await night.trial.reply()).text

    end = await night.trial.ended(asked.job_id)
    assert end.result.exit_code == 0, end.result.stderr
    await night.thread_says(thread, "Done", "U0BEN")
    assert await night.started_at(web) != before
    await night.trial.settled()
    assert cards.APPROVE not in night.thread(thread)
    assert night.new() <= MOST_MESSAGES


async def test_two_people_and_one_container(night, web, image):
    stubborn = "trap '' TERM; while :; do sleep 0.2; done"
    await night.by_day(f"/docker run -d --name {web} {image} sh -c {json.dumps(stubborn)}")
    night.begin()
    thread = await night.alert(f"{web} is slow")

    first = await night.mention(f"stop -t 5 {web}", night.ana, thread)
    await night.thread_says(thread, first.job_id)
    # The same again is not run twice, and says whose it is; what else changes it stands in line.
    second = await night.mention(f"stop -t 5 {web}", night.ben, thread)
    assert (second.reason, second.ahead) == ("already_asked", first.job_id)
    other = await night.mention(f"restart -t 0 {web}", night.ben, thread)
    assert other.waits
    await night.trial.looked(other.job_id)
    await night.trial.settled()
    await night.trial.standin.click(
        night.ana.id, night.with_button(night.ops.id, cards.APPROVE, other.job_id), cards.APPROVE
    )
    assert "approved" in (await night.trial.reply()).text
    stopped, restarted = await night.trial.ended(first.job_id), await night.trial.ended(other.job_id)
    assert (stopped.result.exit_code, restarted.result.exit_code) == (0, 0)
    assert restarted.result.began_at >= stopped.result.ended_at
    assert await night.running(web)
    whispers = [m for m in night.trial.standin.messages(night.ops.id) if replies.FOLLOW in str(m.blocks)]
    assert any(first.job_id in json.dumps(m.blocks) for m in whispers)
    await night.trial.settled()
    assert night.new() <= MOST_MESSAGES
