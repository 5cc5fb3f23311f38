"""Operations whose results come as server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.endpoint.conftest import Server
from tests.event_stream import ACCEPT, Event, EventReader


@asynccontextmanager
async def streaming(
    server: Server, query: str, headers: dict[str, str] | None = None, **body: Any
) -> AsyncGenerator[EventReader]:
    """The answer to an operation, as it comes in."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{server.port}/graphql",
            json={"query": query, **body},
            headers={**ACCEPT, **(headers or {})},
        ) as response,
    ):
        yield EventReader(response)


async def ask(server: Server, query: str, **options: Any) -> list[Event]:
    """All events of an operation."""
    async with streaming(server, query, **options) as stream:
        assert stream.response.status == 200
        return await stream.rest()


def results(events: list[Event]) -> list[dict[str, Any]]:
    """What the events of a stream carry, which must be complete."""
    *nexts, last = events
    assert (last.event, last.data, last.id) == ("complete", "", None)
    return [event.result for event in nexts]
