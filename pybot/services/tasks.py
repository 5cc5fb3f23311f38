"""Ending tasks for sure."""

import asyncio
from typing import Any


async def ended(*tasks: asyncio.Task[Any], patience: float = 1.0) -> None:
    """Cancel tasks and wait until each has ended.

    Not once, but again after each `patience` seconds: redis-py can swallow a cancellation that
    meets the answer it waits for, and the task then goes on as if nothing had been asked. Not
    sooner: who is cancelled while it cleans up leaves that undone.
    """
    asked = [task for task in tasks if not task.cancelling()]
    while left := [task for task in tasks if not task.done()]:
        for task in asked:
            task.cancel()
        await asyncio.wait(left, timeout=patience)
        asked = left
