"""What fails by the clock is logged, keeps nothing else waiting, and is tried by the next tick."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.clockwork import for_ever, look_after
from bot.jobs.queue import StoreDown

FAILS = {"a fault": (StoreDown(unsure=False), "warning"), "a mistake of ours": (KeyError("id"), "error")}


@pytest.mark.parametrize(("error", "level"), FAILS.values(), ids=FAILS)
async def test_what_fails_is_logged_with_what_it_was_about(error: Exception, level: str):
    async def fails() -> None:
        raise error

    with capture_logs() as logs:
        await look_after("lock", fails(), lock="K-3")
    [told] = logs
    assert (told["log_level"], told["what"], told["lock"]) == (level, "lock", "K-3")


async def test_the_end_of_the_process_is_no_failure():
    async def ends() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await look_after("lock", ends())


async def test_a_tick_that_fails_is_followed_by_the_next():
    ticks = 0
    third = asyncio.Event()

    async def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            third.set()
        raise StoreDown(unsure=False)

    clock = asyncio.create_task(for_ever("locks", tick, 0))
    async with asyncio.timeout(60):
        await third.wait()
    clock.cancel()
    await asyncio.gather(clock, return_exceptions=True)
    assert ticks >= 3
