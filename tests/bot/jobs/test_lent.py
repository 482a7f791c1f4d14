"""A whole worker counts a lent role by its own clock: what ended while a job waited does not run."""

import asyncio
import time

import pytest

from bot.store.policy_bundles import BotBundles
from handlers.faults import Reason
from permissions.bundle import bundle, digest
from permissions.operation import Lent, Principal, Standing
from permissions.policy import Policy, Role, Rule
from permissions.verbs import Danger, Verb
from tests.bot.jobs.commands import Touch

pytestmark = pytest.mark.store

POLICY = Policy(
    version=1,
    roles={"operator": Role(rules=(Rule(commands=("*",), max_danger=Danger.ROOT_EQUIVALENT),))},
)


def holder(**lent) -> Principal:
    told = {"id": "G-4", "role": "operator", "until": time.time() + 60, "break_glass": True, **lent}
    return Principal(
        team_id="T1",
        user_id="U1",
        name="ada",
        standing=Standing.MEMBER,
        as_of=time.time(),
        lent=(Lent(**told),),
    )


async def publish(bot) -> str:
    bundles = BotBundles(bot.queue._redis, "docktalk", bot.keys, bot.trust)
    assert await bundles.publish(POLICY, 2)
    return digest(bundle(POLICY))


async def test_what_was_lent_lets_a_job_run_at_the_worker(bot, new_worker, tmp_path):
    new_worker()
    sha256 = await publish(bot)
    job = await bot.order(Touch(file=str(tmp_path / "touched")), policy=sha256, principal=holder())
    assert (await bot.ended(job)).result.exit_code == 0
    assert (tmp_path / "touched").exists()


async def test_a_job_queued_before_the_end_that_starts_after_it_does_not_run(bot, new_worker, tmp_path):
    sha256 = await publish(bot)
    soon = time.time() + 0.2
    job = await bot.order(Touch(file=str(tmp_path / "touched")), policy=sha256, principal=holder(until=soon))
    await asyncio.sleep(max(0.0, soon - time.time()))
    new_worker()
    result = (await bot.ended(job)).result
    assert result.reason == Reason.DENIED
    assert "The role operator was lent until" in result.stderr.text
    assert "(G-4), and that is over" in result.stderr.text
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("lent", [{"hosts": ("another",)}, {"verbs": (Verb.LIST,)}], ids=str)
async def test_what_was_lent_for_something_else_does_not_count(bot, new_worker, tmp_path, lent):
    new_worker()
    sha256 = await publish(bot)
    job = await bot.order(Touch(file=str(tmp_path / "touched")), policy=sha256, principal=holder(**lent))
    assert (await bot.ended(job)).result.reason == Reason.DENIED
    assert not (tmp_path / "touched").exists()
