"""A TCP proxy on loopback: a network that a test cuts, or at which it sees each request first."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import parse_qs, unquote, urlsplit

from tests.listener import stop_accepting

Connect = Callable[[], Awaitable[tuple[StreamReader, StreamWriter]]]
# Is given what a client has sent, and returns when it may go on. ConnectionAbortedError ends the
# connection instead, and the service never sees it.
Gate = Callable[[bytes], Awaitable[None]]


async def _open(_data: bytes) -> None:
    """The gate that is always open."""


class Proxy:
    """Copies bytes between clients and a service, or ends new connections while `refuse` is set.

    Requests pass a gate, one after the other on each connection; answers go freely.
    """

    def __init__(self, connect: Connect, gate: Gate = _open) -> None:
        self.refuse = False
        self._connect, self._gate = connect, gate
        self._writers: set[StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End all connections in both directions at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, client: StreamReader, to_client: StreamWriter) -> None:
        """Connect one client."""
        if self.refuse:
            to_client.transport.abort()
            return
        self._writers.add(to_client)
        try:
            service, to_service = await self._connect()
        except OSError:
            to_client.transport.abort()  # nobody is there: the client sees it at once
            return
        self._writers.add(to_service)
        for copying in (
            _copy(client, to_service, to_client, self._gate),
            _copy(service, to_client, to_service, _open),
        ):
            task = asyncio.create_task(copying)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """End everything."""
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)  # in which the connections end


async def _copy(reader: StreamReader, there: StreamWriter, back: StreamWriter, gate: Gate) -> None:
    """Copy one direction; its end is the end of both."""
    try:
        while data := await reader.read(65_536):
            await gate(data)
            there.write(data)
            await there.drain()
    except OSError:
        pass
    finally:
        there.transport.abort()
        back.transport.abort()


@asynccontextmanager
async def _listening(proxy: Proxy) -> AsyncGenerator[int]:
    """A proxy at work; gives its port."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    (listener,) = server.sockets
    try:
        yield int(listener.getsockname()[1])
    finally:
        await stop_accepting(listener)
        server.close()
        await proxy.aclose()


@asynccontextmanager
async def cut_proxy(port: int) -> AsyncGenerator[tuple[Proxy, str]]:
    """A proxy to a port of this machine, and its URL."""
    proxy = Proxy(partial(asyncio.open_connection, "127.0.0.1", port))
    async with _listening(proxy) as own_port:
        yield proxy, f"http://127.0.0.1:{own_port}"


@asynccontextmanager
async def redis_proxy(url: str, gate: Gate) -> AsyncGenerator[str]:
    """A way to the Redis at `unix://:password@path?db=0` by TCP; gives its URL."""
    parts = urlsplit(url)
    proxy = Proxy(partial(asyncio.open_unix_connection, unquote(parts.path)), gate)
    async with _listening(proxy) as port:
        db = parse_qs(parts.query)["db"][0]
        yield f"redis://:{parts.password}@127.0.0.1:{port}/{db}"
