"""Following through the schema: in order, from a cursor, as of each event."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from pybot.schema import cursors, ids
from pybot.services.records import Cell, CellStatus, StreamName, StreamOutput
from pybot.services.records.events import CellChanged, OutputChanged, TextDelta
from pybot.services.store import keys
from tests.readers import reader_count
from tests.resolvers.conftest import ALICE, BOB, Api, service_id

FOLLOW = """
subscription ($id: ID!, $after: String) {
  conversationEvents(conversationId: $id, after: $after) {
    __typename cursor occurredAt conversationId
    ... on ConversationChangedEvent { conversation { title } }
    ... on MessageChangedEvent { message { id role status text } }
    ... on RunChangedEvent { run { id status phase } }
    ... on TextDeltaEvent { messageId partIndex revision offset text reasoning }
    ... on CellChangedEvent { messageId partIndex cell { status outputs { index } } }
    ... on OutputChangedEvent { cellId output { ... on StreamOutput { text } } }
  }
}
"""

FOLLOW_ALL = """
subscription ($after: String) {
  viewerEvents(after: $after) {
    __typename cursor conversationId
    ... on ConversationChangedEvent { conversation { title } }
    ... on RunChangedEvent { run { status } }
  }
}
"""


def log_of(global_id: str) -> str:
    """The log of a conversation."""
    return cursors.log_of(service_id(global_id))


async def events(api: Api, query: str, **variables: Any) -> AsyncGenerator[dict[str, Any]]:
    """The events of a subscription."""
    source = await api.schema.subscribe(query, variables, context_value=api.context)
    assert isinstance(source, AsyncGenerator)
    async with aclosing(source):
        async for result in source:
            assert result.errors is None, result.errors
            assert result.data is not None
            (event,) = result.data.values()
            yield event


async def first(count: int, api: Api, query: str, **variables: Any) -> list[dict[str, Any]]:
    """The first events of a subscription, which is closed then."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10), aclosing(events(api, query, **variables)) as following:
        async for event in following:
            found.append(event)
            if len(found) == count:
                return found
    return found


async def refused(api: Api, query: str, **variables: Any) -> object:
    """The code that a subscription is ended with."""
    async with asyncio.timeout(10):
        source = await api.schema.subscribe(query, variables, context_value=api.context)
        assert isinstance(source, AsyncGenerator)
        async with aclosing(source):
            async for result in source:
                assert result.errors
                return (result.errors[0].extensions or {})["code"]
    return None


async def test_run_is_followed_from_the_cursor_before_its_message(api: Api) -> None:
    started = await api.send("Plot")
    message_id = service_id(started.answer)
    await api.emit(TextDelta(message_id, 0, 0, 0, "Hi"), to=started.conversation)
    found = await first(5, api, FOLLOW, id=started.conversation, after=started.cursor)
    kinds = [event["__typename"] for event in found]
    assert sorted(kinds[:-1]) == [
        "ConversationChangedEvent",
        "MessageChangedEvent",
        "MessageChangedEvent",
        "RunChangedEvent",
    ]
    delta = found[-1]
    assert delta.pop("occurredAt").endswith("Z")
    assert delta == {
        "__typename": "TextDeltaEvent",
        "cursor": cursors.encode(log_of(started.conversation), 5),
        "conversationId": started.conversation,
        "messageId": started.answer,
        "partIndex": 0,
        "revision": 0,
        "offset": 0,
        "text": "Hi",
        "reasoning": False,
    }
    log = log_of(started.conversation)
    places = [cursors.decode(log, event["cursor"]) for event in found]
    assert places == [1, 2, 3, 4, 5]
    assert {event["conversationId"] for event in found} == {started.conversation}


async def test_following_resumes_behind_any_cursor(api: Api) -> None:
    started = await api.send()
    everything = await first(4, api, FOLLOW, id=started.conversation, after=started.cursor)
    for place, event in enumerate(everything[:-1]):
        rest = await first(3 - place, api, FOLLOW, id=started.conversation, after=event["cursor"])
        assert rest == everything[place + 1 :]


async def test_objects_in_events_are_as_just_after_the_event(api: Api) -> None:
    """Read late, an early event still has no more than there was."""
    started = await api.send()
    message_id, run_id = service_id(started.answer), service_id(started.run)
    cell = Cell(id=f"{message_id}.1", run_id=run_id, source="1", status=CellStatus.QUEUED)
    output = StreamOutput(index=0, name=StreamName.STDOUT, text="1\n")
    await api.emit(
        TextDelta(message_id, 0, 0, 0, "Hi"),
        CellChanged(cell),
        OutputChanged(cell.id, 0, output),
        to=started.conversation,
    )
    found = await first(7, api, FOLLOW, id=started.conversation, after=started.cursor)
    answers = [
        event["message"]
        for event in found
        if event["__typename"] == "MessageChangedEvent" and event["message"]["id"] == started.answer
    ]
    assert [answer["text"] for answer in answers] == [""]
    assert found[5]["cell"] == {"status": "QUEUED", "outputs": []}
    assert (found[5]["messageId"], found[5]["partIndex"]) == (started.answer, 1)
    assert found[6]["output"] == {"text": "1\n"}


