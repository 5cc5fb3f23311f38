"""Server-sent events, read off a response: the data lines, with a limit on silence and size."""

import asyncio

import aiohttp

MAX_EVENT = 8 * 1024 * 1024  # bytes


class TooLarge(Exception):
    """An event is larger than any that a model's service sends."""


class EventReader:
    """The data of the events of a stream, as many at once as have come."""

    def __init__(self, content: aiohttp.StreamReader, idle_timeout: float) -> None:
        self._content = content
        self._idle_timeout = idle_timeout
        self._rest = b""

    async def read(self) -> list[bytes]:
        """The data of the next events, at least one; nothing once the stream is over.

        Raises TimeoutError after `idle_timeout` seconds without an event: comments, which keep
        a silent connection alive, do not count.
        """
        async with asyncio.timeout(self._idle_timeout):
            while chunk := await self._content.readany():
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                # TGI puts no blank after the colon, others do: both are JSON.
                if found := [line[5:] for line in lines if line.startswith(b"data:")]:
                    return found
                if len(self._rest) > MAX_EVENT:
                    raise TooLarge
        return []
