"""What nobody gets done by being first, or with the store in hand: no vote, no end, no secret is forged."""

import asyncio
from typing import Any

import pytest

from bot.approvals.lines import Approve, Deny, Withdraw
from bot.jobs.names import AGAIN_SECONDS, Names
from bot.request import Origin, Request
from handlers.faults import ApprovalClosed, Fault
from handlers.grammar.parser import parse
from permissions.approval import State
from permissions.decision import Allow
from permissions.ticket import Mode
from tests.bot.approvals.approval_side import CATALOGUE, Side
from tests.bot.approvals.attacked import DUE, KEY, attacked, kept

pytestmark = pytest.mark.store

side = attacked


RACES = {
    "two yes": ((Approve, "U0LEAD"), (Approve, "U0BOSS")),
    "three yes of three ways": ((Approve, "U0LEAD"), (Approve, "U0BOSS"), (Approve, "U0OTTO")),
    "two of a group": ((Approve, "U0BEN"), (Approve, "U0CLEO")),
    "one who clicks twice": ((Approve, "U0LEAD"), (Approve, "U0LEAD")),
    "a yes and two noes": ((Approve, "U0LEAD"), (Deny, "U0BEN"), (Deny, "U0CLEO")),
    "a yes and its asker": ((Approve, "U0LEAD"), (Withdraw, "U0ANA")),
}


@pytest.mark.parametrize("clicks", RACES.values(), ids=RACES)
async def test_of_several_at_the_same_moment_one_decides_and_it_runs_once_at_most(side: Side, clicks):
    job_id = await side.asked()
    side.people.groups["U0OTTO"] = ("S0OTHER",)
    said = await asyncio.gather(
        *(side.say(line(approval=job_id), user_id) for line, user_id in clicks), return_exceptions=True
    )
    assert all(not isinstance(one, Exception) or isinstance(one, ApprovalClosed) for one in said)
    approval = (await kept(side, job_id)).approval
    assert approval.state in {State.APPROVED, State.DENIED, State.WITHDRAWN}
    assert len(await side.queued()) == (approval.state is State.APPROVED)
    assert len({vote.user_id for vote in approval.votes}) == len(approval.votes)
    await side.tick()
    await side.tick()
    assert (await kept(side, job_id)).approval == approval
    assert len(await side.queued()) == (approval.state is State.APPROVED)


async def test_a_yes_at_the_moment_of_its_end_is_one_or_the_other(side: Side):
    job_id = await side.asked()
    side.now += 600
    said = await asyncio.gather(
        side.say(Approve(approval=job_id), "U0LEAD"), side.desk.tick(), return_exceptions=True
    )
    assert isinstance(said[0], ApprovalClosed)
    assert await side.state(job_id) is State.EXPIRED
    assert await side.queued() == []


async def test_a_vote_that_somebody_wrote_into_the_store_makes_it_unreadable(side: Side):
    job_id = await side.asked()
    blob = await side.client.hget(KEY + job_id, "blob")
    asked = await kept(side, job_id)
    forged = asked.approval.model_copy(update={"state": State.APPROVED, "ended_at": side.now})
    for text in (
        asked.model_copy(update={"approval": forged}).model_dump_json().encode(),
        blob[:-8] + b"AAAAAAA=",
    ):
        await side.client.hset(KEY + job_id, "blob", text)
        await side.client.zadd(DUE, {job_id: side.now})
        await side.tick()
        assert await side.queued() == []
    with pytest.raises(ApprovalClosed):
        await side.say(Approve(approval=job_id), "U0LEAD")


@pytest.mark.parametrize("revision", ["7", "0", "-1", "x", ""])
async def test_a_revision_that_somebody_wrote_counts_no_vote_and_runs_nothing(side: Side, revision: str):
    job_id = await side.asked()
    await side.client.hset(KEY + job_id, "revision", revision)
    with pytest.raises(Fault, match="same moment"):
        await side.say(Approve(approval=job_id), "U0LEAD")
    await side.tick()
    assert await side.state(job_id) is State.OPEN
    assert await side.queued() == []


async def test_the_approved_record_of_another_approval_approves_nothing(side: Side):
    approved, other = await side.asked(), await side.ask("restart db", "d2")
    await side.look(other)
    await side.say(Approve(approval=approved), "U0LEAD")
    blob = await side.client.hget(KEY + approved, "blob")
    await side.client.hset(KEY + other, "blob", blob)
    await side.client.zadd(DUE, {other: 0})
    await side.tick()
    assert [claims.job_id for claims in await side.queued()] == [approved]
    with pytest.raises(ApprovalClosed):
        await side.say(Approve(approval=other), "U0LEAD")


async def test_an_earlier_revision_put_back_runs_nothing_twice(side: Side):
    job_id = await side.asked()
    before = await side.client.hgetall(KEY + job_id)
    await side.say(Approve(approval=job_id), "U0LEAD")
    names = Names("docktalk")
    await side.client.hset(KEY + job_id, mapping=before)
    await side.say(Approve(approval=job_id), "U0LEAD")
    assert len(await side.queued()) == 1, "it is in the queue already"
    await side.client.hset(KEY + job_id, mapping=before)
    await side.client.delete(names.delivery(f"approved:{job_id}"), names.request(job_id))
    await side.say(Approve(approval=job_id), "U0LEAD")
    first, second = await side.queued()
    assert first.nonce == second.nonce, "a worker's journal takes one nonce once"


