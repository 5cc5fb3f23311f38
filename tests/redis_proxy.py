"""A TCP proxy in front of a Redis, at which a test sees each request before Redis does."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, unquote, urlsplit

# Is given what a client has sent, and returns when it may go on. ConnectionAbortedError ends the
# connection instead, and Redis never sees it.
Gate = Callable[[bytes], Awaitable[None]]


class RedisProxy:
    """Lets requests through a gate, one after the other on each connection; answers go freely."""

    def __init__(self, socket_path: str, gate: Gate) -> None:
        self._path, self._gate = socket_path, gate
        self._writers: set[StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, client: StreamReader, to_client: StreamWriter) -> None:
        """Connect one client."""
        self._writers.add(to_client)
        redis, to_redis = await asyncio.open_unix_connection(self._path)
        self._writers.add(to_redis)
        for copying in (
            _copy(client, to_redis, to_client, self._gate),
            _copy(redis, to_client, to_redis, _open),
        ):
            task = asyncio.create_task(copying)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """End everything."""
        for writer in self._writers:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)  # in which the connections end


async def _open(_data: bytes) -> None:
    """The gate that is always open."""


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
async def redis_proxy(url: str, gate: Gate) -> AsyncGenerator[str]:
    """A way to the Redis at `unix://:password@path?db=0` by TCP; gives its URL."""
    parts = urlsplit(url)
    proxy = RedisProxy(unquote(parts.path), gate)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        db = parse_qs(parts.query)["db"][0]
        yield f"redis://:{parts.password}@127.0.0.1:{port}/{db}"
    finally:
        server.close()
        await proxy.aclose()
