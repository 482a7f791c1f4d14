"""How budgets end: with their incident, their time, their uses, by people, and what the audit has of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.approvals.lines import Approve, AskAgain
from bot.jobs.names import Names, bot_client
from handlers.faults import ApprovalClosed, Fault, Reason
from permissions.approval import State
from permissions.decision import Allow
from tests.bot.approvals.budget_side import LATER, LINE, Floor, incident

pytestmark = pytest.mark.store


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Floor]:
    async with bot_client(store_url) as client:
        for host in ("local", "other"):
            await client.set(Names("docktalk").alive(host), "w", ex=600)
        yield Floor(client, tmp_path)


async def test_it_ends_with_its_incident_also_if_one_of_that_name_is_opened_again(side: Floor):
    budget = await side.approved()
    side.tagged.known["INC-12"] = incident(record_id="I-9")
    assert await side.type() == "asked"
    await side.budgets.tick()
    assert side.shown_budgets[-1].over == "INC-12 is closed"
    side.tagged.known["INC-12"] = incident()
    assert await side.type() == "asked"
    assert budget not in await side.listed()


async def test_it_ends_with_its_time(side: Floor):
    await side.approved()
    side.now += 30 * 60
    assert await side.type() == "asked"
    await side.budgets.tick()
    assert side.shown_budgets[-1].over == "its time is over"
    await side.budgets.tick()
    assert await side.budgets.store.all() == ()


async def test_it_ends_with_its_uses_and_says_so(side: Floor):
    await side.approved()
    await side.type()
    await side.type()
    await side.budgets.tick()
    ended = side.shown_budgets[-1]
    assert (ended.over, ended.spoken) == ("all of it is used", "3 of 3 used")


REVOKERS = {
    "its asker": ("U0ANA", True),
    "who agreed": ("U0LEAD", True),
    "who could agree": ("U0BEN", True),
    "anybody": ("U0EVE", False),
}


@pytest.mark.parametrize(("user_id", "may"), REVOKERS.values(), ids=REVOKERS)
async def test_it_is_revoked_by_whom_it_is_about(side: Floor, user_id: str, may: bool):
    budget = await side.approved()
    if may:
        assert "is over, 1 of 3 used" in await side.revoke(budget.lower(), user_id)
        assert await side.type() == "asked"
        assert side.shown_budgets[-1].over == f"revoked by {user_id.lower()}"
        with pytest.raises(Fault, match="or it is over"):
            await side.revoke(budget, user_id)
    else:
        with pytest.raises(ApprovalClosed, match="It goes on"):
            await side.revoke(budget, user_id)
        assert await side.type() != "asked"


async def test_a_budget_that_was_taken_away_begins_again_with_the_numbers_that_it_had(side: Floor):
    budget = await side.approved()
    await side.type()
    first = await side.budgets.store.get(budget)
    await side.client.hdel(f"{Names('docktalk').prefix}in-force:budget", budget)
    desk, asked = side.desk, await side.desk.store.of_job(side.last_asked)
    again = await desk.budgets.begin(asked, first.approved("p"), Allow(rule="r"))
    assert again.used == 1
    assert [again.nonce(number) for number in (2, 3)] == [first.nonce(number) for number in (2, 3)]
    assert again.until == first.until


@pytest.mark.parametrize(
    ("reason", "ends"),
    [
        (Reason.MOVED, True),
        (Reason.DENIED, True),
        (Reason.CONFLICT, False),
        (Reason.LOCKED, False),
        ("", False),
    ],
)
async def test_a_use_that_met_something_else_ends_it(side: Floor, reason: str, ends: bool):
    budget = await side.approved()
    await side.budgets.refused(budget, reason)
    assert (await side.type() == "asked") is ends


async def test_nothing_is_given_once_the_incident_is_closed_before_the_yes(side: Floor):
    assert await side.type(LINE) == "asked"
    await side.look(side.last_asked)
    side.tagged.known.clear()
    await side.say(Approve(approval=side.last_asked), "U0LEAD")
    assert await side.state(side.last_asked) is State.VOID
    assert await side.claims() == []
    assert await side.budgets.store.all() == ()


async def test_the_audit_has_how_it_began_was_used_and_ended(side: Floor):
    budget = await side.approved()
    await side.type()
    await side.revoke(budget, "U0LEAD")
    entries = [fields[b"entry"].decode() for _, fields in await side.client.xrange(Names("docktalk").audit)]
    found = [one for one in entries if '"what":"budget"' in one]
    assert len(found) == 3
    for entry, change, said in zip(
        found,
        ("began", "used", "ended"),
        ("agreed to by U0LEAD", "2 of 3 used", "revoked by u0lead"),
        strict=True,
    ):
        assert f'"change":"{change}"' in entry
        assert said in entry
        assert '"incident":"INC-12"' in entry
    asked = next(one for one in entries if '"kind":"approval_asked"' in one)
    assert '"times":3' in asked
    assert '"within":1800.0' in asked


async def test_what_is_approved_after_its_incident_closed_runs_without_the_tag(side: Floor):
    assert await side.type(LATER) == "asked"
    await side.look(side.last_asked)
    side.tagged.known.clear()
    await side.say(Approve(approval=side.last_asked), "U0LEAD")
    [ticket] = await side.claims()
    assert ticket.operation.incident == ""


async def test_what_is_asked_for_again_after_its_incident_closed_gives_no_budget(side: Floor):
    budget = await side.approved()
    await side.desk.moved(side.last_asked, "container web is another one")
    side.tagged.known.clear()
    again = (await side.say(AskAgain(approval=side.last_asked), "U0ANA")).job_id
    assert (await side.desk.store.of_job(again)).operation.incident == ""
    await side.look(again)
    await side.say(Approve(approval=again), "U0LEAD")
    assert await side.state(again) is State.VOID
    assert [one.id for one in await side.budgets.store.all()] == [budget]


async def test_an_end_that_nobody_came_to_show_is_shown_by_the_next_bot(side: Floor):
    budget = await side.approved()
    await side.revoke(budget, "U0ANA")
    side.shown_budgets.clear()
    desk = side.budgets
    for _ in range(2):
        await desk.tick()
    assert [one.over for one in side.shown_budgets] == ["revoked by u0ana"]
