"""A TCP proxy on loopback whose connections a test can cut, as a network does."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class CutProxy:
    """Forwards bytes to a port of this machine, or closes new connections while `refuse` is set."""

    def __init__(self, port: int) -> None:
        self.refuse = False
        self._target = port
        self._writers: set[StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End all connections in both directions at once."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Connect one client."""
        if self.refuse:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()  # nobody is there: the client is told at once
            return
        ways = ((reader, far_writer), (far_reader, writer))
        self._writers.add(far_writer)
        tasks = {asyncio.create_task(self._copy(*way)) for way in ways}
        self._tasks |= tasks

    async def aclose(self) -> None:
        """End everything."""
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)  # in which the connections end

    async def _copy(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def cut_proxy(port: int) -> AsyncGenerator[tuple[CutProxy, str]]:
    """A proxy to a port, and its URL."""
    proxy = CutProxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await proxy.aclose()
