"""Lines that waited and run under a broken glass: they are told of, as any other line."""

from datetime import UTC, datetime

import pytest

from bot.again import Again
from bot.approvals.lines import Approve, AskAgain
from bot.jobs.names import Names
from bot.jobs.wire import Late
from bot.lending.lends import under
from bot.lending.lines import CloseReview
from bot.store.grants import Grant, Review
from bot.tickets import Tickets
from handlers.faults import Denied, Fault, Reason
from permissions.decision import Allow
from permissions.ticket import Mode
from tests.bot.lending.lending_side import BROKEN, POLICY, Lenders

pytestmark = pytest.mark.store

MAY = POLICY.replace("users: [U0ANA, U0BEN]}", "users: [U0ANA, U0BEN]}\n  - {role: operator, users: [U0DAN]}")


async def broken(side: Lenders) -> tuple[Grant, Review]:
    """The one glass, with its review as it is now."""
    [grant], [review] = await side.lending.grants.all(), await side.lending.reviews.all()
    return grant, review


async def test_what_is_asked_again_and_runs_under_a_broken_glass_is_told(side: Lenders):
    job_id = await side.ask(user_id="U0DAN")
    await side.look(job_id)
    await side.say(Approve(approval=job_id), "U0LEAD")
    await side.client.set(f"{Names('docktalk').prefix}done:{job_id}", "w")
    await side.desk.moved(job_id, "container web is another one")
    first = await side.run("stop db", "U0DAN", BROKEN)
    again = (await side.say(AskAgain(approval=job_id), "U0DAN")).job_id
    grant, review = await broken(side)
    claims = next(one for one in await side.queued(Mode.RUN) if one.job_id == again)
    assert [one.id for one in claims.principal.lent] == [grant.id]
    assert review.jobs == (first.job_id, again)
    assert under(grant) in (await side.desk.queue.request(again)).notes


async def test_what_was_late_and_runs_under_a_broken_glass_is_told(side: Lenders):
    side.policy_file.write_text(MAY, encoding="utf-8")
    claims = await side.run("restart web", "U0DAN")
    assert claims.principal.lent == ()
    [(entry, _)] = await side.client.xrange(Names("docktalk").stream("local", "normal"))
    await side.client.xdel(Names("docktalk").stream("local", "normal"), entry)
    side.policy_file.write_text(POLICY, encoding="utf-8")
    first = await side.run("stop db", "U0DAN", BROKEN)
    desk, ticket = side.desk, side.keys.sign(claims).model_dump_json()
    again = Again(
        policy=desk.policy,
        people=side.people,
        hosts=side.hosts,
        keys=side.keys,
        trust=side.trust,
        queue=desk.queue,
        corrections=desk.tickets.corrections,
        audit=desk.audit,
        incidents=side.tagged,
        lending=side.lending,
        clock=lambda: side.now,
        start_within=60.0,
        ask_after=900.0,
    )
    record = await desk.queue.request(claims.job_id)
    assert await again.late(record, Late(job_id=claims.job_id, worker="w", ticket=ticket, at=side.now)) == ""
    grant, review = await broken(side)
    anew = [one for one in await side.queued(Mode.RUN) if one.job_id == claims.job_id]
    assert [[lent.id for lent in one.principal.lent] for one in anew] == [[grant.id]]
    assert review.jobs == (first.job_id, claims.job_id)


ELEVATION = "users: [U0ANA, U0LEAD]\n    most: 1h"
GLASS = "  - role: everything\n    users: [U0ANA, U0DAN]"
CHANGED = {
    "the same": (lambda text: text, True),
    "it is given to others": (
        lambda text: text.replace(ELEVATION, "users: [U0LEAD]\n    most: 1h").replace(
            GLASS, "  - role: everything\n    users: [U0DAN]"
        ),
        False,
    ),
    "it is given to nobody": (lambda text: text[: text.index("elevations:")], False),
    "it is given to a group of theirs": (
        lambda text: text.replace("users: [U0ANA, U0LEAD]", "groups: [S0SRE]").replace(
            GLASS, "  - role: everything\n    groups: [S0SRE]"
        ),
        True,
    ),
    "it is given to whom a role of theirs lets ask": (
        lambda text: text.replace("users: [U0ANA, U0LEAD]", "roles: [reader]"),
        True,
    ),
    "it is given to whom another role lets ask": (
        lambda text: text.replace("users: [U0ANA, U0LEAD]", "roles: [asker]").replace(
            GLASS, "  - role: everything\n    users: [U0DAN]"
        ),
        False,
    ),
}


@pytest.mark.parametrize("what", ["elevation", "break_glass"])
@pytest.mark.parametrize(("change", "lends"), CHANGED.values(), ids=CHANGED)
async def test_what_the_policy_in_force_lends_no_more_is_lent_no_more(
    side: Lenders, what: str, change, lends
):
    if what == "elevation":
        await side.elevated()
    else:
        await side.run("stop db", "U0ANA", BROKEN)
    assert change(POLICY) != POLICY or lends
    side.policy_file.write_text(change(POLICY), encoding="utf-8")
    if lends:
        assert isinstance((await side.decide("restart web", "U0ANA")).decision, Allow)
    else:
        with pytest.raises(Denied):
            await side.decide("restart web", "U0ANA")


async def test_a_shift_that_ends_ends_nothing_that_was_lent_for_it(side: Lenders):
    text = POLICY.replace("users: [U0ANA, U0LEAD]", "oncall: [primary]")
    shift = "oncall: {{primary: {{start: 2024-01-01T00:00:00Z, every: 52w, users: [U0BEN]{}}}}}\n"
    around = (side.now - 60, side.now + 60)
    times = [f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}" for at in around]
    anas = shift.format(f", shifts: [{{from: {times[0]}, until: {times[1]}, users: [U0ANA]}}]")
    side.policy_file.write_text(text + anas, encoding="utf-8")
    grant = await side.elevated()
    side.now = grant.until - 1
    assert isinstance((await side.decide("restart web", "U0ANA")).decision, Allow)
    side.policy_file.write_text(text + shift.format(""), encoding="utf-8")
    with pytest.raises(Denied):
        await side.decide("restart web", "U0ANA")


async def test_nobody_leaves_more_to_review_than_anybody_could(side: Lenders, monkeypatch):
    monkeypatch.setattr("bot.lending.lending.MOST_TO_REVIEW", 2)
    for number in range(2):
        await side.run(f"stop db{number}", "U0ANA", BROKEN)
        [grant] = await side.lending.of(await side.who("U0ANA"), "C1")
        await side.revoke(grant.id, "U0ANA")
    with pytest.raises(Fault, match="no glass was broken") as refused:
        await side.run("stop web", "U0ANA", BROKEN)
    assert refused.value.reason is Reason.LIMIT
    await side.run("stop web", "U0DAN", BROKEN)
    await side.tell_desk(CloseReview(review="R-1", note="it was right"), "U0LEAD")
    await side.run("stop web-2", "U0ANA", BROKEN)


async def test_nothing_runs_by_a_glass_that_the_store_only_says_was_broken(side: Lenders, monkeypatch):
    """Whoever writes to the store says that the line is a job already, and takes that back a moment later."""
    key, issue = Names("docktalk").delivery("d"), Tickets.issue

    async def not_any_more(*args):
        await side.client.delete(key)
        return await issue(*args)

    await side.client.set(key, "J-1")
    monkeypatch.setattr(Tickets, "issue", not_any_more)
    claims = await side.run("stop db", "U0ANA", BROKEN, delivery="d")
    assert await side.lending.grants.all() == ()
    assert claims.principal.lent == (), "the worker decides by what is in the ticket"
