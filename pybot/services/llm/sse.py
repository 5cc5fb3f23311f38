"""Server-sent events, read off a response: the data lines, with a limit on silence and size."""

import asyncio
from typing import Self

import aiohttp

MAX_EVENT = 8 * 1024 * 1024  # bytes


class TooLarge(Exception):
    """An event is larger than any that a model's service sends."""


class EventReader:
    """The data of the events of a stream, as many at once as have come; enter it to read.

    One timer watches the silence: a timeout around each read costs a third of all the reading.
    """

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout: float) -> None:
        self._response = response
        self._idle_timeout = idle_timeout
        self._loop = asyncio.get_running_loop()
        self._waiting_since: float | None = None
        self._is_silent = False
        self._rest = b""

    def __enter__(self) -> Self:
        self._timer = self._loop.call_later(self._idle_timeout, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    async def read(self) -> list[bytes]:
        """The data of the next events, at least one; nothing once the stream is over.

        Raises TimeoutError after `idle_timeout` seconds without an event: comments, which keep
        a silent connection alive, do not count, nor does the time between two reads.
        """
        self._waiting_since = self._loop.time()
        try:
            return await self._read()
        except aiohttp.ClientError as error:
            if self._is_silent:
                raise TimeoutError from error
            raise
        finally:
            self._waiting_since = None

    async def _read(self) -> list[bytes]:
        while chunk := await self._response.content.readany():
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            # TGI puts no blank after the colon, others do: both are JSON.
            if found := [line[5:] for line in lines if line.startswith(b"data:")]:
                return found
            if len(self._rest) > MAX_EVENT:
                raise TooLarge
        return []

    def _look(self) -> None:
        """Close the connection when it has been silent for too long, else look again in time."""
        silence = 0.0 if self._waiting_since is None else self._loop.time() - self._waiting_since
        if silence >= self._idle_timeout:
            self._is_silent = True
            self._response.close()
        else:
            self._timer = self._loop.call_later(self._idle_timeout - silence, self._look)
