"""`/docktalk can-i` on a store: what was lent, granted, locked and counted, and the thread's target."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.audit.entries import Known
from bot.holds.not_now import NotNow
from bot.jobs.names import Names, bot_client
from bot.own.thread_target import TargetDesk
from bot.policy.answers import PolicyAnswers, question
from bot.policy.limits import MOST_ASKS
from bot.request import Origin, Request
from bot.store.kept_locks import KeptLock, KeptLocks
from bot.store.thread_targets import ThreadTarget, ThreadTargets
from bot.times import clock_time
from bot.weighing import Weighing
from handlers.catalogue import load
from handlers.faults import Denied, Fault
from handlers.grammar.parser import parse
from permissions.audit import InForceChanged
from permissions.holds import Lock
from tests.bot.approvals.budget_side import Floor
from tests.bot.lending.lending_side import BROKEN, Lenders

pytestmark = pytest.mark.store

CATALOGUE = load()


class Asks:
    """Asks `can-i` on the bot's side of a test."""

    def __init__(self, side: Any) -> None:
        self.side = side
        self.thread_ts = ""

    @property
    def targets(self) -> TargetDesk:
        side = self.side
        desk = side.desk
        return TargetDesk(
            store=ThreadTargets(side.client, "docktalk", side.keys, lambda: side.now),
            hosts=side.hosts,
            lending=side.lending,
            inventories=desk.limits.inventories,
            catalogue=CATALOGUE,
            corrections=desk.tickets.corrections,
            clock=lambda: side.now,
        )

    @property
    def locks(self) -> KeptLocks:
        side = self.side
        return KeptLocks(side.client, "docktalk", side.keys, side.desk.audit)

    async def __call__(self, line: str, user_id: str = "U0ANA", job: str = "") -> str:
        side, desk = self.side, self.side.desk
        answers = PolicyAnswers(
            people=side.people.principal,
            jobs=desk.queue.request,
            weighing=Weighing(
                hosts=side.hosts,
                targets=self.targets,
                incidents=side.tagged,
                lending=side.lending,
                not_now=NotNow(self.locks, lambda: side.now),
                unmasked=False,
                clock=lambda: side.now,
            ),
            limits=desk.limits,
            budgets=side.budgets,
            wire=desk.tickets.wire,
            clock=lambda: side.now,
        )
        who = await side.who(user_id)
        request = Request(
            origin=Origin.MENTION if self.thread_ts else Origin.SLASH,
            delivery_id="asked",
            team_id="T1",
            user_id=user_id,
            user_name=who.name,
            channel_id="C1",
            thread_ts=self.thread_ts,
            program="docktalk",
            text=f"why {job}" if job else f'can-i "{line}"',
            received_at=side.now,
        )
        asked = question(request)
        assert asked is not None
        return await answers.answer(
            asked, desk.policy.current.policy, who, request, Known(who=who, policy="p")
        )


@pytest.fixture
async def lenders(store_url: str, tmp_path: Path) -> AsyncIterator[Lenders]:
    async with bot_client(store_url) as client:
        await client.set(Names("docktalk").alive("local"), "w", ex=600)
        yield Lenders(client, tmp_path)


@pytest.fixture
async def floor(store_url: str, tmp_path: Path) -> AsyncIterator[Floor]:
    async with bot_client(store_url) as client:
        await client.set(Names("docktalk").alive("local"), "w", ex=600)
        yield Floor(client, tmp_path)


async def test_a_role_that_was_lent_is_counted_as_long_as_it_is_lent(lenders: Lenders):
    can_i = Asks(lenders)
    assert (await can_i("stop web")).startswith("No. ")
    grant = await lenders.elevated()
    text = await can_i("docker stop web")
    assert text.startswith("Yes, unless the worker finds")
    assert f"\nWith the role operator, lent to you until {clock_time(grant.until)} ({grant.id}).\n" in text
    assert "allow  role operator, rule 1" in text
    assert "lent" not in await can_i("ps"), "what their own roles allow needs nothing that was lent"
    await lenders.revoke(grant.id, "U0LEAD")
    assert (await can_i("stop web")).startswith("No. ")


async def test_a_job_that_ran_under_a_lent_role_is_told_with_it(lenders: Lenders):
    can_i = Asks(lenders)
    grant = await lenders.elevated()
    claims = await lenders.run("stop web", "U0ANA")
    assert f"lent to you until {clock_time(grant.until)} ({grant.id})" in await can_i("", job=claims.job_id)
    assert f"lent to u0ana until {clock_time(grant.until)}" in await can_i("", "U0BEN", job=claims.job_id)
    lenders.now = grant.until
    assert "\nNo. " in await can_i("", job=claims.job_id)


