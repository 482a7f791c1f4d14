# ruff: noqa: ASYNC110, ASYNC240 - what is waited for lies in another process, or is its file
"""What is told and what runs again when a worker or the store dies."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.failpoints import STATUS
from bot.jobs.names import worker_client
from bot.jobs.wire import Began, Waits
from bot.jobs.worker import Worker
from handlers.faults import Unreachable
from handlers.outcome import Finding
from tests.bot.jobs.commands import Block, Echo, NoEngine, TestCatalogue, Touch

pytestmark = pytest.mark.store


async def lines(file: Path, count: int) -> None:
    """Waits until a file has so many lines."""
    async with asyncio.timeout(60):
        while not file.exists() or len(file.read_text().splitlines()) < count:
            await asyncio.sleep(0.01)


async def test_a_change_that_died_is_told_as_unknown_once_and_never_runs_again(
    bot, worker_process, new_worker, tmp_path
):
    process = worker_process()
    file = tmp_path / "f"
    job_id = await bot.order(Touch(file=str(file), gate=str(tmp_path / "gate")))
    await lines(file, 1)
    process.kill()
    process.wait()
    killed = time.monotonic()
    new_worker()
    result = (await bot.ended(job_id)).result
    assert time.monotonic() - killed < 30
    assert (result.exit_code, result.reason, result.kept) == (1, "outcome_unknown", False)
    assert "what happened is not known" in result.stderr.text
    assert "docker inspect" in result.hint
    for word in "ab":  # two further rounds of the orphan scan
        await bot.ended(await bot.order(Echo(words=(word,))))
        await asyncio.sleep(0.3)
    assert len(bot.heard(job_id)) == 1
    assert file.read_text() == f"{job_id}\n"


async def test_a_read_that_died_runs_again(bot, worker_process, new_worker):
    process = worker_process()
    job_id = await bot.order(Block(), deadline=1.0)
    await bot.began(job_id)
    process.kill()
    process.wait()
    new_worker()
    result = (await bot.ended(job_id)).result
    assert result.reason == "timed_out"  # it ran until its deadline, on the second worker
    assert sum(isinstance(event, Began) for event in bot.events) == 2


async def test_a_read_that_kills_every_worker_is_given_up(bot, worker_process, new_worker):
    job_id = await bot.order(Block(), not_after=time.time() + 60)
    for attempt in range(3):
        process = worker_process()
        async with asyncio.timeout(60):
            while sum(isinstance(event, Began) for event in bot.events) <= attempt:
                await asyncio.sleep(0.01)
        process.kill()
        process.wait()
    new_worker()
    result = (await bot.ended(job_id)).result
    assert result.reason == "outcome_unknown"
    assert "3 times" in result.stderr.text


async def test_a_worker_that_slept_past_its_lease_keeps_its_job(bot, worker_process, tmp_path):
    process = worker_process()
    gate = tmp_path / "gate"
    job_id = await bot.order(Touch(file=str(tmp_path / "f"), gate=str(gate)))
    await lines(tmp_path / "f", 1)
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.0)
    process.send_signal(signal.SIGCONT)
    await asyncio.sleep(0.5)
    gate.touch()
    assert (await bot.ended(job_id)).result.exit_code == 0
    assert len(bot.heard(job_id)) == 1


async def test_an_entry_without_a_claim_is_taken_again(bot, new_worker, store, names):
    new_worker()
    await bot.ended(await bot.order(Echo(words=("groups exist",))))
    claims = await bot.claims(Block(), deadline=0.5)
    await bot.send(claims, bot.keys.sign(claims))
    await bot.began(claims.job_id)
    # The claim is lost with the worker: the entry stays read, and nobody is on it.
    store.delete(f"{names.prefix}claim:{claims.job_id}")
    store.zrem(names.claims("local"), claims.job_id)
    assert (await bot.ended(claims.job_id)).result.reason == "timed_out"
    assert len(bot.heard(claims.job_id)) == 1


async def test_results_made_while_the_store_is_away_arrive_in_order(
    bot_on: Callable[[str], Any], start_store: Any, settings: Any, tmp_path: Path
):
    server = start_store()
    bot = await bot_on(server.url)
    client = worker_client(server.url)
    worker = Worker(settings, client=client, catalogue=TestCatalogue(), engine=NoEngine())
    worker.start()
    try:
        gates = [tmp_path / f"gate-{number}" for number in range(3)]
        jobs = [await bot.order(Touch(file=str(tmp_path / "f"), gate=str(gate))) for gate in gates]
        await lines(tmp_path / "f", 3)
        server.kill()
        for gate in gates:
            gate.touch()
            await asyncio.sleep(0.4)
        kept = settings.data_dir / "worker" / "local" / "unsent"
        async with asyncio.timeout(60):
            while len(list(kept.glob("*.json"))) < 3:
                await asyncio.sleep(0.05)
        server.start()
        results = [(await bot.ended(job_id)).result for job_id in jobs]
        assert [result.reason for result in results] == ["", "", ""]
        ends = [event.job_id for event in bot.events if not isinstance(event, Began)]
        assert ends == jobs
        assert not list(kept.glob("*.json"))
        assert (await bot.ended(await bot.order(Echo(words=("alive",))))).result.exit_code == 0
    finally:
        worker.stop(0.0)
        client.close()


async def test_results_kept_by_a_worker_that_died_are_sent_by_the_next(
    bot_on: Callable[[str], Any], start_store: Any, settings: Any, tmp_path: Path
):
    server = start_store()
    bot = await bot_on(server.url)
    for number in range(2):
        client = worker_client(server.url)
        worker = Worker(settings, client=client, catalogue=TestCatalogue(), engine=NoEngine())
        worker.start()
        if number == 0:
            job_id = await bot.order(Touch(file=str(tmp_path / "f"), gate=str(tmp_path / "gate")))
            await lines(tmp_path / "f", 1)
            server.kill()
            (tmp_path / "gate").touch()
            kept = settings.data_dir / "worker" / "local" / "unsent"
            async with asyncio.timeout(60):
                while not list(kept.glob("*.json")):
                    await asyncio.sleep(0.05)
            worker.stop(0.0)
            server.start()
            await asyncio.sleep(2 * settings.lease)
        else:
            assert (await bot.ended(job_id)).result.stdout.text == "touched\n"
            assert len(bot.heard(job_id)) == 1
            worker.stop(0.0)
        client.close()


CHANGES = {
    "claimed": ("not_done", "before it began this. Nothing was run", 0),
    "nonce consumed": ("not_done", "f: not done, since", 0),
    "after the engine": ("", "f: done, since", 1),
}
"""What is told of a change whose worker dies at a point, in which words, and how often it ran."""


@pytest.mark.parametrize("point", CHANGES)
async def test_a_change_whose_worker_died_is_told_of_with_what_was_looked_at(
    point, bot, worker_process, new_worker, tmp_path
):
    reason, words, times = CHANGES[point]
    process = worker_process(point)
    file = tmp_path / "f"
    job_id = await bot.order(Touch(file=str(file), on=("web",)))
    assert await asyncio.to_thread(process.wait, 30) == STATUS
    new_worker()
    result = (await bot.ended(job_id)).result
    assert result.reason == reason
    assert words in result.stderr.text
    await bot.ended(await bot.order(Touch(file=str(tmp_path / "g"), on=("web",))))  # its locks are gone
    assert len(bot.heard(job_id)) == 1
    assert (len(file.read_text().splitlines()) if file.exists() else 0) == times


async def test_an_orphan_is_not_looked_at_while_the_engine_is_away(
    bot, worker_process, new_worker, tmp_path, monkeypatch
):
    process = worker_process("after the engine")
    job_id = await bot.order(Touch(file=str(tmp_path / "f"), on=("web",)))
    await asyncio.to_thread(process.wait, 10)
    away = [True]

    def outcome(_self: Touch, *_: Any) -> Any:
        if away[0]:
            raise Unreachable("no engine")
        return (Finding(target="f", verdict="done", seen="there"),)

    monkeypatch.setattr(Touch, "outcome", outcome)
    new_worker()
    await asyncio.sleep(1.5)
    assert not bot.heard(job_id)
    away[0] = False
    assert (await bot.ended(job_id)).result.reason == ""


async def test_a_change_that_waits_behind_a_dead_workers_comes_next(
    bot, worker_process, new_worker, tmp_path
):
    process = worker_process()
    first = await bot.order(Touch(file=str(tmp_path / "f"), gate=str(tmp_path / "never"), on=("web",)))
    await lines(tmp_path / "f", 1)
    second = await bot.order(Touch(file=str(tmp_path / "g"), on=("web",)))
    async with asyncio.timeout(60):
        while not any(isinstance(event, Waits) for event in bot.events):
            await asyncio.sleep(0.01)
    process.kill()
    process.wait()
    assert not (tmp_path / "g").exists()
    new_worker()
    assert (await bot.ended(first)).result.reason == ""
    assert (await bot.ended(second)).result.stdout.text == "touched\n"


async def test_a_ticket_that_the_bot_did_not_sign_is_not_looked_into(
    bot, worker_process, new_worker, store, names, tmp_path
):
    process = worker_process("after the engine")
    job_id = await bot.order(Touch(file=str(tmp_path / "f"), on=("web",)))
    await asyncio.to_thread(process.wait, 10)
    # The dead worker's entry is put aside for a forged one.
    claim = f"{names.prefix}claim:{job_id}"
    stream = names.stream("local", "normal")
    entry = store.hget(claim, "entry")
    [(_, fields)] = store.xrange(stream, entry, entry)
    forged = {**fields, b"ticket": fields[b"ticket"].replace(b"U1", b"U2")}
    store.hset(claim, "entry", store.xadd(stream, forged))
    new_worker()
    result = (await bot.ended(job_id)).result
    assert result.reason == "outcome_unknown"
    assert "f: done" not in result.stderr.text
