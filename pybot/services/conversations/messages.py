"""The messages of a conversation's tree, read path by path, as of a snapshot.

A message that has ended never changes and is read from the history; the one that the snapshot's
run writes is the snapshot's own.
"""

from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Any

import msgspec

from pybot.errors import InvalidInput, NotFound
from pybot.services.conversations.history import decode_entry
from pybot.services.conversations.snapshots import MessageView, Snapshot, Snapshots
from pybot.services.records import (
    Cell,
    CellPart,
    ErrorPart,
    Message,
    MessageRole,
    MessageStatus,
    Output,
    Part,
    conversation_of,
)
from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.store.follow import retry_during_outage
from pybot.services.store.script import Script
from pybot.services.values.pages import Edge, Page, PageRequest, decode_cursor, encode_cursor

SCRIPT = resources.files("pybot.services.conversations").joinpath("messages.lua").read_text()
NO_MESSAGE = "There is no message with this ID."
NO_CELL = "There is no cell with this ID."
NO_OUTPUT = "There is no output with this ID."
NOT_A_CURSOR = "This cursor is of no message here."


@dataclass(frozen=True)
class _Stored:
    """A message with the parts that the history has, and its place among its versions."""

    message: Message
    parts: list[Part]
    until: int
    version_index: int
    version_count: int

    def view(self) -> MessageView:
        parts, error = list(self.parts), self.message.error
        if error is not None:
            parts.append(ErrorPart(index=len(parts), error=error))
        return self.with_parts(self.message, tuple(parts))

    def with_parts(self, message: Message, parts: tuple[Part, ...]) -> MessageView:
        return MessageView(message, parts, self.until, self.version_index, self.version_count)


