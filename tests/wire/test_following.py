"""Following a conversation: replay, resume at any cursor, gaps, retention, the ends of streams."""

import asyncio
import contextlib
import random
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.client import EVENTS, Api, GraphQLErrors, ended, run_of, text_of
from tests.fixtures.redis import keys_like
from tests.fixtures.server import Server, Start

RICH = (
    "[[slow: 400]] [[text: {words}\\n\\n]] [[code: for i in range(30): print(i)\nprint('done')]] "
    "[[answer: {words} The end.]]"
).replace("{words}", " ".join(f"word{i}" for i in range(120)))


async def follow_with_cuts(ann: Api, sent: Any, cuts: list[int]) -> list[dict[str, Any]]:
    """All events to the end of the run, the socket killed after so many events each time."""
    events: list[dict[str, Any]] = []
    cursor = sent["eventCursor"]
    for cut in [*cuts, None]:
        async with ann.socket() as socket:
            stream = socket.subscribe(EVENTS, id=sent["conversation"]["id"], after=cursor)
            received = 0
            async for data in stream:
                event = data["conversationEvents"]
                events.append(event)
                cursor = event["cursor"]
                received += 1
                if ended(event):
                    return events
                if received == cut:
                    # As a network does it: no close frame.
                    socket.connection.transport.abort()
                    break
            await stream.aclose()
    raise AssertionError("the run did not end")


def state_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Texts and sources by place, folded from deltas that must join without gap or double."""
    texts: dict[str, str] = {}
    for event in events:
        match event["__typename"]:
            case "TextDeltaEvent":
                place = f"{event['messageId']}/{event['partIndex']}"
            case "CodeDeltaEvent":
                place = event["cellId"]
            case "StreamDeltaEvent":
                place = f"{event['cellId']}/{event['outputIndex']}"
            case "OutputChangedEvent" if "text" in event["output"]:
                output = event["output"]
                texts[f"{event['cellId']}/{output['index']}"] = output["text"]
                continue
            case _:
                continue
        text = texts.get(place, "")
        assert event["offset"] == len(text), f"a gap or a double at {place}"
        texts[place] = text + event["text"]
    return texts


async def test_socket_killed_at_50_random_points_resumes_exactly(server: Server, soak: int) -> None:
    """A client that is cut 50 times has at the end what one that never was has."""
    ann = server.user()
    for _ in range(soak):
        sent = await ann.send(RICH)
        whole = asyncio.create_task(ann.until_ended(sent))
        cuts = [random.randint(1, 4) for _ in range(50)]
        cut = await follow_with_cuts(ann, sent, cuts)
        assert state_of(cut) == state_of(await whole)
        again = await ann.until_ended(sent)
        assert state_of(again) == state_of(cut)
        # And once more over the finished log, where each of the 50 cuts is certain to happen.
        replayed = await follow_with_cuts(ann, sent, [1] * min(50, len(again) - 1))
        assert state_of(replayed) == state_of(cut)


async def test_snapshot_then_follow_gives_the_whole(server: Server) -> None:
    """A snapshot in mid-answer and the events behind its cursor make exactly the answer."""
    ann = server.user()
    sent = await ann.send("[[hold: 5]] [[answer: one two three four five six seven eight]]")
    conversation = sent["conversation"]["id"]
    await server.tgi.held()
    async for event in ann.events(conversation, sent["eventCursor"]):
        if event["__typename"] == "TextDeltaEvent":
            break
    snapshot = await ann.snapshot(conversation)
    message = snapshot["messages"]["nodes"][-1]
    assert message["status"] == "IN_PROGRESS"
    begun = message["parts"][0]["text"]
    assert begun
    server.tgi.release()
    cursor = snapshot["eventCursor"]
    later = await ann.until_ended({"conversation": {"id": conversation}, "eventCursor": cursor})
    deltas = [event for event in later if event["__typename"] == "TextDeltaEvent"]
    assert deltas[0]["offset"] == len(begun)
    rest = "".join(event["text"] for event in deltas)
    assert begun + rest == "one two three four five six seven eight"


async def test_two_followers_see_the_same(server: Server) -> None:
    """Any number of sockets follow one run."""
    ann = server.user()
    sent = await ann.send("[[slow: 200]] [[long: 60]]")
    first, second = await asyncio.gather(ann.until_ended(sent), ann.until_ended(sent))
    assert text_of(first) == text_of(second) == " ".join(f"w{i}" for i in range(60))


async def test_viewer_events_are_what_a_list_needs(server: Server) -> None:
    """The viewer's log has conversations created, runs begun and ended, and deletions."""
    ann = server.user()
    cursor = (await ann.ask("{ viewer { eventCursor } }"))["viewer"]["eventCursor"]
    sent = await ann.send("hello")
    conversation = sent["conversation"]["id"]
    await ann.until_ended(sent)
    mutation = (
        "mutation($id: ID!) { deleteConversations(input: {conversationIds: [$id]}) "
        "{ deletedConversationIds errors { message } } }"
    )
    await ann.ask(mutation, id=conversation)
    seen: list[str] = []
    query = (
        "subscription($after: String) { viewerEvents(after: $after) { __typename conversationId "
        "... on RunChangedEvent { run { status } } } }"
    )
    async with ann.socket() as socket:
        async for data in socket.subscribe(query, after=cursor):
            event = data["viewerEvents"]
            assert event["conversationId"] == conversation
            seen.append(event.get("run", {}).get("status") or event["__typename"])
            if event["__typename"] == "ConversationDeletedEvent":
                break
    assert seen[0] == "ConversationChangedEvent"
    assert "QUEUED" in seen
    assert "COMPLETED" in seen


