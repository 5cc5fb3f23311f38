"""A message with its parts, and pages of them."""

from datetime import datetime
from enum import Enum
from typing import assert_never

import strawberry

from pybot.schema import cell as cell_types
from pybot.schema import conversation as conversation_types
from pybot.schema import ids
from pybot.schema import run as run_types
from pybot.schema.fields import field
from pybot.schema.lazy import LazyConversation, LazyMessage, LazyRun
from pybot.schema.node import Node, PageInfo
from pybot.schema.part import CellPart, ErrorPart, MessagePart, ReasoningPart, TextPart
from pybot.schema.run_error import RunError
from pybot.schema.scope import Scope
from pybot.services import records
from pybot.services.conversations.messages import cursor_of
from pybot.services.conversations.snapshots import MessageView
from pybot.services.values.once import Once, known
from pybot.services.values.pages import Page


@strawberry.enum(description="Who wrote a message.")
class MessageRole(Enum):
    """Who wrote a message."""

    USER = strawberry.enum_value("USER", description="The user.")
    ASSISTANT = strawberry.enum_value("ASSISTANT", description="The assistant.")


@strawberry.enum(description="How far a message is.")
class MessageStatus(Enum):
    """How far a message is."""

    IN_PROGRESS = strawberry.enum_value("IN_PROGRESS", description="It is being written.")
    COMPLETED = strawberry.enum_value("COMPLETED", description="It is whole.")
    INCOMPLETE = strawberry.enum_value(
        "INCOMPLETE", description="It ended early; what was written is kept."
    )
    CANCELLED = strawberry.enum_value(
        "CANCELLED", description="The user cancelled its run; what was written is kept."
    )
    FAILED = strawberry.enum_value(
        "FAILED", description="It broke off with an error; what was written is kept."
    )


@strawberry.type(description="A message of the user or the assistant.")
class Message(Node):
    """A message; its parts are read when they are asked for."""

    record: strawberry.Private[records.Message]
    scope: strawberry.Private[Scope]
    view: strawberry.Private[Once[MessageView]]
    role: MessageRole = strawberry.field(description="Who wrote it.")
    status: MessageStatus = strawberry.field(description="How far it is.")
    created_at: datetime = strawberry.field(description="When it was begun.")
    completed_at: datetime | None = strawberry.field(
        description="When it was finished; null while it is being written."
    )

    @field("Its position among the messages of its conversation, for `after` and `before`.")
    def cursor(self) -> str:
        return cursor_of(self.record)

    @field("The conversation it is in.")
    async def conversation(self) -> LazyConversation:
        return await conversation_types.Conversation.load(self.scope)

    @field(
        "What it consists of, in order: text, thoughts, code with its outputs, tool calls, "
        "questions, errors."
    )
    async def parts(self) -> list[MessagePart]:
        view = await self.view.get()
        return [part_from_record(part, self.scope) for part in view.parts]

    @field("All its text parts joined, as Markdown.")
    async def text(self) -> str:
        return records.joined_text((await self.view.get()).parts)

    @field("The message it follows; null for the first.")
    async def parent(self) -> LazyMessage | None:
        if self.record.parent_id is None:
            return None
        return Message.from_view(await self.scope.message(self.record.parent_id), self.scope)

    @field(
        "All messages that follow the same parent, itself among them, oldest first: an edited or "
        "regenerated message is a sibling of the old one."
    )
    async def versions(self) -> list[LazyMessage]:
        until = (await self.view.get()).cursor
        found = await self.scope.services.messages.versions(self.record, until)
        return [self if each.id == self.record.id else self._version(each) for each in found]

    @field("Its place among its versions, from 0.")
    async def version_index(self) -> int:
        return (await self.view.get()).version_index

    @field("How many versions there are.")
    async def version_count(self) -> int:
        return (await self.view.get()).version_count

    @field("The run that wrote it; null for a user's message.")
    async def run(self) -> LazyRun | None:
        if self.record.run_id is None or self.record.role is records.MessageRole.USER:
            return None
        run = await self.scope.run(self.record.run_id)
        return run_types.Run.from_record(run, self.scope, self.view)

    def _version(self, record: records.Message) -> "Message":
        return Message.from_record(record, self.scope, Once(lambda: self.scope.message(record.id)))

    @classmethod
    def from_record(
        cls, record: records.Message, scope: Scope, view: Once[MessageView]
    ) -> "Message":
        """A message as its record has it, with the parts that `view` reads."""
        return cls(
            id=ids.encode("Message", record.id),
            record=record,
            scope=scope,
            view=view,
            role=MessageRole[record.role.name],
            status=MessageStatus[record.status.name],
            created_at=record.created_at,
            completed_at=record.completed_at,
        )

    @classmethod
    def from_view(cls, view: MessageView, scope: Scope) -> "Message":
        """A message that was read with its parts."""
        return cls.from_record(view.message, scope, known(view))


def part_from_record(record: records.Part, scope: Scope) -> MessagePart:
    """A part of a message in the scope."""
    match record:
        case records.TextPart(reasoning=True):
            return ReasoningPart(index=record.index, text=record.text, revision=record.revision)
        case records.TextPart():
            return TextPart(index=record.index, text=record.text, revision=record.revision)
        case records.CellPart():
            cell = cell_types.Cell.from_record(record.cell, scope)
            return CellPart(index=record.index, cell=cell)
        case records.ErrorPart():
            return ErrorPart(index=record.index, error=RunError.from_record(record.error))
        case _:
            assert_never(record)


@strawberry.type(description="A message in a page.")
class MessageEdge:
    """A message and its position."""

    cursor: str = strawberry.field(description="The position of this edge.")
    node: Message = strawberry.field(description="The message.")


@strawberry.type(description="A page of messages.")
class MessageConnection:
    """A page of a conversation's active path."""

    edges: list[MessageEdge] = strawberry.field(description="The edges of this page.")
    page_info: PageInfo = strawberry.field(description="Information about this page.")
    total_count: int = strawberry.field(description="How many there are in all.")

    @field("The messages of this page.")
    def nodes(self) -> list[Message]:
        return [edge.node for edge in self.edges]

    @classmethod
    def from_page(cls, page: Page[MessageView], scope: Scope) -> "MessageConnection":
        """A page that was read from the scope's snapshot."""
        return cls(
            edges=[
                MessageEdge(cursor=edge.cursor, node=Message.from_view(edge.node, scope))
                for edge in page.edges
            ],
            page_info=PageInfo.from_page(page),
            total_count=page.total,
        )
