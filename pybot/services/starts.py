"""The atomic writes that begin a run: in a new conversation, at the end of one, or once more."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pybot.errors import Conflict
from pybot.services.conversations import Conversations
from pybot.services.events import ConversationChanged, MessageChanged, RunChanged
from pybot.services.history import pushed, user_entry
from pybot.services.instants import milliseconds, now
from pybot.services.models import ConversationModel, Models, new_hash
from pybot.services.records import (
    Conversation,
    Message,
    MessageRole,
    MessageStatus,
    Run,
    RunStatus,
    Viewer,
)
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.write import FIRST_EVENT, Refused, Word, Write
from pybot.services.viewerlog import ViewerLog

BUSY = "An answer is being written in this conversation: wait for it, or cancel it."
NOT_NEWEST = "Only the newest answer can be written again."


class NewConversation(Struct, frozen=True, kw_only=True):
    """The conversation that is created for a message."""

    title: str | None = None
    model: str | None = None
    instructions: str = ""


class Ids(Struct, frozen=True, kw_only=True):
    """The IDs of what a request makes."""

    conversation: str
    question: str
    answer: str
    run: str


class Sent(Struct, frozen=True, kw_only=True):
    """What was started; `cursor` is just before the first event of `message`."""

    conversation: Conversation
    message: Message
    run: Run
    cursor: int


class Starts:
    """Begins runs, one a conversation: `active_run` is set in the write that begins one."""

    def __init__(
        self,
        client: Client,
        models: Models,
        appender: Appender,
        viewerlog: ViewerLog,
        conversations: Conversations,
    ) -> None:
        self._client = client
        self._models = models
        self._appender = appender
        self._viewerlog = viewerlog
        self._conversations = conversations

    async def in_new(self, viewer: Viewer, ids: Ids, text: str, new: NewConversation) -> Sent:
        """Create a conversation for a question, with the run that answers it."""
        conversation, fields = self._conversations.new(
            viewer,
            ids.conversation,
            title=new.title,
            model=new.model,
            instructions=new.instructions,
        )
        conversation = replace(conversation, active_run_id=ids.run)
        head = keys.conversation(ids.conversation)
        write = Write.new_conversation(ids.conversation).emit(ConversationChanged(conversation))
        write.do("HSET", head, *fields).do("HSET", head, "active_run", ids.run)
        question = self._ask(write, ids, text, path="0", parent_id=None, position=0)
        _, run = self._answer(write, ids, path="0", parent_id=question.id, position=1)
        await self._viewerlog.enlist(conversation)
        await self._note_unfinished(ids)
        try:
            last = await self._appender.append(write)
        except Refused:
            raise Conflict("The same request is being carried out already.") from None
        await self._viewerlog.tell(
            viewer.username, ConversationChanged(conversation), RunChanged(run)
        )
        cursor = last - len(write.events)
        return Sent(conversation=conversation, message=question, run=run, cursor=cursor)

    async def at_end(self, viewer: Viewer, ids: Ids, text: str) -> Sent:
        """Put a question at the end of the active path, with the run that answers it."""

        async def extend(before: ConversationModel, write: Write) -> tuple[Message, Run]:
            path = before.path
            length, last = await self._end_of_path(before, write)
            question = self._ask(write, ids, text, path=path, parent_id=last, position=length)
            _, run = self._answer(write, ids, path=path, parent_id=question.id, position=length + 1)
            return question, run

        return await self._extend(viewer, ids, {}, extend)

    async def again(self, viewer: Viewer, ids: Ids, old: Message) -> Sent:
        """Begin a new version of the newest answer, on a copy of the path that ends before it."""
        changes: dict[str, Word] = {}

        async def extend(before: ConversationModel, write: Write) -> tuple[Message, Run]:
            length, last = await self._end_of_path(before, write)
            if last != old.id:
                raise Conflict(NOT_NEWEST, ("messageId",))
            position: Any = await self._client.zscore(
                keys.index(ids.conversation, before.path), old.id
            )
            path = str(before.paths)
            changes.update(path=path, paths=before.paths + 1)
            self._copy_path(write, before, path, old.id, length - int(position))
            return self._answer(
                write, ids, path=path, parent_id=old.parent_id, position=int(position)
            )

        return await self._extend(viewer, ids, changes, extend)

    async def _extend(
        self,
        viewer: Viewer,
        ids: Ids,
        changes: dict[str, Word],
        extend: Callable[[ConversationModel, Write], Awaitable[tuple[Message, Run]]],
    ) -> Sent:
        """Begin a run in a conversation that exists and has none."""
        begun: list[tuple[Message, Run]] = []

        async def guarded(before: ConversationModel, write: Write) -> None:
            if before.active_run:
                raise Conflict(BUSY, run_id=before.active_run)
            begun.append(await extend(before, write))

        changes |= {"active_run": ids.run, "updated_at": milliseconds(now())}
        await self._note_unfinished(ids)
        change = await self._conversations.change(viewer, ids.conversation, changes, guarded)
        message, run = begun[-1]
        await self._viewerlog.tell(viewer.username, RunChanged(run))
        return Sent(
            conversation=change.conversation, message=message, run=run, cursor=change.cursor
        )

    async def _end_of_path(self, before: ConversationModel, write: Write) -> tuple[int, str | None]:
        """How many entries the active path has, held fast by the write, and its last message."""
        conversation_id = str(before.pk)
        history = keys.history(conversation_id, before.path)
        length = await self._client.llen(history)
        index = keys.index(conversation_id, before.path)
        last: Any = await self._client.zrange(index, -1, -1)
        write.require("entries", length, "LLEN", history)
        return length, last[0].decode() if last else None

    def _ask(
        self,
        write: Write,
        ids: Ids,
        text: str,
        *,
        path: str,
        parent_id: str | None,
        position: int,
    ) -> Message:
        """Add the user's message."""
        question = Message(
            id=ids.question,
            path=path,
            role=MessageRole.USER,
            status=MessageStatus.COMPLETED,
            text=text,
            parent_id=parent_id,
            created_at=now(),
            completed_at=now(),
        )
        write.do(*pushed(keys.history(ids.conversation, path), [user_entry(question)]))
        self._add(write, ids, question, position)
        return question

    def _answer(
        self, write: Write, ids: Ids, *, path: str, parent_id: str | None, position: int
    ) -> tuple[Message, Run]:
        """Add the assistant's message, still empty, and the run that writes it."""
        answer = Message(
            id=ids.answer,
            path=path,
            role=MessageRole.ASSISTANT,
            status=MessageStatus.IN_PROGRESS,
            run_id=ids.run,
            parent_id=parent_id,
            created_at=now(),
        )
        stored = self._models.run(
            pk=ids.run,
            message_id=answer.id,
            status=RunStatus.QUEUED.value,
            created_at=milliseconds(answer.created_at),
        )
        key, run = keys.run(ids.run), stored.record()
        write.do("HSET", key, *new_hash(stored)).do("HSET", key, "first_seq", FIRST_EVENT)
        self._add(write, ids, answer, position)
        write.emit(RunChanged(run))
        return answer, run

    @staticmethod
    def _add(write: Write, ids: Ids, message: Message, position: int) -> None:
        """Store a message and its place among the path's entries."""
        encoded = msgspec.json.encode(message)
        write.do("HSET", keys.messages(ids.conversation), message.id, encoded)
        write.do("ZADD", keys.index(ids.conversation, message.path), position, message.id)
        write.emit(MessageChanged(message))

    @staticmethod
    def _copy_path(
        write: Write, before: ConversationModel, path: str, without: str, entries: int
    ) -> None:
        """Copy the active path to a new one, without its last message and that one's entries."""
        conversation_id = str(before.pk)
        head = keys.conversation(conversation_id)
        write.require("paths", before.paths, "HGET", head, "paths")
        history = keys.history(conversation_id, path)
        write.do("COPY", keys.history(conversation_id, before.path), history)
        write.do("LTRIM", history, entries, -1)
        index = keys.index(conversation_id, path)
        write.do("COPY", keys.index(conversation_id, before.path), index)
        write.do("ZREM", index, without)

    async def _note_unfinished(self, ids: Ids) -> None:
        """Let repair know of the run before it exists, whatever happens to this process."""
        await self._client.zadd(keys.UNFINISHED_RUNS, {ids.run: milliseconds(now())})
