"""The queue of runs, on docket: a task a run, its key the run's ID."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Any

from docket import Docket, Worker
from redis.exceptions import RedisError

from pybot.errors import Unavailable
from pybot.services.store import keys
from pybot.services.store.connection import Client
from pybot.services.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

NAME = "pybot"
TASK = "answer"
REPAIR_INTERVAL = 3.0
# Younger runs are still being enqueued by whoever began them.
REPAIR_AGE = 2.0
# A run that was noted but never begun: its process was lost in between.
ORPHAN_AGE = 60.0
MAX_CONNECTIONS = 1000
STOP_TIMEOUT = 2.0  # seconds for docket to write down how its tasks ended

Handler = Callable[[str], Awaitable[None]]


async def _unhandled(run_id: str) -> None:
    """Stands for the task in processes that only enqueue."""
    raise NotImplementedError(run_id)


class RunQueue:
    """Runs that wait for a worker, and the worker of this process."""

    def __init__(self, url: str, client: Client) -> None:
        self._docket = Docket(name=NAME, url=_with_room(url), execution_ttl=timedelta(0))
        self._docket.register(_unhandled, names=[TASK])
        self._client = client

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """Connect while the context is open."""
        async with self._docket:
            yield

    async def add(self, run_id: str) -> None:
        """Put a run on the queue; one that is waiting or being worked on stays as it is."""
        try:
            await self._docket.add(TASK, key=run_id)(run_id)
        except (RedisError, OSError) as error:
            raise Unavailable(f"The queue of runs cannot be reached: {error}") from None

    async def cancel(self, run_id: str) -> None:
        """Take a run off the queue, or cancel the task of the worker that has it."""
        try:
            await self._docket.cancel(run_id)
        except (RedisError, OSError) as error:
            raise Unavailable(f"The queue of runs cannot be reached: {error}") from None

    @contextlib.asynccontextmanager
    async def working(
        self, handler: Handler, forget: Handler, *, concurrency: int, lease: float
    ) -> AsyncGenerator[Callable[[], object]]:
        """Work on runs while the context is open, and repair what other processes left.

        Gives a function that stops taking runs; the context ends once the handlers have ended.
        `forget` is asked to forget a run that was noted but never begun.
        """
        self._docket.register(handler, names=[TASK])
        worker = Worker(
            self._docket,
            concurrency=concurrency,
            redelivery_timeout=timedelta(seconds=lease),
            minimum_check_interval=timedelta(milliseconds=100),
            reconnection_delay=timedelta(seconds=1),
            schedule_automatic_tasks=False,
        )
        async with worker:
            working = asyncio.create_task(_work(worker), name="worker")
            repairing = asyncio.create_task(self._repair(forget), name="repair")
            try:
                yield working.cancel
            finally:
                # A worker that is cancelled while it writes down how its tasks ended does not hand
                # them over: they would wait until their leases end.
                await cancel_and_wait(working, repairing, patience=STOP_TIMEOUT)

    async def _repair(self, forget: Handler) -> None:
        """Put unfinished runs back on the queue that nobody works on and that have no task."""
        while True:
            try:
                await self._repair_once(forget)
            except Unavailable as error:
                logger.warning("repair of runs is interrupted: %s", error)
            except Exception:
                logger.exception("repair of runs failed")
            await asyncio.sleep(REPAIR_INTERVAL)

    async def _repair_once(self, forget: Handler) -> None:
        latest = (time.time() - REPAIR_AGE) * 1000
        found: Any = await self._client.zrangebyscore(
            keys.UNFINISHED_RUNS, "-inf", latest, withscores=True
        )
        for member, score in found:
            run_id = member.decode()
            if not await self._client.exists(keys.run(run_id)):
                if score < (time.time() - ORPHAN_AGE) * 1000:
                    await forget(run_id)
            elif not await self._client.exists(keys.lease(run_id)):
                await self.add(run_id)


def _with_room(url: str) -> str:
    """The URL with as many connections as runs may want at once: docket's pool does not wait."""
    if "max_connections=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}max_connections={MAX_CONNECTIONS}"


async def _work(worker: Worker) -> None:
    """Take runs until cancelled; trouble of Redis that docket does not know ends nothing."""
    while True:
        try:
            await worker.run_forever()
            return
        except Exception:
            logger.exception("taking runs off the queue failed; trying again")
        await asyncio.sleep(REPAIR_INTERVAL)
