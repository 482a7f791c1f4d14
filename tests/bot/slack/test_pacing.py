"""The outbox keeps to Slack's pace, on a clock that the test moves."""

import asyncio
import contextlib

import pytest

from bot.standin.clock import ManualClock
from bot.standin.mishaps import Mishap
from bot.standin.server import StandIn
from bot.store.outbox import Pace

from .conftest import FAST, entry, texts, wired

pytestmark = pytest.mark.store


async def test_waits_as_long_as_slack_says(bare_side):
    clock = ManualClock(1_790_000_000.0)
    async with bare_side(clock, FAST) as side:
        side.standin.mishaps.next("chat.postMessage", Mishap.RATE_LIMITED, retry_after=30)
        await side.outbox.put(entry("a"))
        await side.until_posts(1)
        await settle()
        await step(clock, 29)
        assert side.standin.messages("C01OPS") == []
        # The method is held for everybody, not for this one message.
        await side.outbox.put(entry("b", channel_id="C02DEV"))
        await settle()
        assert len(side.posts()) == 1
        await step(clock, 2)
        await side.standin.until(lambda s: s.messages("C01OPS") and s.messages("C02DEV"))


OUTAGES = {
    "no answer but 503": Mishap.SERVER_ERROR,
    "too many calls": Mishap.RATE_LIMITED,
    "dropped connections": Mishap.DROP_BEFORE,
}


@pytest.mark.parametrize("mishap", OUTAGES.values(), ids=OUTAGES)
async def test_an_hour_of_outage_and_a_restart_in_it_lose_nothing_and_keep_the_order(store_url, keys, mishap):
    clock = ManualClock(1_790_000_000.0)
    names = [f"{number:02}" for number in range(12)]
    async with _standin(clock, rates=False) as standin:
        standin.mishaps.next("chat.postMessage", mishap, times=10**9, retry_after=30)
        for half in (names[:6], names[6:]):
            async with wired(standin, store_url, keys, Pace(), clock) as side:
                for name in half:
                    await side.outbox.put(entry(name))
                    await stride(clock, 300)
        assert standin.messages("C01OPS") == []
        standin.mishaps._planned.clear()
        async with wired(standin, store_url, keys, Pace(), clock):
            await step(clock, 60)
            await standin.until(lambda s: len(s.messages("C01OPS")) == len(names))
        shown = [one.text for one in standin.messages("C01OPS")]
    assert [text.removeprefix("(repeat) ") for text in shown] == names
    # Only the one that was being tried can have come through.
    assert sum(text.startswith("(repeat)") for text in shown) <= 1


async def test_what_runs_is_edited_every_three_seconds_and_its_end_at_once(bare_side):
    clock = ManualClock(1_790_000_000.0)
    async with bare_side(clock, Pace()) as side:
        await side.outbox.put(entry("a"))
        await side.until_posts(1)
        for second in range(1, 31):
            passing = entry("a", f"{second}", revision=1 + second, spacing=3.0)
            await side.outbox.put(passing)
            await settle()
            await step(clock, 1)
        edits = len(texts(side, "chat.update"))
        assert 9 <= edits <= 11
        await side.outbox.put(entry("a", "done", revision=99))
        await side.until_posts(edits + 1, "chat.update")
        assert texts(side, "chat.update")[-1] == "done"


async def test_sixty_that_run_leave_the_edits_of_ends_their_room(bare_side):
    clock = ManualClock(1_790_000_000.0)
    async with bare_side(clock, Pace(rate=1000, burst=1000), rates=True) as side:
        side.standin.rates.channel_burst = 1000
        side.standin.rates.per_minute["chat.postMessage"] = 1000
        jobs = [f"{number:03}" for number in range(60)]
        await side.outbox.put(*(entry(job) for job in jobs))
        await side.until_posts(60)
        for second in range(30):
            await side.outbox.put(
                *(entry(job, f"{second}", revision=2 + second, spacing=3.0) for job in jobs)
            )
            await step(clock, 1)
        await side.outbox.put(entry("007", "done", revision=999))
        await side.standin.until(lambda _: "done" in texts(side, "chat.update")[-1:])
        assert side.standin.rates.refused == 0
        assert len(texts(side, "chat.update")) <= 40


async def test_keeps_to_a_message_a_second_after_a_burst(bare_side):
    clock = ManualClock(1_790_000_000.0)
    async with bare_side(clock, Pace(), rates=True) as side:
        for number in range(9):
            await side.outbox.put(entry(f"{number}"))
        await side.until_posts(5)
        await settle()
        assert len(side.posts()) == 5
        for expected in (6, 7, 8, 9):
            await step(clock, 1.0)
            await side.until_posts(expected)
            await settle()
            assert len(side.posts()) == expected
        assert side.standin.rates.refused == 0
        assert texts(side) == [str(number) for number in range(9)]


async def test_edits_are_coalesced_and_the_last_one_wins(bare_side):
    clock = ManualClock(1_790_000_000.0)
    async with bare_side(clock, Pace(edit_rate=1.0, edit_burst=1.0)) as side:
        await side.outbox.put(entry("a"))
        await side.until_posts(1)
        await side.outbox.put(entry("a", "r2", revision=2))
        await side.until_posts(1, "chat.update")
        for revision in range(3, 50):
            await side.outbox.put(entry("a", f"r{revision}", revision=revision))
        await settle()
        await step(clock, 1.5)
        await side.until_posts(2, "chat.update")
        await settle()
        assert texts(side, "chat.update") == ["r2", "r49"]


@contextlib.asynccontextmanager
async def _standin(clock, rates):
    made = StandIn(clock, rates=rates)
    made.world.add_user("alice", "U01ALICE")
    made.world.add_channel("ops", "C01OPS")
    made.world.add_channel("dev", "C02DEV")
    await made.start(environ={})
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
def bare_side(store_url, keys):
    """Makes a side whose time a test moves by hand."""

    @contextlib.asynccontextmanager
    async def made(clock, pace, *, rates=False):
        async with _standin(clock, rates) as standin, wired(standin, store_url, keys, pace, clock) as side:
            yield side

    return made


async def settle():
    """Lets everything run that needs no time to pass on the hand-moved clock."""
    await asyncio.sleep(0.05)


async def step(clock, seconds):
    """Moves time on in steps that a sleeper's renewal of its lease can follow."""
    for _ in range(int(seconds * 2)):
        await clock.advance(0.5)
        await asyncio.sleep(0.01)


async def stride(clock, seconds):
    """As :func:`step`, for hours: with each step nearly everything that is due in it happens."""
    for _ in range(int(seconds / 15)):
        await clock.advance(15)
        await asyncio.sleep(0.01)
