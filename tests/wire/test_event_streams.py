"""Following over server-sent events, as a browser's `EventSource` does: the same address again."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.client import EVENTS, Api, document, ended
from tests.event_stream import ACCEPT, Event, EventReader
from tests.fixtures.server import Server
from tests.wire.test_following import RICH, state_of

VIEWER_EVENTS = "subscription($after: String) { viewerEvents(after: $after) { __typename } }"


@dataclass
class EventSource:
    """Asks for one address, again and again, and sends the ID of the last event along."""

    api: Api
    query: str
    variables: dict[str, Any]
    last_event_id: str = ""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[EventReader]:
        """Connect, once."""
        headers = {**self.api.headers, **ACCEPT}
        if self.last_event_id:
            headers["last-event-id"] = self.last_event_id
        parameters = {"query": document(self.query), "variables": json.dumps(self.variables)}
        url = f"{self.api.url}/graphql"
        async with self.api.http.get(url, params=parameters, headers=headers) as response:
            assert response.status == 200
            yield EventReader(response)

    async def next(self, stream: EventReader) -> Event:
        """The next event; its ID is remembered."""
        event = await stream.first()
        if event.id is not None:
            self.last_event_id = event.id
        return event

    async def first_result(self) -> dict[str, Any]:
        """What the first event carries."""
        async with self.open() as stream:
            return (await self.next(stream)).result


def of_conversation(api: Api, sent: Any, after: str | None = None) -> EventSource:
    """A follower of the conversation of a sent message."""
    return EventSource(api, EVENTS, {"id": sent["conversation"]["id"], "after": after})


async def follow_with_cuts(source: EventSource, cuts: list[int]) -> list[dict[str, Any]]:
    """All events to the end of the run, the connection cut after so many events each time."""
    events: list[dict[str, Any]] = []
    for cut in [*cuts, 10_000]:
        async with source.open() as stream:
            for _ in range(cut):
                message = await source.next(stream)
                event = message.result["data"]["conversationEvents"]
                assert message.id == event["cursor"]
                events.append(event)
                if ended(event):
                    return events
            stream.cut()
    raise AssertionError("the run did not end")


async def test_stream_cut_at_random_points_resumes_exactly(server: Server) -> None:
    ann = server.user()
    sent = await ann.send(RICH)
    whole = asyncio.create_task(ann.until_ended(sent))
    cuts = [random.randint(1, 4) for _ in range(30)]
    source = of_conversation(ann, sent, sent["eventCursor"])
    assert state_of(await follow_with_cuts(source, cuts)) == state_of(await whole)
    # And over the finished log, where each of the cuts is certain to happen.
    again = of_conversation(ann, sent, sent["eventCursor"])
    assert state_of(await follow_with_cuts(again, [1] * 30)) == state_of(await whole)


async def test_stream_without_after_begins_now_and_resumes_behind_its_last_event(
    server: Server,
) -> None:
    ann = server.user()
    sent = await ann.send("hello")
    await ann.until_ended(sent)
    source = of_conversation(ann, sent)
    async with source.open() as stream:
        first = asyncio.create_task(next_title(source, stream))
        number = 0
        # Only its first event shows that a stream has begun.
        while not first.done():
            number += 1
            await rename(ann, sent, f"{number}")
        titles = [await first]
        stream.cut()
    await rename(ann, sent, "missed")
    async with source.open() as stream:
        while titles[-1] != "missed":
            titles.append(await next_title(source, stream))
    begun = int(titles[0])
    assert titles == [*(f"{each}" for each in range(begun, number + 1)), "missed"]


async def rename(api: Api, sent: Any, title: str) -> None:
    """Give the conversation of a sent message another title."""
    mutation = (
        "mutation($input: UpdateConversationInput!) "
        "{ updateConversation(input: $input) { errors { message } } }"
    )
    given = {"conversationId": sent["conversation"]["id"], "title": title}
    assert (await api.ask(mutation, input=given))["updateConversation"]["errors"] == []


async def next_title(source: EventSource, stream: EventReader) -> str:
    """The next title that `rename` gave; the model may still give its own."""
    while True:
        data = (await source.next(stream)).result["data"]["conversationEvents"]
        assert data["__typename"] == "ConversationChangedEvent"
        title: str = data["conversation"]["title"]
        if title.isdecimal() or title == "missed":
            return title


@pytest.mark.parametrize(
    ("variables", "field"),
    [
        ("", "conversationEvents(conversationId: $id)"),
        ("", "mine: conversationEvents(conversationId: $id)"),
        ("", 'conversationEvents(conversationId: $id, after: "OLD")'),
        ("", "conversationEvents(conversationId: $id, after: null)"),
        (", $p: String", "conversationEvents(conversationId: $id, after: $p)"),
        (', $p: String = "OLD"', "conversationEvents(conversationId: $id, after: $p)"),
    ],
)
async def test_last_event_id_takes_the_place_of_after_however_it_was_given(
    server: Server, variables: str, field: str
) -> None:
    ann = server.user()
    sent = await ann.send("hello")
    whole = await ann.until_ended(sent)
    query = f"subscription($id: ID!{variables}) {{ {field} {{ __typename }} }}"
    query = query.replace("OLD", sent["eventCursor"])
    source = EventSource(ann, query, {"id": sent["conversation"]["id"]}, whole[2]["cursor"])
    async with source.open() as stream:
        ids = [(await source.next(stream)).id for _ in whole[3:]]
    assert ids == [event["cursor"] for event in whole[3:]]


async def test_later_of_after_and_last_event_id_counts(server: Server) -> None:
    ann = server.user()
    sent = await ann.send("hello")
    whole = [event["cursor"] for event in await ann.until_ended(sent)]
    for after, last_event_id in ((whole[1], whole[3]), (whole[3], whole[1])):
        source = of_conversation(ann, sent, after)
        source.last_event_id = last_event_id
        async with source.open() as stream:
            assert (await source.next(stream)).id == whole[4]


async def test_viewer_events_resume_too(server: Server) -> None:
    ann = server.user()
    cursor = (await ann.ask("{ viewer { eventCursor } }"))["viewer"]["eventCursor"]
    await ann.until_ended(await ann.send("hello"))
    source = EventSource(ann, VIEWER_EVENTS, {"after": cursor})
    async with source.open() as stream:
        whole = [await source.next(stream) for _ in range(4)]
    assert len({event.id for event in whole}) == 4
    source.last_event_id = whole[1].id or ""
    async with source.open() as stream:
        rest = [await source.next(stream) for _ in range(2)]
    assert [event.id for event in rest] == [event.id for event in whole[2:]]


@pytest.mark.parametrize(
    "last_event_id",
    ["nonsense", "0", "-1", "é", "'; --", "x" * 4000, "viewer", "Y29udmVyc2F0aW9uOjA"],
)
async def test_last_event_id_that_is_no_cursor_is_refused_as_after_is(
    server: Server, last_event_id: str
) -> None:
    ann = server.user()
    sent = await ann.send("hello")
    await ann.until_ended(sent)
    source = of_conversation(ann, sent, sent["eventCursor"])
    given_as_after = of_conversation(ann, sent, last_event_id)
    if last_event_id == "viewer":
        given_as_after.variables["after"] = last_event_id = (
            await ann.ask("{ viewer { eventCursor } }")
        )["viewer"]["eventCursor"]
    source.last_event_id = last_event_id
    (error,) = (await source.first_result())["errors"]
    assert error == (await given_as_after.first_result())["errors"][0]
    expected = "CURSOR_EXPIRED" if last_event_id.startswith("Y29") else "BAD_USER_INPUT"
    assert error["extensions"] == {"code": expected, "argument": ["after"]}


async def test_last_event_id_of_another_user_is_refused(server: Server) -> None:
    ann, bob = server.user(), server.user("bob")
    sent = await ann.send("hello")
    whole = await ann.until_ended(sent)
    source = of_conversation(bob, sent)
    source.last_event_id = whole[0]["cursor"]
    (error,) = (await source.first_result())["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_last_event_id_says_nothing_to_queries_and_sockets(server: Server) -> None:
    ann = server.user()
    sent = await ann.send("hello")
    whole = await ann.until_ended(sent)
    query = EventSource(ann, "{ viewer { conversations { totalCount } } }", {}, "nonsense")
    assert (await query.first_result())["data"]["viewer"]["conversations"]["totalCount"] == 1
    source = of_conversation(ann, sent, sent["eventCursor"])
    async with source.open() as stream:
        assert (await source.next(stream)).id == whole[0]["cursor"]


async def test_stream_completes_behind_the_deletion(server: Server) -> None:
    ann = server.user()
    sent = await ann.send("hello")
    await ann.until_ended(sent)
    source = of_conversation(ann, sent, sent["eventCursor"])
    async with source.open() as stream:
        await source.next(stream)
        await ann.ask(
            "mutation($id: ID!) { deleteConversations(input: {conversationIds: [$id]}) "
            "{ deletedConversationIds } }",
            id=sent["conversation"]["id"],
        )
        *_, deleted, complete = await stream.rest()
    event = deleted.result["data"]["conversationEvents"]
    assert event["__typename"] == "ConversationDeletedEvent"
    assert complete.event == "complete"


async def test_killed_clients_leave_nothing(server: Server) -> None:
    ann = server.user()
    sent = await ann.send("hello")
    await ann.until_ended(sent)
    source = of_conversation(ann, sent, sent["eventCursor"])
    await source.first_result()
    before = len(asyncio.all_tasks())
    for _ in range(20):
        async with source.open() as stream:
            stream.cut()
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 (nothing tells of their end)
            await asyncio.sleep(0.01)