async def test_a_glass_that_would_be_broken_is_told_and_not_broken(lenders: Lenders):
    can_i = Asks(lenders)
    assert 'If it cannot wait: --break-glass "REASON" lends you a role' in await can_i("stop web")
    assert "break-glass" not in await can_i("stop web", "U0BEN")
    text = await can_i(f"stop --break-glass '{BROKEN}' web")
    assert text.startswith("Yes, unless the worker finds")
    until = clock_time(lenders.now + 1800)
    assert f"\nWith the role everything, which the broken glass lends you until {until}; all hear" in text
    assert (await lenders.lending.grants.all(), await lenders.lending.reviews.all()) == ((), ())
    assert "No. breaking the glass is for operate" in await can_i(f"rm --break-glass '{BROKEN}' web")


async def test_a_budget_that_covers_the_line_is_told_with_what_is_left_of_it(floor: Floor):
    can_i = Asks(floor)
    assert (await can_i("restart web")).startswith("Only once people have agreed.")
    budget = await floor.approved()
    until = clock_time(floor.now + 30 * 60)
    for left in (2, 1):
        text = await can_i("restart web")
        assert text.startswith("Yes, unless the worker finds")
        assert f"\nCovered by the budget {budget} for INC-12: {left} of 3 left until {until}.\n" in text
        assert "agree " not in text
        assert await floor.type("restart web") != "asked"
    assert (await can_i("restart web")).startswith("Only once people have agreed.")


@pytest.mark.parametrize("line", ["restart db", "restart -t 3 web", "stop web"])
async def test_a_budget_is_told_of_for_its_own_line_alone(floor: Floor, line: str):
    await floor.approved()
    assert "budget" not in await Asks(floor)(line)


async def test_a_lock_of_somebody_else_is_told_and_one_of_their_own_is_not(floor: Floor):
    can_i = Asks(floor)
    for number, (owner_id, held) in enumerate((("U0CLEO", True), ("U0ANA", False))):
        lock = Lock(
            id=f"K-{number}",
            owner_id=owner_id,
            owner_name=owner_id.lower(),
            reason="disk is being changed",
            set_at=floor.now,
            host="local",
            container=f"web-{owner_id.lower()}",
        )
        kept = KeptLock(id=lock.id, lock=lock, delivery_id=lock.id, channel_id="C1")
        told = InForceChanged(what="lock", id=lock.id, change="began", about=lock.about, channel_id="C1")
        assert await can_i.locks.records.begin(kept, told)
        text = await can_i(f"restart web-{owner_id.lower()}")
        assert ("\nNot now: local/web-u0cleo is locked by u0cleo since" in text) is held


async def test_what_was_done_too_often_is_told_and_the_question_counts_for_nothing(floor: Floor):
    can_i = Asks(floor)
    rates = 'rates:\n  - {per: user, limit: 2, within: 1h, commands: ["container restart"]}\n'
    text = floor.policy_file.read_text("utf-8")
    floor.policy_file.write_text(text + rates, encoding="utf-8")
    policy, ana = floor.desk.policy.current.policy, await floor.who("U0ANA")
    operation = parse("restart web", CATALOGUE).command.operation("local")
    for _ in range(2):
        for _ in range(5):
            assert "Not now" not in await can_i("restart web")
        await floor.desk.limits.count(policy, ana, "C1", operation, floor.now)
    assert "\nNot now: 2 of these in 1 hour is the limit for you." in await can_i("restart web")
    with pytest.raises(Denied):
        await floor.desk.limits.count(policy, ana, "C1", operation, floor.now)


async def test_who_has_asked_others_too_often_is_told_so(floor: Floor):
    can_i = Asks(floor)
    for number in range(MOST_ASKS):
        await floor.type(f"restart web-{number}")
    text = await can_i("restart web")
    assert f"\nNot now: {MOST_ASKS} of these in 10 minutes is the limit for you." in text


async def test_a_line_in_a_thread_is_about_its_target(floor: Floor):
    can_i = Asks(floor)
    can_i.thread_ts = "17.5"
    with pytest.raises(Fault):
        await can_i("restart")
    await can_i.targets.store.set(
        ThreadTarget(
            channel_id="C1",
            thread_ts="17.5",
            host="local",
            container="web",
            user_id="U0BEN",
            user_name="ben",
            used_at=floor.now,
        )
    )
    text = await can_i("restart")
    assert text.startswith("Only once people have agreed.")
    assert "\nweb on local: this thread's target, set by ben; it asks once before it runs\n" in text


async def test_several_runs_are_asked_about_as_the_line_itself_would_be(floor: Floor):
    can_i = Asks(floor)
    assert (await can_i("restart --times 3 web")).startswith("Only once people have agreed.")
    floor.tagged.known.clear()
    with pytest.raises(Fault, match="--times is for an open incident"):
        await can_i("restart --times 3 web")
