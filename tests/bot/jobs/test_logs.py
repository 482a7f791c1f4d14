"""Whatever a worker or a bot logs of a job says which one, and nothing of what was typed or printed."""

import logging

import pytest
import structlog

from tests.bot.jobs.commands import Block, Echo, Fail, Touch

pytestmark = pytest.mark.store

OF_A_JOB = {"job begun", "job left", "job failed inside", "output not kept"}


@pytest.fixture
def logged():
    """Everything that is logged, with what the context adds."""
    entries: list[dict] = []

    def keep(_logger, level, entry):
        entries.append({"level": level, **entry})
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, keep],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )
    yield entries
    structlog.configure(**before)


async def test_a_job_is_logged_from_its_begin_to_its_end_under_its_id(bot, new_worker, logged, tmp_path):
    new_worker()
    done = await bot.order(Touch(file=str(tmp_path / "f")))
    failed = await bot.order(Fail(how="error"))
    stopped = await bot.order(Block())
    await bot.ended(done)
    await bot.ended(failed)
    await bot.began(stopped)
    await bot.queue.cancel(stopped, "local")
    await bot.ended(stopped)
    told = {
        job: [(e["event"], e.get("reason", "")) for e in logged if e.get("job_id") == job]
        for job in (done, failed, stopped)
    }
    assert told[done] == [("job begun", ""), ("job left", "done")]
    assert told[failed] == [("job begun", ""), ("job failed inside", ""), ("job left", "internal")]
    assert told[stopped] == [("job begun", ""), ("job left", "cancelled")]
    assert all("job_id" in entry for entry in logged if entry["event"] in OF_A_JOB)


async def test_nothing_of_a_line_or_an_output_is_logged(bot, new_worker, logged):
    new_worker()
    await bot.ended(await bot.order(Echo(words=("word-of-a-person",), env=("PASSWORD=hunter2hunter2",))))
    await bot.ended(await bot.order(Fail(how="error")))
    assert logged
    for secret in ("word-of-a-person", "hunter2"):
        assert secret not in str(logged)
