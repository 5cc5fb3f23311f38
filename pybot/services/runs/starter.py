"""The atomic writes that start a run: in a new conversation, after the last message, or again."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pybot.errors import Conflict
from pybot.services.conversations.changes import SAME, Changes
from pybot.services.conversations.commands import Conversations
from pybot.services.conversations.gate import Opened
from pybot.services.conversations.history import push_command, user_entry
from pybot.services.conversations.snapshots import Snapshot, Snapshots
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.records import (
    Branch,
    Message,
    MessageRole,
    MessageStatus,
    Run,
    RunStatus,
    Viewer,
)
from pybot.services.records.events import ConversationChanged, MessageChanged, RunChanged
from pybot.services.runs.quota import RunQuota
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.hashes import Hashes, new_fields
from pybot.services.store.requests import Request
from pybot.services.store.write import FIRST_EVENT, Word, Write
from pybot.services.values.instants import milliseconds, now

BUSY = "An answer is being written in this conversation: wait for it, or cancel it."


# Adds a message and its run to a write, and the conversation's fields that change with them.
AddRun = Callable[[Opened, "_NewRun", dict[str, Word]], Awaitable[tuple[Message, Run]]]


class NewConversation(Struct, frozen=True, kw_only=True):
    """The conversation that is created for a message."""

    title: str | None = None
    model: str | None = None
    instructions: str = ""


class StartedRun(Struct, frozen=True, kw_only=True):
    """A run that was started, and the conversation after it.

    `message` is the question for a sent message, the answer for a regenerated one. `cursor` is the
    number of the event before the first one of the write.
    """

    snapshot: Snapshot
    message: Message
    run: Run
    cursor: int


class RunStarter:
    """Starts runs, at most one a conversation: the write that starts one sets `active_run`."""

    def __init__(
        self,
        client: Client,
        hashes: Hashes,
        appender: Appender,
        snapshots: Snapshots,
        changes: Changes,
        conversations: Conversations,
        viewerlog: ViewerLog,
        quota: RunQuota,
    ) -> None:
        self._client = client
        self._hashes = hashes
        self._appender = appender
        self._snapshots = snapshots
        self._changes = changes
        self._conversations = conversations
        self._viewerlog = viewerlog
        self._quota = quota

    async def in_new_conversation(
        self, viewer: Viewer, request: Request, text: str, new: NewConversation
    ) -> StartedRun:
        """Create a conversation with a question, and the run that answers it.

        Raises Refused when the same request has done so before.
        """
        conversation_id = request.conversation_id
        created = self._conversations.new(
            viewer,
            conversation_id,
            title=new.title,
            model=new.model,
            instructions=new.instructions,
        )
        started = _NewRun(self._hashes, request, Write.new_conversation(conversation_id))
        question = started.question(text, branch="0", position=0, entries=0, parent_id=None)
        _, run = started.answer(branch="0", position=1, entries=1, parent_id=question.id)
        created = created.model_copy(update={"active_run": run.id, "length": 2})
        event = ConversationChanged(created.record(), run, created=True)
        write = started.write.do("HSET", started.write.head, *new_fields(created)).emit(event)
        await self._quota.admit(viewer, run.id)
        await self._note_unfinished(run.id)
        last = await self._appender.append(write)
        await self._viewerlog.append(viewer, replace(event, cursor=last), RunChanged(run))
        return StartedRun(
            snapshot=self._snapshots.as_of(event, last),
            message=question,
            run=run,
            cursor=last - len(write.events),
        )

    async def after_last_message(self, viewer: Viewer, request: Request, text: str) -> StartedRun:
        """Append a question to the active path, with the run that answers it."""

        async def begin(
            opened: Opened, new: "_NewRun", changed: dict[str, Word]
        ) -> tuple[Message, Run]:
            branch, length = opened.stored.branch, opened.stored.length
            parent_id, entries = await self._last_message(opened, new.write)
            question = new.question(
                text, branch=branch, position=length, entries=entries, parent_id=parent_id
            )
            _, run = new.answer(
                branch=branch, position=length + 1, entries=entries + 1, parent_id=question.id
            )
            changed["length"] = length + 2
            return question, run

        return await self._start(viewer, request, begin)

    async def regenerate(self, viewer: Viewer, request: Request, old: Message) -> StartedRun:
        """Start another version of an answer, on a branch that forks off before the old one."""

        async def begin(
            opened: Opened, new: "_NewRun", changed: dict[str, Word]
        ) -> tuple[Message, Run]:
            branch = str(opened.stored.branches)
            parent = await self._branch_of(request.conversation_id, old.parent_id)
            fork = Branch(parent=parent, fork=old.position)
            key = keys.branches(request.conversation_id)
            new.write.do("HSET", key, branch, msgspec.json.encode(fork))
            changed |= {
                "branch": branch,
                "branches": opened.stored.branches + 1,
                "length": old.position + 1,
            }
            added = new.answer(
                branch=branch, position=old.position, entries=0, parent_id=old.parent_id
            )
            # The old one has one more version beside it.
            new.write.emit(MessageChanged(old))
            return added

        return await self._start(viewer, request, begin)

    async def _start(self, viewer: Viewer, request: Request, begin: AddRun) -> StartedRun:
        """Start a run in a conversation that exists; raises Conflict when it has one already."""
        added: list[tuple[Message, Run]] = []

        async def extend(opened: Opened, write: Write, changed: dict[str, Word]) -> Run:
            if opened.stored.active_run:
                raise Conflict(BUSY, run_id=opened.stored.active_run)
            await self._quota.admit(viewer, run_id)
            message, run = await begin(opened, _NewRun(self._hashes, request, write), changed)
            added.append((message, run))
            return run

        run_id = request.new_id("run")
        fields: dict[str, Word] = {"active_run": run_id, "updated_at": milliseconds(now())}
        await self._note_unfinished(run_id)
        change = await self._changes.make(viewer, request.conversation_id, fields, extend)
        message, run = added[-1]
        return StartedRun(snapshot=change.snapshot, message=message, run=run, cursor=change.before)

    async def _last_message(self, opened: Opened, write: Write) -> tuple[str | None, int]:
        """The last message of the active path, and how many entries its branch has.

        What another program adds there is noticed by the write.
        """
        conversation_id, branch = opened.conversation.id, opened.stored.branch
        history = keys.history(conversation_id, branch)
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.llen(history)
            pipeline.zrange(keys.index(conversation_id, branch), -1, -1)
            found: Any
            entries, found = await pipeline.execute()
        write.require(SAME, entries, "LLEN", history)
        return (found[0].decode() if found else None), entries

    async def _branch_of(self, conversation_id: str, message_id: str | None) -> str:
        """The branch that a message lies on; the first one for what follows no message."""
        if message_id is None:
            return "0"
        stored: Any = await self._client.hget(keys.messages(conversation_id), message_id)
        return msgspec.json.decode(stored, type=Message).branch

    async def _note_unfinished(self, run_id: str) -> None:
        """List the run for repair before it exists: this process may die before it is queued."""
        await self._client.zadd(keys.UNFINISHED_RUNS, {run_id: milliseconds(now())})


class _NewRun:
    """Adds a question, an empty answer and its run to one write."""

    def __init__(self, hashes: Hashes, request: Request, write: Write) -> None:
        self._hashes = hashes
        self._request = request
        self.write = request.record_in(write)

    def question(
        self, text: str, *, branch: str, position: int, entries: int, parent_id: str | None
    ) -> Message:
        """Add the user's message.

        `position` counts the messages of the path before it, `entries` those of its branch's
        history.
        """
        at = now()
        question = Message(
            id=self._request.new_id("question"),
            branch=branch,
            position=position,
            offset=entries,
            role=MessageRole.USER,
            status=MessageStatus.COMPLETED,
            parent_id=parent_id,
            created_at=at,
            completed_at=at,
        )
        history = keys.history(self._request.conversation_id, branch)
        self.write.do(*push_command(history, [user_entry(question.id, text)]))
        self._add(question)
        return question

    def answer(
        self, *, branch: str, position: int, entries: int, parent_id: str | None
    ) -> tuple[Message, Run]:
        """Add the assistant's message, still empty, and the queued run that writes it."""
        answer = Message(
            id=self._request.new_id("answer"),
            branch=branch,
            position=position,
            offset=entries,
            role=MessageRole.ASSISTANT,
            status=MessageStatus.IN_PROGRESS,
            run_id=self._request.new_id("run"),
            parent_id=parent_id,
            created_at=now(),
        )
        stored = self._hashes.run(
            pk=answer.run_id,
            message_id=answer.id,
            status=RunStatus.QUEUED.value,
            created_at=milliseconds(answer.created_at),
        )
        run = stored.record()
        key = keys.run(run.id)
        self.write.do("HSET", key, *new_fields(stored)).do("HSET", key, "first_seq", FIRST_EVENT)
        self._add(answer)
        self.write.emit(RunChanged(run))
        return answer, run

    def _add(self, message: Message) -> None:
        """Store a message, and its place in its branch and among its versions."""
        conversation_id = self._request.conversation_id
        encoded = msgspec.json.encode(message)
        self.write.do("HSET", keys.messages(conversation_id), message.id, encoded)
        index = keys.index(conversation_id, message.branch)
        self.write.do("ZADD", index, message.position, message.id)
        versions = keys.versions(conversation_id, message.parent_id or "")
        self.write.do("ZADD", versions, FIRST_EVENT, message.id)
        self.write.emit(MessageChanged(message))
