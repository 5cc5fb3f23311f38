"""Tasks are ended for sure, and given the time to clean up."""

import asyncio

from pybot.services.background.tasks import cancel_and_wait


async def cleaning(done: list[str]) -> None:
    """Sleep, and take a moment to clean up when cancelled."""
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.01)
        done.append("cleaned up")


async def deaf() -> None:
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
    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    task.cancel()
    await cancel_and_wait(task, patience=0.01)
    assert task.cancelled()


async def test_ended_tasks_are_no_trouble() -> None:
    """Nothing to end is nothing to wait for."""
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    await cancel_and_wait(task)
    await cancel_and_wait()
