"""The events of a conversation's log: a closed union, stored as tagged JSON.

Deltas carry revision and offset (in Unicode code points); all other events carry the complete
state of their object, but messages come without parts and cells without outputs: those are folded
from the log.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from pybot.services.records import (
    Cell,
    Conversation,
    Kernel,
    Message,
    Output,
    Run,
)


class ConversationChanged(Struct, frozen=True, tag="conversation"):
    """A conversation was created, or its title, a setting, a run or its `updated_at` changed.

    `run` is the active run and `kernel` the kernel, as they were then. `cursor` is set in the
    viewer's log alone: the event's number in the conversation's log. `created` is true of the
    event that created the conversation alone.
    """

    conversation: Conversation
    run: Run | None = None
    kernel: Kernel | None = None
    cursor: int | None = None
    created: bool = False


class ConversationDeleted(Struct, frozen=True, tag="conversation_deleted"):
    """The conversation was deleted; nothing follows."""

    conversation_id: str


class MessageChanged(Struct, frozen=True, tag="message"):
    """A message was added or its status changed.

    `kept_parts` is set when another attempt goes on with it: how many parts stay, all later ones
    are redone.
    """

    message: Message
    kept_parts: int | None = None


class TextDelta(Struct, frozen=True, tag="text"):
    """Text was added to a text part."""

    message_id: str
    part_index: int
    revision: int
    offset: int
    text: str
    reasoning: bool = False


class CodeDelta(Struct, frozen=True, tag="code"):
    """Code was added to a cell that is being written."""

    cell_id: str
    revision: int
    offset: int
    text: str


class RunChanged(Struct, frozen=True, tag="run"):
    """A run began, went on to another phase, or ended."""

    run: Run


class CellChanged(Struct, frozen=True, tag="cell"):
    """A cell was added or went on; its `outputs` here are empty, they have events of their own."""

    cell: Cell


class OutputChanged(Struct, frozen=True, tag="output"):
    """An output was added to a cell, or replaced."""

    cell_id: str
    revision: int
    output: Output


class StreamDelta(Struct, frozen=True, tag="stream"):
    """Text was added to a stream output."""

    cell_id: str
    revision: int
    output_index: int
    offset: int
    text: str


class OutputsCleared(Struct, frozen=True, tag="outputs_cleared"):
    """All outputs of a cell were cleared; `revision` is the one after it."""

    cell_id: str
    revision: int


class KernelChanged(Struct, frozen=True, tag="kernel"):
    """The kernel's status changed."""

    kernel: Kernel


Event = (
    ConversationChanged
    | ConversationDeleted
    | MessageChanged
    | TextDelta
    | CodeDelta
    | RunChanged
    | CellChanged
    | OutputChanged
    | StreamDelta
    | OutputsCleared
    | KernelChanged
)

# The events of the log that each viewer has: what a list of conversations needs.
ViewerEvent = ConversationChanged | ConversationDeleted | RunChanged


class Entry(Struct, frozen=True):
    """An event in a log: `seq` is its number and cursor, from 1; numbers may be left out."""

    seq: int
    occurred_at: datetime
    event: Event


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """An event as it is stored."""
    return _encoder.encode(event)


def decode(data: bytes) -> Event:
    """A stored event."""
    return _decoder.decode(data)


def joined(first: Event, second: Event) -> Event | None:
    """Two deltas as one event when the second continues the first, else None."""
    match first, second:
        case TextDelta(), TextDelta() if (
            first.message_id == second.message_id
            and first.part_index == second.part_index
            and first.revision == second.revision
            and first.reasoning == second.reasoning
            and first.offset + len(first.text) == second.offset
        ):
            return msgspec.structs.replace(first, text=first.text + second.text)
        case CodeDelta(), CodeDelta() if (
            first.cell_id == second.cell_id
            and first.revision == second.revision
            and first.offset + len(first.text) == second.offset
        ):
            return msgspec.structs.replace(first, text=first.text + second.text)
        case StreamDelta(), StreamDelta() if (
            first.cell_id == second.cell_id
            and first.revision == second.revision
            and first.output_index == second.output_index
            and first.offset + len(first.text) == second.offset
        ):
            return msgspec.structs.replace(first, text=first.text + second.text)
        case _:
            return None
