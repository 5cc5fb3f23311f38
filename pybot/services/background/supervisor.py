"""The loops that run as long as the process: one that fails is seen, and ends the process.

A loop handles the failures that it knows (Redis or a provider out of reach): it logs them and goes
on. Any other exception is a bug. The loop then fails the work that it has in hand and lets the
exception out. The supervisor logs it, `/readyz` says it from then on, and the process ends, so that
a new one takes its place.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from pybot.services.background.tasks import cancel_and_wait

logger = logging.getLogger(__name__)


class Supervisor:
    """Runs loops.

    `failure` says which loop failed first, and is empty while none has. `on_failure` is called with
    it once, to end the process.
    """

    def __init__(self, on_failure: Callable[[str], object] | None = None) -> None:
        self.failure = ""
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Let loops run while the context is open; cancel those that are left at its end."""
        try:
            yield
        finally:
            await cancel_and_wait(*self._tasks)

    def start(self, loop: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a loop until it returns or its task is cancelled. Log lines call it "the `name`".

        The task never raises what the loop did: waiting for it only waits for the loop's end.
        """
        task = asyncio.create_task(self._watch(loop, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before its first step never gets to the loop.
        task.add_done_callback(lambda _: loop.close())
        return task

    async def _watch(self, loop: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await loop
        except asyncio.CancelledError as error:
            if task.cancelling():
                raise
            # Nobody cancelled the loop: something that it waited for was cancelled.
            self._fail(name, error)
        except Exception as error:
            self._fail(name, error)

    def _fail(self, name: str, error: BaseException) -> None:
        logger.error("the %s has failed", name, exc_info=error)
        if self.failure:
            return
        self.failure = f"the {name} has failed: see the log"
        if self._on_failure is not None:
            self._on_failure(self.failure)
