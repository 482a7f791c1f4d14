"""Broken glasses on the bot's side: what they lend, where they end, and their reviews."""

import asyncio

import pytest

from bot.approvals.lines import Approve
from bot.jobs.names import Names
from bot.jobs.queue import StoreDown
from bot.lending.lends import under
from bot.lending.lines import BreakGlass, CloseReview
from bot.store.grants import stage
from bot.store.in_force import InForce
from bot.tickets import Tickets
from handlers.faults import ApprovalClosed, Denied, Fault, Reason, UsageFault
from handlers.grammar.parser import parse
from permissions.approval import State
from permissions.decision import NeedsApproval
from permissions.operation import Lent, Standing
from permissions.ticket import Mode
from permissions.verbs import Verb
from tests.bot.approvals.approval_side import CATALOGUE
from tests.bot.lending.lending_side import BROKEN, Lenders, entries

pytestmark = pytest.mark.store


async def test_a_broken_glass_is_in_force_reviewed_and_told_before_its_job_is_queued(side: Lenders):
    claims = await side.run("stop web", "U0ANA", BROKEN)
    [grant], [review] = await side.lending.grants.all(), await side.lending.reviews.all()
    assert claims.principal.lent == (
        Lent(
            id=grant.id,
            role="everything",
            until=side.now + 1800,
            hosts=("local",),
            verbs=(Verb.OPERATE,),
            break_glass=True,
        ),
    )
    assert (review.grant_id, review.jobs, review.ran, review.reason) == (
        grant.id,
        (claims.job_id,),
        1,
        BROKEN,
    )
    assert [one.id for one, _ in side.told] == [review.id]
    assert {change for _, change, _ in await entries(side)} == {"began"}


async def test_where_the_glass_cannot_be_told_of_nothing_is_lent_and_nothing_runs(side: Lenders, monkeypatch):
    async def gone(*_, **__):
        raise StoreDown(unsure=True)

    monkeypatch.setattr(InForce, "begin", gone)
    with pytest.raises(StoreDown):
        await side.run("stop web", "U0ANA", BROKEN)
    assert await side.queued() == []
    assert await side.lending.grants.all() == ()


async def test_one_line_that_is_delivered_to_two_bots_breaks_one_glass(side: Lenders):
    both = await asyncio.gather(*(side.run("stop web", "U0ANA", BROKEN, delivery="d") for _ in range(2)))
    [grant], [review] = await side.lending.grants.all(), await side.lending.reviews.all()
    assert both[0] == both[1]
    assert (review.jobs, review.ran) == ((both[0].job_id,), 1)
    assert [one.id for one in both[0].principal.lent] == [grant.id] == [review.grant_id]
    assert len(await side.queued(Mode.RUN)) == 1
    assert len(await entries(side)) == 2  # each has begun once


@pytest.mark.parametrize("dies", ["before the grant", "before the job"])
async def test_a_line_that_comes_again_after_a_crash_goes_on_with_the_glass_that_is_broken(
    side: Lenders, dies: str, monkeypatch
):
    begin = InForce.begin

    async def gone(store, record, told, **more):
        if told.what == "review":
            return await begin(store, record, told, **more)
        raise StoreDown(unsure=True)

    async def down(*_, **__):
        raise StoreDown(unsure=True)

    with monkeypatch.context() as patch:
        patch.setattr(*((InForce, "begin", gone) if dies == "before the grant" else (Tickets, "issue", down)))
        with pytest.raises(StoreDown):
            await side.run("stop web", "U0ANA", BROKEN, delivery="d")
    side.now += 60
    claims = await side.run("stop web", "U0ANA", BROKEN, delivery="d")
    [grant], [review] = await side.lending.grants.all(), await side.lending.reviews.all()
    assert (grant.id, grant.until) == (review.grant_id, review.ended_at)
    assert (claims.principal.lent[0].id, claims.principal.lent[0].until) == (grant.id, grant.until)
    assert (await side.desk.queue.request(claims.job_id)).notes[0] == under(grant)
    assert claims.job_id in review.jobs


@pytest.mark.parametrize("over", ["revoked", "at its end"])
async def test_a_line_that_comes_again_after_a_crash_runs_under_no_glass_that_is_over(
    side: Lenders, over: str, monkeypatch
):
    async def down(*_, **__):
        raise StoreDown(unsure=True)

    with monkeypatch.context() as patch:
        patch.setattr(Tickets, "issue", down)
        with pytest.raises(StoreDown):
            await side.run("stop web", "U0ANA", BROKEN, delivery="d")
    [review] = await side.lending.reviews.all()
    if over == "revoked":
        await side.revoke(review.grant_id, "U0LEAD")
    else:
        side.now = review.ended_at
    with pytest.raises(Fault, match="Nothing was run") as refused:
        await side.run("stop web", "U0ANA", BROKEN, delivery="d")
    assert refused.value.reason is Reason.CONFLICT
    assert await side.queued() == []
    assert [one.id for one in await side.lending.reviews.all()] == [review.id]


async def test_a_line_that_comes_again_after_its_glass_is_over_breaks_none(side: Lenders):
    first = await side.run("stop web", "U0ANA", BROKEN, delivery="d")
    [review] = await side.lending.reviews.all()
    began = f"{Names('docktalk').prefix}claim:{first.job_id}"
    await side.client.hset(began, mapping={"state": "claimed", "lane": "normal"})
    await side.revoke(review.grant_id, "U0LEAD")
    assert (await side.run("stop web", "U0ANA", BROKEN, delivery="d")).job_id == first.job_id
    await side.tell_desk(CloseReview(review=review.id, note="it was right"), "U0LEAD")
    assert (await side.run("stop web", "U0ANA", BROKEN, delivery="d")).job_id == first.job_id
    assert await side.lending.reviews.all() == ()
    assert await side.lending.of(await side.who("U0ANA"), "C1") == ()


