"""Budgets: one approval is good for several runs of the very same line, and for nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.approvals.budgets import times_checked
from bot.approvals.lines import Approve
from bot.jobs.journal import Journal
from bot.jobs.names import Names, bot_client
from bot.jobs.queue import StoreDown
from bot.tickets import Tickets
from handlers.faults import Denied, UsageFault
from handlers.grammar.parser import parse
from permissions.approval import State, Step, Terms, Threshold
from permissions.decide import decide
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Standing
from tests.bot.approvals.approval_side import CATALOGUE, WEB
from tests.bot.approvals.budget_side import BUDGET_POLICY, LATER, LINE, Floor, operation

pytestmark = pytest.mark.store


SECRET = "exec --times 3 -e TOKEN=one web env"


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Floor]:
    async with bot_client(store_url) as client:
        for host in ("local", "other"):
            await client.set(Names("docktalk").alive(host), "w", ex=600)
        yield Floor(client, tmp_path)


async def test_one_approval_is_good_for_as_many_runs_as_were_asked_for_and_no_more(side: Floor):
    budget = await side.approved()
    first, second = await side.type(), await side.type(LINE)
    assert await side.type() == "asked"
    claims = await side.claims()
    assert len(claims) == len({one.nonce for one in claims}) == 3
    assert [one.approved.bound for one in claims] == [(WEB,)] * 3
    assert {one.approved.by for one in claims} == {("U0LEAD",)}
    assert {one.principal.user_id for one in claims} == {"U0ANA"}
    notes = [(await side.record(job_id)).notes[-1] for job_id in (first, second)]
    assert [note.partition(",")[0] for note in notes] == [
        f"use 2 of 3 of {budget}",
        f"use 3 of 3 of {budget}",
    ]
    assert {(await side.record(job_id)).budget for job_id in (first, second)} == {budget}
    assert [one.used for one in side.shown_budgets] == [2, 3]


ELSE = {
    "somebody else": {"user_id": "U0DORA"},
    "another channel": {"channel_id": "C2"},
    "a thread": {"thread_ts": "1.2"},
    "another incident": {"tag": "INC-13"},
    "no incident": {"tag": ""},
    "another container": {"line": "restart api"},
    "one container more": {"line": "restart web api"},
    "another option": {"line": "restart -t 1 web"},
    "another command": {"line": "stop web"},
}


@pytest.mark.parametrize("changes", ELSE.values(), ids=ELSE)
async def test_it_is_good_for_nothing_else(side: Floor, changes: dict[str, str]):
    side.policy_file.write_text(BUDGET_POLICY.replace("users: [U0ANA]", "users: [U0ANA, U0DORA]"))
    await side.approved()
    assert await side.type(**changes) == "asked"
    assert len(await side.claims()) == 1


async def test_it_is_good_for_no_other_host(side: Floor):
    await side.approved()
    desk = side.desk
    who = await side.who("U0ANA")
    operation = parse(LATER, CATALOGUE).command.operation("local").model_copy(update={"incident": "INC-12"})
    decision = decide(desk.policy.current.policy, who, "C1", operation, side.now)
    draft = (await desk.store.of_job(side.last_asked)).draft
    other = draft.model_copy(update={"record": draft.record.model_copy(update={"host": "other"})})
    assert await side.budgets.spend(other, who, decision, "p") == (other, None)
    used, approved = await side.budgets.spend(draft, who, decision, "p")
    assert approved is not None
    assert used.nonce != draft.nonce


async def test_it_is_good_for_no_other_value_of_a_secret_option(side: Floor):
    await side.approved(SECRET)
    assert await side.type("exec -e TOKEN=two web env") == "asked"
    assert await side.type("exec -e TOKEN=one web env") != "asked"


async def test_two_bots_that_count_at_the_same_moment_give_out_no_more_than_there_is(side: Floor):
    await side.approved("restart --times 5 web")
    told = await asyncio.gather(*(side.type(desk=side.desk) for _ in range(9)), return_exceptions=True)
    ran = [one for one in told if isinstance(one, str) and one != "asked"]
    assert len(ran) == 4
    claims = await side.claims()
    assert len(claims) == len({one.nonce for one in claims}) == 5


async def test_a_line_that_is_delivered_twice_is_counted_once(side: Floor):
    await side.approved()
    assert await side.type(delivery="d7") == await side.type(delivery="d7")
    assert len(await side.claims()) == 2
    assert await side.type(delivery="d8") != "asked"


async def test_a_count_that_was_set_back_makes_a_number_that_the_worker_has_seen(side: Floor, tmp_path: Path):
    budget = await side.approved()
    key = f"{Names('docktalk').prefix}in-force:budget"
    before = await side.client.hget(key, budget)
    await side.type()
    await side.client.hset(key, budget, before)
    await side.type()  # by a bot that has just started
    claims = await side.claims()
    assert [one.nonce for one in claims[1:]] == [claims[1].nonce] * 2
    journal = Journal(tmp_path / "journal")
    assert [journal.consume(one.nonce, one.not_after) for one in claims] == [True, True, False]
    journal.close()


async def test_what_others_wrote_into_the_store_is_no_budget(side: Floor):
    budget = await side.approved()
    key = f"{Names('docktalk').prefix}in-force:budget"
    blob = await side.client.hget(key, budget)
    await side.client.hset(key, budget, blob[:-8] + b"AAAAAAA=")
    assert await side.type() == "asked"
    await side.client.hdel(key, budget)
    await side.client.hset(key, "B-77", blob)
    assert await side.type() == "asked"
    assert len(await side.claims()) == 1


async def test_an_approval_that_is_carried_out_twice_gives_one_budget(side: Floor):
    budget = await side.approved()
    await side.type()
    desk, asked = side.desk, await side.desk.store.of_job(side.last_asked)
    kept = await desk.budgets.store.get(budget)
    assert await desk.budgets.begin(asked, kept.approved("p"), Allow(rule="r")) == kept
    assert kept.used == 2


async def test_the_policy_decides_every_use(side: Floor):
    await side.approved()
    deny = "deny:\n  - {verbs: [operate]}\n"
    side.policy_file.write_text(BUDGET_POLICY + deny)
    with pytest.raises(Denied):
        await side.type()
    side.policy_file.write_text(BUDGET_POLICY.replace("people: 2", "people: 3"))
    assert await side.type() == "asked"
    side.policy_file.write_text(BUDGET_POLICY.replace("lead: {rules", "other: {rules: []}\n  lead: {rules"))
    assert await side.type() != "asked"
    [_, used] = await side.claims()
    # By the policy of now: the worker has to find the very terms that were met.
    assert used.approved.policy == used.policy == side.desk.policy.current.sha256


async def test_it_passes_no_freeze(side: Floor):
    await side.approved()
    desk, who = side.desk, await side.who("U0ANA")
    operation = parse(LATER, CATALOGUE).command.operation("local").model_copy(update={"incident": "INC-12"})
    decision = decide(desk.policy.current.policy, who, "C1", operation, side.now)
    frozen = decision.model_copy(update={"excepted": ("weekend",)})
    draft = (await desk.store.of_job(side.last_asked)).draft
    assert await side.budgets.spend(draft, who, frozen, "p") == (draft, None)
    with pytest.raises(UsageFault, match="freeze"):
        times_checked(parse(LINE, CATALOGUE), operation, frozen)


async def test_somebody_who_is_no_member_any_more_uses_nothing(side: Floor):
    await side.approved()
    side.people.standing["U0ANA"] = Standing.DELETED
    with pytest.raises(Denied):
        await side.type()


async def test_what_nobody_had_to_agree_to_gives_none(side: Floor):
    assert await side.type(LINE) == "asked"
    await side.look(side.last_asked, free=True)
    assert await side.state(side.last_asked) is State.APPROVED
    assert await side.budgets.store.all() == ()


async def test_those_in_force_are_listed_where_they_were_given_and_for_whom_they_are(side: Floor):
    budget = await side.approved()
    await side.type()
    row = await side.listed()
    for said in (budget, "2 of 3 used", "INC-12", "restart web", "local"):
        assert said in row
    assert budget in await side.listed("U0ANA", "C9")
    assert budget in await side.listed("U0LEAD", "C9")
    assert budget not in await side.listed("U0EVE", "C9")


def needs() -> NeedsApproval:
    return NeedsApproval(rule="r", terms=Terms(any=(Threshold(steps=(Step(groups=("S0SRE",)),)),)))


def test_a_budget_is_for_an_open_incident():
    with pytest.raises(UsageFault, match="open incident") as told:
        times_checked(parse(LINE, CATALOGUE), operation(""), needs())
    assert "incident open" in told.value.hint
    assert times_checked(parse(LINE, CATALOGUE), operation("INC-12"), needs()).times == 3


def test_what_is_allowed_anyway_is_run_and_says_so():
    parsed = times_checked(parse(LINE, CATALOGUE), operation(""), Allow(rule="r"))
    assert parsed.times == 1
    assert "not needed" in parsed.warnings[-1]


def test_a_dry_run_asks_for_nothing():
    line = parse("restart --dry-run --times 3 web", CATALOGUE)
    assert times_checked(line, operation(""), needs()) is line


async def test_who_dies_before_the_first_run_is_queued_leaves_one_budget_and_a_run(side: Floor, monkeypatch):
    async def gone(*_: Any, **__: Any) -> Any:
        raise StoreDown(unsure=True)

    assert await side.type(LINE) == "asked"
    await side.look(side.last_asked)
    with monkeypatch.context() as patch:
        patch.setattr(Tickets, "issue", gone)
        with pytest.raises(StoreDown):
            await side.say(Approve(approval=side.last_asked), "U0LEAD")
    await side.tick()
    await side.tick()
    assert len(await side.claims()) == 1
    [budget] = await side.budgets.store.all()
    assert (budget.used, budget.most) == (1, 3)
