"""How many event streams there are, how long each lasts, and what ends it."""

import asyncio
import socket as sockets

import pytest

from pybot.endpoint.limits import ConnectionLimits
from tests.endpoint.conftest import Server, Start, initialised
from tests.endpoint.streaming import streaming


async def test_client_gone_ends_its_generator(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = len(asyncio.all_tasks())
    for query in ("subscription {wait}", "subscription {flood}"):
        async with streaming(server, query) as stream:
            await stream.first()
            assert server.watched.generators == 1
            stream.cut()
            await server.until_generators(0)
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110 (nothing tells of their end)
            await asyncio.sleep(0.01)
    assert caplog.records == []


async def test_user_has_so_many_streams_and_sockets_and_no_more(start: Start) -> None:
    server = await start(connections=ConnectionLimits(per_user=2))
    alice = {"x-user": "alice"}
    async with server.socket(additional_headers=alice) as socket:
        await initialised(socket)
        async with streaming(server, "subscription {wait}", alice) as stream:
            await stream.first()
            async with streaming(server, "subscription {wait}", alice) as refused:
                assert refused.response.status == 429
                (error,) = (await refused.response.json())["errors"]
                assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
            async with streaming(server, "subscription {wait}", {"x-user": "bob"}) as other:
                assert (await other.first()).result["data"] == {"wait": 1}
    await server.until_generators(0)
    async with streaming(server, "subscription {wait}", alice) as again:
        assert (await again.first()).result["data"] == {"wait": 1}


@pytest.mark.parametrize("field", ["wait", "flood"])
async def test_old_stream_ends_without_completing(start: Start, field: str) -> None:
    server = await start(connections=ConnectionLimits(max_age=0.3))
    async with streaming(server, f"subscription {{{field}}}") as stream:
        events = await stream.rest()  # to an end that is no error
        assert {event.event for event in events} == {"next"}
    await server.until_generators(0)


async def test_silent_stream_carries_comments(start: Start) -> None:
    server = await start(connections=ConnectionLimits(comment_interval=0.05, max_age=1))
    async with streaming(server, "subscription {wait}") as stream:
        assert len(await stream.rest()) == 1
        assert stream.comments > 3


async def test_stalled_reader_is_dropped(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    limits = ConnectionLimits(send_timeout=0.5, comment_interval=0.1)
    server = await start(connections=limits)
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", server.port))
    with raw:
        await asyncio.get_running_loop().sock_sendall(
            raw,
            b"GET /graphql?query=subscription%7Bflood%7D HTTP/1.1\r\nhost: x\r\n"
            b"accept: text/event-stream\r\n\r\n",
        )
        await server.until_generators(1)
        await server.until_generators(0)
        sent = server.watched.sent
        assert (await server.ask("{hello}")).status_code == 200
        assert server.watched.sent == sent
        end = b""
        while data := await asyncio.get_running_loop().sock_recv(raw, 65_536):
            end = (end + data)[-5:]
        assert end != b"0\r\n\r\n", "the response was completed"
    assert caplog.records == []


async def test_server_that_stops_ends_its_streams(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        streaming(server, "subscription {wait}") as silent,
        streaming(server, "subscription {flood}") as busy,
    ):
        await silent.first()
        await busy.first()
        reading = asyncio.gather(silent.rest(), busy.rest())
        await server.view.close_all()
        assert server.watched.generators == 0
        for rest in await reading:
            assert "complete" not in [event.event for event in rest]
    assert caplog.records == []


async def test_process_that_ends_ends_its_streams_first(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start()
    async with streaming(server, "subscription {wait}") as stream:
        await stream.first()
        server.uvicorn.should_exit = True
        assert await stream.rest() == []
    await server.until_generators(0)
    assert caplog.records == []
