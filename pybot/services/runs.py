"""Asking for runs and cancelling them: what a viewer can request."""

import logging
from typing import Any, Protocol

from pybot.errors import InvalidInput, LimitExceeded, NotFound, Superseded, Unavailable
from pybot.services.claims import Claims
from pybot.services.models import NO_CONVERSATION
from pybot.services.records import (
    MessageRole,
    Run,
    RunStatus,
    Viewer,
    conversation_of,
    new_id,
)
from pybot.services.runlog import CANCELLED, End, RunLogs
from pybot.services.snapshots import Snapshots
from pybot.services.starts import Ids, NewConversation, Sent, Starts
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.write import Refused, Write

logger = logging.getLogger(__name__)


class Queue(Protocol):
    """Where runs wait for a worker."""

    async def add(self, run_id: str) -> None:
        """Put a run on the queue; one that is there already stays."""
        ...

    async def cancel(self, run_id: str) -> None:
        """Take a run off the queue, or stop the worker that has it."""
        ...


class Runs:
    """Sending, regenerating and cancelling."""

    def __init__(
        self,
        client: Client,
        appender: Appender,
        claims: Claims,
        snapshots: Snapshots,
        starts: Starts,
        run_logs: RunLogs,
        queue: Queue,
        *,
        max_message_length: int,
        max_concurrent_runs: int,
    ) -> None:
        self._client = client
        self._appender = appender
        self._claims = claims
        self._snapshots = snapshots
        self._starts = starts
        self._run_logs = run_logs
        self._queue = queue
        self._max_message_length = max_message_length
        self._max_concurrent_runs = max_concurrent_runs

    async def send(
        self,
        viewer: Viewer,
        *,
        text: str,
        conversation_id: str | None = None,
        new: NewConversation | None = None,
        idempotency_key: str | None = None,
    ) -> Sent:
        """Store a message and start the run that answers it, in a conversation or in a new one."""
        if not text.strip():
            raise InvalidInput("A message needs some text.", ("text",))
        if len(text) > self._max_message_length:
            message = f"A message has at most {self._max_message_length:,} characters."
            raise InvalidInput(message, ("text",))
        request = [text, conversation_id, new]
        ids = await self._claim(viewer, "send", idempotency_key, request, conversation_id)
        try:
            if earlier := await self._earlier(viewer, ids, ids.question):
                return earlier
            await self._check_quota(viewer)
            if conversation_id is None:
                sent = await self._starts.in_new(viewer, ids, text, new or NewConversation())
            else:
                sent = await self._starts.at_end(viewer, ids, text)
        except Unavailable:
            raise  # it may be stored nevertheless: the same key must find it
        except Exception:
            await self._claims.release(viewer, "send", idempotency_key)
            raise
        await self._enqueue(sent.run)
        return sent

    async def regenerate(
        self, viewer: Viewer, message_id: str, *, idempotency_key: str | None = None
    ) -> Sent:
        """Let the newest answer be written again, on a path of its own."""
        old = (await self._snapshots.message(viewer, message_id)).message
        if old.role is not MessageRole.ASSISTANT:
            raise InvalidInput("Only the assistant's messages can be regenerated.", ("messageId",))
        conversation_id = conversation_of(message_id)
        operation = "regenerate"
        ids = await self._claim(viewer, operation, idempotency_key, message_id, conversation_id)
        try:
            if earlier := await self._earlier(viewer, ids, ids.answer):
                return earlier
            await self._check_quota(viewer)
            sent = await self._starts.again(viewer, ids, old)
        except Unavailable:
            raise  # it may be stored nevertheless: the same key must find it
        except Exception:
            await self._claims.release(viewer, operation, idempotency_key)
            raise
        await self._enqueue(sent.run)
        return sent

    async def cancel(self, viewer: Viewer, run_id: str) -> Run:
        """Cancel a run; what was written is kept. Cancelling one that has ended is no error."""
        run = await self._snapshots.run(viewer, run_id)
        if run.status.ended:
            return run
        write = Write.to_conversation(conversation_of(run_id))
        try:
            await self._appender.append(write.do("HSET", keys.run(run_id), CANCELLED, 1))
        except Refused:
            raise NotFound(NO_CONVERSATION, ("runId",)) from None
        if run.status is RunStatus.QUEUED:
            try:
                await self._run_logs.of(viewer, run).end(End(status=RunStatus.CANCELLED))
            except Superseded:
                logger.info("run=%s was taken up while it was cancelled", run_id)
        await self._queue.cancel(run_id)
        return await self._snapshots.run(viewer, run_id)

    async def _claim(
        self,
        viewer: Viewer,
        operation: str,
        idempotency_key: str | None,
        request: Any,
        conversation_id: str | None,
    ) -> Ids:
        target = conversation_id or new_id()
        fresh = {
            "conversation": target,
            "question": new_id(target),
            "answer": new_id(target),
            "run": new_id(target),
        }
        return Ids(**await self._claims.claim(viewer, operation, idempotency_key, request, fresh))

    async def _earlier(self, viewer: Viewer, ids: Ids, message_id: str) -> Sent | None:
        """What the same request started before, if it got that far."""
        try:
            message = (await self._snapshots.message(viewer, message_id)).message
            run = await self._snapshots.run(viewer, ids.run)
            snapshot = await self._snapshots.read(viewer, ids.conversation)
        except NotFound:
            return None
        await self._enqueue(run)
        return Sent(
            conversation=snapshot.conversation, message=message, run=run, cursor=run.first_seq - 1
        )

    async def _check_quota(self, viewer: Viewer) -> None:
        key = keys.viewer_runs(viewer.key)
        running: Any = await self._client.zrange(key, 0, -1)
        if len(running) < self._max_concurrent_runs:
            return
        # A process that was killed may have left entries of runs that ended.
        alive = 0
        for run_id in running:
            try:
                alive += not (await self._snapshots.run(viewer, run_id.decode())).status.ended
            except NotFound:
                await self._client.zrem(key, run_id)
        if alive >= self._max_concurrent_runs:
            raise LimitExceeded(
                f"You have {alive} answers being written, which is the most at once: "
                "wait for one, or cancel one.",
                retry_after=5,
            )

    async def _enqueue(self, run: Run) -> None:
        """Hand a run to the workers; when the queue is out of reach, repair does it later."""
        try:
            if not run.status.ended:
                await self._queue.add(run.id)
        except Unavailable as error:
            logger.warning("run=%s waits for repair: %s", run.id, error)