async def test_what_was_approved_long_ago_is_not_run_once_its_number_is_forgotten(side: Side):
    """A journal knows a one-time number for a day: whoever writes to the store can wait for longer."""
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0LEAD")
    names = Names("docktalk")
    await side.client.delete(names.delivery(f"approved:{job_id}"), names.request(job_id))
    await side.client.zadd(DUE, {job_id: 0})
    side.now += AGAIN_SECONDS
    await side.tick()
    assert len(await side.queued()) == 1
    assert await side.state(job_id) is State.VOID


async def test_a_look_played_again_later_runs_nothing_that_nobody_had_to_agree_to(side: Side):
    job_id = await side.ask()
    before = await side.client.hgetall(KEY + job_id)
    await side.look(job_id, free=True)
    assert len(await side.queued()) == 1
    names = Names("docktalk")
    await side.client.delete(names.delivery(f"approved:{job_id}"), names.request(job_id))
    await side.client.hset(KEY + job_id, mapping=before)
    side.now += AGAIN_SECONDS
    await side.look(job_id, free=True)
    await side.tick()
    assert len(await side.queued()) == 1
    assert await side.state(job_id) is State.VOID


async def test_an_earlier_revision_put_back_brings_no_vote_along(side: Side):
    job_id = await side.asked()
    await side.say(Approve(approval=job_id), "U0BEN")
    one_yes = await side.client.hgetall(KEY + job_id)
    await side.say(Deny(approval=job_id), "U0BEN")
    await side.client.hset(KEY + job_id, mapping=one_yes)
    side.people.groups["U0BEN"] = ()
    await side.say(Approve(approval=job_id), "U0CLEO")
    assert await side.queued() == []


async def test_what_is_put_into_the_clock_gets_nothing_done(side: Side):
    job_id = await side.asked()
    shown = await kept(side, job_id)
    await side.client.zadd(DUE, {job_id: 0, "J-999": 0, "\udcff".encode("utf-8", "surrogateescape"): 0})
    await side.tick()
    assert await kept(side, job_id) == shown
    assert await side.queued() == []


def password(claims: Any) -> str:
    return claims.command.sealed["env"].digest


async def test_a_line_that_is_sent_again_with_another_secret_needs_an_approval_of_its_own(side: Side):
    first = await side.ask("run -d -e PASSWORD=first-value nginx", "d1")
    second = await side.ask("run -d -e PASSWORD=second-value nginx", "d2")
    for job_id in (first, second):
        await side.look(job_id, targets=())
    await side.say(Approve(approval=first), "U0LEAD")
    [claims] = await side.queued()
    sealed = [(await kept(side, job_id)).draft.command.sealed["env"] for job_id in (first, second)]
    assert sealed[0].digest != sealed[1].digest
    assert (claims.job_id, password(claims)) == (first, sealed[0].digest)
    assert await side.state(second) is State.OPEN
    with pytest.raises(ApprovalClosed):
        await side.say(Approve(approval=first), "U0LEAD")
    assert len(await side.queued()) == 1


async def test_a_sealed_value_that_was_swapped_in_the_store_runs_nothing(side: Side):
    job_id = await side.ask("run -d -e PASSWORD=first-value nginx")
    await side.look(job_id, targets=())
    asked = await kept(side, job_id)
    sealed = side.keys.seal(side.trust.host_key("local"), ["PASSWORD=another-value"])
    command = asked.draft.command.model_copy(update={"sealed": {"env": sealed}})
    swapped = asked.model_copy(update={"draft": asked.draft.model_copy(update={"command": command})})
    await side.client.hset(KEY + job_id, "blob", swapped.model_dump_json())
    with pytest.raises(ApprovalClosed, match="no such approval"):
        await side.say(Approve(approval=job_id), "U0LEAD")
    await side.tick()
    assert await side.queued() == []


async def test_a_sealed_value_that_was_swapped_in_the_ticket_is_not_the_bots_any_more(side: Side):
    job_id = await side.ask("run -d -e PASSWORD=first-value nginx")
    await side.look(job_id, targets=())
    await side.say(Approve(approval=job_id), "U0LEAD")
    [claims] = await side.queued(Mode.RUN)
    assert password(claims) == (await kept(side, job_id)).draft.command.sealed["env"].digest
    ticket = side.keys.sign(claims)
    sealed = side.keys.seal(side.trust.host_key("local"), ["PASSWORD=another-value"])
    text = ticket.claims.replace(claims.command.sealed["env"].blob, sealed.blob)
    assert text != ticket.claims
    with pytest.raises(Exception, match="altered"):
        side.trust.verify(ticket.model_copy(update={"claims": text}))


async def test_a_line_that_slack_delivers_again_runs_once_though_the_store_forgot_it(side: Side):
    """Whoever writes there can hold it up until Slack delivers again, and take away that the line came."""
    desk, ana, names = side.desk, await side.who("U0ANA"), Names("docktalk")
    parsed = parse("run -d nginx", CATALOGUE)
    operation = parsed.command.operation("local")
    for delivery in ("event:Ev1", "event:Ev1", "event:Ev2"):
        request = Request(
            origin=Origin.MENTION,
            delivery_id=delivery,
            team_id="T1",
            user_id="U0ANA",
            user_name="ana",
            channel_id="C1",
            text="run -d nginx",
            received_at=side.now,
        )
        draft = await desk.tickets.draft(request, ana, parsed, operation)
        await desk.tickets.issue(draft, ana, Allow(rule="role operator, rule 1"), "p")
        await side.client.delete(names.delivery(delivery))
    first, again, other = [claims.nonce for claims in await side.queued()]
    assert first == again != other
