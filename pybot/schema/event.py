"""What happens in a conversation, and to a viewer's conversations."""

from datetime import datetime

import strawberry

from pybot.schema.cell import Cell
from pybot.schema.conversation import Conversation
from pybot.schema.kernel import Kernel
from pybot.schema.message import Message
from pybot.schema.output import Output
from pybot.schema.run import Run


@strawberry.interface(description="Something that happened in a conversation.")
class ConversationEvent:
    """An event of a conversation's log."""

    cursor: str = strawberry.field(description="Where to resume after this event.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    conversation_id: strawberry.ID = strawberry.field(
        description="The conversation it happened in."
    )


@strawberry.interface(description="Something that happened to one of the viewer's conversations.")
class ViewerEvent:
    """An event of a viewer's log."""

    cursor: str = strawberry.field(description="Where to resume after this event.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    conversation_id: strawberry.ID = strawberry.field(
        description="The conversation it happened to."
    )


@strawberry.type(
    description="A conversation was created, or its title, a setting, its active path, its share "
    "or its `updatedAt` changed."
)
class ConversationChangedEvent(ConversationEvent, ViewerEvent):
    """The whole conversation, and all that lies in it, is as of the event."""

    conversation_id: strawberry.ID = strawberry.field(
        description="The conversation it happened in."
    )

    conversation: Conversation = strawberry.field(
        description="The conversation as it was after this event."
    )
    created: bool = strawberry.field(description="Whether this event created it.")


@strawberry.type(description="A conversation was deleted; `conversationEvents` completes after it.")
class ConversationDeletedEvent(ConversationEvent, ViewerEvent):
    """Nothing follows it."""

    conversation_id: strawberry.ID = strawberry.field(
        description="The conversation that was deleted."
    )


@strawberry.type(
    description="A message was added, or its status, versions or feedback changed, or it is being "
    "redone from an earlier part; while it is being written, its text comes in `TextDeltaEvent`."
)
class MessageChangedEvent(ConversationEvent):
    """The message with the parts that it had then."""

    message: Message = strawberry.field(description="The message as it was after this event.")


@strawberry.type(description="Text was added to a text part of a message.")
class TextDeltaEvent(ConversationEvent):
    """A piece of text."""

    message_id: strawberry.ID = strawberry.field(description="The message.")
    part_index: int = strawberry.field(
        description="The part, from 0; the first delta of an index makes the part."
    )
    revision: int = strawberry.field(description="The revision of the part.")
    reasoning: bool = strawberry.field(
        description="Whether it is what the model thinks, not what it answers."
    )
    offset: int = strawberry.field(
        description="Where the text goes, in Unicode code points from the start of the part: "
        "it lets a client check that it missed nothing."
    )
    text: str = strawberry.field(
        description="The text; pieces that come quickly one after the other are joined."
    )


@strawberry.type(description="Code was added to a cell that is being written.")
class CodeDeltaEvent(ConversationEvent):
    """A piece of code."""

    cell_id: strawberry.ID = strawberry.field(
        description="The cell; a `CellChangedEvent` came first."
    )
    revision: int = strawberry.field(description="The revision of the cell.")
    offset: int = strawberry.field(
        description="Where the code goes, in Unicode code points from the start of the source."
    )
    text: str = strawberry.field(
        description="The code; pieces that come quickly one after the other are joined."
    )


@strawberry.type(description="A run began, went on to another phase, or ended.")
class RunChangedEvent(ConversationEvent, ViewerEvent):
    """The run as it was then."""

    conversation_id: strawberry.ID = strawberry.field(
        description="The conversation it happened in."
    )
    run: Run = strawberry.field(description="The run as it was after this event.")


@strawberry.type(
    description="A cell was added, waits for approval or input, was taken by the kernel, or is "
    "done."
)
class CellChangedEvent(ConversationEvent):
    """The cell with the outputs that it had then."""

    message_id: strawberry.ID = strawberry.field(description="The message that it is in.")
    part_index: int = strawberry.field(description="The part of the message that it is.")
    cell: Cell = strawberry.field(description="The cell as it was after this event.")


@strawberry.type(
    description="An output was added to a cell, or was replaced (a display that code updated)."
)
class OutputChangedEvent(ConversationEvent):
    """The whole output."""

    cell_id: strawberry.ID = strawberry.field(description="The cell.")
    revision: int = strawberry.field(description="The revision of the cell.")
    output: Output = strawberry.field(
        description="The output as it was after this event; its `index` says where it goes."
    )


@strawberry.type(description="Text was added to a stream output.")
class StreamDeltaEvent(ConversationEvent):
    """A piece of printed text."""

    cell_id: strawberry.ID = strawberry.field(description="The cell.")
    revision: int = strawberry.field(description="The revision of the cell.")
    output_index: int = strawberry.field(description="The position of the output in its cell.")
    offset: int = strawberry.field(
        description="Where the text goes, in Unicode code points from the start of the output."
    )
    text: str = strawberry.field(description="The text.")


@strawberry.type(description="All outputs of a cell were cleared (`clear_output`).")
class OutputsClearedEvent(ConversationEvent):
    """The cell goes on without its outputs so far."""

    cell_id: strawberry.ID = strawberry.field(description="The cell.")
    revision: int = strawberry.field(description="The revision of the cell after it was cleared.")


@strawberry.type(description="The kernel's status changed.")
class KernelChangedEvent(ConversationEvent):
    """The kernel as it was then."""

    kernel: Kernel = strawberry.field(description="The kernel as it was after this event.")
