"""Orders that only the bot gives, on a real worker: narrowing what a job shows, reading an output again."""

import asyncio
from typing import Any

import pytest

from bot.jobs.names import Names
from bot.jobs.wire import (
    CHECK,
    NARROW,
    SHOW,
    Checked,
    CheckOrder,
    Ended,
    NarrowOrder,
    Progress,
    Progressed,
    Refused,
    ShowOrder,
)
from permissions.model import Record
from permissions.ticket import CommandWire, SealedValue, Ticket
from tests.bot.jobs.commands import Block, Echo, Touch
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
    async with asyncio.timeout(60):
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


async def checked(bot: Bot, job_id: str) -> Checked:
    async with asyncio.timeout(60):
        while not (found := [e for e in bot.events if isinstance(e, Checked) and e.job_id == job_id]):  # noqa: ASYNC110 - events ring no bell
            await asyncio.sleep(0.01)
    return found[-1]


async def test_what_became_of_a_change_is_looked_at_again_and_nothing_runs(bot, new_worker, tmp_path):
    new_worker()
    file = tmp_path / "f"
    claims = await bot.claims(Touch(file=str(file), on=("web",)))
    await bot.send(claims, bot.keys.sign(claims))
    await bot.ended(claims.job_id)
    file.rename(tmp_path / "gone")
    look = CheckOrder(
        job_id=claims.job_id, nonce=claims.nonce, since=claims.issued_at - 100, command=claims.command
    )
    await sent(bot, CHECK, look)
    seen = await checked(bot, claims.job_id)
    assert seen.reason == "not_done"
    # By the journal it is known when it began, better than by when it was decided.
    assert float(seen.text.rpartition(" ")[2]) > claims.issued_at
    assert not file.exists()


async def test_a_change_that_leaves_no_trace_stays_unknown(bot, new_worker, tmp_path):
    new_worker()
    claims = await bot.claims(Touch(file=str(tmp_path / "f")))
    await sent(bot, CHECK, CheckOrder(job_id="J-900", nonce="n", since=1.0, command=claims.command))
    seen = await checked(bot, "J-900")
    assert (seen.reason, seen.text) == (
        "outcome_unknown",
        "What this does leaves nothing behind that could be looked at.",
    )


NO_LOOKS = {
    "with secrets": CommandWire(
        path="test echo", fields={}, sealed={"env": SealedValue(blob="b", digest="d")}
    ),
    "at no command": CommandWire(path="test nothing", fields={}),
}


@pytest.mark.parametrize("command", NO_LOOKS.values(), ids=NO_LOOKS)
async def test_an_order_to_look_that_means_nothing_is_refused(bot, new_worker, command):
    new_worker()
    job_id = await sent(bot, CHECK, CheckOrder(job_id="J-900", nonce="n", since=1.0, command=command))
    assert isinstance((await bot.ends(job_id))[0], Refused)


async def test_the_end_of_a_change_that_was_cut_carries_its_ticket_and_no_other_end_does(
    bot, new_worker, tmp_path
):
    new_worker()
    read = await bot.order(Block())
    await bot.began(read)
    change = await bot.order(Touch(file=str(tmp_path / "f"), gate=str(tmp_path / "gate")))
    await bot.began(change)
    await bot.queue.cancel(read, "local")
    await bot.queue.cancel(change, "local")
    assert (await bot.ended(read)).ticket == ""
    ended = await bot.ended(change)
    assert bot.trust.verify(Ticket.model_validate_json(ended.ticket)).job_id == change
    (tmp_path / "gate").touch()
    done = await bot.order(Touch(file=str(tmp_path / "f")))
    assert (await bot.ended(done)).ticket == ""
