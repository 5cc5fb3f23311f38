"""The order and the pages of a viewer's list."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pybot.services.agent.ports import Outcome
from pybot.services.container import Services, open_services
from pybot.services.conversations import commands
from pybot.services.records import RunStatus, Viewer
from pybot.services.values.instants import instant
from pybot.services.values.pages import PageRequest
from tests.fixtures.server import SettingsWith

ANN = Viewer(username="ann")


@pytest.fixture
async def services(settings_with: SettingsWith) -> Any:
    async with open_services(settings_with(run={"concurrency": 0})) as opened:
        yield opened


async def page(services: Services, **request: Any) -> Any:
    return await services.conversations.page(ANN, PageRequest(**request))


def titles(found: Any) -> list[str]:
    return [edge.node.conversation.title for edge in found.edges]


async def test_new_ones_come_first_also_within_a_millisecond(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an update of an older one brings it to the top."""
    monkeypatch.setattr(commands, "now", lambda: instant(1_700_000_000_000))
    made = [await services.conversations.create(ANN, title=str(n)) for n in range(40)]
    newest_first = [str(n) for n in reversed(range(40))]
    assert titles(await page(services, first=100)) == newest_first
    after, walked = None, list[str]()
    for _ in range(14):
        found = await page(services, first=3, after=after)
        walked += titles(found)
        after = found.edges[-1].cursor
        if not found.has_next:
            break
    assert walked == newest_first
    monkeypatch.setattr(commands, "now", lambda: instant(1_700_000_000_001))
    await services.conversations.update(ANN, made[7].conversation.id, archived=True)
    assert titles(await page(services, first=2)) == ["7", "39"]


async def test_pinned_ones_come_first_and_go_back_to_their_place(services: Services) -> None:
    """Whatever is newer; among themselves the newest update is first too."""
    made = [await services.conversations.create(ANN, title=str(n)) for n in range(6)]
    ids = [each.conversation.id for each in made]
    for number in (3, 1):
        await services.conversations.update(ANN, ids[number], pinned=True)
    await services.conversations.create(ANN, title="6")
    assert titles(await page(services, first=100)) == ["1", "3", "6", "5", "4", "2", "0"]
    await services.conversations.update(ANN, ids[3], instructions="Be brief.")
    assert titles(await page(services, first=2)) == ["3", "1"]
    await services.conversations.update(ANN, ids[1], pinned=False)
    assert titles(await page(services, first=4)) == ["3", "1", "6", "5"]
    await services.conversations.update(ANN, ids[3], pinned=False)
    assert titles(await page(services, first=4)) == ["3", "1", "6", "5"]


async def test_cursors_outlive_pinning(services: Services) -> None:
    """A page behind a cursor holds what stands behind that place, pinned or not."""
    made = [await services.conversations.create(ANN, title=str(n)) for n in range(5)]
    ids = [each.conversation.id for each in made]
    await services.conversations.update(ANN, ids[0], pinned=True)
    edges = (await page(services, first=100)).edges
    assert [edge.node.conversation.title for edge in edges] == ["0", "4", "3", "2", "1"]
    await services.conversations.update(ANN, ids[3], pinned=True)
    await services.conversations.update(ANN, ids[0], pinned=False)
    assert titles(await page(services, first=100)) == ["3", "0", "4", "2", "1"]
    assert titles(await page(services, after=edges[0].cursor)) == ["0", "4", "2", "1"]
    assert titles(await page(services, after=edges[2].cursor)) == ["2", "1"]
    assert titles(await page(services, before=edges[3].cursor)) == ["3", "0", "4"]
    assert titles(await page(services, last=2, before=edges[0].cursor)) == ["3"]


async def test_change_counts_as_the_newest_also_where_a_clock_is_behind(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers change one conversation; the later change decides on its place."""
    created = await services.conversations.create(ANN, title="Pinned")
    await services.conversations.create(ANN, title="Newer")
    before = created.conversation.updated_at
    monkeypatch.setattr(commands, "now", lambda: before - timedelta(seconds=5))
    pinned = await services.conversations.update(ANN, created.conversation.id, pinned=True)
    assert pinned.conversation.updated_at > before
    assert titles(await page(services)) == ["Pinned", "Newer"]


async def test_sent_message_and_the_end_of_its_run_each_bring_a_conversation_to_the_top(
    services: Services,
) -> None:
    """So that the one that goes on stands there, and the one that has just been answered."""
    names: dict[str, str] = {}
    for title in ("first", "second"):
        names[title] = (await services.conversations.create(ANN, title=title)).conversation.id
    assert titles(await page(services, first=2)) == ["second", "first"]
    await asyncio.sleep(0.002)
    sent = await services.runs.send(ANN, text="hello", conversation_id=names["first"])
    assert titles(await page(services, first=2)) == ["first", "second"]
    assert sent.snapshot.conversation.updated_at > sent.snapshot.conversation.created_at
    await asyncio.sleep(0.002)
    await services.conversations.update(ANN, names["second"], pinned=True)
    assert titles(await page(services, first=2)) == ["second", "first"]
    await asyncio.sleep(0.002)
    log = services.run_logs.of(ANN, sent.run)
    await log.take_up()
    await log.end(Outcome(status=RunStatus.COMPLETED))
    assert titles(await page(services, first=2)) == ["first", "second"]


async def test_conversations_made_at_once_all_have_a_place(services: Services) -> None:
    await asyncio.gather(*(services.conversations.create(ANN, title=str(n)) for n in range(50)))
    found = await page(services, first=100)
    assert sorted(titles(found), key=int) == [str(n) for n in range(50)]
    assert len({edge.cursor for edge in found.edges}) == 50


async def test_pages_say_what_stands_around_them(services: Services) -> None:
    """In each direction and with every cursor, whether there are more on either side."""
    for number in range(6):
        await services.conversations.create(ANN, title=str(number))
    whole = await page(services, first=100)
    cursors = [edge.cursor for edge in whole.edges]
    assert (whole.has_previous, whole.has_next) == (False, False)

    def facts(found: Any) -> tuple[str, bool, bool]:
        return "".join(titles(found)), found.has_previous, found.has_next

    assert facts(await page(services, first=2)) == ("54", False, True)
    assert facts(await page(services, last=2)) == ("10", True, False)
    assert facts(await page(services, first=2, after=cursors[1])) == ("32", True, True)
    assert facts(await page(services, last=2, before=cursors[4])) == ("32", True, True)
    assert facts(await page(services, first=10, before=cursors[2])) == ("54", False, True)
    assert facts(await page(services, last=10, after=cursors[3])) == ("10", True, False)
    assert facts(await page(services, first=1, after=cursors[0], before=cursors[3])) == (
        "4",
        True,
        True,
    )
    assert facts(await page(services, first=5, after=cursors[5])) == ("", True, False)
    assert facts(await page(services, last=5, before=cursors[0])) == ("", False, True)
