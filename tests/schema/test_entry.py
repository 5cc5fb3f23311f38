"""Entries of the logs become the events of the contract, with global IDs and cursors."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from pybot.context import Context, Info
from pybot.schema import cell, cursors, ids, kernel, message, output, run, run_error
from pybot.schema import event as event_types
from pybot.schema.entry import conversation_event, viewer_event
from pybot.services import records
from pybot.services.conversations.snapshots import Snapshots
from pybot.services.conversations.viewerlog import ViewerEntry
from pybot.services.records import events

THEN = datetime(2026, 11, 22, 10, tzinfo=UTC)
CONVERSATION_ID = "c" * 32
MESSAGE_ID = f"{CONVERSATION_ID}.{'d' * 32}"
RUN_ID = f"{CONVERSATION_ID}.{'e' * 32}"
CELL_ID = f"{MESSAGE_ID}.1"

CONVERSATION = records.Conversation(
    id=CONVERSATION_ID, owner="alice", title="One", model="m", created_at=THEN, updated_at=THEN
)
MESSAGE = records.Message(
    id=MESSAGE_ID,
    role=records.MessageRole.ASSISTANT,
    status=records.MessageStatus.IN_PROGRESS,
    run_id=RUN_ID,
    created_at=THEN,
)
RUN = records.Run(
    id=RUN_ID,
    message_id=MESSAGE_ID,
    status=records.RunStatus.IN_PROGRESS,
    phase=records.RunPhase.GENERATING,
    created_at=THEN,
)
CELL = records.Cell(
    id=CELL_ID, run_id=RUN_ID, source="1", status=records.CellStatus.RUNNING, revision=2
)
OUTPUT = records.StreamOutput(index=0, name=records.StreamName.STDERR, text="!")
KERNEL = records.Kernel(
    conversation_id=CONVERSATION_ID, status=records.KernelStatus.BUSY, generation=3
)

EVENTS: list[tuple[events.Event, type, dict[str, Any]]] = [
    (
        events.ConversationChanged(CONVERSATION),
        event_types.ConversationChangedEvent,
        {},
    ),
    (
        events.ConversationDeleted(CONVERSATION_ID),
        event_types.ConversationDeletedEvent,
        {"conversation_id": ids.encode("Conversation", CONVERSATION_ID)},
    ),
    (events.MessageChanged(MESSAGE), event_types.MessageChangedEvent, {}),
    (
        events.TextDelta(MESSAGE_ID, 2, 1, 5, "abc", reasoning=True),
        event_types.TextDeltaEvent,
        {
            "message_id": ids.encode("Message", MESSAGE_ID),
            "part_index": 2,
            "revision": 1,
            "offset": 5,
            "text": "abc",
            "reasoning": True,
        },
    ),
    (
        events.CodeDelta(CELL_ID, 2, 7, "x"),
        event_types.CodeDeltaEvent,
        {"cell_id": ids.encode("Cell", CELL_ID), "revision": 2, "offset": 7, "text": "x"},
    ),
    (events.RunChanged(RUN), event_types.RunChangedEvent, {}),
    (
        events.CellChanged(CELL),
        event_types.CellChangedEvent,
        {"message_id": ids.encode("Message", MESSAGE_ID), "part_index": 1},
    ),
    (
        events.OutputChanged(CELL_ID, 2, OUTPUT),
        event_types.OutputChangedEvent,
        {"cell_id": ids.encode("Cell", CELL_ID), "revision": 2},
    ),
    (
        events.StreamDelta(CELL_ID, 2, 4, 9, "y"),
        event_types.StreamDeltaEvent,
        {
            "cell_id": ids.encode("Cell", CELL_ID),
            "revision": 2,
            "output_index": 4,
            "offset": 9,
            "text": "y",
        },
    ),
    (
        events.OutputsCleared(CELL_ID, 3),
        event_types.OutputsClearedEvent,
        {"cell_id": ids.encode("Cell", CELL_ID), "revision": 3},
    ),
    (events.KernelChanged(KERNEL), event_types.KernelChangedEvent, {}),
]


@pytest.fixture
def info() -> Info:
    """An operation whose services take snapshots of events, and read nothing."""
    snapshots = Snapshots(cast("Any", None), cast("Any", None), cast("Any", None))
    services = cast("Any", SimpleNamespace(snapshots=snapshots))
    context = Context(viewer=records.Viewer(username="alice"), services=services)
    return cast("Info", SimpleNamespace(context=context))


def test_every_event_is_among_the_examples() -> None:
    assert {type(event) for event, _, _ in EVENTS} == set(get_args(events.Event))


@pytest.mark.parametrize(("record", "kind", "fields"), EVENTS, ids=lambda value: str(value)[:30])
def test_event_says_where_and_when(
    info: Info, record: events.Event, kind: type, fields: dict[str, Any]
) -> None:
    event = conversation_event(events.Entry(41, THEN, record), CONVERSATION_ID, info)
    assert type(event) is kind
    assert cursors.decode(cursors.log_of(CONVERSATION_ID), event.cursor) == 41
    assert event.occurred_at == THEN
    assert event.conversation_id == ids.encode("Conversation", CONVERSATION_ID)
    assert {name: getattr(event, name) for name in fields} == fields


def test_objects_in_events_are_the_events_own(info: Info) -> None:
    def of(record: events.Event) -> Any:
        return conversation_event(events.Entry(41, THEN, record), CONVERSATION_ID, info)

    conversation = of(events.ConversationChanged(CONVERSATION, RUN, KERNEL)).conversation
    assert conversation.title == CONVERSATION.title
    assert cursors.decode(cursors.log_of(CONVERSATION_ID), conversation.event_cursor()) == 41
    assert (conversation.active_run().phase.name, conversation.kernel().generation) == (
        "GENERATING",
        3,
    )
    assert of(events.MessageChanged(MESSAGE)).message.status.name == "IN_PROGRESS"
    assert of(events.RunChanged(RUN)).run.phase.name == "GENERATING"
    assert of(events.CellChanged(CELL)).cell.revision == 2
    shown = of(events.OutputChanged(CELL_ID, 2, OUTPUT)).output
    assert (shown.id, shown.name.name) == (ids.encode("Output", f"{CELL_ID}.0"), "STDERR")
    assert of(events.KernelChanged(KERNEL)).kernel.generation == 3


@pytest.mark.parametrize(
    "record",
    [
        events.ConversationChanged(CONVERSATION),
        events.ConversationDeleted(CONVERSATION_ID),
        events.RunChanged(RUN),
    ],
)
def test_viewer_event_has_a_cursor_of_the_viewers_log(
    info: Info, record: events.ViewerEvent
) -> None:
    event = viewer_event(ViewerEntry(6, THEN, CONVERSATION_ID, record), info)
    assert cursors.decode(cursors.VIEWER, event.cursor) == 6
    assert event.occurred_at == THEN
    assert event.conversation_id == ids.encode("Conversation", CONVERSATION_ID)


# Enums of records beside those of the API that they become.
ENUMS = [
    (records.CellStatus, cell.CellStatus),
    (records.KernelStatus, kernel.KernelStatus),
    (records.MessageRole, message.MessageRole),
    (records.MessageStatus, message.MessageStatus),
    (records.StreamName, output.StreamName),
    (records.RunPhase, run.RunPhase),
    (records.RunStatus, run.RunStatus),
    (records.RunErrorCode, run_error.RunErrorCode),
]


@pytest.mark.parametrize(("record", "served"), ENUMS)
def test_every_value_of_a_record_is_served(record: Any, served: Any) -> None:
    assert set(record.__members__) <= set(served.__members__)
