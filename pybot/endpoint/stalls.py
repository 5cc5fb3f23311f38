"""A timeout for many short pieces of work, nearly all of which end at once."""

import asyncio
from collections.abc import Awaitable
from typing import Any

CHECKS = 4  # in each timeout


class StallWatch:
    """Ends work that takes longer than `timeout` seconds, or up to a quarter more.

    One timer checks all of it while the context is entered: a timeout around each token that is
    sent would take longer than the sending.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._since: dict[asyncio.Task[Any], float] = {}
        self._stalled: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        self._timer = self._loop.call_later(self._timeout / CHECKS, self._check)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    async def run(self, work: Awaitable[None]) -> None:
        """Await `work` in the current task, one at a time; TimeoutError when it takes too long."""
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

    def _check(self) -> None:
        limit = self._loop.time() - self._timeout
        for task, since in self._since.items():
            if since < limit and task not in self._stalled:
                self._stalled.add(task)
                task.cancel()
        self._timer = self._loop.call_later(self._timeout / CHECKS, self._check)
