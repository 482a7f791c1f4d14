"""Locks and freezes in the whole: what is refused, held, let go, and excepted, on a real engine."""

import asyncio
import json
import signal
import time
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from bot.slack import cards
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
  operator:
    rules:
      - verbs: [list, reveal, operate, change]
      - commands: [docktalk lock]
      - commands: [container exec]
        max_danger: ROOT_EQUIVALENT
        flags: {allow: []}
  manager:
    rules:
      - verbs: [list, reveal]
bindings:
  - {role: admin, users: [U0ADMIN]}
  - {role: operator, users: [U0ANA, U0BEN]}
  - {role: manager, users: [U0MIA, U0MAX]}
"""
FREEZE = """\
freezes:
  stocktaking:
    by: change-board
    reason: the books are closed
    when:
      - {from: 2020-01-01T00:00:00Z, until: %s}
    incident_verbs: []
"""
EXCEPTION = "    exception: {any: [{steps: [{people: 2, roles: [manager]}]}]}\n"
FOR_EVER = "2099-01-01T00:00:00Z"


class Company(Floor):
    """Two operators and two managers, and a policy that can be changed."""

    def __init__(self, trial, policy):
        super().__init__(trial)
        self.policy = policy
        self.mia, self.max = self.person("mia"), self.person("max")

    async def frozen(self, text, said):
        """Puts another policy in force, and waits until the bot says so."""
        holder = self.trial.bot.ground.policy
        before = holder.current
        self.policy.write_text(POLICY + text, encoding="utf-8")
        async with asyncio.timeout(60):
            # A freeze may be over by itself before the file is read: what is said is not enough.
            while holder.current is before or said not in await self.by_day("/docktalk locks"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
def floor(trial, policy):
    return Company(trial, policy)


@pytest_asyncio.fixture(loop_scope="module")
async def web(floor, unique, image):
    name = unique("web")
    await floor.by_day(f"/docker run -d --name {name} {image} sleep 600")
    yield name
    if FREEZE[:7] in floor.policy.read_text(encoding="utf-8"):
        await floor.frozen("", "Nothing is")
    await floor.by_day(f"/docker rm -f {name}")


async def test_a_lock_refuses_others_holds_what_is_queued_and_lets_it_go(floor, web):
    before, messages = await floor.started_at(web), len(floor.roots())
    # What is queued already when the lock is set: it waits behind a change of the same container.
    first = await floor.say(f"/docker stop -t 6 {web}", floor.ana)
    await floor.shows(first.job_id, "Running")  # of two that begin at one moment either may be first
    queued = await floor.say(f"/docker start {web}", floor.ben)
    locked = await floor.say(f'/docktalk lock local/{web} --reason "a heap dump"', floor.ana)
    lock_id = locked.text.partition(":")[0]
    refused = await floor.say(f"/docker restart -t 0 {web}", floor.ben)
    assert refused.reason == "locked"
    for said in ("ana", "a heap dump", lock_id, f"unlock {lock_id}"):
        assert said in f"{refused.message} {refused.hint}"
    assert (await floor.trial.ended(first.job_id)).result.exit_code == 0
    await floor.shows(queued.job_id, "Held")
    await floor.shows(queued.job_id, "a heap dump")
    rows = await floor.say("/docktalk jobs", floor.ben)
    assert [row.state for row in rows.rows if row.job_id == queued.job_id] == ["held"]
    assert (await floor.prints("/docktalk locks", floor.ben, floor.ops)).count("a heap dump") == 1
    assert (await floor.say(f"/docktalk unlock {lock_id}", floor.ben)).reason == "denied"
    assert "released" in (await floor.say(f"/docktalk unlock {lock_id}", floor.ana)).text
    assert (await floor.trial.ended(queued.job_id)).result.exit_code == 0
    await floor.shows(queued.job_id, "Done")
    await floor.shows(lock_id, "released")
    assert len(floor.roots()) == messages + 3
    assert await floor.started_at(web) != before


async def test_a_held_job_can_be_taken_back_and_never_runs(floor, web):
    first = await floor.say(f"/docker stop -t 6 {web}", floor.ana)
    await floor.shows(first.job_id, "Running")  # of two that begin at one moment either may be first
    queued = await floor.say(f"/docker start {web}", floor.ben)
    lock_id = (await floor.say("/docktalk lock local --reason hands-off", floor.ana)).text.partition(":")[0]
    await floor.trial.ended(first.job_id)
    await floor.shows(queued.job_id, "Held")
    assert "taken back" in (await floor.say(f"/docktalk cancel {queued.job_id}", floor.ben)).text
    assert (await floor.trial.ended(queued.job_id)).result.reason == "cancelled"
    await floor.say(f"/docktalk unlock {lock_id}", floor.ana)
    assert (await floor.say(f"/docktalk cancel {queued.job_id}", floor.ben)).reason == "conflict"
    assert not await floor.running(web)


async def test_a_lock_ends_by_its_own_clock(floor, web):
    told = await floor.say(f"/docktalk lock local/{web} --reason brief --for 2s", floor.ana)
    assert (await floor.say(f"/docker restart -t 0 {web}", floor.ben)).reason == "locked"
    await floor.shows(told.text.partition(":")[0], "at its end")
    await floor.prints(f"/docker restart -t 0 {web}", floor.ben, floor.ops)


async def test_a_freeze_is_passed_by_reads_and_by_what_two_managers_agree_to(floor, web):
    before = await floor.started_at(web)
    await floor.frozen(FREEZE % FOR_EVER + EXCEPTION, "agree to an exception")
    messages = len(floor.roots())
    await floor.prints("/docker ps", floor.ana, floor.ops)
    reply = await floor.say(f"/docker restart -t 0 --reason 'INC-12: now' {web}", floor.ana)
    assert reply.waits
    await floor.trial.looked(reply.job_id)
    await floor.trial.settled()
    card = floor.card(reply.job_id)
    assert "freeze stocktaking" in json.dumps(card.blocks)
    for manager in (floor.mia, floor.max):
        await floor.trial.standin.click(manager.id, card, cards.APPROVE)
        await floor.trial.reply()
    assert (await floor.trial.ended(reply.job_id)).result.exit_code == 0
    assert len(floor.roots()) == messages + 2  # the list that was read, and the card
    assert await floor.started_at(web) != before


async def test_a_freeze_that_nobody_can_pass_refuses_whatever_the_reason_says(floor, web):
    await floor.frozen(FREEZE % FOR_EVER, "2099")
    refused = await floor.say(f"/docker restart -t 0 --reason 'INC-12 is burning' {web}", floor.ana)
    assert refused.reason == "frozen"
    for said in ("change-board", "the books are closed", "Reads still pass"):
        assert said in f"{refused.message} {refused.hint}"


async def test_what_is_queued_when_a_freeze_begins_is_held_until_it_ends_by_the_clock(floor, web):
    before, messages = await floor.started_at(web), len(floor.roots())
    begins = int(time.time()) + 10
    span = (datetime.fromtimestamp(at, UTC) for at in (begins, begins + 4))
    begin, end = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in span)
    await floor.frozen((FREEZE % end).replace("2020-01-01T00:00:00Z", begin), "Next: frozen")
    floor.trial.worker.send_signal(signal.SIGSTOP)
    try:
        queued = await floor.say(f"/docker restart -t 0 {web}", floor.ben)
        await asyncio.sleep(max(0.0, begins - time.time()))
    finally:
        floor.trial.worker.send_signal(signal.SIGCONT)
    await floor.shows(queued.job_id, "the books are closed")
    assert (await floor.trial.ended(queued.job_id)).result.exit_code == 0
    assert time.time() >= begins + 4
    await floor.shows(queued.job_id, "Done")
    assert len(floor.roots()) == messages + 1
    assert await floor.started_at(web) != before
