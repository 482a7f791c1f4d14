"""Approvals in the whole: asked in chat, seen on a card, decided by clicks, run on a real engine."""

import asyncio
import copy
import json

import pytest
import pytest_asyncio

from bot.jobs.wire import Ended
from bot.slack import cards
from bot.trial.trial import Trial

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
      - verbs: [list, reveal]
      - commands: [container restart, container stop]
        approval:
          any:
            - steps: [{people: 2, groups: [S0SRE]}]
            - steps: [{roles: [lead]}]
      - commands: [container kill]
        approval:
          any:
            - steps: [{roles: [lead]}]
          remind: 1s
      - verbs: [destroy]
        max_danger: LOSES_DATA
        approval:
          any:
            - steps: [{roles: [lead]}]
      - commands: [container create]
        approval:
          any:
            - steps: [{roles: [lead]}]
  lead:
    rules:
      - verbs: [list, reveal]
bindings:
  - {role: admin, users: [U0ADMIN]}
  - {role: operator, users: [U0ANA], groups: [S0SRE]}
  - {role: lead, users: [U0LEAD]}
"""


class Floor:
    """A channel with an asker, two of the group, a lead and somebody who may do nothing."""

    def __init__(self, trial: Trial) -> None:
        world = trial.standin.world
        self.trial = trial
        self.ops = trial.channel("ops")
        self.admin, self.ana = world.add_user("admin", "U0ADMIN"), world.add_user("ana", "U0ANA")
        self.ben, self.cleo = world.add_user("ben", "U0BEN"), world.add_user("cleo", "U0CLEO")
        self.lead, self.eve = world.add_user("lead", "U0LEAD"), world.add_user("eve", "U0EVE")
        world.add_group("sre", "S0SRE", [self.ben.id, self.cleo.id, self.ana.id])

    async def ask(self, line, user=None):
        """Types a line that needs an approval; the job's id, once people can decide."""
        await self.trial.say(line, user or self.ana, self.ops, "")
        reply = await self.trial.reply()
        assert reply.waits, reply
        await self.trial.looked(reply.job_id)
        await self.trial.settled()
        return reply.job_id

    async def say(self, line, user):
        await self.trial.say(line, user, self.ops, "")
        return await self.trial.reply()

    def card(self, job_id, channel=None):
        return next(
            m
            for m in self.trial.standin.messages((channel or self.ops).id)
            if m.thread_ts is None and job_id in json.dumps(m.blocks[-1:]) and m.blocks[0]["type"] == "header"
        )

    async def click(self, job_id, action, user, channel=None):
        await self.trial.standin.click(user.id, self.card(job_id, channel), action)
        return await self.trial.reply()

    async def shows(self, job_id, text):
        """Waits until the card says it."""
        await self.trial.standin.until(lambda _: text in json.dumps(self.card(job_id).blocks))

    async def run(self, line):
        answer = await self.trial.ask(line, user=self.admin, channel=self.ops)
        assert answer.exit_code == 0, answer.stderr
        return answer.stdout.strip()


@pytest.fixture(scope="module")
def floor(trial):
    return Floor(trial)


@pytest_asyncio.fixture(loop_scope="module")
async def web(floor, unique, image):
    name = unique("web")
    await floor.run(f"/docker run -d --name {name} {image} sh -c 'echo crashed here; sleep 600'")
    yield name
    await floor.trial.ask(f"/docker rm -f {name}", user=floor.admin, channel=floor.ops)


async def started_at(floor, name):
    return await floor.run(f"/docker inspect -f '{{{{.State.StartedAt}}}}' {name}")


async def test_one_lead_is_enough_and_the_result_stands_in_the_cards_thread(floor, web):
    before = await started_at(floor, web)
    job_id = await floor.ask(f"/docker restart -t 0 --reason 'crash loop' {web}")
    card = floor.card(job_id)
    text = json.dumps(card.blocks)
    for said in ("crash loop", "crashed here", web, "U0ANA", "S0SRE"):
        assert said in text
    assert await started_at(floor, web) == before
    answer = await floor.click(job_id, cards.APPROVE, floor.lead)
    assert "approved" in answer.text
    end = await floor.trial.ended(job_id)
    assert isinstance(end, Ended)
    assert end.result.exit_code == 0, end.result.stderr
    assert await started_at(floor, web) != before
    await floor.trial.settled()
    assert "U0LEAD" in json.dumps(floor.card(job_id).blocks)
    replies = floor.trial.standin.world.replies(floor.ops.id, card.ts)
    assert any("Done" in json.dumps(reply.blocks) for reply in replies)


