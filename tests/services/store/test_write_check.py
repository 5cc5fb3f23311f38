"""Whether Redis takes writes, and the warning while it does not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from pybot.errors import Unavailable
from pybot.services.background.tasks import cancel_and_wait
from pybot.services.store import write_check
from pybot.services.store.client import Client, connect
from pybot.services.store.write_check import ADVICE, watch_writes, why_writes_fail


@asynccontextmanager
async def refusing_writes(client: Client) -> AsyncGenerator[None]:
    """Let Redis answer reads alone: it waits for a replica that there is none of."""
    await client.config_set("min-replicas-to-write", 1)
    try:
        yield
    finally:
        await client.config_set("min-replicas-to-write", 0)


async def test_redis_that_takes_no_writes_says_why(redis_url: str) -> None:
    async with connect(redis_url) as client:
        assert await why_writes_fail(client) == ""
        async with refusing_writes(client):
            refused = await why_writes_fail(client)
        assert "NOREPLICAS" in refused
        assert refused.endswith(ADVICE)


async def test_redis_out_of_reach_refuses_nothing() -> None:
    """It is not known what it takes."""
    async with connect("redis://127.0.0.1:1") as client:
        with pytest.raises(Unavailable):
            await why_writes_fail(client)


async def test_refused_writes_are_warned_of_once_in_a_while(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not while Redis takes them, or is away."""
    checks = asyncio.Semaphore(0)

    async def counted(client: Client) -> str:
        checks.release()
        return await why_writes_fail(client)

    async def look_on() -> None:
        """Wait until a check that begins from now on is over."""
        for _ in range(3):
            await checks.acquire()

    monkeypatch.setattr(write_check, "INTERVAL", 0.001)
    monkeypatch.setattr(write_check, "why_writes_fail", counted)
    async with connect(redis_url) as client:
        watching = asyncio.create_task(watch_writes(client))
        await look_on()
        client.refuse_because = "away"
        await look_on()
        client.refuse_because = ""
        assert caplog.messages == []
        async with refusing_writes(client):
            await asyncio.wait([watching], timeout=0.5)  # hundreds of times as long as INTERVAL
        await cancel_and_wait(watching)
    (warning,) = caplog.messages
    assert "NOREPLICAS" in warning
