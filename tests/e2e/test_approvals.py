"""Approvals in the whole: asked in chat, seen on a card, decided by clicks, run on a real engine."""

import asyncio
import copy
import json

import pytest
import pytest_asyncio

from bot.jobs.wire import Ended
from bot.slack import cards
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


class Company(Floor):
    """Three of a group, one of whom asks, a lead, and somebody who may do nothing."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self.cleo, self.lead, self.eve = map(self.person, ("cleo", "lead", "eve"))
        trial.standin.world.add_group("sre", "S0SRE", [self.ben.id, self.cleo.id, self.ana.id])

    async def ask(self, line: str) -> str:
        return await self.asked(line, self.ana)


@pytest.fixture(scope="module")
def floor(trial):
    return Company(trial)


@pytest_asyncio.fixture(loop_scope="module")
async def web(floor, unique, image):
    name = unique("web")
    await floor.by_day(f"/docker run -d --name {name} {image} sh -c 'echo crashed here; sleep 600'")
    yield name
    await floor.trial.ask(f"/docker rm -f {name}", user=floor.admin, channel=floor.day)


async def test_one_lead_is_enough_and_the_result_stands_in_the_cards_thread(floor, web):
    before = await floor.started_at(web)
    job_id = await floor.ask(f"/docker restart -t 0 --reason 'crash loop' {web}")
    card = floor.card(job_id)
    text = json.dumps(card.blocks)
    for said in ("crash loop", "crashed here", web, "U0ANA", "S0SRE"):
        assert said in text
    assert await floor.started_at(web) == before
    answer = await floor.decide(job_id, cards.APPROVE, floor.lead)
    assert "approved" in answer.text
    end = await floor.trial.ended(job_id)
    assert isinstance(end, Ended)
    assert end.result.exit_code == 0, end.result.stderr
    assert await floor.started_at(web) != before
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
    await floor.decide(job_id, cards.APPROVE, floor.lead)
    assert (await floor.trial.ended(job_id)).result.exit_code == 0
    await floor.trial.settled()
    assert len(root()) == before + 1
    assert not await floor.running(web)


async def test_two_of_a_group_have_to_be_two_people_and_none_of_them_the_asker(floor, web):
    job_id = await floor.asked(f"/docker stop -t 0 {web}", floor.ben)
    assert (await floor.decide(job_id, cards.APPROVE, floor.ben)).reason == "approval_closed"
    assert (await floor.decide(job_id, cards.APPROVE, floor.eve)).reason == "approval_closed"
    assert "others" in (await floor.decide(job_id, cards.APPROVE, floor.cleo)).text
    assert (await floor.decide(job_id, cards.APPROVE, floor.cleo)).reason == "approval_closed"
    assert "approved" in (await floor.decide(job_id, cards.APPROVE, floor.ana)).text
    assert (await floor.trial.ended(job_id)).result.exit_code == 0


async def test_a_no_ends_it_and_says_why(floor, web):
    before = await floor.started_at(web)
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    await floor.trial.standin.click(floor.lead.id, floor.card(job_id), cards.DENY)
    view = await floor.form(floor.lead)
    values = {cards.REASON: {cards.REASON: {"value": "not during the sale"}}}
    await floor.trial.standin.submit(floor.lead.id, view, values)
    assert "denied" in (await floor.trial.reply()).text
    await floor.card_says(job_id, "not during the sale")
    assert (await floor.say(f"/docktalk approve {job_id}", floor.lead)).reason == "approval_closed"
    assert await floor.started_at(web) == before


async def test_what_was_recreated_under_the_same_name_is_not_what_was_approved(floor, web, image):
    job_id = await floor.ask(f"/docker rm -f {web}")
    await floor.by_day(f"/docker rm -f {web}")
    await floor.by_day(f"/docker run -d --name {web} {image} sleep 600")
    assert "approved" in (await floor.decide(job_id, cards.APPROVE, floor.lead)).text
    end = await floor.trial.ended(job_id)
    assert end.result.reason == "moved"
    assert await floor.running(web)
    await floor.card_says(job_id, "Ask again")
    again = await floor.decide(job_id, cards.AGAIN, floor.ana)
    assert again.waits
    await floor.trial.looked(again.job_id)
    await floor.trial.settled()
    assert "approved" in (await floor.decide(again.job_id, cards.APPROVE, floor.lead)).text
    assert (await floor.trial.ended(again.job_id)).result.exit_code == 0


async def retagged(floor, container, name):
    """The name is that of another image now."""
    await floor.by_day(f"/docker commit -m another {container} {name}")


@pytest.mark.parametrize("line", ["/docker rmi {image}", "/docker create --name {new} {image}"])
async def test_a_retagged_image_is_not_what_was_approved(line, floor, web, image, unique):
    name, new = f"{unique('tagged')}:latest", unique("of-tagged")
    await floor.by_day(f"/docker tag {image} {name}")
    agreed = await floor.by_day(f"/docker image inspect -f '{{{{.Id}}}}' {name}")
    job_id = await floor.ask(line.format(image=name, new=new))
    await retagged(floor, web, name)
    assert "approved" in (await floor.decide(job_id, cards.APPROVE, floor.lead)).text
    assert (await floor.trial.ended(job_id)).result.reason == "moved"
    assert await floor.by_day(f"/docker image inspect -f '{{{{.Id}}}}' {name}") != agreed
    assert await floor.by_day(f"/docker ps -aq --filter name={new}") == ""
    await floor.card_says(job_id, "Ask again")


async def test_a_card_that_somebody_still_sees_as_it_was_decides_nothing(floor, web):
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    stale = copy.deepcopy(floor.card(job_id))
    await floor.trial.standin.click(floor.lead.id, floor.card(job_id), cards.DENY)
    view = await floor.form(floor.lead)
    await floor.trial.standin.submit(floor.lead.id, view, {cards.REASON: {cards.REASON: {"value": None}}})
    assert "denied" in (await floor.trial.reply()).text
    before = await floor.started_at(web)
    for user, action in (
        (floor.lead, cards.APPROVE),
        (floor.ben, cards.APPROVE),
        (floor.ana, cards.WITHDRAW),
    ):
        await floor.trial.standin.click(user.id, stale, action)
        assert (await floor.trial.reply()).reason == "approval_closed"
    assert await floor.started_at(web) == before


async def test_neither_the_asker_by_typing_nor_a_guest_nor_a_stranger_approves(floor, web):
    world = floor.trial.standin.world
    guest = world.add_user("guest", restricted=True)
    stranger = world.add_user("stranger", stranger=True, team_id="T0ELSEWHERE")
    world.groups["S0SRE"].members += [guest.id, stranger.id]
    before = await floor.started_at(web)
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    for line in (
        f"/docktalk approve {job_id}",
        f"/docktalk approve {job_id.lower()}",
        f"@docktalk approve {job_id}",
    ):
        assert (await floor.say(line, floor.ana)).reason == "approval_closed"
    for user in (guest, stranger):
        assert (await floor.decide(job_id, cards.APPROVE, user)).reason == "not_a_member"
    assert (await floor.decide(job_id, cards.WITHDRAW, floor.ana)).text
    assert await floor.started_at(web) == before


async def test_its_asker_takes_it_back_and_nobody_else(floor, web):
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    assert (await floor.decide(job_id, cards.WITHDRAW, floor.lead)).reason == "approval_closed"
    assert "taken back" in (await floor.decide(job_id, cards.WITHDRAW, floor.ana)).text
    assert (await floor.say(f"/docktalk approve {job_id}", floor.lead)).reason == "approval_closed"


async def test_a_line_about_what_is_not_there_is_not_asked_about(floor, unique):
    await floor.trial.say(f"/docker restart {unique('nothing')}", floor.ana, floor.ops, "")
    reply = await floor.trial.reply()
    await floor.trial.looked(reply.job_id)
    await floor.trial.settled()
    await floor.card_says(reply.job_id, "No such container")


async def test_the_lead_has_a_copy_that_follows_the_card(floor, web):
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    direct = floor.trial.standin.world.direct_channel(floor.lead.id)
    assert "Go to the card" in json.dumps(floor.card(job_id, direct).blocks)
    assert "approved" in (await floor.decide(job_id, cards.APPROVE, floor.lead, direct)).text
    assert (await floor.trial.ended(job_id)).result.exit_code == 0
    await floor.trial.settled()
    assert cards.APPROVE not in json.dumps(floor.card(job_id, direct).blocks)


async def test_the_details_name_the_calls_and_the_very_object(floor, web):
    job_id = await floor.ask(f"/docker restart -t 0 {web}")
    await floor.trial.standin.click(floor.eve.id, floor.card(job_id), cards.DETAILS)
    view = await floor.form(floor.eve)
    shown = json.dumps(view.as_json())
    container = await floor.by_day(f"/docker inspect -f '{{{{.Id}}}}' {web}")
    for said in (f"/containers/{web}/restart", container[:12], "2 of", "crashed here"):
        assert said in shown
    await floor.decide(job_id, cards.WITHDRAW, floor.ana)


async def test_a_dry_run_needs_nobody(floor, web):
    answer = await asyncio.wait_for(
        floor.trial.ask(f"/docker restart --dry-run {web}", user=floor.ana, channel=floor.ops), 20
    )
    assert f"/containers/{web}/restart" in answer.stdout


async def test_a_prune_deletes_what_was_agreed_to_and_names_what_it_passed_over(floor, unique, image):
    mark = unique("sweep")
    left, woken, late = (f"{mark}-{word}" for word in ("left", "woken", "late"))
    for name in (left, woken):
        await floor.by_day(f"/docker create --name {name} --label mark={mark} {image} sleep 600")
    job_id = await floor.ask(f"/docker container prune -f --filter label=mark={mark}")
    card = floor.card(job_id)
    assert all(said in json.dumps(card.blocks) for said in (left, woken, "2 containers"))
    await floor.by_day(f"/docker start {woken}")
    await floor.by_day(f"/docker create --name {late} --label mark={mark} {image} sleep 600")
    await floor.decide(job_id, cards.APPROVE, floor.lead)
    end = await floor.trial.ended(job_id)
    assert end.result.exit_code == 0, end.result.stderr
    assert end.result.stdout.text.startswith("Deleted Containers:\n")
    assert "it is running now" in end.result.stderr.text
    listed = await floor.by_day(f"/docker ps -a --filter label=mark={mark} --format '{{{{.Names}}}}'")
    assert sorted(listed.split()) == sorted([woken, late])
    await floor.trial.settled()
    thread = floor.trial.standin.world.replies(floor.ops.id, card.ts)
    assert any(f"skipped container {woken}" in json.dumps(reply.blocks) for reply in thread)
    await floor.by_day(f"/docker rm -f {woken} {late}")