async def test_stream_completes_behind_the_deletion(server: Server) -> None:
    """A follower of a deleted conversation gets ConversationDeletedEvent, and the stream ends."""
    ann = server.user()
    sent = await ann.send("hello")
    conversation = sent["conversation"]["id"]
    await ann.until_ended(sent)
    following = asyncio.create_task(collected(ann, conversation, sent["eventCursor"]))
    await ann.ask(
        "mutation($id: ID!) { deleteConversations(input: {conversationIds: [$id]}) "
        "{ deletedConversationIds } }",
        id=conversation,
    )
    async with asyncio.timeout(10):
        events = await following
    assert events[-1]["__typename"] == "ConversationDeletedEvent"
    with pytest.raises(GraphQLErrors) as refused:
        await collected(ann, conversation, None)
    assert refused.value.code == "NOT_FOUND"


async def collected(ann: Api, conversation: str, after: str | None) -> list[dict[str, Any]]:
    """Every event until the stream completes by itself."""
    return [event async for event in ann.events(conversation, after)]


async def test_cursor_before_the_log_has_expired(start: Start, redis_url: str) -> None:
    """What the log no longer has is an error that says what to do."""
    async with start() as server:
        ann = server.user()
        sent = await ann.send("hello")
        await ann.until_ended(sent)
        async with Redis.from_url(redis_url, decode_responses=True) as client:
            (log,) = await keys_like(client, "pybot:log:*")
            await client.xtrim(log, maxlen=1, approximate=False)
        with pytest.raises(GraphQLErrors) as expired:
            await collected(ann, sent["conversation"]["id"], sent["eventCursor"])
        assert expired.value.code == "CURSOR_EXPIRED"


async def test_malformed_cursor_is_bad_input(server: Server) -> None:
    """A cursor that never was, or is of another subscription, is refused by name."""
    ann = server.user()
    sent = await ann.send("hello")
    await ann.until_ended(sent)
    viewer = (await ann.ask("{ viewer { eventCursor } }"))["viewer"]["eventCursor"]
    for cursor in ("nonsense", viewer, ""):
        with pytest.raises(GraphQLErrors) as refused:
            await collected(ann, sent["conversation"]["id"], cursor)
        assert refused.value.code == "BAD_USER_INPUT"


async def test_clients_gone_leave_no_reader(start: Start) -> None:
    """Closing sockets ends the generators behind them."""
    before = len(asyncio.all_tasks())
    async with start() as server:
        ann = server.user()
        sent = await ann.send("hello")
        await ann.until_ended(sent)
        for _ in range(5):
            async with contextlib.AsyncExitStack() as sockets:
                for _ in range(10):
                    socket = await sockets.enter_async_context(ann.socket())
                    stream = socket.subscribe(
                        EVENTS, id=sent["conversation"]["id"], after=sent["eventCursor"]
                    )
                    await anext(stream)
                    await stream.aclose()
        assert run_of(await ann.until_ended(sent))["status"] == "COMPLETED"
    assert len(asyncio.all_tasks()) <= before