async def test_later_lines_run_under_it_without_the_option_and_are_noted(side: Lenders):
    first = await side.run("stop web", "U0ANA", BROKEN)
    second = await side.run("start web", "U0ANA")
    [review] = await side.lending.reviews.all()
    assert review.jobs == (first.job_id, second.job_id)
    assert second.principal.lent == first.principal.lent
    third = await side.decide("restart web", "U0ANA", BROKEN)
    assert third.breaking is None
    assert "already" in third.notes[-1]
    assert len(await side.lending.grants.all()) == 1


async def test_it_is_not_broken_where_it_is_not_needed(side: Lenders):
    lends = await side.decide("ps", "U0ANA", BROKEN)
    assert (lends.breaking, lends.principal.lent) == (None, ())
    assert lends.notes == ("the glass was not broken: this is allowed anyway",)


BEYOND = {
    "its verbs": ("rm web", "U0ANA", "C1", "container rm is destroy"),
    "its channel": ("stop web", "U0ANA", "C2", "in this channel"),
    "its people": ("stop web", "U0BEN", "C1", "no entry"),
    "a deny": ("kill web", "U0ANA", "C1", "Nothing is killed"),
}


@pytest.mark.parametrize(("line", "user_id", "channel", "sentence"), BEYOND.values(), ids=BEYOND)
async def test_no_glass_is_broken_beyond(side: Lenders, line: str, user_id: str, channel: str, sentence: str):
    with pytest.raises(Denied, match=sentence) as refused:
        await side.run(line, user_id, BROKEN, channel)
    assert refused.value.rule.startswith("break-glass")
    assert await side.lending.grants.all() == ()
    assert await side.lending.reviews.all() == ()


async def test_no_glass_is_broken_on_another_host(side: Lenders):
    operation = parse("stop web", CATALOGUE).command.operation("prod-1")
    with pytest.raises(Denied, match="on host prod-1"):
        await side.lending.decided(await side.who("U0ANA"), "C1", operation, BROKEN)


async def test_no_glass_is_broken_by_a_guest(side: Lenders):
    side.people.standing["U0ANA"] = Standing.GUEST
    with pytest.raises(Denied):
        await side.run("stop web", "U0ANA", BROKEN)
    assert await side.lending.grants.all() == ()


@pytest.mark.parametrize("reason", ["", "  x  ", "x" * 301])
async def test_no_glass_is_broken_without_a_reason_that_says_something(side: Lenders, reason: str):
    with pytest.raises(UsageFault):
        await side.run("stop web", "U0ANA", reason)
    assert await side.lending.grants.all() == ()


async def test_what_waits_is_run_at_once_by_its_asker_alone_and_once(side: Lenders):
    request = side.request("U0DAN")
    parsed = parse("restart web", CATALOGUE)
    operation = parsed.command.operation("local")
    desk, dan = side.desk, await side.who("U0DAN")
    draft = await desk.tickets.draft(request, dan, parsed, operation)
    needs = (await side.decide("restart web", "U0DAN")).decision
    assert isinstance(needs, NeedsApproval)
    job_id = (await desk.ask(draft, dan, needs, "")).job_id
    assert (await desk.store.of_job(job_id)).glass
    line = BreakGlass(approval=job_id, reason=BROKEN)
    for other in ("U0LEAD", "U0ANA"):
        with pytest.raises(ApprovalClosed):
            await side.tell_desk(line, other)
    said = await asyncio.gather(*(side.tell_desk(line, "U0DAN") for _ in range(2)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in said) == 1
    assert await side.state(job_id) is State.WITHDRAWN
    [claims] = await side.queued(Mode.RUN)
    assert (claims.job_id, claims.nonce) == (job_id, draft.nonce)
    assert claims.principal.lent[0].break_glass
    with pytest.raises(ApprovalClosed):
        await side.say(Approve(approval=job_id), "U0LEAD")


async def test_a_review_is_closed_after_the_grant_by_a_reviewer_and_never_by_who_broke_the_glass(
    side: Lenders,
):
    await side.run("stop web", "U0ANA", BROKEN)  # who is a lead, too
    [review] = await side.lending.reviews.all()
    line = CloseReview(review=review.id, note="it was right")
    with pytest.raises(Fault, match="lasts until"):
        await side.tell_desk(line, "U0LEAD")
    side.now = review.ended_at
    for user_id in ("U0ANA", "U0BEN"):
        with pytest.raises(Denied):
            await side.tell_desk(line, user_id)
    await side.tell_desk(line, "U0LEAD")
    assert side.reviewed == [("U0LEAD", "it was right")]
    assert await side.lending.reviews.all() == ()
    assert ("review", "closed", review.id) in await entries(side)


async def test_a_review_stays_open_and_is_told_of_once_a_day(side: Lenders):
    await side.run("stop web", "U0ANA", BROKEN)
    lending = side.lending
    [review] = await lending.reviews.all()
    side.told.clear()
    for _ in range(3):
        await lending.tick()
    side.now = review.ended_at + 1
    for _ in range(3):
        await lending.tick()
    side.now += 3 * 86_400
    for _ in range(3):
        await lending.tick()
    assert [stage(one, now) for one, now in side.told] == [-1, 0, 3]
    assert len(await lending.reviews.all()) == 1
