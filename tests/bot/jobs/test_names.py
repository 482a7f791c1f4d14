"""The bot's connection pool."""

import asyncio

import pytest

from bot.jobs.names import bot_client

pytestmark = pytest.mark.store


async def test_a_pool_whose_sockets_close_late_is_closed_without_a_failure(store_url, monkeypatch):
    client = bot_client(store_url)
    await client.ping()
    closed = asyncio.StreamWriter.wait_closed

    async def late(self):
        await asyncio.sleep(2 * client.connection_pool.connection_kwargs["socket_connect_timeout"])
        await closed(self)

    monkeypatch.setattr(asyncio.StreamWriter, "wait_closed", late)
    (connection,) = client.connection_pool._available_connections
    assert connection.is_connected
    await client.aclose()
    assert not connection.is_connected
