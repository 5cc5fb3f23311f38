"""What fails for Redis's sake is Unavailable; and no command keeps a task from being cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pybot.errors import Unavailable
from pybot.services.store.client import Client, connect


async def test_redis_that_refuses_writes_is_unavailable(redis_url: str) -> None:
    """With its own reason and nothing of the commands."""
    client = connect(redis_url)
    try:
        await client.config_set("min-replicas-to-write", 1)
        with pytest.raises(Unavailable, match="NOREPLICAS"):
            await client.set("key", "secret")
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.get("key")
            pipeline.set("key", "secret")
            with pytest.raises(Unavailable, match="NOREPLICAS") as refused:
                await pipeline.execute()
        assert "secret" not in str(refused.value)
    finally:
        await client.config_set("min-replicas-to-write", 0)
        await client.aclose()


async def get(client: Client) -> Any:
    return await client.get("key")


async def get_in_pipeline(client: Client) -> Any:
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.get("key")
        return await pipeline.execute()


async def get_once(client: Client) -> Any:
    return await client.execute_once([b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"])


@pytest.mark.parametrize("command", [get, get_in_pipeline, get_once])
async def test_cancellation_during_a_command_ends_the_task(
    redis_url: str, command: Callable[[Client], Awaitable[Any]]
) -> None:
    """Whenever it comes, also together with the answer."""
    client = connect(redis_url)

    async def ask_and_wait() -> None:
        await command(client)
        await asyncio.Event().wait()

    try:
        for steps in range(100):
            task = asyncio.create_task(ask_and_wait())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task], timeout=5)
            assert task.cancelled(), f"after {steps} steps"
    finally:
        await client.aclose()
