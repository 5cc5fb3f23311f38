"""The worker: takes runs off the queue and lets the agent write their answers."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from uuid import uuid4

from aredis_om import NotFoundError

from pybot.config import Settings
from pybot.errors import NotFound, Superseded, Unavailable
from pybot.logs import log_fields
from pybot.services.agent.loop import Tools, run_agent
from pybot.services.agent.ports import Assignment
from pybot.services.agent.resuming import kept_parts
from pybot.services.agent.titles import make_title
from pybot.services.agent.waiting import uncancelled
from pybot.services.blobs import Blobs, ConversationBlobs
from pybot.services.conversations import Conversations
from pybot.services.eventlog import EventLog
from pybot.services.events import MessageChanged
from pybot.services.live_kernels import LiveKernels
from pybot.services.llm.base import ChatModel
from pybot.services.llm.profiles import Profile
from pybot.services.models import ConversationModel, Models
from pybot.services.pages import MAX_SIZE, PageRequest
from pybot.services.queue import RunQueue
from pybot.services.records import (
    MessageRole,
    RunError,
    RunErrorCode,
    RunStatus,
    TextPart,
    Viewer,
    conversation_of,
)
from pybot.services.runlog import End, FencedLog, RunLogs
from pybot.services.snapshots import MessageView, Snapshots
from pybot.services.store import keys
from pybot.services.store.connection import Client

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answering:
    """Answers runs, one task each."""

    client: Client
    models: Models
    conversations: Conversations
    snapshots: Snapshots
    eventlog: EventLog
    run_logs: RunLogs
    kernels: LiveKernels
    blobs: Blobs
    model: ChatModel
    profile: Profile
    settings: Settings
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _logs: set[FencedLog] = field(default_factory=set[FencedLog])

    @contextlib.asynccontextmanager
    async def working(self, queue: RunQueue) -> AsyncGenerator[None]:
        """Take runs off the queue while the context is open; at its end they are handed over."""
        run = self.settings.run

        async def answer(run_id: str) -> None:
            task = asyncio.create_task(self._answer(run_id), name=f"run {run_id}")
            self._tasks.add(task)
            try:
                await _joined(task)
            finally:
                self._tasks.discard(task)

        async with queue.working(
            answer, self._forget, concurrency=run.concurrency, lease=run.lease
        ):
            yield
            # Finished steps are committed; repair puts the runs back on the queue for others.
            for log in self._logs:
                log.seal()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forget(self, run_id: str) -> None:
        await self.client.zrem(keys.UNFINISHED_RUNS, run_id)

    async def _answer(self, run_id: str) -> None:
        """Work on a run until it ends, another worker takes it up, or this one stops."""
        try:
            stored = await self.models.run.get(run_id)
            conversation = await self.models.conversation.get(conversation_of(run_id))
        except NotFoundError:
            await self._forget(run_id)
            return
        viewer = Viewer(username=conversation.owner)
        with log_fields(run=run_id, viewer=viewer.key):
            log = self.run_logs.of(viewer, stored.record())
            self._logs.add(log)
            try:
                await self._take_up(log, conversation, viewer)
            except (Superseded, NotFound) as superseded:
                logger.info("run left to others: %s", superseded)
                await self._forget_ended(run_id)
            except Unavailable as error:
                logger.warning("run put back: %s", error)
            finally:
                self._logs.discard(log)
            if log.run.status is RunStatus.COMPLETED and not conversation.titled_by:
                await self._entitle(viewer, log)

    async def _take_up(
        self, log: FencedLog, conversation: ConversationModel, viewer: Viewer
    ) -> None:
        if log.run.status.ended:
            await self._forget(log.run.id)
            return
        await log.take_up()
        logger.info("run begun: attempt=%d", log.run.attempt)
        try:
            end = End(status=RunStatus.CANCELLED)
            if not await self._is_cancelled(log.run.id):
                end = await self._written(log, conversation, viewer)
        except asyncio.CancelledError:
            if not await self._is_cancelled(log.run.id):
                raise  # this worker stops: another one goes on
            end = End(status=RunStatus.CANCELLED)
        except (Superseded, NotFound, Unavailable):
            raise
        except Exception:
            error_id = uuid4().hex[:12]
            logger.exception("a bug ended the run: id=%s", error_id)
            end = End(status=RunStatus.FAILED, error=_internal_error(error_id))
        await uncancelled(log.end(end))
        logger.info("run ended: status=%s error=%s", end.status, end.error and end.error.code)

    async def _written(
        self, log: FencedLog, conversation: ConversationModel, viewer: Viewer
    ) -> End:
        """Let the agent write the answer."""
        conversation_id = str(conversation.pk)
        info = await self.model.info()
        tools = Tools(
            model=self.model,
            kernel=self.kernels.of(viewer, conversation_id),
            log=log,
            blobs=ConversationBlobs(self.blobs, conversation_id),
            profile=self.profile,
            window=info.context_window,
        )
        assignment = await self._assignment(log, viewer, conversation_id)
        outcome = await run_agent(tools, assignment, self.settings)
        return End(status=outcome.status, error=outcome.error, usage=outcome.usage)

    async def _assignment(self, log: FencedLog, viewer: Viewer, conversation_id: str) -> Assignment:
        """What was said before, and what another worker wrote of the answer."""
        await self.eventlog.trim(conversation_id, log.run.first_seq)
        snapshot = await self.snapshots.read(viewer, conversation_id)
        page = await self.snapshots.page(snapshot, PageRequest(last=MAX_SIZE))
        views = [edge.node for edge in page.edges]
        history = [view for view in views if view.message.id != log.run.message_id]
        parts = snapshot.running.parts if snapshot.running else ()
        committed = 0
        if parts:
            committed = len(await self.snapshots.committed(await log.message()))
            kept = kept_parts(parts, committed)
            if kept < len(parts):
                await log.emit(MessageChanged(await log.message(), kept_parts=kept))
        return Assignment(
            run_id=log.run.id,
            message_id=log.run.message_id,
            history=history,
            instructions=snapshot.conversation.instructions,
            parts=parts,
            committed=committed,
        )

    async def _entitle(self, viewer: Viewer, log: FencedLog) -> None:
        """Let the model name the conversation after its first answer."""
        conversation_id = conversation_of(log.run.id)
        try:
            snapshot = await self.snapshots.read(viewer, conversation_id)
            page = await self.snapshots.page(snapshot, PageRequest(first=2))
            question, answer = (_text_of(edge.node) for edge in page.edges)
            title = await make_title(self.model, question, answer)
            await self.conversations.entitle(viewer, conversation_id, title)
        except NotFound:
            logger.info("conversation deleted before it had a title")

    async def _is_cancelled(self, run_id: str) -> bool:
        try:
            return bool((await self.models.run.get(run_id)).cancelled)
        except NotFoundError:
            return False

    async def _forget_ended(self, run_id: str) -> None:
        """Forget a run whose conversation is gone, or that somebody else has ended."""
        with contextlib.suppress(NotFoundError):
            if not (await self.models.run.get(run_id)).record().status.ended:
                return
        await self._forget(run_id)


async def _joined(task: asyncio.Task[None]) -> None:
    """Wait for a task; being cancelled cancels it, and it then decides how it ends."""
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def _internal_error(error_id: str) -> RunError:
    """What the user sees of a bug: the ID under which the log has its traceback."""
    return RunError(
        code=RunErrorCode.INTERNAL,
        message=f"Something went wrong on our side. Try again, or report ID {error_id}.",
    )


def _text_of(view: MessageView) -> str:
    if view.message.role is MessageRole.USER:
        return view.message.text
    return "\n".join(part.text for part in view.parts if isinstance(part, TextPart))
