"""What the start and the end of a run write to the viewer's log."""

import pytest

from pybot.services.agent.ports import Outcome
from pybot.services.records import RunStatus, Viewer
from pybot.services.records.events import ConversationChanged, RunChanged, ViewerEvent
from tests.services.runs.conftest import ANN, Room


async def test_start_and_end_of_a_run_are_one_write_each(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ConversationChanged with the run's event behind it; the take-up has its own write."""
    services = room.services
    conversation = (await services.conversations.create(ANN)).conversation
    append, writes = services.viewerlog.append, list[tuple[ViewerEvent, ...]]()

    async def recorded(viewer: Viewer, *events: ViewerEvent) -> None:
        writes.append(events)
        await append(viewer, *events)

    monkeypatch.setattr(services.viewerlog, "append", recorded)
    sent = await services.runs.send(ANN, text="hello", conversation_id=conversation.id)
    log = services.run_logs.of(ANN, sent.run)
    await log.take_up()
    await log.end(Outcome(status=RunStatus.COMPLETED))
    both = (ConversationChanged, RunChanged)
    assert [tuple(map(type, events)) for events in writes] == [both, (RunChanged,), both]
    runs = [each.run for events in writes for each in events if isinstance(each, RunChanged)]
    assert [run.status for run in runs] == [
        RunStatus.QUEUED,
        RunStatus.IN_PROGRESS,
        RunStatus.COMPLETED,
    ]
