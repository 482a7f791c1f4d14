"""A worker holds what a lock or a freeze reaches: nothing is run, and the job may come again, once."""

import asyncio
import time
from typing import Any

import pytest

from bot.jobs.wire import Ended, Held, Refused
from bot.store.policy_bundles import BotBundles
from handlers.grammar.parser import parse
from permissions.approval import Step, Terms, Threshold
from permissions.bundle import bundle, digest
from permissions.freezes import Freeze, When
from permissions.holds import Lock
from permissions.policy import Policy
from permissions.ticket import Approved, TicketRefusal
from tests.bot.jobs.commands import Echo, Touch
from tests.bot.jobs.conftest import POLICY, POLICY_SHA256
from tests.bot.jobs.live_host import CATALOGUE, Listing, container

pytestmark = pytest.mark.store

MARK = "{docktalk}:policy:in-force"
ALWAYS = When(from_=1.0, until=9e12)
BY_LEADS = Terms(any=(Threshold(steps=(Step(users=("U2",)),)),))


def lock(owner: str = "U2", **changes: Any) -> Lock:
    told = {"id": "K-3", "owner_id": owner, "owner_name": "ben", "reason": "heap", "set_at": 1.0}
    return Lock.model_validate({**told, "host": "local", **changes})


async def publish(bot, *locks: Lock, policy: Policy = POLICY, serial: int = 1) -> str:
    bundles = BotBundles(bot.queue._redis, "docktalk", bot.keys, bot.trust)

    async def read() -> tuple[Lock, ...]:
        return locks

    assert await bundles.publish(policy, serial, read)
    return digest(bundle(policy))


async def held(bot, job: str) -> Held:
    [event] = await bot.ends(job)
    assert isinstance(event, Held), event
    return event


async def again(bot, claims, ticket) -> Any:
    """Queues a held job once more under its own ticket, as often as somebody likes."""
    seen = len(bot.heard(claims.job_id))
    await bot.queue.accept_again(bot.record(claims), ticket, claims.not_after)
    async with asyncio.timeout(60):
        while len(bot.heard(claims.job_id)) == seen:  # noqa: ASYNC110 - as in conftest.py
            await asyncio.sleep(0.005)
    return bot.heard(claims.job_id)[-1]


async def test_what_is_locked_is_held_and_runs_once_when_the_lock_is_gone(bot, new_worker, tmp_path):
    await publish(bot, lock())
    new_worker()
    claims = await bot.claims(Touch(file=str(tmp_path / "touched")))
    ticket = bot.keys.sign(claims)
    job = await bot.send(claims, ticket)
    event = await held(bot, job)
    assert (event.lock, event.freeze, event.ticket) == ("K-3", "", ticket.model_dump_json())
    assert not (tmp_path / "touched").exists()
    await publish(bot)
    assert isinstance(await again(bot, claims, ticket), Ended)
    assert (tmp_path / "touched").read_text().count("\n") == 1
    # Whoever has the ticket of a held job has nothing: the job is over.
    await bot.queue.accept_again(bot.record(claims), ticket, claims.not_after)
    other = await bot.order(Echo(words=("later",)))
    await bot.ended(other)
    assert (tmp_path / "touched").read_text().count("\n") == 1


async def test_a_held_job_is_nobodys_while_the_worker_is_away_and_runs_on_the_next(bot, new_worker, tmp_path):
    await publish(bot, lock())
    worker = new_worker()
    claims = await bot.claims(Touch(file=str(tmp_path / "touched")))
    ticket = bot.keys.sign(claims)
    await held(bot, await bot.send(claims, ticket))
    worker.stop(grace=0.0)
    new_worker()
    assert isinstance(await again(bot, claims, ticket), Held)  # it remembers the lock, and is told of it
    await publish(bot)
    assert isinstance(await again(bot, claims, ticket), Ended)
    assert (tmp_path / "touched").read_text().count("\n") == 1


