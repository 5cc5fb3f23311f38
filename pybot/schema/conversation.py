"""A conversation, and pages of them."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from pybot.context import Info
from pybot.schema import cursors, ids
from pybot.schema import kernel as kernel_types
from pybot.schema import message as message_types
from pybot.schema import run as run_types
from pybot.schema.fields import After, Before, First, Last, field, page_request
from pybot.schema.lazy import LazyKernel, LazyMessage, LazyMessageConnection, LazyRun
from pybot.schema.model import Model
from pybot.schema.node import Node, PageInfo
from pybot.schema.scope import Scope
from pybot.schema.selection import selects
from pybot.services import records


@strawberry.type(
    description="A conversation: a tree of messages, of which one path is active, "
    "with a kernel and files."
)
class Conversation(Node):
    """A conversation; what lies in it is read from the scope's snapshot."""

    record: strawberry.Private[records.Conversation]
    scope: strawberry.Private[Scope]
    title: str = strawberry.field(
        description="The title, given by the user or made from the first message."
    )
    pinned: bool = strawberry.field(description="Whether it is kept at the top.")
    archived: bool = strawberry.field(description="Whether it is put away.")
    instructions: str = strawberry.field(
        description="What the assistant is told beside the server's own system prompt."
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(
        description="When a message, a title or a setting in it last changed."
    )

    @field("The model that answers in it.")
    def model(self) -> Model:
        return Model.named(self.record.model, self.scope.services.models)

    @field("The messages of the active path, oldest first.")
    async def messages(
        self,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> LazyMessageConnection:
        page = await self.scope.services.snapshots.page(
            await self.scope.snapshot.get(), page_request(first, after, last, before)
        )
        return message_types.MessageConnection.from_page(page, self.scope)

    @field("The last message of the active path; null while there is none.")
    async def active_leaf(self) -> LazyMessage | None:
        snapshot = await self.scope.snapshot.get()
        view = await self.scope.services.snapshots.last_message(snapshot)
        return message_types.Message.from_view(view, self.scope) if view else None

    @field("The run that is going on; null when none is.")
    async def active_run(self) -> LazyRun | None:
        run = (await self.scope.snapshot.get()).active_run
        return run_types.Run.from_record(run, self.scope) if run else None

    @field("The kernel; null before the first one is started.")
    async def kernel(self) -> LazyKernel | None:
        kernel = (await self.scope.snapshot.get()).kernel
        return kernel_types.Kernel.from_record(kernel, self.scope) if kernel else None

    @field(
        "The cursor of this snapshot: messages, parts, cells, outputs, run and kernel of this "
        "conversation in the same operation are exactly as of this cursor, and "
        "`conversationEvents(after:)` with it gives everything that happened since."
    )
    async def event_cursor(self) -> str:
        return cursors.encode("conversation", (await self.scope.snapshot.get()).cursor)

    @classmethod
    async def load(cls, info: Info, scope: Scope) -> "Conversation":
        """The conversation that the present field gives; raises NotFound.

        Where its cursor is selected, all of it comes from the snapshot, the title too.
        """
        if selects(info, "eventCursor"):
            await scope.snapshot.get()
        return cls.from_record(await scope.conversation(), scope)

    @classmethod
    def from_record(cls, record: records.Conversation, scope: Scope) -> "Conversation":
        """A conversation as its record has it."""
        return cls(
            id=ids.encode("Conversation", record.id),
            record=record,
            scope=scope,
            title=record.title,
            pinned=record.pinned,
            archived=record.archived,
            instructions=record.instructions,
            created_at=record.created_at,
            updated_at=record.updated_at,
        )


@strawberry.type(description="A conversation in a page.")
class ConversationEdge:
    """A conversation and its position."""

    cursor: str = strawberry.field(description="The position of this edge.")
    node: Conversation = strawberry.field(description="The conversation.")


@strawberry.type(description="A page of conversations.")
class ConversationConnection:
    """A page of the viewer's conversations."""

    edges: list[ConversationEdge] = strawberry.field(description="The edges of this page.")
    page_info: PageInfo = strawberry.field(description="Information about this page.")
    total_count: int = strawberry.field(description="How many there are in all.")

    @field("The conversations of this page.")
    def nodes(self) -> list[Conversation]:
        return [edge.node for edge in self.edges]
