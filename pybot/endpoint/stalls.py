"""Ends what takes too long, for work that is nearly always done at once."""

import asyncio
from collections.abc import Awaitable
from typing import Any

LOOKS = 4  # in the time that a piece of work may take


class StallWatch:
    """Ends work that takes longer than `patience` seconds, or up to a quarter more.

    One timer, while the context is entered, looks after all of it: a timeout set around each token
    that is sent would take longer than the sending.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: dict[asyncio.Task[Any], float] = {}
        self._stalled: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        self._timer = self._loop.call_later(self._patience / LOOKS, self._look)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    async def over(self, work: Awaitable[None]) -> None:
        """Do the work in the current task, once at a time; TimeoutError when it takes too long."""
        task = asyncio.current_task()
        assert task is not None
        self._since[task] = self._loop.time()
        try:
            await work
        except asyncio.CancelledError:
            if task not in self._stalled or task.uncancel() > 0:
                raise
            raise TimeoutError from None
        finally:
            del self._since[task]
            self._stalled.discard(task)

    def _look(self) -> None:
        limit = self._loop.time() - self._patience
        for task, since in self._since.items():
            if since < limit and task not in self._stalled:
                self._stalled.add(task)
                task.cancel()
        self._timer = self._loop.call_later(self._patience / LOOKS, self._look)
