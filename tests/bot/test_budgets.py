"""Budgets: one approval is good for several runs of the very same line, and for nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.approval_lines import Approve, AskAgain
from bot.budget_lines import Budgets
from bot.budgets import checked
from bot.jobs.journal import Journal
from bot.jobs.names import Names, bot_client
from bot.jobs.queue import StoreDown
from bot.request import Origin, Request
from bot.revoke import RevokeDesk
from bot.revoke_lines import Revoke
from bot.said import Said
from bot.store.incidents import Incident
from bot.tickets import Tickets
from handlers.faults import ApprovalClosed, Denied, Fault, Reason, UsageFault
from handlers.grammar.parser import parse
from permissions.approval import State, Step, Terms, Threshold
from permissions.decide import decide
from permissions.decision import Allow, Deny, NeedsApproval
from permissions.operation import Standing
from permissions.ticket import Claims, Ticket
from tests.bot.approval_side import CATALOGUE, POLICY, WEB, Side

pytestmark = pytest.mark.store

BUDGET_POLICY = POLICY.replace("verbs: [operate]", "verbs: [operate, exec]")
LINE = "restart --times 3 --within 30m web"
LATER = "restart web"
SECRET = "exec --times 3 -e TOKEN=one web env"


def incident(name: str = "INC-12", record_id: str = "I-1", at: float = 0.0) -> Incident:
    return Incident(
        id=record_id,
        name=name,
        team_id="T1",
        channel_id="C1",
        owner_id="U0ANA",
        owner_name="ana",
        opened_at=at,
        until=1e12,
    )


class Incidents:
    """Those that are open, by name."""

    def __init__(self) -> None:
        self.known = {"INC-12": incident(), "INC-13": incident("INC-13", "I-2")}

    async def open(self, name: str) -> Incident | None:
        return self.known.get(name)

    async def tag(self, _channel_id: str, _thread_ts: str) -> str:
        return next(iter(self.known), "")


class Floor(Side):
    """The bot's side with incidents; a line takes the path of the pipeline from its decision on."""

    def __init__(self, client: Any, folder: Path) -> None:
        super().__init__(client, folder)
        self.policy_file.write_text(BUDGET_POLICY, encoding="utf-8")
        self.tagged: Any = Incidents()
        self._typed = 0

    async def type(
        self,
        line: str = LATER,
        user_id: str = "U0ANA",
        *,
        channel_id: str = "C1",
        thread_ts: str = "",
        tag: str = "INC-12",
        host: str = "local",
        delivery: str = "",
        desk: Any = None,
    ) -> str:
        """The id of the job that runs at once, or "asked" where people have to be asked."""
        desk = desk or self.desk
        self._typed += 1
        who = await self.who(user_id)
        request = Request(
            origin=Origin.SLASH,
            delivery_id=delivery or f"typed-{self._typed}",
            team_id="T1",
            user_id=user_id,
            user_name=user_id.lower(),
            channel_id=channel_id,
            thread_ts=thread_ts,
            text=line,
            received_at=self.now,
        )
        parsed = parse(line, CATALOGUE)
        operation = parsed.command.operation(host).model_copy(update={"incident": tag})
        policy = desk.policy.current
        decision = decide(policy.policy, who, channel_id, operation, self.now)
        if isinstance(decision, Deny):
            raise Denied(decision.reason, rule=decision.rule)
        parsed = checked(parsed, operation, decision)
        draft = await desk.tickets.draft(request, who, parsed, operation)
        draft, approved = await desk.budgets.spend(draft, who, decision, policy.sha256)
        if isinstance(decision, NeedsApproval) and approved is None:
            self.last_asked = (await desk.ask(draft, who, decision, "")).job_id
            return "asked"
        job_id, _ = await desk.tickets.issue(draft, who, decision, policy.sha256, approved)
        return job_id

    async def approved(self, line: str = LINE) -> str:
        """The id of a budget that was just given."""
        assert await self.type(line) == "asked"
        job_id = self.last_asked
        await self.look(job_id)
        await self.say(Approve(approval=job_id), "U0LEAD")
        assert await self.state(job_id) is State.APPROVED
        return f"B-{job_id[2:]}"

    async def revoke(self, budget: str, user_id: str) -> str:
        line = Revoke(named=budget)
        request = Request(
            origin=Origin.SLASH,
            delivery_id="revoke",
            team_id="T1",
            user_id=user_id,
            user_name=user_id.lower(),
            channel_id="C1",
            program="docktalk",
            text=line.path,
            received_at=self.now,
        )
        desk = RevokeDesk({"B": self.budgets.revoke})
        said = Said(request, await self.who(user_id), self.desk.policy.current)
        return (await desk.answer(line, said)).text

    async def listed(self, user_id: str = "U0EVE", channel_id: str = "C1") -> str:
        line = Budgets()
        request = Request(
            origin=Origin.SLASH,
            delivery_id="list",
            team_id="T1",
            user_id=user_id,
            user_name=user_id.lower(),
            channel_id=channel_id,
            program="docktalk",
            text=line.path,
            received_at=self.now,
        )
        said = Said(request, await self.who(user_id), self.desk.policy.current)
        return (await self.budgets.answer(line, said)).text

    async def claims(self) -> list[Claims]:
        """Of every job that is to run, in every lane."""
        found = []
        async for key in self.client.scan_iter(match=f"{Names('docktalk').prefix}*"):
            if await self.client.type(key) == b"stream":
                for _, fields in await self.client.xrange(key):
                    if b"ticket" in fields:
                        found.append(self.ticket(fields[b"ticket"]))
        return sorted((one for one in found if one.mode == "run"), key=lambda one: int(one.job_id[2:]))

    def ticket(self, text: bytes) -> Claims:
        return self.trust.verify(Ticket.model_validate_json(text))

    async def record(self, job_id: str):
        return await self.desk.queue.request(job_id)


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
        checked(parse(LINE, CATALOGUE), operation, frozen)


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


