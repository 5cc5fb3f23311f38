"""Connections end, whether or not their client reads."""

import asyncio

import pytest

from pybot.endpoint.limits import SocketLimits
from pybot.endpoint.protocol import WebSockets
from tests.endpoint.conftest import Start, initialised, stalled, subscribe


async def test_connection_of_a_stalled_reader_ends(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebSockets, "linger", 0.2)
    server = await start(sockets=SocketLimits(send_timeout=0.2))
    async with stalled(server) as socket:
        await initialised(socket)
        await subscribe(socket, "flood", "subscription {flood}")
        await server.until_generators(1)
        socket.transport.pause_reading()
        await server.until_generators(0)
        async with asyncio.timeout(10):
            while server.uvicorn.server_state.connections:  # noqa: ASYNC110 (nothing to wait for)
                await asyncio.sleep(0.01)
        socket.transport.abort()
