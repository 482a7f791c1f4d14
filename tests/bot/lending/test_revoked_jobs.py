"""What becomes of jobs whose lent role is taken back: those that wait are ended, those that run go on."""

import json

import pytest

from bot.jobs.names import Names
from permissions.ticket import Mode
from tests.bot.lending.lending_side import BROKEN, Lenders

pytestmark = pytest.mark.store

NAMES = Names("docktalk")


async def waiting(side: Lenders) -> list[str]:
    return [claims.job_id for claims in await side.queued(Mode.RUN)]


@pytest.mark.parametrize("what", ["an elevation", "a broken glass"])
async def test_what_waits_under_a_grant_is_taken_back_with_it_and_says_why(side: Lenders, what: str):
    if what == "an elevation":
        await side.elevated()
        first = await side.run("stop web", "U0ANA")
    else:
        first = await side.run("stop web", "U0ANA", BROKEN)
    second = await side.run("start web", "U0ANA")
    own = await side.run("ps", "U0ANA")
    [grant] = await side.lending.grants.all()
    said = await side.revoke(grant.id, "U0LEAD")
    assert said.text.endswith(f"Taken back before they began: {first.job_id}, {second.job_id}.\n")
    assert await waiting(side) == [own.job_id], "what needs nothing that was lent runs"
    ends = [json.loads(fields[b"event"]) for _, fields in await side.client.xrange(NAMES.events)]
    assert [one["job_id"] for one in ends] == [first.job_id, second.job_id]
    for end in ends:
        assert end["result"]["reason"] == "cancelled"
        why = f"{grant.id}, which this needed, was ended before it began. Nothing was run.\n"
        assert end["result"]["stderr"]["text"] == why


async def test_what_runs_already_goes_on(side: Lenders):
    claims = await side.run("stop web", "U0ANA", BROKEN)
    key = f"{NAMES.prefix}claim:{claims.job_id}"
    await side.client.hset(key, mapping={"state": "claimed", "lane": "normal"})
    [grant] = await side.lending.grants.all()
    assert "Taken back" not in (await side.revoke(grant.id, "U0LEAD")).text
    assert await waiting(side) == [claims.job_id]
    assert await side.client.get(f"{NAMES.prefix}cancel:{claims.job_id}") is None


async def test_what_rests_on_another_grant_or_is_somebody_elses_waits_on(side: Lenders):
    await side.run("stop web", "U0ANA", BROKEN)
    other = await side.run("restart web", "U0DAN", BROKEN)
    mine = next(one for one in await side.lending.grants.all() if one.user_id == "U0ANA")
    await side.revoke(mine.id, "U0LEAD")
    assert await waiting(side) == [other.job_id]


async def test_what_others_put_into_the_queue_keeps_nothing_from_being_taken_back(side: Lenders):
    claims = await side.run("stop web", "U0ANA", BROKEN)
    stream = NAMES.stream("local", "normal")
    [(_, fields)] = await side.client.xrange(stream)
    ticket = json.loads(fields[b"ticket"])
    forged = json.dumps({**ticket, "signature": ticket["signature"][::-1]})
    for others in ({"ticket": forged}, {"ticket": "no ticket"}, {"ticket": b"\xff"}, {"other": "x"}):
        await side.client.xadd(stream, others)
    [grant] = await side.lending.grants.all()
    assert (await side.revoke(grant.id, "U0LEAD")).text.endswith(f"began: {claims.job_id}.\n")
    assert await side.client.xlen(stream) == 4
