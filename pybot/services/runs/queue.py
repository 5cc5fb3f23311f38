"""The queue: runs that wait for a worker, the one that has waited longest first.

Taking a run off the queue gives no right to it. A process may be lost before it takes the run up;
repair then puts the run back. Who works on a run is decided by its fence and its lease alone.
"""

from typing import Any
from uuid import uuid4

from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.store.hub import NOTICES
from pybot.services.values.instants import milliseconds, now

# Seconds that `take` waits for a run at an empty queue.
BLOCK = 1.0
WAKE_EXPIRES = 10  # seconds


class RunQueue:
    """Adds runs to the queue, and takes them off it. Everything raises Unavailable."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._wake = keys.queue_wake(uuid4().hex)

    async def add(self, *run_ids: str) -> None:
        """Put runs at the end of the queue; one that waits already stays in its place."""
        at = milliseconds(now())
        await self._client.zadd(keys.QUEUE, dict.fromkeys(run_ids, at), nx=True)

    async def take(self) -> str | None:
        """Take the run that has waited longest, waiting for one for a moment."""
        taken: Any = await self._client.bzpopmin([self._wake, keys.QUEUE], timeout=BLOCK)
        if taken is None or taken[0].decode() == self._wake:
            return None
        run_id: str = taken[1].decode()
        return run_id

    async def wake(self) -> None:
        """Let a `take` of this object that waits return at once."""
        async with self._client.pipeline() as pipeline:
            pipeline.zadd(self._wake, {"": 0})
            pipeline.expire(self._wake, WAKE_EXPIRES)
            await pipeline.execute()

    async def cancel(self, run_id: str) -> None:
        """Take a run off the queue, and notify the worker that has it of its cancellation."""
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.zrem(keys.QUEUE, run_id)
            pipeline.publish(NOTICES, run_id)
            await pipeline.execute()
