"""Runs that wait for a person: they hold no slot, no lease and no worker, however long it takes.

The run's hash decides whether it is suspended, and changes in one write of its conversation. The
owner's sets, the instant from which repair looks after the run, and the queue are written beside
it, in an order that leaves a crash with something that repair finishes.
"""

import contextlib
import logging
from typing import Any

import msgspec
from aredis_om import NotFoundError
from msgspec.structs import replace

from pybot.config import RunSettings
from pybot.errors import Conflict, NotFound, Unavailable
from pybot.services.agent.ports import Decision, Outcome, Resumption, Suspension
from pybot.services.conversations.gate import NO_CONVERSATION, Gate
from pybot.services.conversations.snapshots import NO_RUN
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.records import (
    Run,
    RunError,
    RunErrorCode,
    RunPhase,
    RunStatus,
    TokenUsage,
    Viewer,
    conversation_of,
)
from pybot.services.records.events import RunChanged
from pybot.services.runs.log import FencedLog
from pybot.services.runs.queue import RunQueue
from pybot.services.runs.quota import ADMIT
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.hashes import Hashes, RunHash
from pybot.services.store.script import Script
from pybot.services.store.write import EXISTS, Refused, Write
from pybot.services.values.instants import milliseconds, now

logger = logging.getLogger(__name__)

# A run that was counted as suspended this long ago, and is not, never was.
NEVER_SUSPENDED = 60_000  # ms
NOT_WAITING = "This answer does not wait for a decision, or not any more."


