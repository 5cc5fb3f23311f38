"""Subscriptions that go on behind the last event when the connection was lost."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol, TypeVar

PAUSE = 0.05  # seconds; short, so that tests are


class Event(Protocol):
    """What each event has."""

    @property
    def cursor(self) -> str: ...


E = TypeVar("E", bound=Event)


async def resuming(
    follow: Callable[[str | None], AsyncGenerator[E]],
    after: str | None,
    lost: tuple[type[Exception], ...],
) -> AsyncGenerator[E]:
    """Give the events of `follow(after)`, and call it again whenever the connection was lost.

    `lost` has what the library raises then.
    """
    while True:
        try:
            async with aclosing(follow(after)) as events:
                async for event in events:
                    after = event.cursor
                    yield event
            return
        except lost:
            await asyncio.sleep(PAUSE)
