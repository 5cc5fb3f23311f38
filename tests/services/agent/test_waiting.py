"""Streams that are closed, and work that a cancellation does not cut."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from pybot.services.agent.waiting import closing, uncancelled


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


async def test_work_is_done_although_it_is_cancelled_twice() -> None:
    begun, gate, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await gate.wait()
        done.set()

    task = asyncio.create_task(uncancelled(work()))
    await begun.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done.is_set()


async def test_work_gives_its_result_and_its_errors() -> None:
    async def one() -> int:
        return 1

    async def fail() -> int:
        raise ZeroDivisionError

    assert await uncancelled(one()) == 1
    with pytest.raises(ZeroDivisionError):
        await uncancelled(fail())


async def test_an_error_comes_before_a_cancellation() -> None:
    gate = asyncio.Event()

    async def fail() -> int:
        await gate.wait()
        raise ZeroDivisionError

    task = asyncio.create_task(uncancelled(fail()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(ZeroDivisionError):
        await task
