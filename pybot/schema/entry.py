"""Entries of the logs as the events that clients see."""

from collections.abc import Callable
from datetime import datetime
from typing import TypedDict, assert_never

import strawberry

from pybot.schema import cursors, ids
from pybot.schema.cell import Cell
from pybot.schema.event import (
    CellChangedEvent,
    CodeDeltaEvent,
    ConversationChangedEvent,
    ConversationDeletedEvent,
    ConversationEvent,
    KernelChangedEvent,
    MessageChangedEvent,
    OutputChangedEvent,
    OutputsClearedEvent,
    RunChangedEvent,
    StreamDeltaEvent,
    TextDeltaEvent,
    ViewerEvent,
)
from pybot.schema.fields import Once
from pybot.schema.kernel import Kernel
from pybot.schema.message import Message
from pybot.schema.output import output_from_record
from pybot.schema.run import Run
from pybot.schema.scope import Scope
from pybot.services import events, records
from pybot.services.snapshots import MessageView
from pybot.services.viewerlog import ViewerEntry


class Place(TypedDict):
    """What every event says of itself."""

    cursor: str
    occurred_at: datetime
    conversation_id: strawberry.ID


def conversation_event(
    entry: events.Entry, conversation_id: str, scope_of: Callable[[], Scope]
) -> ConversationEvent:
    """An entry of a conversation's log; nested objects are read as of the entry.

    The scope is made for entries that have any: a token has none.
    """
    place = Place(
        cursor=cursors.encode("conversation", entry.seq),
        occurred_at=entry.occurred_at,
        conversation_id=ids.encode("Conversation", conversation_id),
    )
    event = entry.event
    if isinstance(event, events.TextDelta | events.CodeDelta | events.StreamDelta):
        return _delta(event, place)
    scope = scope_of()
    match event:
        case events.ConversationChanged():
            return ConversationChangedEvent(**place, record=event.conversation, scope=scope)
        case events.ConversationDeleted():
            return ConversationDeletedEvent(**place)
        case events.MessageChanged():
            return MessageChangedEvent(**place, message=_message(event.message, entry.seq, scope))
        case events.RunChanged():
            return RunChangedEvent(**place, run=_run(event.run, entry.seq, scope))
        case events.CellChanged():
            return _cell_changed(event, entry.seq, scope, place)
        case events.OutputChanged():
            return OutputChangedEvent(
                **place,
                cell_id=ids.encode("Cell", event.cell_id),
                revision=event.revision,
                output=output_from_record(event.output, event.cell_id),
            )
        case events.OutputsCleared():
            cell_id = ids.encode("Cell", event.cell_id)
            return OutputsClearedEvent(**place, cell_id=cell_id, revision=event.revision)
        case events.KernelChanged():
            kernel = Kernel.from_record(event.kernel, scope) if event.kernel else None
            return KernelChangedEvent(**place, kernel=kernel)
        case _:
            assert_never(event)


def viewer_event(entry: ViewerEntry, scope: Scope) -> ViewerEvent:
    """An entry of a viewer's log."""
    place = Place(
        cursor=cursors.encode("viewer", entry.seq),
        occurred_at=entry.occurred_at,
        conversation_id=ids.encode("Conversation", entry.conversation_id),
    )
    event = entry.event
    match event:
        case events.ConversationChanged():
            return ConversationChangedEvent(**place, record=event.conversation, scope=scope)
        case events.ConversationDeleted():
            return ConversationDeletedEvent(**place)
        case events.RunChanged():
            return RunChangedEvent(**place, run=Run.from_record(event.run, scope))
        case _:
            assert_never(event)


def _delta(
    event: events.TextDelta | events.CodeDelta | events.StreamDelta, place: Place
) -> ConversationEvent:
    match event:
        case events.TextDelta():
            return TextDeltaEvent(
                **place,
                message_id=ids.encode("Message", event.message_id),
                part_index=event.part_index,
                revision=event.revision,
                reasoning=event.reasoning,
                offset=event.offset,
                text=event.text,
            )
        case events.CodeDelta():
            return CodeDeltaEvent(
                **place,
                cell_id=ids.encode("Cell", event.cell_id),
                revision=event.revision,
                offset=event.offset,
                text=event.text,
            )
        case events.StreamDelta():
            return StreamDeltaEvent(
                **place,
                cell_id=ids.encode("Cell", event.cell_id),
                revision=event.revision,
                output_index=event.output_index,
                offset=event.offset,
                text=event.text,
            )
        case _:
            assert_never(event)


def _cell_changed(
    event: events.CellChanged, seq: int, scope: Scope, place: Place
) -> CellChangedEvent:
    record = event.cell
    whole = Once(lambda: scope.services.snapshots.cell_at(record, seq))
    return CellChangedEvent(
        **place,
        message_id=ids.encode("Message", record.message_id),
        part_index=record.part_index,
        cell=Cell.from_record(record, scope, whole),
    )


def _message(record: records.Message, seq: int, scope: Scope) -> Message:
    return Message.from_record(
        record, scope, Once(lambda: scope.services.snapshots.view_at(record, seq))
    )


def _run(record: records.Run, seq: int, scope: Scope) -> Run:
    async def view() -> MessageView:
        message = (await scope.message(record.message_id)).message
        return await scope.services.snapshots.view_at(message, seq)

    return Run.from_record(record, scope, Once(view))