async def test_two_held_jobs_under_one_nonce_run_once(bot, new_worker, tmp_path):
    await publish(bot, lock())
    new_worker()
    file = str(tmp_path / "touched")
    first = await bot.claims(Touch(file=file))
    second = (await bot.claims(Touch(file=file))).model_copy(update={"nonce": first.nonce})
    for claims in (first, second):
        await bot.send(claims, bot.keys.sign(claims))
        await held(bot, claims.job_id)
    await publish(bot)
    assert isinstance(await again(bot, first, bot.keys.sign(first)), Ended)
    refused = await again(bot, second, bot.keys.sign(second))
    assert isinstance(refused, Refused)
    assert refused.refusal == TicketRefusal.NONCE_USED
    assert (tmp_path / "touched").read_text().count("\n") == 1


async def test_its_owner_and_whoever_only_reads_are_not_held(bot, new_worker, tmp_path):
    await publish(bot, lock("U1"))
    new_worker()
    await bot.ended(await bot.order(Touch(file=str(tmp_path / "touched"))))
    assert (tmp_path / "touched").exists()
    await publish(bot, lock("U2"))
    assert (await bot.ended(await bot.order(Echo(words=("hello",))))).result.exit_code == 0


async def test_a_lock_that_has_ended_by_the_workers_clock_holds_nothing(bot, new_worker, tmp_path):
    await publish(bot, lock(until=time.time() - 1))
    new_worker()
    await bot.ended(await bot.order(Touch(file=str(tmp_path / "touched"))))


async def test_a_mark_of_before_the_lock_put_back_runs_nothing(bot, new_worker, tmp_path, store):
    before = store.get(MARK)
    await publish(bot, lock())
    new_worker()
    await held(bot, await bot.order(Touch(file=str(tmp_path / "touched"))))
    store.set(MARK, before)
    job = await bot.order(Touch(file=str(tmp_path / "touched")))
    [event] = await bot.ends(job)
    assert isinstance(event, Refused)
    assert event.refusal == TicketRefusal.POLICY_STALE
    assert not (tmp_path / "touched").exists()


async def test_a_container_is_held_by_whatever_it_is_named(bot, new_worker):
    await publish(bot, lock(container="web"))
    new_worker(engine=Listing(containers=[container("web")]), catalogue=CATALOGUE)
    for line in (f"restart {'c' * 12}", "restart web", "container prune -f", "rename db web"):
        command = parse(line, CATALOGUE).command
        assert (await held(bot, await bot.order(command))).lock == "K-3", line


def frozen(**changes: Any) -> Policy:
    freeze = Freeze(reason="books", by="board", when=(ALWAYS,), **changes)
    return POLICY.model_copy(update={"freezes": {"stock": freeze}})


async def test_what_a_freeze_reaches_is_held_and_what_was_excepted_runs(bot, new_worker, tmp_path):
    sha256 = await publish(bot, policy=frozen(exception=BY_LEADS), serial=2)
    new_worker()
    touch = Touch(file=str(tmp_path / "touched"))
    assert (await held(bot, await bot.order(touch, policy=sha256))).freeze == "stock"
    agreed = Approved(policy=sha256, terms=BY_LEADS, bound=(), by=("U2",), excepted=("stock",))
    for wrong in (
        agreed.model_copy(update={"excepted": ()}),
        agreed.model_copy(update={"excepted": ("other",)}),
        agreed.model_copy(update={"policy": POLICY_SHA256}),
    ):
        await held(bot, await bot.order(touch, policy=sha256, approved=wrong))
    lesser = agreed.model_copy(update={"terms": Terms(any=(Threshold(steps=(Step(users=("U3",)),)),))})
    # Those whom the policy names have not agreed: it is not held, but it may not run either.
    assert (await bot.ended(await bot.order(touch, policy=sha256, approved=lesser))).result.reason == "denied"
    assert not (tmp_path / "touched").exists()
    await bot.ended(await bot.order(touch, policy=sha256, approved=agreed))
    assert (tmp_path / "touched").exists()


async def test_only_an_incident_that_the_ticket_names_passes_a_freeze(bot, new_worker, tmp_path):
    verbs = (Touch.verb,)
    sha256 = await publish(bot, policy=frozen(incident_verbs=verbs), serial=2)
    new_worker()
    touch = Touch(file=str(tmp_path / "INC-12"))
    await held(bot, await bot.order(touch, policy=sha256))
    tagged = touch.operation("local").model_copy(update={"incident": "INC-12"})
    await bot.ended(await bot.order(touch, policy=sha256, operation=tagged))
    assert (tmp_path / "INC-12").exists()
