"""Changes of a conversation that others change or delete meanwhile."""

from collections.abc import AsyncIterator

import pytest

from pybot.errors import Conflict, NotFound
from pybot.services.container import Services, open_services
from pybot.services.conversations.changes import MAX_ATTEMPTS
from pybot.services.conversations.gate import Opened
from pybot.services.records import Run, Viewer
from pybot.services.store import keys
from pybot.services.store.write import Word, Write
from tests.fixtures.server import SettingsWith

ANN = Viewer(username="ann")


@pytest.fixture
async def services(settings_with: SettingsWith) -> AsyncIterator[Services]:
    async with open_services(settings_with(run={"concurrency": 0})) as opened:
        yield opened


@pytest.mark.parametrize("others", [MAX_ATTEMPTS - 1, MAX_ATTEMPTS])
async def test_change_is_tried_again_so_often_and_no_more(services: Services, others: int) -> None:
    """What the last attempt finds unchanged is changed; behind that it is a conflict."""
    conversation_id = (await services.conversations.create(ANN, title="Old")).conversation.id
    attempts = 0

    async def meanwhile(opened: Opened, _: Write, __: dict[str, Word]) -> Run | None:
        nonlocal attempts
        attempts += 1
        if attempts <= others:
            await services.client.hincrby(keys.conversation(conversation_id), "version", 1)
        return opened.run

    making = services.run_logs.changes.make(ANN, conversation_id, {"title": "New"}, meanwhile)
    if others == MAX_ATTEMPTS:
        with pytest.raises(Conflict, match="Try again"):
            await making
    else:
        await making
    assert attempts == MAX_ATTEMPTS
    found = await services.snapshots.open(ANN, conversation_id)
    assert found.conversation.title == ("Old" if others == MAX_ATTEMPTS else "New")


async def test_conversation_that_is_deleted_while_it_is_changed_is_not_found(
    services: Services,
) -> None:
    conversation_id = (await services.conversations.create(ANN)).conversation.id

    async def meanwhile(opened: Opened, _: Write, __: dict[str, Word]) -> Run | None:
        await services.conversations.delete(ANN, [conversation_id])
        return opened.run

    with pytest.raises(NotFound):
        await services.run_logs.changes.make(ANN, conversation_id, {"title": "New"}, meanwhile)
    assert await services.viewerlog.lists(ANN, conversation_id) is False
