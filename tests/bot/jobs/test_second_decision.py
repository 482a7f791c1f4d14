"""A whole worker decides again: nothing it denies is run, and the asker is told by which rule."""

import time

import pytest

from bot.jobs.wire import Refused, Seen
from bot.store.policy_bundles import BotBundles
from handlers.faults import Reason
from handlers.grammar.parser import parse
from permissions.bundle import bundle, digest
from permissions.operation import Principal, Standing
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.targets import Targets
from permissions.ticket import TicketRefusal
from permissions.verbs import Kind
from tests.bot.jobs.commands import Echo, Touch
from tests.bot.jobs.live_host import CATALOGUE, Listing, container

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


async def test_a_job_is_refused_and_not_lost_where_the_word_of_the_policy_is_no_text(
    bot, new_worker, store, tmp_path
):
    mark = "{docktalk}:policy:in-force"
    store.delete(mark)
    store.hset(mark, "a", "b")
    new_worker()
    job = await bot.order(Touch(file=str(tmp_path / "touched")))
    [event] = await bot.ends(job)
    assert isinstance(event, Refused)
    assert event.refusal == TicketRefusal.POLICY_UNKNOWN
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


HIDING = Policy(
    version=1,
    roles={"all": Role(rules=(Rule(commands=("*",)),))},
    bindings=(Binding(role="all", users=("U1",)),),
    deny=(DenyRule(commands=("*",), targets=Targets(container=("secret-*",))),),
)
SOME = Policy(
    version=1,
    roles={"web": Role(rules=(Rule(commands=("*",), targets=Targets(container=("label:tier=web",))),))},
    bindings=(Binding(role="web", users=("U1",)),),
)


async def test_a_listing_on_its_way_through_a_worker_shows_what_its_asker_may_see(bot, new_worker):
    new_worker(engine=Listing(), catalogue=CATALOGUE)
    line = parse('ps --format "{{.Names}}"', CATALOGUE).command
    job = await bot.order(line, policy=await publish(bot, HIDING, 2))
    result = (await bot.ended(job)).result
    assert result.stdout.text.split() == ["web", "cart"]
    job = await bot.order(line, policy=await publish(bot, SOME, 3))
    assert (await bot.ended(job)).result.stdout.text.split() == ["web"]


async def test_a_label_that_somebody_writes_into_the_store_opens_nothing(bot, new_worker, store, names):
    host = Listing(**{"/containers/secret-db/json": container("secret-db", labels={"tier": "secret"})})
    new_worker(engine=host, catalogue=CATALOGUE)
    sha256 = await publish(bot, SOME, 2)
    forged = Seen(id="c" * 64, names=("secret-db",), labels={"tier": "web"}).model_dump_json()
    for key in ("secret-db", "c" * 64):
        store.hset(names.inventory("local", Kind.CONTAINER), key, forged)
    store.set(names.inventory_at("local"), "1")
    job = await bot.order(parse("restart secret-db", CATALOGUE).command, policy=sha256)
    result = (await bot.ended(job)).result
    assert (result.reason, result.hint) == (
        Reason.DENIED,
        "Decided on this host by default. Ask whoever keeps the policy.",
    )
