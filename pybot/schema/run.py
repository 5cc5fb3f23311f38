"""A run: one answer of the assistant."""

from datetime import datetime
from enum import Enum

import strawberry

from pybot.schema import cell as cell_types
from pybot.schema import conversation as conversation_types
from pybot.schema import ids
from pybot.schema import message as message_types
from pybot.schema.fields import field
from pybot.schema.lazy import LazyCell, LazyConversation, LazyMessage
from pybot.schema.node import Node
from pybot.schema.run_error import RunError
from pybot.schema.scope import Scope, cells
from pybot.services import records
from pybot.services.conversations.snapshots import MessageView
from pybot.services.values.once import Once


@strawberry.enum(description="How far a run is.")
class RunStatus(Enum):
    """How far a run is."""

    QUEUED = strawberry.enum_value("QUEUED", description="It waits for its turn.")
    IN_PROGRESS = strawberry.enum_value(
        "IN_PROGRESS", description="It is going on; see `Run.phase`."
    )
    COMPLETED = strawberry.enum_value("COMPLETED", description="It is done.")
    INCOMPLETE = strawberry.enum_value(
        "INCOMPLETE",
        description="It ended before the answer was whole: a limit on steps, tokens or time was "
        "reached, or the server that ran it was lost and it could not be taken up again. "
        "What was written is kept.",
    )
    CANCELLED = strawberry.enum_value(
        "CANCELLED", description="The user cancelled it. What was written is kept."
    )
    FAILED = strawberry.enum_value(
        "FAILED", description="It broke off with an error. What was written is kept."
    )


@strawberry.enum(description="What a run in progress is doing.")
class RunPhase(Enum):
    """What a run in progress is doing."""

    WAITING_FOR_MODEL = strawberry.enum_value(
        "WAITING_FOR_MODEL",
        description="The model's service is asked, or asked again after it was busy, "
        "and has not answered yet.",
    )
    GENERATING = strawberry.enum_value("GENERATING", description="The model writes.")
    STARTING_KERNEL = strawberry.enum_value(
        "STARTING_KERNEL", description="The kernel is being started."
    )
    EXECUTING = strawberry.enum_value("EXECUTING", description="The kernel runs code.")
    AWAITING_APPROVAL = strawberry.enum_value(
        "AWAITING_APPROVAL",
        description="Code waits for the user's approval (`ExecutionPolicy.ASK`).",
    )
    AWAITING_INPUT = strawberry.enum_value(
        "AWAITING_INPUT",
        description="Code called `input()` and waits for the user's answer.",
    )


@strawberry.type(description="The tokens that a run used.")
class TokenUsage:
    """Tokens, as the model's service counts them."""

    prompt_tokens: int = strawberry.field(description="Tokens that the model read.")
    completion_tokens: int = strawberry.field(description="Tokens that the model wrote.")

    @classmethod
    def from_record(cls, record: records.TokenUsage) -> "TokenUsage":
        """Tokens as a record counts them."""
        return cls(
            prompt_tokens=record.prompt_tokens,
            completion_tokens=record.completion_tokens,
        )


@strawberry.type(
    description="One answer of the assistant: it writes, runs code, reads the outputs "
    "and goes on until it is done."
)
class Run(Node):
    """A run; the message that it writes is read when it is asked for."""

    scope: strawberry.Private[Scope]
    view: strawberry.Private[Once[MessageView]]
    status: RunStatus = strawberry.field(description="How far it is.")
    phase: RunPhase | None = strawberry.field(
        description="What it is doing; null unless it is in progress."
    )
    error: RunError | None = strawberry.field(
        description="Why it failed or stayed incomplete; null when it did neither."
    )
    usage: TokenUsage = strawberry.field(
        description="The tokens that it used so far; estimated where its service did not count, "
        "as for a cancelled run."
    )
    created_at: datetime = strawberry.field(description="When it was asked for.")
    completed_at: datetime | None = strawberry.field(
        description="When it ended; null while it goes on."
    )

    @field("The conversation it is in.")
    async def conversation(self) -> LazyConversation:
        return await conversation_types.Conversation.load(self.scope)

    @field("The message that it writes.")
    async def message(self) -> LazyMessage:
        view = await self.view.get()
        return message_types.Message.from_record(view.message, self.scope, self.view)

    @field("The code that it ran, in order.")
    async def cells(self) -> list[LazyCell]:
        view = await self.view.get()
        return [cell_types.Cell.from_record(cell, self.scope) for cell in cells(view)]

    @classmethod
    def from_record(
        cls, record: records.Run, scope: Scope, view: Once[MessageView] | None = None
    ) -> "Run":
        """A run as its record has it; its message comes from `view`, or else from the scope."""
        return cls(
            id=ids.encode("Run", record.id),
            scope=scope,
            view=view or Once(lambda: scope.message(record.message_id)),
            status=RunStatus[record.status.name],
            phase=RunPhase[record.phase.name] if record.phase else None,
            error=RunError.from_record(record.error) if record.error else None,
            usage=TokenUsage.from_record(record.usage or records.TokenUsage()),
            created_at=record.created_at,
            completed_at=record.completed_at,
        )
