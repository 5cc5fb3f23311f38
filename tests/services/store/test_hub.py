"""Channels follow their readers: the first one opens a log's, the last one closes it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pybot.services.background.supervisor import Supervisor
from pybot.services.store.client import Client, connect
from pybot.services.store.hub import Hub
from tests.readers import reader_count

LOG = "pybot:log:{c}"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    """A client of an empty Redis."""
    async with connect(redis_url) as opened:
        yield opened


@pytest.fixture
async def hub(client: Client) -> AsyncIterator[Hub]:
    """A hub that listens."""
    opened, supervisor = Hub(client), Supervisor()
    async with supervisor.running(), opened.running(supervisor):
        yield opened


async def until_subscribers(client: Client, count: int) -> None:
    """Wait until Redis has so many subscribers to the log."""
    async with asyncio.timeout(10):
        while (await client.pubsub_numsub(LOG))[0][1] != count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def publish(client: Client, number: int) -> None:
    """Say what another process says when it has appended."""
    await client.publish(LOG, b"%d 1700000000000 {}" % number)


async def test_channel_is_dropped_behind_its_last_reader(client: Client, hub: Hub) -> None:
    """While there is a reader there is a subscription; without one there is none."""
    async with hub.reading(LOG):
        async with hub.reading(LOG):
            await until_subscribers(client, 1)
            assert reader_count(hub) == 2
        await publish(client, 1)
        assert (reader_count(hub), hub.subscriptions(LOG)) == (1, 1)
    await until_subscribers(client, 0)
    assert (reader_count(hub), hub.subscriptions(LOG)) == (0, 0)


@pytest.mark.parametrize("at_once", [True, False])
async def test_channel_that_was_dropped_is_made_again(
    client: Client, hub: Hub, at_once: bool
) -> None:
    """A later reader has what comes from then on, whether or not the subscription had ended."""
    async with asyncio.timeout(4):  # less than a reader waits for a subscription
        async with hub.reading(LOG) as inbox:
            await publish(client, 7)
            assert [number for number, _, _ in await inbox.take()] == [7]
        if not at_once:
            await until_subscribers(client, 0)
        async with hub.reading(LOG) as inbox:
            # A log whose numbers start over: nothing is left of the channel before.
            await publish(client, 3)
            assert [number for number, _, _ in await inbox.take()] == [3]