async def test_the_channel_sees_one_message_whatever_happens_until_the_end(floor, web):
    root = lambda: [m for m in floor.trial.standin.messages(floor.ops.id) if m.thread_ts is None]  # noqa: E731
    before = len(root())
    job_id = await floor.ask(f"/docker kill {web}")
    card = floor.card(job_id)
    replies = floor.trial.standin.world.replies
    await floor.trial.standin.until(
        lambda _: any("Still waiting" in json.dumps(r.blocks) for r in replies(floor.ops.id, card.ts))
    )
    await floor.click(job_id, cards.APPROVE, floor.lead)
    assert (await floor.trial.ended(job_id)).result.exit_code == 0
    await floor.trial.settled()
    assert len(root()) == before + 1
    assert await floor.run(f"/docker inspect -f '{{{{.State.Running}}}}' {web}") == "false"


async def test_two_of_a_group_have_to_be_two_people_and_none_of_them_the_asker(floor, web):
    job_id = await floor.ask(f"/docker stop -t 0 {web}", user=floor.ben)
    assert (await floor.click(job_id, cards.APPROVE, floor.ben)).reason == "approval_closed"
    assert (await floor.click(job_id, cards.APPROVE, floor.eve)).reason == "approval_closed"
    assert "others" in (await floor.click(job_id, cards.APPROVE, floor.cleo)).text
    assert (await floor.click(job_id, cards.APPROVE, floor.cleo)).reason == "approval_closed"
    assert "approved" in (await floor.click(job_id, cards.APPROVE, floor.ana)).text
    assert (await floor.trial.ended(job_id)).result.exit_code == 0


async def test_a_no_ends_it_and_says_why(floor, web):
    before = await started_at(floor, web)
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    await floor.trial.standin.click(floor.lead.id, floor.card(job_id), cards.DENY)
    view = await floor.trial.standin.until(
        lambda s: next((v for v in s.world.views.values() if v.user == floor.lead.id), None)
    )
    values = {cards.REASON: {cards.REASON: {"value": "not during the sale"}}}
    await floor.trial.standin.submit(floor.lead.id, view, values)
    assert "denied" in (await floor.trial.reply()).text
    await floor.shows(job_id, "not during the sale")
    assert (await floor.say(f"/docktalk approve {job_id}", floor.lead)).reason == "approval_closed"
    assert await started_at(floor, web) == before


async def test_what_was_recreated_under_the_same_name_is_not_what_was_approved(floor, web, image):
    job_id = await floor.ask(f"/docker rm -f {web}")
    await floor.run(f"/docker rm -f {web}")
    await floor.run(f"/docker run -d --name {web} {image} sleep 600")
    assert "approved" in (await floor.click(job_id, cards.APPROVE, floor.lead)).text
    end = await floor.trial.ended(job_id)
    assert end.result.reason == "moved"
    assert await floor.run(f"/docker inspect -f '{{{{.State.Running}}}}' {web}") == "true"
    await floor.shows(job_id, "Ask again")
    again = await floor.click(job_id, cards.AGAIN, floor.ana)
    assert again.waits
    await floor.trial.looked(again.job_id)
    await floor.trial.settled()
    assert "approved" in (await floor.click(again.job_id, cards.APPROVE, floor.lead)).text
    assert (await floor.trial.ended(again.job_id)).result.exit_code == 0


async def retagged(floor, container, name):
    """The name is that of another image now."""
    await floor.run(f"/docker commit -m another {container} {name}")


@pytest.mark.parametrize("line", ["/docker rmi {image}", "/docker create --name {new} {image}"])
async def test_a_retagged_image_is_not_what_was_approved(line, floor, web, image, unique):
    name, new = f"{unique('tagged')}:latest", unique("of-tagged")
    await floor.run(f"/docker tag {image} {name}")
    agreed = await floor.run(f"/docker image inspect -f '{{{{.Id}}}}' {name}")
    job_id = await floor.ask(line.format(image=name, new=new))
    await retagged(floor, web, name)
    assert "approved" in (await floor.click(job_id, cards.APPROVE, floor.lead)).text
    assert (await floor.trial.ended(job_id)).result.reason == "moved"
    assert await floor.run(f"/docker image inspect -f '{{{{.Id}}}}' {name}") != agreed
    assert await floor.run(f"/docker ps -aq --filter name={new}") == ""
    await floor.shows(job_id, "Ask again")


async def test_a_card_that_somebody_still_sees_as_it_was_decides_nothing(floor, web):
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    stale = copy.deepcopy(floor.card(job_id))
    await floor.trial.standin.click(floor.lead.id, floor.card(job_id), cards.DENY)
    view = await floor.trial.standin.until(
        lambda s: next((v for v in s.world.views.values() if v.user == floor.lead.id), None)
    )
    await floor.trial.standin.submit(floor.lead.id, view, {cards.REASON: {cards.REASON: {"value": None}}})
    assert "denied" in (await floor.trial.reply()).text
    before = await started_at(floor, web)
    for user, action in (
        (floor.lead, cards.APPROVE),
        (floor.ben, cards.APPROVE),
        (floor.ana, cards.WITHDRAW),
    ):
        await floor.trial.standin.click(user.id, stale, action)
        assert (await floor.trial.reply()).reason == "approval_closed"
    assert await started_at(floor, web) == before


