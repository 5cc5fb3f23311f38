"""Connections end, whether or not their client reads; handshakes have an answer."""

import asyncio

import pytest
from websockets.exceptions import InvalidStatus

from pybot.endpoint.limits import ConnectionLimits
from pybot.endpoint.upstream_uvicorn import WebSockets
from tests.endpoint.conftest import Start, closed, initialised, stalled, subscribe


async def test_connection_of_a_stalled_reader_ends(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebSockets, "linger", 0.2)
    server = await start(connections=ConnectionLimits(send_timeout=0.2))
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


async def test_server_that_ends_says_so_to_its_sockets(start: Start) -> None:
    """Also to one that has asked for nothing."""
    server = await start()
    async with server.socket() as busy, server.socket() as idle:
        await initialised(busy)
        await initialised(idle)
        await subscribe(busy, "flood", "subscription {flood}")
        await server.until_generators(1)
        server.uvicorn.should_exit = True
        assert await closed(busy) == (1012, "The server is restarting")
        assert await closed(idle) == (1012, "The server is restarting")


async def test_server_ends_while_a_socket_is_closing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client has sent a close frame, and does not read what is under way to it."""
    monkeypatch.setattr(WebSockets, "linger", 1)
    server = await start()
    async with stalled(server) as socket:
        await initialised(socket)
        await subscribe(socket, "flood", "subscription {flood}")
        await server.until_generators(1)
        socket.transport.pause_reading()
        closing = asyncio.create_task(socket.close())
        await server.until_generators(0)
        assert len(server.uvicorn.server_state.connections) == 1
        server.uvicorn.should_exit = True
        async with asyncio.timeout(10):
            while server.uvicorn.server_state.connections:  # noqa: ASYNC110 (nothing to wait for)
                await asyncio.sleep(0.01)
        socket.transport.abort()
        await closing


async def test_handshake_may_have_the_cookies_of_a_large_session(start: Start) -> None:
    server = await start()
    async with server.socket(additional_headers={"Cookie": f"session={'x' * 60_000}"}) as socket:
        await initialised(socket)


async def test_handshake_with_a_header_too_large_is_refused(start: Start) -> None:
    server = await start()
    with pytest.raises(InvalidStatus) as refused:
        async with server.socket(additional_headers={"Cookie": f"session={'x' * 70_000}"}):
            pass
    assert refused.value.response.status_code == 431
