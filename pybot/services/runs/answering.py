"""Writes the answer of one run: gathers the history, lets the agent work, gives a title."""

import logging
from dataclasses import dataclass

from msgspec.structs import replace

from pybot.config import Settings
from pybot.errors import NotFound
from pybot.services.agent.loop import Tools, run_agent
from pybot.services.agent.ports import Assignment, Outcome, Resumption, Suspension
from pybot.services.agent.resuming import kept_parts
from pybot.services.agent.titles import make_title
from pybot.services.conversation_kernels.commands import ConversationKernels
from pybot.services.conversations.commands import Conversations
from pybot.services.conversations.eventlog import EventLog
from pybot.services.conversations.messages import Messages
from pybot.services.conversations.snapshots import Snapshots
from pybot.services.llm.base import ChatModel
from pybot.services.llm.profiles import Profile
from pybot.services.records import RunStatus, Viewer, conversation_of, joined_text
from pybot.services.records.events import MessageChanged
from pybot.services.runs.log import FencedLog
from pybot.services.store.blobs import Blobs, ConversationBlobs
from pybot.services.values.pages import MAX_SIZE, PageRequest
from pybot.services.values.titles import first_words

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answering:
    """The services that writing an answer uses."""

    conversations: Conversations
    snapshots: Snapshots
    messages: Messages
    eventlog: EventLog
    kernels: ConversationKernels
    blobs: Blobs
    model: ChatModel
    profile: Profile
    settings: Settings

    async def answer(
        self, log: FencedLog, viewer: Viewer, resumption: Resumption
    ) -> Outcome | Suspension:
        """Let the agent write the answer of a run that was taken up."""
        conversation_id = conversation_of(log.run.id)
        info = await self.model.info()
        tools = Tools(
            model=self.model,
            kernel=self.kernels.of(viewer, conversation_id),
            log=log,
            blobs=ConversationBlobs(self.blobs, viewer, conversation_id),
            profile=self.profile,
            window=info.context_window,
        )
        assignment = await self._assignment(log, viewer, conversation_id)
        assignment = replace(assignment, resumption=resumption)
        return await run_agent(tools, assignment, self.settings)

    async def _assignment(self, log: FencedLog, viewer: Viewer, conversation_id: str) -> Assignment:
        """The history, and what an earlier attempt wrote of the answer."""
        await self.eventlog.trim(conversation_id, log.run.first_seq)
        snapshot = await self.snapshots.open(viewer, conversation_id)
        page = await self.messages.page(snapshot, PageRequest(last=MAX_SIZE))
        views = [edge.node for edge in page.edges]
        history = [view for view in views if view.message.id != log.run.message_id]
        answer = await snapshot.answer.get()
        parts = answer.parts if answer else ()
        committed = 0
        if parts:
            message = await log.message()
            committed = len(await self.messages.committed(message.id))
            kept = kept_parts(parts, committed)
            if kept < len(parts):
                await log.emit(MessageChanged(message, kept_parts=kept))
        return Assignment(
            run_id=log.run.id,
            message_id=log.run.message_id,
            history=history,
            instructions=snapshot.conversation.instructions,
            parts=parts,
            committed=committed,
        )

    async def give_title(self, viewer: Viewer, log: FencedLog) -> None:
        """Give the conversation a title after its first answer, unless it has one.

        It is the model's when the answer was completed, else the question's first words.
        """
        conversation_id = conversation_of(log.run.id)
        try:
            snapshot = await self.conversations.open_untitled(viewer, conversation_id)
            if snapshot is None:
                return
            page = await self.messages.page(snapshot, PageRequest(first=2))
            question, answer = (joined_text(edge.node.parts) for edge in page.edges)
            if log.run.status is RunStatus.COMPLETED:
                title, by = await make_title(self.model, question, answer), "model"
            else:
                title, by = first_words(question), ""
            await self.conversations.set_title(viewer, conversation_id, title, by=by)
        except NotFound:
            logger.info("conversation deleted before it had a title")
