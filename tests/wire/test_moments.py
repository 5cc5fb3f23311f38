"""Events and snapshots have the state of their moment, whenever they are read."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from tests.client import Api, GraphQLErrors
from tests.fixtures.server import Server

WHOLE = """id title pinned eventCursor activeRun { id status phase } kernel { status generation }
  activeLeaf { id status } messages(last: 4) { totalCount nodes { id status text versionCount } }"""
FEW = "title activeRun { status }"
UPDATE = """mutation($id: ID!, $title: String) {
  updateConversation(input: {conversationId: $id, title: $title}) {
    conversation { updatedAt eventCursor } errors { code } } }"""


def events(field: str, selected: str) -> str:
    """A subscription to what happens to conversations."""
    named = "$id: ID!, " if field == "conversationEvents" else ""
    argument = "conversationId: $id, " if named else ""
    return (
        f"subscription({named}$after: String) {{ {field}({argument}after: $after) {{ __typename"
        f" cursor ... on ConversationChangedEvent {{ conversation {{ {selected} }} }} }} }}"
    )


async def changes(api: Api, field: str, selected: str, count: int, **given: Any) -> list[Any]:
    """The first so many ConversationChangedEvents behind a cursor."""
    found: list[Any] = []
    async with api.socket() as socket:
        stream = socket.subscribe(events(field, selected), **given)
        async with aclosing(stream) as following:
            async for data in following:
                if data[field]["__typename"] == "ConversationChangedEvent":
                    found.append(data[field])
                if len(found) == count:
                    break
    return found


async def created(api: Api) -> str:
    """A new conversation, which the user has named; its ID."""
    data = await api.ask(
        'mutation { createConversation(input: {title: "Named"}) { conversation { id } } }'
    )
    conversation: str = data["createConversation"]["conversation"]["id"]
    return conversation


@pytest.fixture
async def begun(server: Server) -> Any:
    """A conversation in which two answers were written, one with a cell, and a title changed."""
    ann = server.user()
    conversation = await created(ann)
    viewer = await ann.ask("{ viewer { eventCursor } }")
    sent = await ann.send("[[code: print(1)]] [[answer: done]]", conversation)
    live = await changes(
        ann, "conversationEvents", WHOLE, 2, id=conversation, after=sent["eventCursor"]
    )
    again = await ann.send("more [[answer: more]]", conversation)
    await ann.until_ended(again)
    for title in ("First", "Second"):
        payload = (await ann.ask(UPDATE, id=conversation, title=title))["updateConversation"]
        assert payload["errors"] == []
    return ann, sent, live, viewer["viewer"]["eventCursor"]


async def test_replayed_event_says_what_it_said(begun: Any) -> None:
    """The run that went on, the kernel and the messages as they were, not as they are."""
    ann, sent, live, _ = begun
    given = {"id": sent["conversation"]["id"], "after": sent["eventCursor"]}
    replayed = await changes(ann, "conversationEvents", WHOLE, 2, **given)
    assert replayed == live
    started, ended = (event["conversation"] for event in replayed)
    assert started["activeRun"]["id"] == sent["run"]["id"]
    assert (started["kernel"], started["messages"]["nodes"][-1]["status"]) == (None, "IN_PROGRESS")
    assert (ended["activeRun"], ended["kernel"]) == (None, {"status": "IDLE", "generation": 1})
    assert ended["messages"]["nodes"][-1]["status"] == "COMPLETED"
    assert [each["eventCursor"] for each in (started, ended)] == [e["cursor"] for e in replayed]


async def test_events_fields_do_not_depend_on_what_is_selected_beside_them(begun: Any) -> None:
    ann, sent, _, _ = begun
    given = {"id": sent["conversation"]["id"], "after": sent["eventCursor"]}
    whole = await changes(ann, "conversationEvents", WHOLE, 6, **given)
    few = await changes(ann, "conversationEvents", FEW, 6, **given)
    for one, other in zip(whole, few, strict=True):
        assert one["cursor"] == other["cursor"]
        assert one["conversation"]["title"] == other["conversation"]["title"]
        run = one["conversation"]["activeRun"]
        assert other["conversation"]["activeRun"] == (run and {"status": run["status"]})
    assert [each["conversation"]["title"] for each in whole[-2:]] == ["First", "Second"]


async def test_viewers_events_say_the_same_as_the_conversations(begun: Any) -> None:
    ann, sent, _, viewer_cursor = begun
    given = {"id": sent["conversation"]["id"], "after": sent["eventCursor"]}
    own = await changes(ann, "conversationEvents", WHOLE, 6, **given)
    listed = await changes(ann, "viewerEvents", WHOLE, 6, after=viewer_cursor)
    assert [e["conversation"] for e in listed] == [e["conversation"] for e in own]


async def test_subscription_without_a_cursor_follows_from_now_on(server: Server) -> None:
    """For the owner of the conversation; nobody else finds it."""
    ann = server.user()
    conversation = await created(ann)
    async with ann.socket() as socket:
        stream = socket.subscribe(events("conversationEvents", FEW), id=conversation)
        async with aclosing(stream) as following:
            waiting = asyncio.ensure_future(anext(following))
            await asyncio.sleep(0.5)  # nothing says that a subscription follows
            await ann.ask(UPDATE, id=conversation, title="From now on")
            event = (await waiting)["conversationEvents"]
            assert event["conversation"]["title"] == "From now on"
    with pytest.raises(GraphQLErrors, match="NOT_FOUND"):
        await anext(server.user("bob").events(conversation))


async def test_empty_update_changes_nothing(server: Server) -> None:
    """Nor does one that says what is so already; what differs is an event."""
    ann = server.user()
    conversation = await created(ann)
    query = "query($id: ID!) { conversation(id: $id) { updatedAt eventCursor } }"
    await ann.ask(UPDATE, id=conversation, title="Same")
    before = (await ann.ask(query, id=conversation))["conversation"]
    for given in ({}, {"title": "Same"}):
        payload = (await ann.ask(UPDATE, id=conversation, **given))["updateConversation"]
        assert payload == {"conversation": before, "errors": []}
    await ann.ask(UPDATE, id=conversation, title="Other")
    assert (await ann.ask(query, id=conversation))["conversation"] != before
