"""The hub ends when it is asked to, whatever its connection is doing."""

import asyncio

from pybot.services.background.supervisor import Supervisor
from pybot.services.store.client import connect
from pybot.services.store.hub import Hub


async def test_hub_closes_at_every_point_of_its_start(redis_url: str) -> None:
    """A cancellation that redis-py swallowed left the hub listening for ever."""
    client = connect(redis_url)
    try:
        for steps in range(40):
            async with asyncio.timeout(5), Hub(client).running(Supervisor()):
                for _ in range(steps):
                    await asyncio.sleep(0)
    finally:
        await client.aclose()