class Messages:
    """Reads messages, and the cells and outputs in them."""

    def __init__(self, client: Client, snapshots: Snapshots) -> None:
        self._client = client
        self._snapshots = snapshots
        self._script = Script(client, SCRIPT)

    async def page(self, snapshot: Snapshot, request: PageRequest) -> Page[MessageView]:
        """A page of the active path's messages, oldest first."""
        total = snapshot.conversation.length
        after = await self._position(snapshot, request.after, "after")
        before = await self._position(snapshot, request.before, "before")
        start, stop = request.window(total, after, before)
        views = await self._path(snapshot, start, stop)
        return Page(
            edges=tuple(Edge(cursor_of(view.message), view) for view in views),
            preceding=start,
            following=total - stop,
            total=total,
        )

    async def last(self, snapshot: Snapshot) -> MessageView | None:
        """The last message of the active path."""
        length = snapshot.conversation.length
        views = await self._path(snapshot, max(0, length - 1), length)
        return views[0] if views else None

    async def get(self, snapshot: Snapshot, message_id: str) -> MessageView:
        """One message, on any path; raises NotFound."""
        stored = await self._read(snapshot.conversation.id, snapshot.cursor, message_id)
        if not stored:
            raise NotFound(NO_MESSAGE, ("messageId",))
        return await self._view(snapshot, stored[0])

    async def versions(self, message: Message, until: int) -> list[Message]:
        """All messages that follow the same parent as of the event `until`, oldest first."""
        conversation_id = conversation_of(message.id)
        key = keys.versions(conversation_id, message.parent_id or "")
        found: Any = await self._client.zrangebyscore(key, "-inf", until)
        if not found:
            return [message]
        stored: Any = await self._client.hmget(keys.messages(conversation_id), found)
        return [msgspec.json.decode(each, type=Message) for each in stored if each is not None]

    async def cell(self, snapshot: Snapshot, cell_id: str) -> Cell:
        """A cell with its outputs; raises NotFound."""
        view = await self.get(snapshot, cell_id.rpartition(".")[0])
        return _cell(view.parts, cell_id)

    async def output(self, snapshot: Snapshot, output_id: str) -> Output:
        """One output of a cell; raises NotFound."""
        cell_id, _, index = output_id.rpartition(".")
        for output in (await self.cell(snapshot, cell_id)).outputs:
            if str(output.index) == index:
                return output
        raise NotFound(NO_OUTPUT)

    async def view_at(self, message: Message, number: int) -> MessageView:
        """A message of an event, as it was just after the event with that number.

        Waits through a short outage of Redis, so that subscriptions outlive it.
        """
        return await retry_during_outage(partial(self._view_at, message, number))

    async def cell_at(self, cell: Cell, number: int) -> Cell:
        """A cell of an event with its outputs just after that event; waits through outages too."""
        return await retry_during_outage(partial(self._cell_at, cell, number))

    async def _view_at(self, message: Message, number: int) -> MessageView:
        stored = await self._read(conversation_of(message.id), number, message.id)
        if not stored:
            return MessageView(message, (), number)
        if message.status is MessageStatus.IN_PROGRESS and message.role is MessageRole.ASSISTANT:
            parts = await self._snapshots.folded(message, number)
            return stored[0].with_parts(message, parts)
        return stored[0].view()

    async def _cell_at(self, cell: Cell, number: int) -> Cell:
        stored = await self._read(conversation_of(cell.id), number, cell.message_id)
        if not stored:
            return cell
        try:
            return _cell(await self._snapshots.folded(stored[0].message, number), cell.id)
        except NotFound:
            return cell

    async def committed(self, message_id: str) -> list[Part]:
        """The parts of an assistant's message that the history has."""
        stored = await self._read(conversation_of(message_id), 0, message_id)
        return stored[0].parts if stored else []

    async def _path(self, snapshot: Snapshot, start: int, stop: int) -> list[MessageView]:
        """The messages at the positions [start, stop) of the active path."""
        if start >= stop:
            return []
        conversation = snapshot.conversation
        path = (conversation.branch, start, stop)
        stored = await self._read(conversation.id, snapshot.cursor, *path)
        return [await self._view(snapshot, each) for each in stored]

    async def _view(self, snapshot: Snapshot, stored: _Stored) -> MessageView:
        """A stored message as of the snapshot."""
        if snapshot.run is None or snapshot.run.message_id != stored.message.id:
            return stored.view()
        answer = await snapshot.answer.get()
        return stored.with_parts(answer.message, answer.parts) if answer else stored.view()

    async def _position(self, snapshot: Snapshot, cursor: str | None, argument: str) -> int | None:
        """Where a cursor stands on any path: as many messages precede the one that it names."""
        if cursor is None:
            return None
        (message_id,) = decode_cursor(cursor, 1, argument)
        found: Any = await self._client.hget(keys.messages(snapshot.conversation.id), message_id)
        if found is None:
            raise InvalidInput(NOT_A_CURSOR, (argument,))
        return msgspec.json.decode(found, type=Message).position

    async def _read(self, conversation_id: str, until: int, *which: str | int) -> list[_Stored]:
        """The messages of a slice of a path (branch, start, stop), or one by its ID."""
        prefixes = [
            keys.history(conversation_id, ""),
            keys.index(conversation_id, ""),
            keys.versions(conversation_id, ""),
        ]
        named = [keys.branches(conversation_id), keys.messages(conversation_id)]
        found: Any = await self._script(named, [*prefixes, until, *which])
        result: list[_Stored] = []
        for messages, entries in reversed(found):
            result += _stored(messages, entries, until)
        return result


def cursor_of(message: Message) -> str:
    """The place of a message in the pages of every path that it lies on."""
    return encode_cursor(message.id)


def _stored(messages: list[Any], entries: list[bytes], until: int) -> list[_Stored]:
    """The messages of one branch with their parts, from entries that come newest first."""
    parts: dict[str, list[Part]] = {}
    for entry in reversed(entries):
        for message_id, part in decode_entry(entry):
            parts.setdefault(message_id, []).append(part)
    return [
        _Stored(
            message=msgspec.json.decode(data, type=Message),
            parts=parts.get(message_id.decode(), []),
            until=until,
            version_index=index,
            version_count=max(count, index + 1),
        )
        for message_id, data, index, count in messages
        if data is not None
    ]


def _cell(parts: tuple[Part, ...], cell_id: str) -> Cell:
    for part in parts:
        if isinstance(part, CellPart) and part.cell.id == cell_id:
            return part.cell
    raise NotFound(NO_CELL)
