"""Idle HTTP connections stay open for the time that is set."""

import asyncio
from urllib.parse import urlsplit

from tests.fixtures.server import SettingsWith, serving

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: pybot\r\n\r\n"


class Connection:
    """One connection, used for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def status(self) -> bytes:
        """The status of an answer to a request."""
        self.writer.write(REQUEST)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await self._reader.readexactly(length)
        return head.split()[1]

    async def until_closed(self) -> bytes:
        """What comes before the server closes the connection."""
        return await asyncio.wait_for(self._reader.read(), 30)


async def connect(url: str) -> Connection:
    parts = urlsplit(url)
    return Connection(*await asyncio.open_connection(parts.hostname, parts.port))


async def test_idle_connection_is_closed_after_its_time_and_not_before(
    settings_with: SettingsWith,
) -> None:
    """Of two that are idle equally long, the one with the longer time takes another request."""
    async with (
        serving(settings_with(limits={"keep_alive": 1})) as short,
        serving(settings_with()) as default,
    ):
        closed, open_ = await connect(short), await connect(default)
        assert (await closed.status(), await open_.status()) == (b"200", b"200")
        assert await closed.status() == b"200"
        assert await closed.until_closed() == b""
        assert await open_.status() == b"200"
        for connection in (closed, open_):
            connection.writer.close()
