"""The desk of lent roles, on a store of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.jobs.names import Names, bot_client
from tests.bot.lending.lending_side import Lenders


@pytest.fixture
async def side(store_url: str, tmp_path: Path) -> AsyncIterator[Lenders]:
    async with bot_client(store_url) as client:
        await client.set(Names("docktalk").alive("local"), "w", ex=600)
        yield Lenders(client, tmp_path)
