"""A conversation's kernel."""

from datetime import datetime
from enum import Enum

import strawberry

from pybot.schema import conversation as conversation_types
from pybot.schema import ids
from pybot.schema.fields import field
from pybot.schema.lazy import LazyConversation
from pybot.schema.node import Node
from pybot.schema.scope import Scope
from pybot.services import records


@strawberry.enum(description="How a kernel is.")
class KernelStatus(Enum):
    """How a kernel is."""

    STARTING = strawberry.enum_value("STARTING", description="It is being started.")
    IDLE = strawberry.enum_value("IDLE", description="It waits for code.")
    BUSY = strawberry.enum_value("BUSY", description="It runs code.")
    RESTARTING = strawberry.enum_value("RESTARTING", description="It is being restarted.")
    RESTORING = strawberry.enum_value(
        "RESTORING", description="It runs earlier cells again (`restoreKernel`)."
    )
    STOPPED = strawberry.enum_value(
        "STOPPED",
        description="It was shut down, by the user or for being idle; "
        "the next code starts a new one.",
    )
    DEAD = strawberry.enum_value("DEAD", description="It died; the next code starts a new one.")


@strawberry.type(description="A conversation's Jupyter kernel.")
class Kernel(Node):
    """The kernel; its ID is its conversation's."""

    scope: strawberry.Private[Scope]
    status: KernelStatus = strawberry.field(description="How it is.")
    name: str = strawberry.field(description="The kernel specification, for example `python3`.")
    generation: int = strawberry.field(
        description="How often it was started for this conversation: "
        "variables do not outlive a change."
    )
    last_activity_at: datetime | None = strawberry.field(
        description="When it last ran code; null before."
    )
    started_at: datetime | None = strawberry.field(
        description="When this generation was started; null while none is."
    )

    @field("The conversation it belongs to.")
    async def conversation(self) -> LazyConversation:
        return await conversation_types.Conversation.load(self.scope)

    @classmethod
    def from_record(cls, record: records.Kernel, scope: Scope) -> "Kernel":
        """A kernel as its record has it."""
        return cls(
            id=ids.encode("Kernel", record.conversation_id),
            scope=scope,
            status=KernelStatus[record.status.name],
            name=record.name,
            generation=record.generation,
            last_activity_at=record.last_activity_at,
            started_at=record.started_at,
        )
