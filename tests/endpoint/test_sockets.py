"""WebSockets as a whole: who may open them, how many, how long, and how they end."""

import asyncio
from contextlib import suppress

import pytest
from starlette.types import Message, Scope
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from pybot.endpoint.adapter import SocketAdapter
from pybot.endpoint.limits import ConnectionLimits
from tests.endpoint.conftest import (
    Server,
    Start,
    closed,
    initialised,
    receive,
    send,
    stalled,
    subscribe,
)
from tests.endpoint.sample import SECRET


async def watching(socket: ClientConnection, count: int = 1) -> None:
    """Start subscriptions that wait for ever."""
    await initialised(socket)
    for number in range(count):
        await subscribe(socket, str(number), "subscription {wait}")
        assert (await receive(socket))["type"] == "next"


async def test_client_gone_ends_all_generators(server: Server) -> None:
    async with server.socket() as socket:
        await watching(socket, 5)
        assert server.watched.generators == 5
    await server.until_generators(0)


async def test_connection_cut_ends_all_generators(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.socket() as socket:
        await watching(socket, 3)
        await subscribe(socket, "flood", "subscription {flood}")
        assert (await receive(socket))["id"] == "flood"
        socket.transport.abort()
        await server.until_generators(0)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("origin", "site", "allowed"),
    [
        (None, None, True),
        ("http://{host}", None, True),
        ("https://{host}", None, True),
        ("https://friend.example", None, True),
        ("https://evil.example", None, False),
        ("http://127.0.0.1:1", None, False),
        ("null", None, False),
        ("null", "same-origin", False),
        (None, "cross-site", False),
    ],
)
async def test_only_pages_of_known_origins_may_connect(
    start: Start, origin: str | None, site: str | None, allowed: bool
) -> None:
    server = await start(allowed_origins=("https://friend.example",))
    host = f"127.0.0.1:{server.port}"
    headers = {"origin": origin.replace("{host}", host)} if origin else {}
    headers |= {"sec-fetch-site": site} if site else {}
    async with server.socket(additional_headers=headers) as socket:
        if allowed:
            await initialised(socket)
        else:
            assert (await closed(socket))[0] == 4403


async def test_user_has_so_many_sockets_and_no_more(start: Start) -> None:
    server = await start(connections=ConnectionLimits(per_user=2))
    alice = {"x-user": "alice"}
    async with server.socket(additional_headers=alice) as first:
        await initialised(first)
        async with server.socket(additional_headers=alice) as second:
            await initialised(second)
            async with server.socket(additional_headers=alice) as third:
                assert (await closed(third))[0] == 4429
            async with server.socket(additional_headers={"x-user": "bob"}) as other:
                await initialised(other)
        await watching_again(server, alice)


async def watching_again(server: Server, headers: dict[str, str]) -> None:
    """Connect until there is room: the server learns of a closed socket a moment later."""
    async with asyncio.timeout(10):
        while True:
            async with server.socket(additional_headers=headers) as socket:
                await send(socket, type="connection_init")
                with suppress(ConnectionClosed):
                    assert await receive(socket) == {"type": "connection_ack"}
                    return


async def test_socket_has_so_many_operations_and_no_more(start: Start) -> None:
    server = await start(connections=ConnectionLimits(operations=3))
    async with server.socket() as socket:
        await watching(socket, 3)
        await subscribe(socket, "3", "{hello}")
        message = await receive(socket)
        assert (message["id"], message["type"]) == ("3", "error")
        assert [error["extensions"]["code"] for error in message["payload"]] == ["LIMIT_EXCEEDED"]
        await send(socket, type="complete", id="0")
        await subscribe(socket, "3", "{hello}")
        assert (await receive(socket))["type"] == "next"


async def test_message_that_is_too_long_closes(start: Start) -> None:
    server = await start(max_body_size=1000)
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "1", "{hello} #" + "x" * 1000)
        assert (await closed(socket))[0] == 1009


async def test_old_socket_is_closed_and_may_connect_again(start: Start) -> None:
    server = await start(connections=ConnectionLimits(max_age=0.5))
    async with server.socket() as socket:
        await watching(socket)
        code, reason = await closed(socket)
        assert (code, reason) == (1012, "The socket reached its maximum age: connect again")
    await server.until_generators(0)
    async with server.socket() as socket:
        await initialised(socket)


async def test_busy_socket_grows_old_too(start: Start) -> None:
    server = await start(connections=ConnectionLimits(max_age=0.5))
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "1", "subscription {flood}")
        assert (await closed(socket))[0] == 1012
    await server.until_generators(0)


async def test_stalled_reader_is_dropped(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = await start(connections=ConnectionLimits(send_timeout=0.5))
    async with stalled(server) as socket:
        await watching(socket)
        await subscribe(socket, "flood", "subscription {flood}")
        await server.until_generators(2)
        socket.transport.pause_reading()
        await server.until_generators(0)
        sent = server.watched.sent
        assert (await server.ask("{hello}")).status_code == 200
        assert server.watched.sent == sent
        socket.transport.abort()
    assert caplog.records == []


async def test_server_that_stops_closes_its_sockets(server: Server) -> None:
    async with server.socket() as first, server.socket() as second:
        await watching(first, 2)
        await watching(second, 2)
        await server.view.close_all()
        assert server.watched.generators == 0
        assert await closed(first) == (1012, "The server is restarting")
        assert await closed(second) == (1012, "The server is restarting")


async def test_socket_that_cannot_be_closed_keeps_no_other_open(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client went in this moment; a server that stops is not stopped by it."""
    async with server.socket() as first, server.socket() as second:
        await watching(first, 2)
        await watching(second, 2)
        close, failed = SocketAdapter.close, list[SocketAdapter]()

        async def fail_once(socket: SocketAdapter, code: int, reason: str) -> None:
            if not failed:
                failed.append(socket)
                raise RuntimeError("the handshake of the end is over")
            await close(socket, code, reason)

        monkeypatch.setattr(SocketAdapter, "close", fail_once)
        await server.view.close_all()
        await server.view.close_all()
        assert await closed(first) == await closed(second) == (1012, "The server is restarting")


async def test_server_without_sockets_stops_at_once(server: Server) -> None:
    await server.view.close_all()
    async with server.socket() as socket:
        await initialised(socket)


async def test_bug_while_connecting_is_masked(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.socket(additional_headers={"x-user": "broken"}) as socket:
        code, reason = await closed(socket)
    assert code == 4500
    assert SECRET not in reason
    assert reason.removesuffix(".").rpartition(" ")[2] in caplog.text


async def test_client_gone_in_its_handshake_is_no_error(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async def receive_connect() -> Message:
        return {"type": "websocket.connect"}

    async def send_to_nobody(message: Message) -> None:
        raise OSError("gone")

    scope: Scope = {
        "type": "websocket",
        "headers": [],
        "subprotocols": ["graphql-transport-ws"],
    }
    await server.view(scope, receive_connect, send_to_nobody)
    assert caplog.records == []


async def test_client_gone_before_its_greeting_is_no_error(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start(connections=ConnectionLimits(init_timeout=0.2))
    async with server.socket() as socket:
        socket.transport.abort()
    async with server.socket() as socket:
        assert (await closed(socket))[0] == 4408
    assert caplog.records == []
