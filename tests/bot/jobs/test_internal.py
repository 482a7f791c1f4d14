"""Orders that only the bot gives, on a real worker: narrowing what a job shows, reading an output again."""

import asyncio
from typing import Any

import pytest

from bot.jobs.names import Names
from bot.jobs.wire import NARROW, SHOW, Ended, NarrowOrder, Progress, Progressed, Refused, ShowOrder
from permissions.model import Record
from permissions.ticket import CommandWire, Ticket
from tests.bot.jobs.commands import Block, Echo
from tests.bot.jobs.conftest import Bot

pytestmark = pytest.mark.store


async def order(bot: Bot, path: str, fields: dict[str, Any]):
    claims = await bot.claims(Echo())
    return claims.model_copy(update={"command": CommandWire(path=path, fields=fields)})


async def sent(bot: Bot, path: str, fields: Record) -> str:
    claims = await order(bot, path, fields.model_dump(mode="json"))
    return await bot.send(claims, bot.keys.sign(claims))


async def shown(store, names: Names, job_id: str, predicate) -> Progress:
    """What the running job shows, once it satisfies the predicate."""
    async with asyncio.timeout(10):
        while True:
            text = store.get(names.live(job_id))
            if text and predicate(progress := Progress.model_validate_json(text)):
                return progress
            await asyncio.sleep(0.02)


async def test_what_a_job_prints_is_told_while_it_runs_and_never_after_it(bot, new_worker, store, names):
    new_worker()
    job_id = await bot.order(Block())
    await shown(store, names, job_id, lambda p: p.tail == "begun\n")
    await bot.said(job_id, Progressed)
    await bot.queue.cancel(job_id, "local")
    await bot.ended(job_id)
    store.delete(names.live(job_id))
    await asyncio.sleep(1.5)
    assert store.get(names.live(job_id)) is None


async def test_news_that_no_bot_has_read_are_one_event_however_many_they_are(bot, new_worker, store, names):
    worker = new_worker()
    job_id = await bot.order(Block())
    await shown(store, names, job_id, lambda p: p.tail == "begun\n")
    live = worker._lives.find(job_id)
    for number in range(20):
        live.write(f"{number}\n".encode())
        worker._lives.round(1e10 + number * 10)
    progress = await shown(store, names, job_id, lambda p: p.tail.endswith("19\n"))
    assert progress.total_lines == 21
    assert len([e for e in bot.events if isinstance(e, Progressed) and e.job_id == job_id]) == 1
    await bot.queue.cancel(job_id, "local")


async def test_a_signed_order_narrows_what_a_job_shows(bot, new_worker, store, names):
    worker = new_worker()
    job_id = await bot.order(Block())
    await shown(store, names, job_id, lambda p: p.tail == "begun\n")
    await sent(bot, NARROW, NarrowOrder(job_id=job_id, pattern="needle"))
    await shown(store, names, job_id, lambda p: p.pattern == "needle")
    worker._lives.find(job_id).write(b"hay\nneedle\n")
    progress = await shown(store, names, job_id, lambda p: p.matched == 1)
    assert progress.tail == "needle\n"
    await bot.queue.cancel(job_id, "local")


FORGERIES = {
    "unsigned": lambda ticket: Ticket(claims=ticket.claims, signature="", key_id=ticket.key_id),
    "altered": lambda ticket: Ticket(
        claims=ticket.claims.replace("needle", "haysta"), signature=ticket.signature, key_id=ticket.key_id
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_nobody_else_narrows_it(bot, new_worker, store, names, forge):
    new_worker()
    job_id = await bot.order(Block())
    await shown(store, names, job_id, lambda p: p.tail == "begun\n")
    claims = await order(bot, NARROW, {"job_id": job_id, "pattern": "needle"})
    await bot.send(claims, forge(bot.keys.sign(claims)))
    assert isinstance((await bot.ends(claims.job_id))[0], Refused)
    assert Progress.model_validate_json(store.get(names.live(job_id))).pattern == ""
    await bot.queue.cancel(job_id, "local")


async def test_an_output_is_read_again_and_nothing_runs(bot, new_worker):
    new_worker()
    job_id = await bot.order(Echo(words=("one", "two"), times=20))
    await bot.ended(job_id)
    shown_id = await sent(bot, SHOW, ShowOrder(job_id=job_id, lines=3, pattern="two"))
    end = await bot.ended(shown_id)
    assert end.result.stdout.text == "36:two\n38:two\n40:two\n"
    assert (end.result.page.total_lines, end.result.page.matched, end.result.page.older) == (40, 20, True)


async def test_the_output_of_a_job_that_still_runs_is_read_as_far_as_it_is(bot, new_worker, store, names):
    new_worker()
    job_id = await bot.order(Block())
    await shown(store, names, job_id, lambda p: p.tail == "begun\n")
    end = await bot.ended(await sent(bot, SHOW, ShowOrder(job_id=job_id)))
    assert end.result.stdout.text == "begun\n"
    await bot.queue.cancel(job_id, "local")


NOT_READ = {
    "a job that printed nothing": {"job_id": "J-999"},
    "what is no pattern": {"job_id": "J-1", "pattern": "("},
    "an id that is a path": {"job_id": "../J-1"},
}


@pytest.mark.parametrize("fields", NOT_READ.values(), ids=NOT_READ)
async def test_what_cannot_be_read_is_said(bot, new_worker, fields):
    new_worker()
    await bot.ended(await bot.order(Echo(words=("one",))))
    end = await bot.ended(await sent(bot, SHOW, ShowOrder(**fields)))
    assert isinstance(end, Ended)
    assert (end.result.exit_code, end.result.stdout.text, end.result.page) == (1, "", None)
    assert end.result.stderr.text


async def test_an_order_that_cannot_be_read_is_refused(bot, new_worker):
    new_worker()
    claims = await order(bot, SHOW, {"lines": "many"})
    await bot.send(claims, bot.keys.sign(claims))
    assert isinstance((await bot.ends(claims.job_id))[0], Refused)
