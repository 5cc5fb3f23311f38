"""What viewers do with runs: send a message, regenerate an answer, cancel."""

import logging
from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import Any

from pybot.errors import InvalidInput, NotFound, PybotError, Superseded, Unavailable
from pybot.services.agent.ports import Outcome
from pybot.services.conversations.gate import NO_CONVERSATION
from pybot.services.conversations.messages import Messages
from pybot.services.conversations.snapshots import Snapshot, Snapshots
from pybot.services.records import MessageRole, Run, RunStatus, Viewer, conversation_of
from pybot.services.runs.fence import CANCELLED
from pybot.services.runs.log import RunLogs
from pybot.services.runs.queue import RunQueue
from pybot.services.runs.quota import RunQuota
from pybot.services.runs.starter import NewConversation, RunStarter, StartedRun
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.requests import Request
from pybot.services.store.write import Refused, Write
from pybot.services.values.text import cleaned, is_visible

logger = logging.getLogger(__name__)


class Runs:
    """Sending a message, regenerating an answer, cancelling. All by the conversation's owner."""

    def __init__(
        self,
        client: Client,
        appender: Appender,
        snapshots: Snapshots,
        messages: Messages,
        starter: RunStarter,
        quota: RunQuota,
        run_logs: RunLogs,
        queue: RunQueue,
        *,
        max_message_length: int,
    ) -> None:
        self._client = client
        self._appender = appender
        self._snapshots = snapshots
        self._messages = messages
        self._starter = starter
        self._quota = quota
        self._run_logs = run_logs
        self._queue = queue
        self._max_message_length = max_message_length

    async def send(
        self,
        viewer: Viewer,
        *,
        text: str,
        conversation_id: str | None = None,
        new: NewConversation | None = None,
        idempotency_key: str | None = None,
    ) -> StartedRun:
        """Store a message and start the run that answers it, in a conversation or in a new one."""
        text = cleaned(text)
        if not is_visible(text):
            raise InvalidInput("A message needs some text.", ("text",))
        if len(text) > self._max_message_length:
            message = f"A message has at most {self._max_message_length:,} characters."
            raise InvalidInput(message, ("text",))
        request = Request.of(viewer, "sendMessage", idempotency_key, conversation_id, [text, new])

        async def start() -> StartedRun:
            if conversation_id is None:
                return await self._starter.in_new_conversation(
                    viewer, request, text, new or NewConversation()
                )
            return await self._starter.after_last_message(viewer, request, text)

        return await self._start(viewer, request, "question", start)

    async def regenerate(
        self, viewer: Viewer, message_id: str, *, idempotency_key: str | None = None
    ) -> StartedRun:
        """Start a run that writes another version of an answer."""
        conversation_id = conversation_of(message_id)
        snapshot = await self._snapshots.open(viewer, conversation_id)
        old = (await self._messages.get(snapshot, message_id)).message
        if old.role is not MessageRole.ASSISTANT:
            raise InvalidInput("Only the assistant's messages can be regenerated.", ("messageId",))
        request = Request.of(
            viewer, "regenerateMessage", idempotency_key, conversation_id, message_id
        )

        async def start() -> StartedRun:
            return await self._starter.regenerate(viewer, request, old)

        return await self._start(viewer, request, "answer", start)

    async def cancel(self, viewer: Viewer, run_id: str) -> tuple[Snapshot, Run]:
        """Cancel a run; what was written stays. Cancelling one that has ended is no error."""
        conversation_id = conversation_of(run_id)
        snapshot = await self._snapshots.open(viewer, conversation_id)
        run = await self._snapshots.run(snapshot, run_id)
        if run.status.ended:
            return snapshot, run
        write = Write.to_conversation(conversation_id).even_when_full()
        try:
            await self._appender.append(write.do("HSET", keys.run(run_id), CANCELLED, 1))
        except Refused:
            raise NotFound(NO_CONVERSATION, ("runId",)) from None
        # The worker that has the run sees the mark; where none has it, it is ended here.
        snapshot = await self._snapshots.open(viewer, conversation_id)
        run = await self._snapshots.run(snapshot, run_id)
        if run.status is RunStatus.QUEUED or run.is_suspended:
            log = self._run_logs.of(viewer, run)
            try:
                await log.end(Outcome(status=RunStatus.CANCELLED, usage=log.usage))
            except Superseded:
                logger.info("run=%s was taken up while it was cancelled", run_id)
        await self._queue.cancel(run_id)
        snapshot = await self._snapshots.open(viewer, conversation_id)
        return snapshot, await self._snapshots.run(snapshot, run_id)

    async def active(self, viewer: Viewer) -> list[Snapshot]:
        """The conversations with a run that has not ended, the oldest run first."""
        listed = keys.viewer_runs(viewer.key), keys.viewer_waiting(viewer.key)
        async with self._client.pipeline(transaction=False) as pipeline:
            for key in listed:
                pipeline.zrange(key, 0, -1)
            found: Any = await pipeline.execute()
        # Both may have runs that ended, or were never begun; a conversation has one at most.
        ids = {conversation_of(run_id.decode()) for run_ids in found for run_id in run_ids}
        opened = await self._snapshots.open_each(viewer, list(ids))
        snapshots = [(each.run.created_at, each) for each in opened if each and each.run]
        return [each for _, each in sorted(snapshots, key=itemgetter(0))]

    async def _start(
        self,
        viewer: Viewer,
        request: Request,
        noun: str,
        start: Callable[[], Awaitable[StartedRun]],
    ) -> StartedRun:
        """Carry a request out, or give what it started before. `noun` as in `_started`."""
        if await request.was_carried_out(self._client):
            return await self._started(viewer, request, noun)
        try:
            sent = await start()
        except Unavailable:
            raise  # it may be stored nevertheless: the same key must find it
        except (PybotError, Refused) as error:
            if await request.was_carried_out(self._client):
                return await self._started(viewer, request, noun)
            await self._quota.release(viewer, request.new_id("run"))
            if isinstance(error, Refused):
                # Its conversation was made by this very key, and deleted since.
                raise NotFound(NO_CONVERSATION, ("conversationId",)) from None
            raise
        await self._enqueue(sent.run)
        return sent

    async def _started(self, viewer: Viewer, request: Request, noun: str) -> StartedRun:
        """What the same request started before; `noun` is for `Request.new_id` of the message."""
        snapshot = await self._snapshots.open(viewer, request.conversation_id)
        view = await self._messages.get(snapshot, request.new_id(noun))
        run = await self._snapshots.run(snapshot, request.new_id("run"))
        await self._enqueue(run)
        cursor = (await self._snapshots.first_event(run)) - 1
        return StartedRun(snapshot=snapshot, message=view.message, run=run, cursor=cursor)

    async def _enqueue(self, run: Run) -> None:
        """Put a run on the queue; when Redis is out of reach, repair does it later."""
        try:
            if not run.status.ended:
                await self._queue.add(run.id)
        except Unavailable as error:
            logger.warning("run=%s waits for repair: %s", run.id, error)
