"""A whole worker decides again: nothing it denies is run, and the asker is told by which rule."""

import time

import pytest

from bot.jobs.wire import Refused
from bot.store.policy_bundles import BotBundles
from handlers.faults import Reason
from permissions.bundle import bundle, digest
from permissions.operation import Principal, Standing
from permissions.policy import Policy
from permissions.ticket import TicketRefusal
from tests.bot.jobs.commands import Echo, Touch

pytestmark = pytest.mark.store

NOBODY = Policy(version=1, contact="Sara")


async def publish(bot, policy: Policy, serial: int) -> str:
    bundles = BotBundles(bot.queue._redis, "docktalk", bot.keys, bot.trust)
    assert await bundles.publish(policy, serial)
    return digest(bundle(policy))


async def test_what_the_policy_in_force_denies_at_the_worker_is_not_run(bot, new_worker, tmp_path):
    new_worker()
    sha256 = await publish(bot, NOBODY, 2)
    job = await bot.order(Touch(file=str(tmp_path / "touched")), policy=sha256)
    result = (await bot.ended(job)).result
    assert (result.reason, result.exit_code) == (Reason.DENIED, 1)
    assert result.stderr.text == "The policy gives you no role. Nothing was run.\n"
    assert result.hint == "Decided on this host by default. Ask Sara."
    assert not (tmp_path / "touched").exists()


async def test_a_job_whose_policy_was_replaced_before_it_began_is_refused(bot, new_worker, tmp_path):
    await publish(bot, NOBODY, 2)
    new_worker()
    job = await bot.order(Touch(file=str(tmp_path / "touched")))
    [event] = await bot.ends(job)
    assert isinstance(event, Refused)
    assert event.refusal == TicketRefusal.POLICY_STALE
    assert not (tmp_path / "touched").exists()


async def test_an_asker_who_is_no_member_any_more_is_denied_by_the_worker_too(bot, new_worker, tmp_path):
    new_worker()
    guest = Principal(team_id="T1", user_id="U1", name="ada", standing=Standing.GUEST, as_of=time.time())
    job = await bot.order(Touch(file=str(tmp_path / "touched")), principal=guest)
    assert (await bot.ended(job)).result.reason == Reason.DENIED
    assert not (tmp_path / "touched").exists()


async def test_what_is_allowed_runs_as_before(bot, new_worker):
    new_worker()
    assert (await bot.ended(await bot.order(Echo(words=("hi",))))).result.exit_code == 0
