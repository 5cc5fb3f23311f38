"""Cancelling tasks, finishing work despite a cancellation, logging failures nobody waits for."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


def log_failure(task: asyncio.Task[Any], *, expected: tuple[type[Exception], ...] = ()) -> None:
    """Log what a task failed with: a callback for when it is done, where nobody may wait for it."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, expected):
        logger.error("%s has failed", task.get_name(), exc_info=error)


async def cancel_and_wait(*tasks: asyncio.Task[Any], again_after: float = 1.0) -> None:
    """Cancel tasks and wait until each has ended. What they raise is left in them.

    A task that goes on is cancelled again every `again_after` seconds: redis-py can swallow a
    cancellation that arrives together with the answer that it waits for. It must be longer than the
    task's own clean-up takes, since a second cancellation would interrupt that.
    """
    to_cancel = [task for task in tasks if not task.cancelling()]
    while left := [task for task in tasks if not task.done()]:
        for task in to_cancel:
            task.cancel()
        await asyncio.wait(left, timeout=again_after)
        to_cancel = left


async def finish_despite_cancel(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end although the task is cancelled; raise the cancellation afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None and task.exception() is None:
        raise cancelled
    return task.result()
