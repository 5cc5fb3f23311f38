"""Everything that is read of a conversation, exactly as of a place in its log.

What is written grows at its end only: so a snapshot is the numbers that say how far it was
written (its cursor, its count of messages), read in one script together with all that changes.
A message in progress is folded from the log; one that ended is read from the history.
"""

from importlib import resources
from typing import Any

import msgspec
from aredis_om import NotFoundError
from msgspec import Struct

from pybot.errors import InvalidInput, NotFound
from pybot.services.eventlog import EventLog
from pybot.services.events import Entry, MessageChanged
from pybot.services.fold import Fold
from pybot.services.history import ConversationHistory
from pybot.services.models import NO_RUN, Models, conversation_from, run_from
from pybot.services.pages import Edge, Page, PageRequest, decode_cursor, encode_cursor
from pybot.services.records import (
    Cell,
    CellPart,
    Conversation,
    ErrorPart,
    Kernel,
    Message,
    MessageRole,
    MessageStatus,
    Output,
    Part,
    Run,
    TextPart,
    Viewer,
    conversation_of,
)
from pybot.services.store import keys
from pybot.services.store.connection import Client
from pybot.services.store.follow import entries, raw_entry

SCRIPT = resources.files("pybot.services.store").joinpath("snapshot.lua").read_text()
NO_MESSAGE = "There is no message with this ID."
NO_CELL = "There is no cell with this ID."
NO_OUTPUT = "There is no output with this ID."


class MessageView(Struct, frozen=True):
    """A message with its parts."""

    message: Message
    parts: tuple[Part, ...]


class Snapshot(Struct, frozen=True, kw_only=True):
    """A conversation as of `cursor`. `running` is the message in progress, when there is one."""

    conversation: Conversation
    cursor: int
    active_run: Run | None
    running: MessageView | None
    kernel: Kernel | None
    message_count: int


