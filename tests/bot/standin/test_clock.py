"""The hand-moved clock runs what is due, in order, at its own moment."""

import asyncio

from bot.standin.clock import ManualClock, RealClock


async def test_calls_run_in_order_of_their_time():
    clock = ManualClock(100.0)
    seen = []
    clock.after(5, lambda: seen.append(("b", clock.now())))
    clock.after(1, lambda: seen.append(("a", clock.now())))
    clock.after(9, lambda: seen.append(("c", clock.now())))
    await clock.advance(6)
    assert seen == [("a", 101.0), ("b", 105.0)]
    assert clock.now() == 106.0


async def test_a_cancelled_call_does_not_run():
    clock = ManualClock(0.0)
    seen = []
    clock.after(1, lambda: seen.append("a")).cancel()
    await clock.advance(2)
    assert seen == []


async def test_one_advance_carries_a_sleeper_through_several_naps():
    clock = ManualClock(0.0)
    woken = []

    async def nap():
        for _ in range(3):
            await clock.sleep(10)
            woken.append(clock.now())

    task = asyncio.ensure_future(nap())
    await asyncio.sleep(0)
    await clock.advance(30)
    await task
    assert woken == [10.0, 20.0, 30.0]


async def test_the_real_clock_is_the_machines():
    clock = RealClock()
    before = clock.now()
    await clock.sleep(0.001)
    assert clock.now() > before
    ran = asyncio.Event()
    clock.after(0, ran.set)
    await asyncio.wait_for(ran.wait(), 60)
