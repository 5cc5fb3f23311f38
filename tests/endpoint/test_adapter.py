"""One socket, without a network: what its reader does when several things end it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from pybot.endpoint.adapter import SocketAdapter
from pybot.endpoint.limits import ConnectionLimits


@dataclass
class Owner:
    """What an adapter needs of its view."""

    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    max_message_size: int = 1000
    open_sockets: set[SocketAdapter] = field(default_factory=set[SocketAdapter])


async def accepted(sent: list[Message]) -> WebSocket:
    """An open socket whose client says nothing."""
    said: list[Message] = [{"type": "websocket.connect"}]

    async def receive() -> Message:
        if not said:
            await asyncio.Event().wait()
        return said.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    socket = WebSocket({"type": "websocket"}, receive, send)
    await socket.accept()
    return socket


def types(sent: Sequence[Message]) -> list[str]:
    return [message["type"] for message in sent]


async def reading(
    owner: Owner, socket: WebSocket
) -> tuple[SocketAdapter, "asyncio.Task[list[object]]"]:
    """An adapter, and the task that reads its messages to their end."""
    began: asyncio.Future[SocketAdapter] = asyncio.get_running_loop().create_future()

    async def read() -> list[object]:
        adapter = SocketAdapter(cast("Any", owner), socket, socket)
        began.set_result(adapter)
        return [message async for message in adapter.iter_json()]

    task = asyncio.create_task(read())
    adapter = await began
    await asyncio.sleep(0)
    assert owner.open_sockets == {adapter}
    return adapter, task


async def test_socket_that_is_closed_twice_at_once_ends_its_reader_once() -> None:
    """The client is told once, and the reader comes to its end: nobody has cancelled its task."""
    owner, sent = Owner(), list[Message]()
    adapter, task = await reading(owner, await accepted(sent))
    await asyncio.gather(adapter.close(1012, "one"), adapter.close(1012, "two"))
    assert await task == []
    assert not task.cancelling()
    assert types(sent) == ["websocket.accept", "websocket.close"]
    assert owner.open_sockets == set()


async def test_reader_that_is_cancelled_when_its_socket_ends_is_cancelled() -> None:
    """The server stops in this moment: that is not taken for the socket's own end."""
    owner, sent = Owner(), list[Message]()
    adapter, task = await reading(owner, await accepted(sent))
    await adapter.close(1012, "one")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert owner.open_sockets == set()
