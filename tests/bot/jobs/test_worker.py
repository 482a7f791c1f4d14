# ruff: noqa: ASYNC110 - what is waited for lies in the store
"""A job from its ticket to its last event, on a real store."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from bot.jobs.wire import CELLS, TAIL_BYTES, Began, Waits
from bot.jobs.worker import Worker, WorkerRefused
from tests.bot.jobs.commands import Block, Echo, Fail, Follow, Fresh, Stuck, Sweep, Touch
from tests.bot.jobs.conftest import Bot

pytestmark = pytest.mark.store

NewWorker = Callable[..., Worker]


async def test_a_command_runs_once_and_its_output_comes_back(bot: Bot, new_worker: NewWorker):
    worker = new_worker()
    job_id = await bot.order(Echo(words=("hello",)))
    result = (await bot.ended(job_id)).result
    assert (result.exit_code, result.reason, result.stdout.text, result.stderr.text) == (0, "", "hello\n", "")
    assert [type(event) for event in bot.events] == [Began, type(await bot.ended(job_id))]
    with worker.spool.read(job_id, "stdout") as file:
        assert file.read() == b"hello\n"


async def test_sealed_values_reach_the_command_and_are_masked_in_what_it_says(bot, new_worker):
    worker = new_worker()
    job_id = await bot.order(Echo(words=("env:",), env=("TOKEN=swordfish-9",)))
    assert (await bot.ended(job_id)).result.stdout.text == "env:\n[masked]\n"
    with worker.spool.read(job_id, "stdout") as file:
        assert b"swordfish" not in file.read()


async def test_an_unmasked_ticket_shows_them(bot, new_worker):
    new_worker()
    job_id = await bot.order(Echo(env=("TOKEN=swordfish-9",)), unmasked=True)
    assert (await bot.ended(job_id)).result.stdout.text == "TOKEN=swordfish-9\n"


async def test_a_secret_of_the_target_is_masked(bot, new_worker):
    new_worker()
    claims = await bot.claims(Echo(words=("target-secret-1",)))
    resource = {"kind": "container", "name": "web"}
    operation = claims.operation.model_dump() | {"verb": "reveal", "resources": [resource]}
    claims = claims.model_validate(claims.model_dump() | {"operation": operation})
    job_id = await bot.send(claims, bot.keys.sign(claims))
    assert (await bot.ended(job_id)).result.stdout.text == "[masked]\n"


async def test_an_option_that_the_engine_is_too_old_for_is_refused_before_the_command_runs(bot, new_worker):
    new_worker()
    assert (await bot.ended(await bot.order(Fresh()))).result.stdout.text == "ran\n"
    result = (await bot.ended(await bot.order(Fresh(zone="x")))).result
    assert (result.exit_code, result.reason, result.stdout.text) == (1, "api_too_old", "")
    assert result.stderr.text == (
        '"--zone" requires API version 1.42, but the Docker daemon API version is 1.41\n'
    )


@pytest.mark.parametrize(
    ("how", "reason", "stderr"),
    [
        ("fault", "not_found", "Error response from daemon: No such container: web\n"),
        (
            "error",
            "internal",
            "Something went wrong inside Docktalk; the worker's log tells more under this job's id.\n",
        ),
    ],
)
async def test_a_failure_is_told_as_the_cli_does_or_generically(how, reason, stderr, bot, new_worker):
    new_worker()
    with structlog.testing.capture_logs() as logs:
        result = (await bot.ended(await bot.order(Fail(how=how)))).result
    assert (result.exit_code, result.reason, result.stderr.text) == (1, reason, stderr)
    assert "hunter2" not in repr(logs)
    assert any(entry["event"] == "job failed inside" for entry in logs) == (how == "error")


async def test_a_table_keeps_its_cells_masked_and_under_the_cap(bot, new_worker):
    new_worker()
    table = (await bot.ended(await bot.order(Fail(how="table")))).result.table
    assert table is not None
    assert (table.total, len(table.rows)) == (1500, CELLS // 2)
    assert table.rows[7] == ("7", "PASSWORD=[masked]")


async def test_redis_gets_the_tail_and_the_disk_the_whole(bot, new_worker):
    worker = new_worker()
    job_id = await bot.order(Echo(words=("x" * 99,), times=2000))
    result = (await bot.ended(job_id)).result
    assert (result.stdout.total_bytes, result.stdout.total_lines, result.stdout.cut) == (200_000, 2000, True)
    assert len(result.stdout.text.encode()) <= TAIL_BYTES
    assert len(result.head) == 4096
    with worker.spool.read(job_id, "stdout") as file:
        assert len(file.read()) == 200_000


async def test_a_job_past_its_deadline_ends_with_124(bot, new_worker):
    new_worker()
    result = (await bot.ended(await bot.order(Block(), deadline=0.5))).result
    assert (result.exit_code, result.reason, result.stdout.text) == (124, "timed_out", "begun\n")


@pytest.mark.parametrize(
    ("reason", "exit_code"), [("cancelled", 130), ("timed_out", 124)], ids=["by a person", "by a deadline"]
)
async def test_a_running_job_is_cancelled_while_it_runs(reason, exit_code, bot, new_worker):
    new_worker()
    job_id = await bot.order(Block())
    await bot.began(job_id)
    assert await bot.queue.cancel(job_id, "local", reason=reason) == "told"
    result = (await bot.ended(job_id)).result
    assert (result.exit_code, result.reason) == (exit_code, reason)
    assert await bot.queue.cancel(job_id, "local") == "ended"


async def test_a_waiting_job_is_cancelled_where_it_waits(bot, new_worker, tmp_path):
    job_id = await bot.order(Touch(file=str(tmp_path / "f")))
    assert await bot.queue.cancel(job_id, "local") == "removed"
    result = (await bot.ended(job_id)).result
    assert (result.exit_code, result.reason) == (130, "cancelled")
    new_worker()
    await bot.ended(await bot.order(Echo(words=("after",))))
    assert not (tmp_path / "f").exists()
    assert len(bot.heard(job_id)) == 1


async def test_a_job_that_does_not_end_is_answered_for_and_its_slot_replaced(bot, new_worker, tmp_path):
    new_worker(slots=1)
    gate = tmp_path / "gate"
    job_id = await bot.order(Stuck(gate=str(gate)), deadline=0.1)
    result = (await bot.ended(job_id)).result
    assert (result.exit_code, result.reason) == (124, "timed_out")
    assert "may have been carried out" in result.hint
    for word in ("next", "and next"):
        assert (await bot.ended(await bot.order(Echo(words=(word,))))).result.stdout.text == f"{word}\n"
    gate.touch()
    await bot.ended(await bot.order(Echo(words=("after it came back",))))
    assert len(bot.heard(job_id)) == 1


async def test_no_more_jobs_run_at_once_than_there_are_slots(bot, new_worker):
    new_worker(slots=2)
    orders = [await bot.claims(Block()) for _ in range(3)]
    first, second, third = [  # of three people: nobody's jobs take every slot
        await bot.send(claims, bot.keys.sign(claims), user_id=f"U{number}")
        for number, claims in enumerate(orders)
    ]
    await bot.began(first)
    await bot.began(second)
    await asyncio.sleep(0.1)
    assert sum(isinstance(event, Began) for event in bot.events) == 2
    await bot.queue.cancel(first, "local")
    await bot.began(third)
    for job_id in (second, third):
        assert await bot.queue.cancel(job_id, "local") == "told"
    for job_id in (first, second, third):
        assert (await bot.ended(job_id)).result.exit_code == 130


async def test_stopping_lets_short_jobs_end_and_cuts_streams(bot, new_worker, tmp_path):
    worker = new_worker()
    gate = tmp_path / "gate"
    short = await bot.order(Touch(file=str(tmp_path / "f"), gate=str(gate)))
    stream = await bot.order(Block())
    await bot.began(short)
    await bot.began(stream)
    stopping = asyncio.create_task(asyncio.to_thread(worker.stop, 3.0))
    await asyncio.sleep(0.1)
    gate.touch()
    assert (await bot.ended(short)).result.exit_code == 0
    assert (await bot.ended(stream)).result.reason == "cancelled"
    await stopping
    waiting = await bot.order(Echo(words=("later",)))
    await asyncio.sleep(0.1)
    assert not bot.heard(waiting)


async def test_a_second_worker_on_the_same_folder_is_refused(new_worker):
    new_worker()
    with pytest.raises(WorkerRefused, match="a host has one worker"):
        new_worker()


async def test_unset_options_stay_unset_on_the_way(bot):
    wire = (await bot.claims(Echo(words=("a",)))).command
    assert (wire.fields, wire.sealed) == ({"words": ["a"]}, {})


async def test_the_host_is_seen_to_live(bot, new_worker):
    assert not await bot.queue.alive("local")
    new_worker()
    async with asyncio.timeout(60):
        while not await bot.queue.alive("local"):
            await asyncio.sleep(0.02)


async def test_a_full_disk_loses_the_copy_and_says_so(bot, new_worker, tmp_path: Path):
    worker = new_worker()
    # A file where the job's folder should be: no directory can be made there, even by root.
    job_id = f"J-{int((await bot.queue.next_job_id())[2:]) + 1}"
    (tmp_path / "data" / "worker" / "local" / "spool" / job_id).touch()
    assert await bot.order(Echo(words=("hello",))) == job_id
    result = (await bot.ended(job_id)).result
    assert (result.exit_code, result.stdout.text, result.kept) == (0, "hello\n", False)
    assert "did not take the whole output" in result.hint
    with pytest.raises(NotADirectoryError):
        worker.spool.read(job_id, "stdout")


async def test_a_stopping_worker_cuts_follows_at_once_and_hands_back_what_has_not_begun(
    bot, new_worker, tmp_path
):
    worker = new_worker(slots=1)
    gate = tmp_path / "gate"
    running = await bot.order(Touch(file=str(tmp_path / "f"), gate=str(gate)))
    follow = await bot.order(Follow())
    await bot.began(running)
    await bot.began(follow)
    waiting = await bot.order(Touch(file=str(tmp_path / "g")))
    stopping = asyncio.create_task(asyncio.to_thread(worker.stop, 60.0))
    result = (await bot.ended(follow, 30.0)).result
    assert (result.reason, result.stderr.text) == (
        "cancelled",
        "The worker was stopped; the stream ends here.\n",
    )
    assert not bot.heard(running)
    gate.touch()
    assert (await bot.ended(running)).result.exit_code == 0
    await stopping
    assert not bot.heard(waiting)
    new_worker()
    assert (await bot.ended(waiting)).result.stdout.text == "touched\n"


async def test_follows_do_not_take_the_slots_of_quick_jobs(bot, new_worker):
    new_worker(slots=1, follow_slots=3)  # of which one asker gets two
    follows = [await bot.order(Follow()) for _ in range(3)]
    await bot.began(follows[1])
    assert (await bot.ended(await bot.order(Echo(words=("quick",))))).result.stdout.text == "quick\n"
    for job_id in follows:
        await bot.queue.cancel(job_id, "local")
    assert [(await bot.ended(job_id)).result.exit_code for job_id in follows] == [130, 130, 130]


async def test_a_waiting_change_takes_no_slot_and_says_behind_whom_it_waits(bot, new_worker, tmp_path):
    new_worker(slots=1)
    gate = tmp_path / "gate"
    first = await bot.order(Touch(file=str(tmp_path / "f"), gate=str(gate), on=("web",)))
    await bot.began(first)
    other = await bot.order(Touch(file=str(tmp_path / "h"), on=("db",)))
    second = await bot.order(Touch(file=str(tmp_path / "g"), on=("web",)))
    gate.touch()
    for job_id in (first, other, second):
        assert (await bot.ended(job_id)).result.exit_code == 0


async def test_a_prune_waits_until_the_host_is_quiet(bot, new_worker, tmp_path):
    new_worker()
    gate = tmp_path / "gate"
    first = await bot.order(Touch(file=str(tmp_path / "f"), gate=str(gate), on=("web",)))
    await bot.began(first)
    prune = await bot.order(Sweep(file=str(tmp_path / "g")))
    async with asyncio.timeout(60):
        while not any(isinstance(event, Waits) and event.job_id == prune for event in bot.events):
            await asyncio.sleep(0.01)
    assert not (tmp_path / "g").exists()
    gate.touch()
    assert (await bot.ended(prune)).result.exit_code == 0
