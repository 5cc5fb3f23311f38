"""The limit on unfinished runs of one viewer: checked and counted in one script."""

import asyncio
from typing import Any

from pybot.errors import LimitExceeded
from pybot.services.records import RunStatus, Viewer
from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.store.script import Script
from pybot.services.values.instants import milliseconds, now

# KEYS[1] the viewer's runs; ARGV: the run, the time in ms, the most at once. Gives 1 when it is in.
ADMIT = """
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
return 1
"""
# A run that was counted this long ago and does not exist was never started: its process died.
NEVER_STARTED = 60_000  # ms
RETRY_AFTER = 5  # seconds
# Seconds until the next try: a request that is about to be refused (its conversation has a run)
# counts for a moment.
PAUSES = (0.02, 0.05, 0.1, 0.0)


class RunQuota:
    """Admits runs, up to `most` of each viewer's."""

    def __init__(self, client: Client, most: int) -> None:
        self._client = client
        self._most = most
        self._admit = Script(client, ADMIT)

    async def admit(self, viewer: Viewer, run_id: str) -> None:
        """Count a run that is about to start; raises LimitExceeded. The same run counts once."""
        for pause in PAUSES:
            if await self._is_admitted(viewer, run_id):
                return
            # A process that was killed may have left runs that ended or were never begun.
            if not await self._drop_ended(viewer):
                await asyncio.sleep(pause)
        raise LimitExceeded(
            f"You have {self._most} answers being written, which is the most at once: "
            "wait for one, or cancel one.",
            retry_after=RETRY_AFTER,
        )

    async def release(self, viewer: Viewer, run_id: str) -> None:
        """Stop counting a run that was not started after all."""
        await self._client.zrem(keys.viewer_runs(viewer.key), run_id)

    async def _is_admitted(self, viewer: Viewer, run_id: str) -> bool:
        named = [keys.viewer_runs(viewer.key)]
        admitted: int = await self._admit(named, [run_id, milliseconds(now()), self._most])
        return admitted == 1

    async def _drop_ended(self, viewer: Viewer) -> bool:
        """Stop counting runs that ended or never started; whether there were any."""
        key = keys.viewer_runs(viewer.key)
        counted: Any = await self._client.zrange(key, 0, -1, withscores=True)
        async with self._client.pipeline(transaction=False) as pipeline:
            for run_id, _ in counted:
                pipeline.hget(keys.run(run_id.decode()), "status")
            statuses = await pipeline.execute()
        latest = milliseconds(now()) - NEVER_STARTED
        over = [
            run_id
            for (run_id, admitted), status in zip(counted, statuses, strict=True)
            if (RunStatus(status.decode()).ended if status else admitted < latest)
        ]
        if over:
            await self._client.zrem(key, *over)
        return bool(over)