class Suspensions:
    """Suspends and resumes runs, up to `most` of each viewer's at once."""

    def __init__(
        self,
        client: Client,
        hashes: Hashes,
        gate: Gate,
        appender: Appender,
        viewerlog: ViewerLog,
        queue: RunQueue,
        settings: RunSettings,
        *,
        most: int,
    ) -> None:
        self._client = client
        self._hashes = hashes
        self._gate = gate
        self._appender = appender
        self._viewerlog = viewerlog
        self._queue = queue
        self._time_limits = {
            RunPhase.AWAITING_APPROVAL: settings.patience,
            RunPhase.AWAITING_INPUT: settings.input_patience,
        }
        self._most = most
        self._admit = Script(client, ADMIT)

    async def suspend(
        self, log: FencedLog, viewer: Viewer, suspension: Suspension, worked: float
    ) -> Outcome | None:
        """Suspend a run after `worked` seconds of work; its outcome when it cannot be suspended."""
        run_id = log.run.id
        if not await self._is_admitted(viewer, run_id):
            return _too_many(self._most, suspension.usage)
        until = milliseconds(now()) + int(self._time_limits[suspension.phase] * 1000)
        if not await log.suspend(suspension, until=until, worked=int(worked * 1000)):
            await self._client.zrem(keys.viewer_waiting(viewer.key), run_id)
            return Outcome(status=RunStatus.CANCELLED, usage=suspension.usage)
        await self._list_suspended(viewer, log.run, until)
        return None

    async def resume(self, viewer: Viewer, run_id: str, decision: Decision) -> Run:
        """Put a suspended run back on the queue, with a decision.

        Raises Conflict when it does not wait (a decision came, or its time is over), and NotFound.
        """
        stored = await self._stored(viewer, run_id)
        run, until = stored.record(), stored.suspended_until
        if run.status.ended or until == 0:
            raise Conflict(NOT_WAITING, run_id=run_id)
        resumed = replace(run, status=RunStatus.QUEUED, phase=None)
        key, decided = keys.run(run_id), msgspec.json.encode(decision)
        write = Write.to_conversation(conversation_of(run_id)).fenced(run_id, run.attempt)
        write.require("status", run.status, "HGET", key, "status")
        write.require("suspended", until, "HGET", key, "suspended_until")
        write.do("HSET", key, "status", resumed.status, "phase", "")
        write.do("HSET", key, "suspended_until", 0, "decision", decided)
        # First, so that repair looks after a run that is not put on the queue.
        await self._client.zadd(keys.UNFINISHED_RUNS, {run_id: milliseconds(now())})
        try:
            await self._appender.append(write.emit(RunChanged(resumed)))
        except Refused as refused:
            if refused.label == EXISTS:
                raise NotFound(NO_CONVERSATION, ("runId",)) from None
            raise Conflict(NOT_WAITING, run_id=run_id) from None
        try:
            await self._viewerlog.append(viewer, RunChanged(resumed))
            await self._queue.add(run_id)
        except Unavailable as error:
            logger.warning("run=%s waits for repair: %s", run_id, error)
        return resumed

    async def repair(self, run_id: str, until: int) -> None:
        """Finish a suspension that a crash cut short, or resume one whose time is over."""
        viewer = await self._gate.owner(conversation_of(run_id))
        if viewer is None:
            await self._client.zrem(keys.UNFINISHED_RUNS, run_id)
            return
        with contextlib.suppress(Conflict, NotFound):
            if until <= milliseconds(now()):
                await self.resume(viewer, run_id, Decision(has_expired=True))
                return
            stored = await self._stored(viewer, run_id)
            if stored.suspended_until == until:
                await self._list_suspended(viewer, stored.record(), until)

    async def _list_suspended(self, viewer: Viewer, run: Run, until: int) -> None:
        """Publish a suspension in the owner's log, and list the run for repair at `until` (ms)."""
        await self._viewerlog.append(viewer, RunChanged(run))
        await self._client.zadd(keys.UNFINISHED_RUNS, {run.id: until})
        if (await self._stored(viewer, run.id)).suspended_until != until:
            # It was resumed meanwhile.
            await self._client.zadd(keys.UNFINISHED_RUNS, {run.id: milliseconds(now())})

    async def _stored(self, viewer: Viewer, run_id: str) -> RunHash:
        if await self._gate.owner(conversation_of(run_id)) != Viewer(username=viewer.username):
            raise NotFound(NO_RUN, ("runId",))
        try:
            return await self._hashes.run.get(run_id)
        except NotFoundError:
            raise NotFound(NO_RUN, ("runId",)) from None

    async def _is_admitted(self, viewer: Viewer, run_id: str) -> bool:
        """Count a run among the viewer's that wait, if there is room."""
        named, at = [keys.viewer_waiting(viewer.key)], milliseconds(now())
        for _ in range(2):
            admitted: int = await self._admit(named, [run_id, at, self._most])
            if admitted:
                return True
            await self._drop_others(viewer)
        return False

    async def _drop_others(self, viewer: Viewer) -> None:
        """Stop counting runs that are not suspended: a process died before it recorded that."""
        key = keys.viewer_waiting(viewer.key)
        latest = milliseconds(now()) - NEVER_SUSPENDED
        counted: Any = await self._client.zrangebyscore(key, "-inf", latest)
        async with self._client.pipeline(transaction=False) as pipeline:
            for run_id in counted:
                pipeline.hmget(keys.run(run_id.decode()), ["suspended_until", "status"])
            found = await pipeline.execute()
        going_on = (RunStatus.QUEUED.encode(), RunStatus.IN_PROGRESS.encode())
        over = [
            run_id
            for run_id, (until, status) in zip(counted, found, strict=True)
            if until in (None, b"0") or status not in going_on
        ]
        if over:
            await self._client.zrem(key, *over)


def resumption_of(stored: RunHash) -> Resumption:
    """What a run did before it was suspended, from its hash."""
    decision = msgspec.json.decode(stored.decision, type=Decision) if stored.decision else None
    usage = stored.record().usage or TokenUsage()
    return Resumption(
        decision=decision, usage=usage, written=stored.written, worked=stored.worked / 1000
    )


def _too_many(most: int, usage: TokenUsage) -> Outcome:
    message = (
        f"You have {most} answers that wait for your decision, which is the most at once: "
        "decide about one, or cancel one, and try again."
    )
    error = RunError(code=RunErrorCode.TOO_MANY_STEPS, message=message)
    return Outcome(status=RunStatus.INCOMPLETE, error=error, usage=usage)
