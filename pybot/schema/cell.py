"""Code in a message, with its outputs."""

from datetime import datetime
from enum import Enum

import strawberry

from pybot.schema import conversation as conversation_types
from pybot.schema import ids
from pybot.schema import message as message_types
from pybot.schema import run as run_types
from pybot.schema.fields import field
from pybot.schema.lazy import LazyConversation, LazyMessage, LazyRun
from pybot.schema.node import Node
from pybot.schema.output import Output, output_from_record
from pybot.schema.scope import Scope
from pybot.services import records
from pybot.services.values.once import Once, known


@strawberry.enum(description="How far the execution of a cell is.")
class CellStatus(Enum):
    """How far the execution of a cell is."""

    WRITING = strawberry.enum_value("WRITING", description="Its code is being written.")
    AWAITING_APPROVAL = strawberry.enum_value(
        "AWAITING_APPROVAL", description="It waits for the user's approval."
    )
    QUEUED = strawberry.enum_value("QUEUED", description="It waits for the kernel.")
    RUNNING = strawberry.enum_value("RUNNING", description="The kernel runs it.")
    COMPLETED = strawberry.enum_value("COMPLETED", description="It ended without an exception.")
    FAILED = strawberry.enum_value("FAILED", description="It raised an exception.")
    INTERRUPTED = strawberry.enum_value(
        "INTERRUPTED",
        description="It was interrupted, ran into the time limit, or lost its kernel.",
    )
    REJECTED = strawberry.enum_value("REJECTED", description="The user did not let it run.")


@strawberry.enum(description="Who wrote the code of a cell.")
class CellAuthor(Enum):
    """Who wrote the code of a cell."""

    ASSISTANT = strawberry.enum_value("ASSISTANT", description="The model.")
    USER = strawberry.enum_value(
        "USER", description="The user: typed in, or edited before approval."
    )


@strawberry.type(description="Code in a message with its outputs.")
class Cell(Node):
    """A cell; its outputs are read when they are asked for."""

    record: strawberry.Private[records.Cell]
    scope: strawberry.Private[Scope]
    whole: strawberry.Private[Once[records.Cell]]
    language: str = strawberry.field(description="The language, for example `python`.")
    source: str = strawberry.field(description="The code.")
    author: CellAuthor = strawberry.field(description="Who wrote it.")
    status: CellStatus = strawberry.field(description="How far it is.")
    execution_count: int | None = strawberry.field(
        description="The kernel's counter, the number in `In [n]`; null until the kernel took it."
    )
    revision: int = strawberry.field(
        description="How often its code or its outputs were begun anew "
        "(run again, redone, cleared); deltas of another revision do not belong to them."
    )
    kernel_generation: int | None = strawberry.field(
        description="The generation of the kernel that ran it; null before."
    )
    started_at: datetime | None = strawberry.field(description="When the kernel took it.")
    completed_at: datetime | None = strawberry.field(
        description="When the kernel was done with it."
    )

    @field("The conversation it is in.")
    async def conversation(self) -> LazyConversation:
        return await conversation_types.Conversation.load(self.scope)

    @field("The run that it belongs to; null when the user ran it.")
    async def run(self) -> LazyRun | None:
        if self.record.run_id is None:
            return None
        return run_types.Run.from_record(await self.scope.run(self.record.run_id), self.scope)

    @field("The message that it is in.")
    async def message(self) -> LazyMessage:
        view = await self.scope.message(self.record.message_id)
        return message_types.Message.from_view(view, self.scope)

    @field("What it printed, showed, returned or raised, in order.")
    async def outputs(self) -> list[Output]:
        cell = await self.whole.get()
        return [output_from_record(output, cell.id) for output in cell.outputs]

    @classmethod
    def from_record(
        cls, record: records.Cell, scope: Scope, whole: Once[records.Cell] | None = None
    ) -> "Cell":
        """A cell as its record has it; its outputs come from `whole`, where that is given."""
        # So far only the model's code is run; cells of the user's own come with `runCell`.
        author = CellAuthor.USER if record.run_id is None else CellAuthor.ASSISTANT
        return cls(
            id=ids.encode("Cell", record.id),
            record=record,
            scope=scope,
            whole=whole or known(record),
            language=record.language,
            source=record.source,
            author=author,
            status=CellStatus[record.status.name],
            execution_count=record.execution_count,
            revision=record.revision,
            kernel_generation=record.kernel_generation,
            started_at=record.started_at,
            completed_at=record.completed_at,
        )
