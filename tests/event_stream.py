"""A reader of server-sent events, as the HTML standard describes them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from json import loads
from typing import Any

import aiohttp

ACCEPT = {"accept": "text/event-stream"}


@dataclass
class Event:
    """An event of a stream; `id` is None when the event has none of its own."""

    event: str
    data: str
    id: str | None = None

    @property
    def result(self) -> dict[str, Any]:
        """What a `next` carries."""
        assert self.event == "next"
        result: dict[str, Any] = loads(self.data)
        return result


class EventReader:
    """Reads the body of a response event by event, and counts comments."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0
        self._blocks = _blocks(response.content.iter_any())

    async def next(self) -> Event | None:
        """The next event; None at the end of the body."""
        async with asyncio.timeout(10):
            async for block in self._blocks:
                if event := self._parsed(block):
                    return event
        return None

    async def first(self) -> Event:
        """The next event, which there must be."""
        event = await self.next()
        assert event is not None
        return event

    async def rest(self) -> list[Event]:
        """All events to the end of the body."""
        events: list[Event] = []
        while event := await self.next():
            events.append(event)
        return events

    def cut(self) -> None:
        """End the connection as a network does it."""
        assert self.response.connection is not None
        assert self.response.connection.transport is not None
        self.response.connection.transport.abort()

    def _parsed(self, block: bytes) -> Event | None:
        fields: dict[str, str] = {}
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            if name:
                assert name in ("event", "id", "data"), name[:20]
                assert name not in fields
                fields[name] = value.removeprefix(" ")
            else:
                self.comments += 1
        # Browsers pass over events without data.
        if "data" not in fields:
            return None
        return Event(fields.get("event", "message"), fields["data"], fields.get("id"))


async def _blocks(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes]:
    """The text between empty lines; what is not complete at the end is left out."""
    text = b""
    async for chunk in chunks:
        text += chunk
        *blocks, text = text.split(b"\n\n")
        for block in blocks:
            yield block
