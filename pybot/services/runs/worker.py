"""The worker: takes runs off the queue, works on them, and hands them over when it stops."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from pybot.errors import Unavailable
from pybot.services.background.supervisor import Supervisor
from pybot.services.background.tasks import cancel_and_wait, finish_despite_cancel
from pybot.services.runs.attempt import REDIS_PAUSE, Attempt, WorkerServices
from pybot.services.runs.queue import BLOCK, RunQueue

logger = logging.getLogger(__name__)

HAND_OVER_TIMEOUT = 3.0  # seconds that a worker which stops waits for Redis


class RunWorker:
    """Works on up to `concurrency` runs at once."""

    def __init__(
        self, worker_services: WorkerServices, queue: RunQueue, *, concurrency: int
    ) -> None:
        self._worker_services = worker_services
        self._queue = queue
        self._slots = asyncio.Semaphore(concurrency)
        self._attempts: dict[Attempt, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()

    @contextlib.asynccontextmanager
    async def working(self, supervisor: Supervisor) -> AsyncGenerator[None]:
        """Take runs off the queue while the context is open; at its end they are handed over."""
        taking = supervisor.start(self._take_runs(), "worker")
        try:
            yield
        finally:
            self._stopping.set()
            for attempt in self._attempts:
                attempt.seal()
            await asyncio.gather(
                self._stop_taking(taking), cancel_and_wait(*self._attempts.values())
            )

    def check_cancelled(self, run_id: str) -> None:
        """Check now whether a run was cancelled, if this worker has it."""
        for attempt in self._attempts:
            if attempt.run_id == run_id:
                attempt.check_cancelled()

    async def _take_runs(self) -> None:
        """Take runs while there is a free slot."""
        while not self._stopping.is_set():
            await self._slots.acquire()
            try:
                run_id = await self._queue.take()
            except Unavailable as error:
                logger.warning("no runs are taken: %s", error)
                run_id = None
                await asyncio.sleep(REDIS_PAUSE)
            if run_id is None:
                self._slots.release()
            elif self._stopping.is_set():
                await self._hand_over(run_id)
            else:
                self._begin(Attempt(run_id, self._worker_services))

    def _begin(self, attempt: Attempt) -> None:
        task = asyncio.create_task(self._work(attempt), name=f"run {attempt.run_id}")
        self._attempts[attempt] = task

        def ended(_: asyncio.Task[None]) -> None:
            del self._attempts[attempt]
            self._slots.release()

        task.add_done_callback(ended)

    async def _work(self, attempt: Attempt) -> None:
        try:
            await attempt.work()
        except Exception:
            logger.exception("run=%s failed and waits for repair", attempt.run_id)
        finally:
            if self._stopping.is_set() and not attempt.is_over:
                await finish_despite_cancel(self._hand_over(attempt.run_id))

    async def _stop_taking(self, taking: asyncio.Task[None]) -> None:
        """End the loop, but let a `take` finish: a run that Redis has given out would be lost."""
        self._slots.release()
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(BLOCK):
                await self._queue.wake()
        await asyncio.wait({taking}, timeout=BLOCK)
        await cancel_and_wait(taking)

    async def _hand_over(self, run_id: str) -> None:
        """Put a run back on the queue, for another worker."""
        try:
            async with asyncio.timeout(HAND_OVER_TIMEOUT):
                await self._queue.add(run_id)
            logger.info("run=%s handed over", run_id)
        except (Unavailable, TimeoutError) as error:
            reason = str(error) or "Redis does not answer"
            logger.warning("run=%s waits for repair: %s", run_id, reason)
