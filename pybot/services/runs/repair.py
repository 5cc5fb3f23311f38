"""Finishes what a crash left undone around a run: its place on the queue, its owner's log."""

import contextlib
from typing import Any

from aredis_om import NotFoundError

from pybot.services.conversations.gate import Gate
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.records import RunStatus, conversation_of
from pybot.services.records.events import RunChanged
from pybot.services.runs.queue import RunQueue
from pybot.services.runs.suspension import Suspensions
from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.store.hashes import Hashes
from pybot.services.values.instants import milliseconds, now

REPAIR_INTERVAL = 1.0  # seconds
# Younger runs are still being started, and put on the queue, by the process that got the request.
MIN_AGE = 2_000  # ms
# A run that was noted but does not exist: its process was lost before it began the run.
ORPHAN_AGE = 60_000  # ms
PAGE = 500


class Repair:
    """Checks the unfinished runs of all viewers, and finishes or queues those without a worker."""

    def __init__(
        self,
        client: Client,
        hashes: Hashes,
        gate: Gate,
        viewerlog: ViewerLog,
        queue: RunQueue,
        suspensions: Suspensions,
    ) -> None:
        self._client = client
        self._hashes = hashes
        self._gate = gate
        self._viewerlog = viewerlog
        self._queue = queue
        self._suspensions = suspensions

    async def repair(self) -> None:
        """Check each unfinished run once."""
        latest, start = milliseconds(now()) - MIN_AGE, 0
        while True:
            page: Any = await self._client.zrangebyscore(
                keys.UNFINISHED_RUNS, "-inf", latest, start=start, num=PAGE, withscores=True
            )
            await self._repair([(run_id.decode(), int(score)) for run_id, score in page])
            if len(page) < PAGE:
                return
            start += PAGE

    async def _repair(self, page: list[tuple[str, int]]) -> None:
        if not page:
            return
        async with self._client.pipeline(transaction=False) as pipeline:
            for run_id, _ in page:
                pipeline.hmget(keys.run(run_id), ["status", "suspended_until"])
                pipeline.exists(keys.lease(run_id))
            found = await pipeline.execute()
        lost = list[str]()
        for (run_id, noted), fields, is_held in zip(page, found[::2], found[1::2], strict=True):
            if not (is_held or await self._is_settled(run_id, noted, *fields)):
                lost.append(run_id)
        if lost:
            await self._queue.add(*lost)

    async def _is_settled(
        self, run_id: str, noted: int, status: bytes | None, suspended_until: bytes | None
    ) -> bool:
        """Finish what is left to do for a run that has no lease; False when it must be queued."""
        if status is None:
            if noted < milliseconds(now()) - ORPHAN_AGE:
                await self._client.zrem(keys.UNFINISHED_RUNS, run_id)
            return True
        if RunStatus(status.decode()).ended:
            await self._forget_ended(run_id)
            return True
        if until := int(suspended_until or 0):
            await self._suspensions.repair(run_id, until)
            return True
        return False

    async def _forget_ended(self, run_id: str) -> None:
        """Publish the end of a run in its owner's log, and take it off the list."""
        viewer = await self._gate.owner(conversation_of(run_id))
        with contextlib.suppress(NotFoundError):
            if viewer is not None:
                run = (await self._hashes.run.get(run_id)).record()
                await self._viewerlog.append(viewer, RunChanged(run))
        await self._client.zrem(keys.UNFINISHED_RUNS, run_id)
