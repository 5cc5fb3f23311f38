"""Tasks are cancelled until they end, with time to clean up; work can outlast a cancellation."""

import asyncio

import pytest

from pybot.services.background.tasks import (
    cancel_and_wait,
    finish_despite_cancel,
    log_failure,
)


async def cleaning(done: list[str]) -> None:
    """Sleep, and take a moment to clean up when cancelled."""
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        done.append("cleaned up")


async def swallow_first() -> None:
    """Swallow the first cancellation, as redis-py can."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(60)


async def test_cancelled_task_is_left_to_clean_up() -> None:
    """Who was cancelled before is not cancelled again at once."""
    done: list[str] = []
    task = asyncio.create_task(cleaning(done))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    await cancel_and_wait(task)
    assert done == ["cleaned up"]


async def test_swallowed_cancellation_is_repeated() -> None:
    """A task that goes on is cancelled until it has ended."""
    task = asyncio.create_task(swallow_first())
    await asyncio.sleep(0)
    task.cancel()
    await cancel_and_wait(task, again_after=0.01)
    assert task.cancelled()


async def test_ended_tasks_are_no_trouble() -> None:
    """Nothing to end is nothing to wait for."""
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    await cancel_and_wait(task)
    await cancel_and_wait()


async def test_work_is_done_although_it_is_cancelled_twice() -> None:
    begun, gate, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await gate.wait()
        done.set()

    task = asyncio.create_task(finish_despite_cancel(work()))
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

    assert await finish_despite_cancel(one()) == 1
    with pytest.raises(ZeroDivisionError):
        await finish_despite_cancel(fail())


async def test_an_error_comes_before_a_cancellation() -> None:
    gate = asyncio.Event()

    async def fail() -> int:
        await gate.wait()
        raise ZeroDivisionError

    task = asyncio.create_task(finish_despite_cancel(fail()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(ZeroDivisionError):
        await task


async def fail() -> None:
    """Fail."""
    raise ZeroDivisionError("by zero")


async def test_failure_that_nobody_waits_for_is_logged_with_its_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    task = asyncio.create_task(fail(), name="divider")
    await asyncio.wait({task})
    log_failure(task, expected=(OSError,))
    [record] = caplog.records
    assert record.getMessage() == "divider has failed"
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_neither_success_nor_an_expected_end_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole, failed = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(fail())
    cancelled = asyncio.create_task(asyncio.sleep(60))
    cancelled.cancel()
    await asyncio.wait({whole, failed, cancelled})
    for task in (whole, failed, cancelled):
        log_failure(task, expected=(ZeroDivisionError,))
    assert caplog.records == []
