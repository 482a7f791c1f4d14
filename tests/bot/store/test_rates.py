import asyncio

import pytest

from bot.jobs.names import bot_client
from bot.jobs.queue import StoreDown
from bot.store.rates import Rates
from handlers.faults import Denied, Reason
from permissions.rates import Counter

pytestmark = pytest.mark.store


def counter(key: str, limit: int, seconds: float = 3600.0) -> Counter:
    return Counter(key=key, limit=limit, seconds=seconds, rule=f"rate {key}", about="you")


@pytest.fixture
async def rates(store_url: str):
    client = bot_client(store_url)
    yield Rates(client, "docktalk")
    await client.aclose()


async def test_a_full_counter_refuses_and_says_when_again(rates: Rates):
    for _ in range(3):
        await rates.count([counter("a", 3)])
    with pytest.raises(Denied) as caught:
        await rates.count([counter("a", 3)])
    fault = caught.value
    assert fault.reason is Reason.RATE_LIMITED
    assert fault.rule == "rate a"
    assert fault.message == "3 of these in 1 hour is the limit for you. Nothing was run."
    assert fault.hint == "Again in 1 hour."
    await rates.count([counter("b", 1)])


async def test_looking_counts_nothing_and_is_refused_where_counting_would_be(rates: Rates):
    for _ in range(5):
        await rates.count([counter("a", 1), counter("b", 2)], look=True)
    await rates.count([counter("a", 1)])
    with pytest.raises(Denied, match="1 of these"):
        await rates.count([counter("b", 2), counter("a", 1)], look=True)
    await rates.count([counter("b", 1)])


async def test_what_is_refused_by_one_counter_is_counted_by_none(rates: Rates):
    await rates.count([counter("small", 1)])
    for _ in range(5):
        with pytest.raises(Denied, match="1 of these"):
            await rates.count([counter("large", 2), counter("small", 1)])
    await rates.count([counter("large", 2)])
    await rates.count([counter("large", 2)])


async def test_a_counter_takes_more_when_its_span_is_over(rates: Rates):
    await rates.count([counter("short", 1, 0.05)])
    with pytest.raises(Denied):
        await rates.count([counter("short", 1, 0.05)])
    async with asyncio.timeout(60):
        while True:
            try:
                await rates.count([counter("short", 1, 0.05)])
            except Denied as denied:
                assert denied.hint == "Again in 1 second."  # noqa: PT017 - until it is over
            else:
                return


async def test_of_many_at_once_only_as_many_pass_as_may(rates: Rates):
    async def once() -> bool:
        try:
            await rates.count([counter("busy", 7)])
        except Denied:
            return False
        return True

    assert sum(await asyncio.gather(*(once() for _ in range(40)))) == 7


async def test_nothing_to_count_asks_nobody_and_a_store_that_is_away_refuses(tmp_path):
    client = bot_client(f"unix://{tmp_path}/nothing")
    away = Rates(client, "docktalk")
    await away.count([])
    with pytest.raises(StoreDown):
        await away.count([counter("a", 1)])
    await client.aclose()


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (1.0, "1 second"),
        (59.5, "1 minute"),
        (31.0, "31 seconds"),
        (90.0, "2 minutes"),
        (7200.0, "2 hours"),
        (604800.0, "7 days"),
    ],
)
async def test_spans_are_told_in_their_largest_unit_rounded_up(rates: Rates, seconds: float, shown: str):
    await rates.count([counter(f"s{seconds}", 1, seconds)])
    with pytest.raises(Denied, match=f"1 of these in {shown} is"):
        await rates.count([counter(f"s{seconds}", 1, seconds)])
