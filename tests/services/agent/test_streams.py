"""Streams that are closed when their block is left."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from pybot.services.agent.streams import closing


async def test_a_stream_is_closed_when_its_block_is_left() -> None:
    closed = asyncio.Event()

    async def numbers() -> AsyncGenerator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    async with closing(numbers()) as stream:
        assert await anext(stream) == 1
    assert closed.is_set()


async def test_an_iterator_that_cannot_be_closed_is_left() -> None:
    class Numbers:
        def __aiter__(self) -> AsyncIterator[int]:
            return self

        async def __anext__(self) -> int:
            return 1

    async with closing(Numbers()) as stream:
        assert await anext(stream) == 1