class Snapshots:
    """Reads conversations, messages, runs, cells and outputs."""

    def __init__(self, client: Client, url: str, models: Models, log: EventLog) -> None:
        self._client = client
        self._url = url
        self._models = models
        self._log = log
        self._script = client.register_script(SCRIPT)

    async def read(self, viewer: Viewer, conversation_id: str) -> Snapshot:
        """A conversation of the viewer's, all of it as of one instant; raises NotFound."""
        prefixes = [
            keys.run(f"{conversation_id}."),
            keys.log(conversation_id),
            keys.kernel(conversation_id),
            keys.index(conversation_id, ""),
        ]
        head = keys.conversation(conversation_id)
        found: Any = await self._script(keys=[head], args=prefixes)
        stored = conversation_from(_pairs(found[0]), viewer.username)
        run = run_from(_pairs(found[1])).record() if found[1] else None
        log = entries([raw_entry((entry_id, _pairs(fields))) for entry_id, fields in found[2]])
        return Snapshot(
            conversation=stored.record(),
            cursor=stored.seq,
            active_run=run,
            running=_running(log, run),
            kernel=msgspec.json.decode(found[3], type=Kernel) if found[3] else None,
            message_count=found[4],
        )

    async def page(self, snapshot: Snapshot, request: PageRequest) -> Page[MessageView]:
        """A page of the active path's messages, oldest first."""
        total = snapshot.message_count
        index = keys.index(snapshot.conversation.id, snapshot.conversation.path)
        after = await self._position(index, request.after, "after")
        before = await self._position(index, request.before, "before")
        start, stop = request.window(total, after, before)
        views = await self._views(snapshot, start, stop)
        return Page(
            edges=tuple(Edge(encode_cursor(view.message.id), view) for view in views),
            has_next=stop < total,
            has_previous=start > 0,
            total=total,
        )

    async def last_message(self, snapshot: Snapshot) -> MessageView | None:
        """The newest message of the active path."""
        count = snapshot.message_count
        views = await self._views(snapshot, max(0, count - 1), count)
        return views[0] if views else None

    async def message(self, viewer: Viewer, message_id: str) -> MessageView:
        """One of the viewer's messages as it is now; raises NotFound."""
        message = await self._message(viewer, message_id)
        return MessageView(message, await self._parts(message, None))

    async def run(self, viewer: Viewer, run_id: str) -> Run:
        """One of the viewer's runs; raises NotFound."""
        await self._require_owner(viewer, run_id, NO_RUN)
        try:
            return (await self._models.run.get(run_id)).record()
        except NotFoundError:
            raise NotFound(NO_RUN, ("runId",)) from None

    async def cell(self, viewer: Viewer, cell_id: str) -> Cell:
        """One of the viewer's cells, with its outputs; raises NotFound."""
        view = await self.message(viewer, cell_id.rpartition(".")[0])
        for part in view.parts:
            if isinstance(part, CellPart) and part.cell.id == cell_id:
                return part.cell
        raise NotFound(NO_CELL)

    async def output(self, viewer: Viewer, output_id: str) -> Output:
        """One output of the viewer's; raises NotFound."""
        cell_id, _, index = output_id.rpartition(".")
        cell = await self.cell(viewer, cell_id)
        for output in cell.outputs:
            if str(output.index) == index:
                return output
        raise NotFound(NO_OUTPUT)

    async def view_at(self, message: Message, seq: int) -> MessageView:
        """A message of an event, as it was just after the event with number `seq`."""
        return MessageView(message, await self._parts(message, seq))

    async def cell_at(self, cell: Cell, seq: int) -> Cell:
        """A cell of an event with its outputs, as they were just after the event."""
        conversation_id = conversation_of(cell.id)
        stored: Any = await self._client.hget(keys.messages(conversation_id), cell.message_id)
        if stored is None:
            return cell
        message = msgspec.json.decode(stored, type=Message)
        for part in await self._folded(message, seq):
            if isinstance(part, CellPart) and part.cell.id == cell.id:
                return part.cell
        return cell

    async def _views(self, snapshot: Snapshot, start: int, stop: int) -> list[MessageView]:
        """The messages at the positions [start, stop) of the active path."""
        if start >= stop:
            return []
        conversation = snapshot.conversation
        index = keys.index(conversation.id, conversation.path)
        found: Any = await self._client.zrange(index, start, stop, withscores=True)
        ids = [member.decode() for member, _ in found][: stop - start]
        bounds = [int(score) for _, score in found]
        end = bounds[stop - start] if len(bounds) > stop - start else None
        stored: Any = await self._client.hmget(keys.messages(conversation.id), ids)
        history = self.history(conversation.id, conversation.path)
        parts = await history.parts_by_message(bounds[0], end)
        running = snapshot.running
        views: list[MessageView] = []
        for message_id, data in zip(ids, stored, strict=True):
            if running is not None and running.message.id == message_id:
                views.append(running)
            else:
                message = msgspec.json.decode(data, type=Message)
                views.append(_view(message, parts.get(message_id, [])))
        return views

    def history(self, conversation_id: str, path: str) -> ConversationHistory:
        """The messages of a path, as LangChain sees them."""
        return ConversationHistory(self._client, self._url, conversation_id, path)

    async def _position(self, index: str, cursor: str | None, argument: str) -> int | None:
        if cursor is None:
            return None
        (message_id,) = decode_cursor(cursor, 1, argument)
        position: Any = await self._client.zrank(index, message_id)
        if position is None:
            raise InvalidInput("This cursor is of no message here.", (argument,))
        return int(position)

    async def _message(self, viewer: Viewer, message_id: str) -> Message:
        await self._require_owner(viewer, message_id, NO_MESSAGE)
        key = keys.messages(conversation_of(message_id))
        stored: Any = await self._client.hget(key, message_id)
        if stored is None:
            raise NotFound(NO_MESSAGE, ("messageId",))
        return msgspec.json.decode(stored, type=Message)

    async def _require_owner(self, viewer: Viewer, object_id: str, message: str) -> None:
        head = keys.conversation(conversation_of(object_id))
        found: Any = await self._client.hmget(head, ["owner", "deleted_at"])
        owner, deleted_at = found
        if owner is None or owner.decode() != viewer.username or deleted_at != b"0":
            raise NotFound(message)

    async def _parts(self, message: Message, seq: int | None) -> tuple[Part, ...]:
        if message.role is MessageRole.USER:
            return (TextPart(index=0, text=message.text),)
        if message.status is MessageStatus.IN_PROGRESS:
            return await self._folded(message, seq)
        return _view(message, await self.committed(message)).parts

    async def committed(self, message: Message) -> list[Part]:
        """The parts of an assistant's message that its history has."""
        conversation_id = conversation_of(message.id)
        index = keys.index(conversation_id, message.path)
        start: Any = await self._client.zscore(index, message.id)
        if start is None:
            return []
        following: Any = await self._client.zrange(
            index, f"({start}", "+inf", byscore=True, offset=0, num=1, withscores=True
        )
        end = int(following[0][1]) if following else None
        history = self.history(conversation_id, message.path)
        return await history.parts(int(start), end)

    async def _folded(self, message: Message, seq: int | None) -> tuple[Part, ...]:
        """The parts of an assistant's message as the log has them up to `seq`."""
        run = await self._models.run.get(message.run_id)
        log = await self._log.between(conversation_of(message.id), run.first_seq - 1, seq)
        fold = Fold()
        for entry in log:
            fold.apply(entry.event)
        return fold.parts(message.id)


def _view(message: Message, parts: list[Part]) -> MessageView:
    """A message that ended, with the parts that its history has."""
    if message.role is MessageRole.USER:
        return MessageView(message, (TextPart(index=0, text=message.text),))
    if message.error is not None:
        parts = [*parts, ErrorPart(index=len(parts), error=message.error)]
    return MessageView(message, tuple(parts))


def _running(log: list[Entry], run: Run | None) -> MessageView | None:
    """The message that a run writes, folded from the log since the run began."""
    if run is None:
        return None
    fold = Fold()
    message: Message | None = None
    for entry in log:
        fold.apply(entry.event)
        if isinstance(entry.event, MessageChanged) and entry.event.message.id == run.message_id:
            message = entry.event.message
    return None if message is None else MessageView(message, fold.parts(message.id))


def _pairs(flat: Any) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
