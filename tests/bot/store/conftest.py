"""What the stores of the bot stand on: its keys, and each store that it has to work with."""

import contextlib

import pytest

from bot.jobs.names import bot_client
from bot.keys import BotKeys
from bot.store.approvals import Approvals


@pytest.fixture
def keys(tmp_path):
    return BotKeys.load_or_create(tmp_path / "keys")


@pytest.fixture
async def redis(each_store_url):
    async with contextlib.aclosing(bot_client(each_store_url)) as client:
        yield client


@pytest.fixture
def approvals(redis, keys):
    return Approvals(redis, "test", keys)
