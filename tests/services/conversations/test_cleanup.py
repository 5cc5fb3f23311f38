"""Creations and deletions that break off are finished."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from pybot.errors import NotFound, Unavailable
from pybot.services.container import Services, open_services
from pybot.services.conversations import cleanup as cleanup_module
from pybot.services.records import Viewer
from pybot.services.records.events import ConversationChanged
from pybot.services.store import keys
from pybot.services.values.pages import PageRequest
from tests.fixtures.redis import keys_like
from tests.fixtures.server import SettingsWith

ANN = Viewer(username="ann")


@pytest.fixture
async def services(settings_with: SettingsWith, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Services whose repair is asked for by tests, and looks at the newest as well."""
    monkeypatch.setattr(cleanup_module, "REPAIR_AGE", 0)
    async with open_services(settings_with(run={"concurrency": 0})) as opened:
        yield opened


async def titles(services: Services) -> list[str]:
    """The viewer's list; what it counts is there."""
    page = await services.conversations.page(ANN, PageRequest(first=100))
    assert page.total == len(page.edges)
    return [edge.node.conversation.title for edge in page.edges]


async def left_of(services: Services, conversation_id: str) -> set[str]:
    """The kinds of keys that are left of a conversation."""
    found: Any = await services.client.keys(f"*{{{conversation_id}}}*")
    return {key.decode().split(":")[1] for key in found}


async def noted(services: Services) -> list[bytes]:
    """The conversations that repair is to look at."""
    found: Any = await services.client.zrange(keys.UNFINISHED_CONVERSATIONS, 0, -1)
    return list(found)


async def creations(services: Services) -> list[bool]:
    """What the changes in the viewer's log say: whether they created the conversation."""
    count = await services.viewerlog.cursor(ANN)
    found: list[bool] = []
    async with asyncio.timeout(5), aclosing(services.viewerlog.follow(ANN, 0)) as entries:
        async for entry in entries:
            if isinstance(entry.event, ConversationChanged):
                found.append(entry.event.created)
            if entry.seq == count:
                break
    return found


@pytest.mark.parametrize("failure", [OSError("no"), Unavailable("no"), RecursionError()])
async def test_step_of_a_deletion_that_fails_stops_no_other(
    services: Services, failure: Exception
) -> None:
    """It is not there for anybody at once; the step is done again by repair."""
    created = await services.conversations.create(ANN, title="Gone")
    conversation_id = created.conversation.id
    failures = [failure]
    removed: list[str] = []

    async def removal(named: str) -> None:
        if failures:
            raise failures.pop()
        removed.append(named)

    services.cleanup.on_delete.insert(0, removal)
    assert await services.conversations.delete(ANN, [conversation_id]) == [conversation_id]
    assert await titles(services) == []
    with pytest.raises(NotFound):
        await services.snapshots.open(ANN, conversation_id)
    assert await left_of(services, conversation_id) == {"conversation", "log"}
    assert await noted(services) == [conversation_id.encode()]
    await services.cleanup.repair()
    assert removed == [conversation_id]
    assert await noted(services) == []


async def test_deletion_that_broke_off_behind_the_tombstone_is_finished(
    services: Services,
) -> None:
    sent = await services.runs.send(ANN, text="hello")
    conversation_id = sent.snapshot.conversation.id
    await services.cleanup.mark_deleted(conversation_id)
    assert "history" in await left_of(services, conversation_id)
    await services.cleanup.repair()
    assert await left_of(services, conversation_id) == {"conversation", "log"}
    assert await titles(services) == []
    assert await noted(services) == []


async def test_creation_that_broke_off_before_the_list_is_finished(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conversation is there: it comes into the list, with an event that says so."""
    with monkeypatch.context() as broken:

        async def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        broken.setattr(services.viewerlog, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            await services.conversations.create(ANN, title="Lost")
    assert await titles(services) == []
    cursor = await services.viewerlog.cursor(ANN)
    await services.cleanup.repair()
    assert await titles(services) == ["Lost"]
    assert await services.viewerlog.cursor(ANN) == cursor + 1
    assert await noted(services) == []
    assert await creations(services) == [True]


async def test_creation_that_broke_off_behind_the_list_is_not_said_twice(
    services: Services,
) -> None:
    created = await services.conversations.create(ANN, title="There")
    await services.cleanup.mark_unfinished(created.conversation.id)
    await services.cleanup.repair()
    assert await noted(services) == []
    assert await creations(services) == [True]


async def test_creation_that_never_happened_is_forgotten(services: Services) -> None:
    await services.cleanup.mark_unfinished("0" * 32)
    await services.cleanup.repair()
    assert await noted(services) == []
    assert await titles(services) == []


async def test_nothing_is_left_to_do_behind_ordinary_ones(services: Services) -> None:
    created = await services.conversations.create(ANN, title="There")
    assert await noted(services) == []
    await services.conversations.delete(ANN, [created.conversation.id])
    assert await noted(services) == []
    assert await keys_like(services.client, "*history*") == []


async def test_what_is_still_being_made_is_left_to_its_process(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    await services.cleanup.mark_unfinished("0" * 32)
    with monkeypatch.context() as patched:
        patched.setattr(cleanup_module, "REPAIR_AGE", 60_000)
        await services.cleanup.repair()
        assert await noted(services) == [b"0" * 32]
    await services.cleanup.repair()
    assert await noted(services) == []


@pytest.mark.parametrize("retention", [60, 2 * cleanup_module.TOMBSTONE_SECONDS])
async def test_tombstone_lasts_for_a_day_or_as_long_as_events(
    settings_with: SettingsWith, retention: int
) -> None:
    """A key that is used again within a day finds it, and a follower of the log as well."""
    settings = settings_with(run={"concurrency": 0}, limits={"event_retention": retention})
    async with open_services(settings) as services:
        conversation_id = (await services.conversations.create(ANN)).conversation.id
        await services.conversations.delete(ANN, [conversation_id])
        left = await services.client.ttl(keys.conversation(conversation_id))
        expected = max(retention, cleanup_module.TOMBSTONE_SECONDS)
        assert expected - 60 < left <= expected
