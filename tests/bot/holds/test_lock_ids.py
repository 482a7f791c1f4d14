"""Nobody is told of a lock that is not kept."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.jobs.names import bot_client
from handlers.faults import Fault, Reason
from tests.bot.holds.hold_side import Side

pytestmark = pytest.mark.store

RECORDS, NUMBERS = "{docktalk}:in-force:lock", "{docktalk}:in-force:lock:numbers"


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Side]:
    async with bot_client(store_url) as client:
        yield Side(client, store_url, tmp_path)


async def test_an_id_under_which_there_is_something_unreadable_locks_nothing(side: Side):
    await side.say("lock prod-1/web --reason heap")
    await side.client.hset(RECORDS, "K-1", "0 forged")
    await side.client.hset(NUMBERS, "id", 0)
    with pytest.raises(Fault, match="Nothing was locked") as refused:
        await side.say("lock prod-1/web --reason heap")
    assert refused.value.reason is Reason.CONFLICT
    assert await side.locks() == []
    assert side.shown == [("K-1", False)]
