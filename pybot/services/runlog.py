"""Where a run writes, under its fence: deltas, phases, finished steps, and its end."""

import asyncio
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pybot.errors import NotFound, Superseded
from pybot.services.agent.ports import Step
from pybot.services.conversations import Conversations
from pybot.services.events import Event, MessageChanged, RunChanged
from pybot.services.history import part_entries, pushed
from pybot.services.models import ConversationModel, milliseconds, run_fields
from pybot.services.records import (
    Message,
    MessageStatus,
    Run,
    RunError,
    RunPhase,
    RunStatus,
    TokenUsage,
    Viewer,
    conversation_of,
    now,
)
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.write import Refused, Word, Write
from pybot.services.viewerlog import ViewerLog


class End(Struct, frozen=True, kw_only=True):
    """How a run ends."""

    status: RunStatus
    error: RunError | None = None
    usage: TokenUsage = TokenUsage()


class RunLogs:
    """Makes the logs of runs."""

    def __init__(
        self,
        client: Client,
        appender: Appender,
        viewerlog: ViewerLog,
        conversations: Conversations,
    ) -> None:
        self._client = client
        self._appender = appender
        self._viewerlog = viewerlog
        self._conversations = conversations

    def of(self, viewer: Viewer, run: Run) -> "FencedLog":
        """The log of a run as its `attempt` may write it."""
        return FencedLog(
            self._client, self._appender, self._viewerlog, self._conversations, viewer, run
        )


class FencedLog:
    """The log of one attempt at a run; everything raises Superseded once another has begun."""

    def __init__(
        self,
        client: Client,
        appender: Appender,
        viewerlog: ViewerLog,
        conversations: Conversations,
        viewer: Viewer,
        run: Run,
    ) -> None:
        self._client = client
        self._appender = appender
        self._viewerlog = viewerlog
        self._conversations = conversations
        self._viewer = viewer
        self._conversation_id = conversation_of(run.id)
        self._pending: asyncio.Future[int] | None = None
        self._sealed = False
        self.run = run

    def seal(self) -> None:
        """Write nothing more: this worker stops, and the next one goes on from here.

        What is not committed is redone by it, as after a crash, so that no half text is kept.
        """
        self._sealed = True

    async def take_up(self) -> None:
        """Begin the next attempt; raises Superseded when another worker was quicker."""
        run = replace(
            self.run,
            status=RunStatus.IN_PROGRESS,
            phase=RunPhase.WAITING_FOR_MODEL,
            attempt=self.run.attempt + 1,
        )
        write = self._write().do("HSET", keys.run(run.id), *run_fields(run))
        await self._append(write.emit(RunChanged(run)))
        self.run = run
        await self._viewerlog.tell(self._viewer.username, RunChanged(run))

    async def emit(self, *events: Event) -> None:
        """Append events in order; deltas may wait and be merged."""
        if self._pending is not None and self._pending.done():
            await self.flush()
        self._pending = await self._appender.put(self._write().emit(*events))

    async def flush(self) -> None:
        """Wait until everything that was emitted is in the log, and the fence still holds."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            try:
                await asyncio.shield(pending)
            except Refused as refused:
                raise _superseded(refused) from None

    async def phase(self, phase: RunPhase) -> None:
        """Say what the run is doing."""
        if phase is self.run.phase:
            return
        self.run = replace(self.run, phase=phase)
        write = self._write().do("HSET", keys.run(self.run.id), "phase", phase)
        await self._append(write.emit(RunChanged(self.run)))

    async def commit(self, step: Step) -> None:
        """Write a finished part to the history, with the events that say so."""
        await self.flush()
        message = await self.message()
        entries = part_entries(message.id, self.run.id, step.part, step.observation or "")
        write = self._write().emit(*step.events)
        write.do(*pushed(keys.history(self._conversation_id, message.path), entries))
        await self._append(write)

    async def end(self, end: End) -> None:
        """End the run and its message, and free the conversation, all at once."""
        await self.flush()
        message = replace(
            await self.message(),
            status=MessageStatus(end.status.value),
            error=end.error,
            completed_at=now(),
        )
        run = replace(
            self.run,
            status=end.status,
            phase=None,
            error=end.error,
            usage=end.usage,
            completed_at=now(),
        )

        async def extend(before: ConversationModel, write: Write) -> None:  # noqa: ARG001
            write.fenced(run.id, run.attempt)
            write.do("HSET", keys.run(run.id), *run_fields(run))
            encoded = msgspec.json.encode(message)
            write.do("HSET", keys.messages(self._conversation_id), message.id, encoded)
            write.emit(MessageChanged(message), RunChanged(run))

        changes: dict[str, Word] = {"active_run": "", "updated_at": milliseconds(now())}
        try:
            await self._conversations.change(self._viewer, self._conversation_id, changes, extend)
        except (Refused, NotFound) as refused:
            raise _superseded(refused) from None
        self.run = run
        await self._viewerlog.tell(self._viewer.username, RunChanged(run))
        await self._client.zrem(keys.UNFINISHED_RUNS, run.id)

    async def message(self) -> Message:
        """The message that the run writes."""
        key = keys.messages(self._conversation_id)
        stored: Any = await self._client.hget(key, self.run.message_id)
        if stored is None:
            raise Superseded("The conversation was deleted.")
        return msgspec.json.decode(stored, type=Message)

    def _write(self) -> Write:
        if self._sealed:
            raise Superseded("This worker stops.")
        write = Write.to_conversation(self._conversation_id)
        return write.fenced(self.run.id, self.run.attempt)

    async def _append(self, write: Write) -> None:
        await self.flush()
        try:
            await self._appender.append(write)
        except Refused as refused:
            raise _superseded(refused) from None


def _superseded(refused: Exception) -> Superseded:
    return Superseded(f"The run is no longer this worker's: {refused}")
