"""The scripted model's service itself: the one thing that all tests lean on."""

import asyncio
import contextlib
import gc
import socket
import time

import pytest

from tests.scripted_tgi import ScriptedTGI


@pytest.mark.parametrize("steps", range(5))
async def test_connection_that_arrives_at_the_end_is_closed(steps: int) -> None:
    """Whatever the loop has done with it by then: the warnings of the collector are errors."""
    async with ScriptedTGI() as service:
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            time.sleep(0.005)  # noqa: ASYNC251 (so that the loop finds it in its next step)
            for _ in range(steps):
                await asyncio.sleep(0)
            await service.stop()
            client.settimeout(1)
            with contextlib.suppress(ConnectionResetError):  # what was not accepted is reset
                assert client.recv(1) == b""
    gc.collect()
