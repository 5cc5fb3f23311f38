"""A conversation, and pages of them."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from pybot.schema import cursors, ids
from pybot.schema import kernel as kernel_types
from pybot.schema import message as message_types
from pybot.schema import run as run_types
from pybot.schema.fields import After, Before, First, Last, field, page_request
from pybot.schema.lazy import LazyKernel, LazyMessage, LazyMessageConnection, LazyRun
from pybot.schema.model import Model
from pybot.schema.node import Node, PageInfo
from pybot.schema.scope import Scope
from pybot.services.conversations.snapshots import Snapshot


@strawberry.type(
    description="A conversation: a tree of messages, of which one path is active, "
    "with a kernel and files."
)
class Conversation(Node):
    """A conversation as of its snapshot, and what lies in it."""

    snapshot: strawberry.Private[Snapshot]
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
        return Model.named(self.snapshot.conversation.model, self.scope.services.models)

    @field("The messages of a path, oldest first.")
    async def messages(
        self,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> LazyMessageConnection | None:
        page = await self.scope.services.messages.page(
            self.snapshot, page_request(first, after, last, before)
        )
        return message_types.MessageConnection.from_page(page, self.scope)

    @field("The last message of the active path; null while there is none.")
    async def active_leaf(self) -> LazyMessage | None:
        view = await self.scope.services.messages.last(self.snapshot)
        return message_types.Message.from_view(view, self.scope) if view else None

    @field("The run that is going on; null when none is.")
    def active_run(self) -> LazyRun | None:
        run = self.snapshot.run
        return run_types.Run.from_record(run, self.scope) if run else None

    @field(
        "The kernel; null before the first one is started. One that was shut down, died or was "
        "lost stays here with that status."
    )
    def kernel(self) -> LazyKernel | None:
        kernel = self.snapshot.kernel
        return kernel_types.Kernel.from_record(kernel, self.scope) if kernel else None

    @field(
        "The cursor of this snapshot: messages, parts, cells, outputs, run and kernel of this "
        "conversation in the same operation are exactly as of this cursor, and "
        "`conversationEvents(after:)` with it gives everything that happened since."
    )
    def event_cursor(self) -> str:
        log = cursors.log_of(self.snapshot.conversation.id)
        return cursors.encode(log, self.snapshot.cursor)

    @classmethod
    async def load(cls, scope: Scope) -> "Conversation":
        """The scope's conversation; raises NotFound."""
        return cls.from_snapshot(await scope.snapshot.get(), scope)

    @classmethod
    def from_snapshot(cls, snapshot: Snapshot, scope: Scope) -> "Conversation":
        """The conversation of a snapshot, which is the scope's."""
        record = snapshot.conversation
        return cls(
            id=ids.encode("Conversation", record.id),
            snapshot=snapshot,
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
