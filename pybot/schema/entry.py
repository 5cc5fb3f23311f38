"""Entries of the logs as the events that clients see."""

from datetime import datetime
from typing import TypedDict, assert_never

import strawberry

from pybot.context import Info
from pybot.schema import cursors, ids
from pybot.schema.cell import Cell
from pybot.schema.conversation import Conversation
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
from pybot.schema.kernel import Kernel
from pybot.schema.message import Message
from pybot.schema.output import output_from_record
from pybot.schema.run import Run
from pybot.schema.scope import Scope, scope_of, scope_with
from pybot.services import records
from pybot.services.conversations.snapshots import MessageView
from pybot.services.conversations.viewerlog import ViewerEntry
from pybot.services.records import events
from pybot.services.values.once import Once


class Place(TypedDict):
    """What every event says of itself."""

    cursor: str
    occurred_at: datetime
    conversation_id: strawberry.ID


def conversation_event(entry: events.Entry, conversation_id: str, info: Info) -> ConversationEvent:
    """An entry of a conversation's log; its objects are as of the entry."""
    place = Place(
        cursor=cursors.encode(cursors.log_of(conversation_id), entry.seq),
        occurred_at=entry.occurred_at,
        conversation_id=ids.encode("Conversation", conversation_id),
    )
    event = entry.event
    if isinstance(event, events.TextDelta | events.CodeDelta | events.StreamDelta):
        return _delta(event, place)
    scope = scope_of(info, conversation_id)
    match event:
        case events.ConversationChanged():
            return _conversation_changed(event, entry.seq, info, place)
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
            return KernelChangedEvent(**place, kernel=Kernel.from_record(event.kernel, scope))
        case _:
            assert_never(event)


def viewer_event(entry: ViewerEntry, info: Info) -> ViewerEvent:
    """An entry of a viewer's log."""
    place = Place(
        cursor=cursors.encode(cursors.VIEWER, entry.seq),
        occurred_at=entry.occurred_at,
        conversation_id=ids.encode("Conversation", entry.conversation_id),
    )
    event = entry.event
    match event:
        case events.ConversationChanged():
            return _conversation_changed(event, event.cursor or 0, info, place)
        case events.ConversationDeleted():
            return ConversationDeletedEvent(**place)
        case events.RunChanged():
            scope = scope_of(info, entry.conversation_id)
            return RunChangedEvent(**place, run=Run.from_record(event.run, scope))
        case _:
            assert_never(event)


def _conversation_changed(
    event: events.ConversationChanged, number: int, info: Info, place: Place
) -> ConversationChangedEvent:
    """The conversation as of the event with that number in its log."""
    snapshot = info.context.services.snapshots.as_of(event, number)
    conversation = Conversation.from_snapshot(snapshot, scope_with(info, snapshot))
    return ConversationChangedEvent(**place, conversation=conversation, created=event.created)


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
    whole = Once(lambda: scope.services.messages.cell_at(record, seq))
    return CellChangedEvent(
        **place,
        message_id=ids.encode("Message", record.message_id),
        part_index=record.part_index,
        cell=Cell.from_record(record, scope, whole),
    )


def _message(record: records.Message, seq: int, scope: Scope) -> Message:
    return Message.from_record(
        record, scope, Once(lambda: scope.services.messages.view_at(record, seq))
    )


def _run(record: records.Run, seq: int, scope: Scope) -> Run:
    async def view() -> MessageView:
        message = (await scope.message(record.message_id)).message
        return await scope.services.messages.view_at(message, seq)

    return Run.from_record(record, scope, Once(view))