async def test_neither_the_asker_by_typing_nor_a_guest_nor_a_stranger_approves(floor, web):
    world = floor.trial.standin.world
    guest = world.add_user("guest", restricted=True)
    stranger = world.add_user("stranger", stranger=True, team_id="T0ELSEWHERE")
    world.groups["S0SRE"].members += [guest.id, stranger.id]
    before = await started_at(floor, web)
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    for line in (
        f"/docktalk approve {job_id}",
        f"/docktalk approve {job_id.lower()}",
        f"@docktalk approve {job_id}",
    ):
        assert (await floor.say(line, floor.ana)).reason == "approval_closed"
    for user in (guest, stranger):
        assert (await floor.click(job_id, cards.APPROVE, user)).reason == "not_a_member"
    assert (await floor.click(job_id, cards.WITHDRAW, floor.ana)).text
    assert await started_at(floor, web) == before


async def test_its_asker_takes_it_back_and_nobody_else(floor, web):
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    assert (await floor.click(job_id, cards.WITHDRAW, floor.lead)).reason == "approval_closed"
    assert "taken back" in (await floor.click(job_id, cards.WITHDRAW, floor.ana)).text
    assert (await floor.say(f"/docktalk approve {job_id}", floor.lead)).reason == "approval_closed"


async def test_a_line_about_what_is_not_there_is_not_asked_about(floor, unique):
    await floor.trial.say(f"/docker restart {unique('nothing')}", floor.ana, floor.ops, "")
    reply = await floor.trial.reply()
    await floor.trial.looked(reply.job_id)
    await floor.trial.settled()
    await floor.shows(reply.job_id, "No such container")


async def test_the_lead_has_a_copy_that_follows_the_card(floor, web):
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    direct = floor.trial.standin.world.direct_channel(floor.lead.id)
    assert "Go to the card" in json.dumps(floor.card(job_id, direct).blocks)
    assert "approved" in (await floor.click(job_id, cards.APPROVE, floor.lead, direct)).text
    assert (await floor.trial.ended(job_id)).result.exit_code == 0
    await floor.trial.settled()
    assert cards.APPROVE not in json.dumps(floor.card(job_id, direct).blocks)


async def test_the_details_name_the_calls_and_the_very_object(floor, web):
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    await floor.trial.standin.click(floor.eve.id, floor.card(job_id), cards.DETAILS)
    view = await floor.trial.standin.until(
        lambda s: next((v for v in s.world.views.values() if v.user == floor.eve.id), None)
    )
    shown = json.dumps(view.as_json())
    container = await floor.run(f"/docker inspect -f '{{{{.Id}}}}' {web}")
    for said in (f"/containers/{web}/restart", container[:12], "2 of", "crashed here"):
        assert said in shown
    await floor.click(job_id, cards.WITHDRAW, floor.ana)


async def test_a_dry_run_needs_nobody(floor, web):
    answer = await asyncio.wait_for(
        floor.trial.ask(f"/docker restart --dry-run {web}", user=floor.ana, channel=floor.ops), 20
    )
    assert f"/containers/{web}/restart" in answer.stdout


async def test_a_prune_deletes_what_was_agreed_to_and_names_what_it_passed_over(floor, unique, image):
    mark = unique("sweep")
    left, woken, late = (f"{mark}-{word}" for word in ("left", "woken", "late"))
    for name in (left, woken):
        await floor.run(f"/docker create --name {name} --label mark={mark} {image} sleep 600")
    job_id = await floor.ask(f"/docker container prune -f --filter label=mark={mark}")
    card = floor.card(job_id)
    assert all(said in json.dumps(card.blocks) for said in (left, woken, "2 containers"))
    await floor.run(f"/docker start {woken}")
    await floor.run(f"/docker create --name {late} --label mark={mark} {image} sleep 600")
    await floor.click(job_id, cards.APPROVE, floor.lead)
    end = await floor.trial.ended(job_id)
    assert end.result.exit_code == 0, end.result.stderr
    assert end.result.stdout.text.startswith("Deleted Containers:\n")
    assert "it is running now" in end.result.stderr.text
    listed = await floor.run(f"/docker ps -a --filter label=mark={mark} --format '{{{{.Names}}}}'")
    assert sorted(listed.split()) == sorted([woken, late])
    await floor.trial.settled()
    thread = floor.trial.standin.world.replies(floor.ops.id, card.ts)
    assert any(f"skipped container {woken}" in json.dumps(reply.blocks) for reply in thread)
    await floor.run(f"/docker rm -f {woken} {late}")
