"""What others read: LangChain and redis-om find what Pybot wrote; a restart finds it all."""

import asyncio
from typing import Any

from aredis_om import HashModel
from langchain_community.chat_message_histories import RedisChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from redis.asyncio import Redis

from pybot.services.store.hashes import Hashes
from tests.fixtures.redis import keys_like
from tests.fixtures.server import Server, Start


async def conversation_key(url: str) -> str:
    """The ID of the only conversation."""
    async with Redis.from_url(url, decode_responses=True) as client:
        (history,) = await keys_like(client, "pybot:history:*")
    return history.split("{")[1].split("}")[0]


async def test_langchains_own_class_reads_the_messages(server: Server, redis_url: str) -> None:
    """RedisChatMessageHistory gives human, AI, tool call, tool result and AI message."""
    ann = server.user()
    await ann.until_ended(await ann.send("[[code: print(6 * 7)]] [[answer: It is 42.]]"))
    conversation = await conversation_key(redis_url)
    history = RedisChatMessageHistory(
        session_id=f"{{{conversation}}}:0", url=redis_url, key_prefix="pybot:history:"
    )
    messages = await asyncio.to_thread(lambda: history.messages)
    history.redis_client.close()
    kinds = [type(message) for message in messages]
    assert kinds == [HumanMessage, AIMessage, AIMessage, ToolMessage, AIMessage]
    call = messages[2].tool_calls[0]  # type: ignore[attr-defined]
    assert call["args"] == {"code": "print(6 * 7)"}
    assert messages[3].content == "42"
    assert messages[3].tool_call_id == call["id"]  # type: ignore[attr-defined]
    assert messages[4].content == "It is 42."


async def test_redis_om_reads_conversations_and_runs(server: Server, redis_url: str) -> None:
    """The hashes are redis-om's; nothing but field-level changes was made to what they created."""
    ann = server.user()
    await ann.until_ended(await ann.send("hello"))
    conversation = await conversation_key(redis_url)
    hashes = Hashes(redis_url)
    try:
        found = await hashes.conversation.get(conversation)
        assert isinstance(found, HashModel)
        assert (found.owner, found.active_run) == ("ann", "")
        async with Redis.from_url(redis_url, decode_responses=True) as client:
            stored: list[Any] = await client.hvals(f"pybot:messages:{{{conversation}}}")
        run_id = next(value for value in stored if '"run_id":"' in value)
        run = await hashes.run.get(run_id.split('"run_id":"')[1].split('"')[0])
        assert run.status == "COMPLETED"
    finally:
        await hashes.aclose()


async def test_second_server_has_what_the_first_one_stored(start: Start) -> None:
    """Nothing is held in a process: another one gives the same snapshot, and the events again."""
    async with start() as first:
        ann = first.user()
        sent = await ann.send("[[code: print(1)]] [[answer: done]]")
        events = await ann.until_ended(sent)
        async with asyncio.timeout(10):
            async for event in ann.events(sent["conversation"]["id"], events[-1]["cursor"]):
                if event.get("conversation", {}).get("title") == "A scripted title":
                    break
        before = await ann.snapshot(sent["conversation"]["id"])
    async with start() as second:
        ann = second.user()
        assert await ann.snapshot(sent["conversation"]["id"]) == before
        assert await ann.until_ended(sent) == events


async def test_run_of_a_stopped_server_is_taken_up_by_the_next(start: Start) -> None:
    """A server that stops in mid-answer hands over; the text is redone, whole and once."""
    async with start() as first:
        ann = first.user()
        sent = await ann.send("[[slow: 5]] [[code: print(1)]] [[answer: one two three four five]]")
        async for event in ann.events(sent["conversation"]["id"], sent["eventCursor"]):
            if event["__typename"] == "TextDeltaEvent" and event["partIndex"] == 2:
                break
    async with start() as second:
        ann = second.user()
        events = await ann.until_ended(sent)
        revisions = {event["revision"] for event in events if event.get("partIndex") == 2}
        assert revisions == {0, 1}
        message = (await ann.snapshot(sent["conversation"]["id"]))["messages"]["nodes"][-1]
        assert message["status"] == "COMPLETED"
        kinds = [part["__typename"] for part in message["parts"]]
        assert kinds == ["TextPart", "CellPart", "TextPart"]
        assert message["parts"][-1]["text"] == "one two three four five"