async def test_somebody_who_is_no_member_any_more_uses_nothing(side: Floor):
    await side.approved()
    side.people.standing["U0ANA"] = Standing.DELETED
    with pytest.raises(Denied):
        await side.type()


async def test_nothing_is_given_once_the_incident_is_closed_before_the_yes(side: Floor):
    assert await side.type(LINE) == "asked"
    await side.look(side.last_asked)
    side.tagged.known.clear()
    await side.say(Approve(approval=side.last_asked), "U0LEAD")
    assert await side.state(side.last_asked) is State.VOID
    assert await side.claims() == []
    assert await side.budgets.store.all() == ()


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


def needs() -> NeedsApproval:
    return NeedsApproval(rule="r", terms=Terms(any=(Threshold(steps=(Step(groups=("S0SRE",)),)),)))


def operation(tag: str):
    return parse(LINE, CATALOGUE).command.operation("local").model_copy(update={"incident": tag})


def test_a_budget_is_for_an_open_incident():
    with pytest.raises(UsageFault, match="open incident") as told:
        checked(parse(LINE, CATALOGUE), operation(""), needs())
    assert "incident open" in told.value.hint
    assert checked(parse(LINE, CATALOGUE), operation("INC-12"), needs()).times == 3


def test_what_is_allowed_anyway_is_run_and_says_so():
    parsed = checked(parse(LINE, CATALOGUE), operation(""), Allow(rule="r"))
    assert parsed.times == 1
    assert "not needed" in parsed.warnings[-1]


def test_a_dry_run_asks_for_nothing():
    line = parse("restart --dry-run --times 3 web", CATALOGUE)
    assert checked(line, operation(""), needs()) is line


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


async def test_an_end_that_nobody_came_to_show_is_shown_by_the_next_bot(side: Floor):
    budget = await side.approved()
    await side.revoke(budget, "U0ANA")
    side.shown_budgets.clear()
    desk = side.budgets
    for _ in range(2):
        await desk.tick()
    assert [one.over for one in side.shown_budgets] == ["revoked by u0ana"]