async def test_deletion_completes_the_subscription(api: Api) -> None:
    conversation = await api.create()
    await api(
        "mutation ($id: ID!) { deleteConversations(input: {conversationIds: [$id]}) {"
        " deletedConversationIds } }",
        id=conversation,
    )
    after = cursors.encode(log_of(conversation), 0)
    async with asyncio.timeout(10):
        found = [event async for event in events(api, FOLLOW, id=conversation, after=after)]
    kinds = [event["__typename"] for event in found]
    assert kinds == ["ConversationChangedEvent", "ConversationDeletedEvent"]


async def test_closing_a_subscription_leaves_no_reader(api: Api) -> None:
    conversation = await api.create()
    after = cursors.encode(log_of(conversation), 0)
    following = events(api, FOLLOW, id=conversation, after=after)
    async with asyncio.timeout(10):
        await anext(following)
        assert reader_count(api.services.hub) == 1
        await following.aclose()
        assert reader_count(api.services.hub) == 0


async def test_viewer_follows_all_of_their_conversations_and_nobody_elses(api: Api) -> None:
    other = await api.by(BOB).create(title="His")
    mine = await api.create(title="Mine")
    started = await api.send()
    found = await first(3, api, FOLLOW_ALL, after=cursors.encode(cursors.VIEWER, 0))
    assert found[0] == {
        "__typename": "ConversationChangedEvent",
        "cursor": cursors.encode(cursors.VIEWER, 1),
        "conversationId": mine,
        "conversation": {"title": "Mine"},
    }
    assert {event["conversationId"] for event in found} == {mine, started.conversation}
    assert other not in str(found)
    assert [event["run"] for event in found if "run" in event] == [{"status": "QUEUED"}]


@pytest.mark.parametrize(
    ("after", "code"),
    [
        ("nonsense", "BAD_USER_INPUT"),
        ("é", "BAD_USER_INPUT"),
        ("", "BAD_USER_INPUT"),
        (cursors.encode(cursors.VIEWER, 0), "BAD_USER_INPUT"),
        (cursors.encode(cursors.log_of("0" * 32), 0), "BAD_USER_INPUT"),
        (cursors.encode("conversation", 0), "CURSOR_EXPIRED"),
    ],
)
async def test_foreign_cursors_are_refused(api: Api, after: str, code: str) -> None:
    conversation = await api.create()
    assert await refused(api, FOLLOW, id=conversation, after=after) == code


CREATED = "... on ConversationChangedEvent { created conversation { title } }"
CREATED_IN = f"""subscription ($id: ID!, $after: String) {{
  conversationEvents(conversationId: $id, after: $after) {{ __typename {CREATED} }} }}"""
CREATED_FOR = f"""subscription ($after: String) {{
  viewerEvents(after: $after) {{ __typename {CREATED} }} }}"""


@pytest.mark.parametrize("with_message", [False, True])
async def test_event_that_created_a_conversation_says_so(api: Api, with_message: bool) -> None:
    """In both logs, whether it is followed or read later; no other event does."""
    beginning = cursors.encode(cursors.VIEWER, 0)
    # The new message adds itself, the answer and the run to the one log, and the run to the other.
    in_own, in_viewers = (6, 4) if with_message else (3, 3)
    live = asyncio.create_task(first(in_viewers, api, CREATED_FOR, after=beginning))
    conversation = (await api.send()).conversation if with_message else await api.create()
    for title in ("One", "Two"):
        await api(
            "mutation ($input: UpdateConversationInput!) {"
            " updateConversation(input: $input) { errors { code } } }",
            input={"conversationId": conversation, "title": title},
        )
    after = cursors.encode(log_of(conversation), 0)
    own = await first(in_own, api, CREATED_IN, id=conversation, after=after)
    viewers = await first(in_viewers, api, CREATED_FOR, after=beginning)
    for found in (own, viewers, await live):
        said = [event["created"] for event in found if "created" in event]
        assert said == [True, False, False]


async def test_conversations_cursor_is_refused_by_the_viewers_log(api: Api) -> None:
    after = cursors.encode(log_of(await api.create()), 0)
    assert await refused(api, FOLLOW_ALL, after=after) == "BAD_USER_INPUT"


async def test_expired_cursor_says_so(api: Api) -> None:
    conversation = await api.create()
    await api.emit(TextDelta("c.m", 0, 0, 0, "x"), to=conversation)
    # As after the retention: the log starts behind its first event.
    log = keys.log(service_id(conversation))
    await api.services.client.xtrim(log, maxlen=1, approximate=False)
    after = cursors.encode(log_of(conversation), 0)
    assert await refused(api, FOLLOW, id=conversation, after=after) == "CURSOR_EXPIRED"


async def test_only_ones_own_conversation_is_followed(api: Api) -> None:
    conversation = await api.create()
    missing = ids.encode("Conversation", "0" * 32)
    for viewer, named in ((BOB, conversation), (ALICE, missing), (ALICE, "nonsense")):
        assert await refused(api.by(viewer), FOLLOW, id=named) == "NOT_FOUND"
