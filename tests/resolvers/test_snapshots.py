"""What stands in a snapshot: all as of its cursor, whatever is selected."""

from collections.abc import Sequence
from typing import Any

import pytest

from pybot.schema import cursors
from pybot.services.conversations.snapshots import Snapshot
from pybot.services.records import Viewer
from pybot.services.records.events import TextDelta
from tests.resolvers.conftest import ALICE, Api, service_id

WHOLE = "id title eventCursor messages { nodes { text } } activeRun { status }"


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        (f"conversation(id: $id) {{ {WHOLE} }}", "conversation"),
        (f"node(id: $id) {{ ... on Conversation {{ {WHOLE} }} }}", "conversation"),
        (f"node(id: $id) {{ ... on Message {{ text conversation {{ {WHOLE} }} }} }}", "answer"),
        (
            "node(id: $id) { ... on Run { status message { text } conversation { "
            + WHOLE
            + " } } }",
            "run",
        ),
        (f"viewer {{ conversations {{ nodes {{ {WHOLE} }} }} }}", "viewer"),
    ],
)
async def test_all_of_a_snapshot_is_as_of_its_cursor(
    api: Api, monkeypatch: pytest.MonkeyPatch, query: str, kind: str
) -> None:
    """Whatever happens while the operation is answered comes after its cursor."""
    started = await api.send("Question")
    message_id, conversation_id = service_id(started.answer), service_id(started.conversation)
    seq = await api.emit(TextDelta(message_id, 0, 0, 0, "before"), to=started.conversation)
    read = api.services.snapshots.open

    async def read_and_go_on(viewer: Viewer, named: str) -> Snapshot:
        snapshot = await read(viewer, named)
        await api.emit(TextDelta(message_id, 0, 0, 6, ", after"), to=started.conversation)
        await api.services.conversations.update(ALICE, conversation_id, title="After")
        return snapshot

    monkeypatch.setattr(api.services.snapshots, "open", read_and_go_on)
    named = {"conversation": started.conversation, "answer": started.answer, "run": started.run}
    data = await api(
        f"query ($id: ID!) {{ {query} }}" if kind != "viewer" else f"{{ {query} }}",
        **({"id": named[kind]} if kind != "viewer" else {}),
    )
    (found,) = data.values()
    assert "after" not in str(found)
    assert "After" not in str(found)
    cursor = cursors.encode(cursors.log_of(conversation_id), seq)
    assert cursor in str(found)
    assert "before" in str(found)


async def test_viewers_cursor_is_read_before_the_list(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event between the two is delivered again rather than lost."""
    await api.create()
    page = api.services.conversations.page

    async def create_and_page(*arguments: Any) -> Any:
        await api.services.conversations.create(ALICE, title="Meanwhile")
        return await page(*arguments)

    monkeypatch.setattr(api.services.conversations, "page", create_and_page)
    data = await api("{ viewer { conversations { totalCount } eventCursor } }")
    assert data["viewer"]["conversations"]["totalCount"] == 2
    assert data["viewer"]["eventCursor"] == cursors.encode(cursors.VIEWER, 1)


async def test_list_takes_two_round_trips_whatever_is_selected(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its conversations come with run and kernel, as of one instant each."""
    for title in ("One", "Two"):
        await api.create(title=title)
    opened: list[int] = []
    open_each = api.services.snapshots.open_each

    async def counted(viewer: Viewer, named: Sequence[str]) -> list[Snapshot | None]:
        opened.append(len(named))
        return await open_each(viewer, named)

    monkeypatch.setattr(api.services.snapshots, "open_each", counted)
    monkeypatch.delattr(type(api.services.snapshots), "open")
    await api("{ viewer { conversations { nodes { title updatedAt } } } }")
    await api(
        "{ viewer { conversations { nodes { kernel { id } activeRun { id } eventCursor title"
        " messages { totalCount } activeLeaf { id } } } } }"
    )
    assert opened == [2, 2]


async def test_conversation_deleted_while_a_list_is_read_is_passed_over(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.create(title="Stays")
    gone = await api.create(title="Goes")
    open_each = api.services.snapshots.open_each

    async def delete_and_open(viewer: Viewer, named: Sequence[str]) -> list[Snapshot | None]:
        await api.services.conversations.delete(ALICE, [service_id(gone)])
        return await open_each(viewer, named)

    monkeypatch.setattr(api.services.snapshots, "open_each", delete_and_open)
    data = await api("{ viewer { conversations { nodes { title eventCursor } } } }")
    assert [node["title"] for node in data["viewer"]["conversations"]["nodes"]] == ["Stays"]
