"""The tree of messages: any answer can be regenerated, and nothing beside it changes."""

import asyncio
from itertools import pairwise
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from redis.asyncio import Redis

from pybot.services.conversations.upstream_langchain import ConversationHistory
from tests.client import Api, decoded_id
from tests.fixtures.redis import keys_like
from tests.fixtures.server import Server

AGAIN = """mutation($id: ID!) { regenerateMessage(input: {messageId: $id}) {
  run { id message { id } } message { id status } conversation { activeLeaf { id } }
  eventCursor errors { code path } } }"""
PATH = """query($id: ID!, $after: String, $before: String, $first: Int, $last: Int) {
  conversation(id: $id) {
    eventCursor activeLeaf { id }
    messages(after: $after, before: $before, first: $first, last: $last) {
      totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { cursor node { id text parent { id } versionIndex versionCount versions { id } } } }
  } }"""


async def conversation_of(api: Api, texts: list[str]) -> tuple[str, list[str]]:
    """A conversation of questions with their answers; its ID and those of the answers."""
    conversation, answers = None, list[str]()
    for text in texts:
        sent = await api.send(f"{text} [[answer: {text} answered]]", conversation)
        await api.until_ended(sent)
        conversation = sent["conversation"]["id"]
        answers.append(sent["run"]["message"]["id"])
    assert conversation is not None
    return conversation, answers


async def regenerated(api: Api, conversation: str, answer: str) -> str:
    """Have an answer written again; the new one's ID."""
    payload = (await api.ask(AGAIN, id=answer))["regenerateMessage"]
    assert payload["errors"] == []
    new: str = payload["run"]["message"]["id"]
    assert payload["message"]["id"] == payload["conversation"]["activeLeaf"]["id"] == new
    await api.until_ended(payload | {"conversation": {"id": conversation}})
    return new


async def path(api: Api, conversation: str, **page: Any) -> Any:
    """The conversation with a page of its active path, everything by default."""
    page = page or {"first": 100}
    return (await api.ask(PATH, id=conversation, **page))["conversation"]


def ids_of(found: Any) -> list[str]:
    return [edge["node"]["id"] for edge in found["messages"]["edges"]]


async def test_any_answer_is_regenerated_as_a_version_beside_it(server: Server) -> None:
    """Its path ends there; further questions follow the new one, and the old ones stay."""
    ann = server.user()
    conversation, answers = await conversation_of(ann, ["one", "two", "three"])
    before = await path(ann, conversation)
    first = await regenerated(ann, conversation, answers[0])
    again = await regenerated(ann, conversation, answers[0])
    found = await path(ann, conversation)
    assert ids_of(found) == [ids_of(before)[0], again]
    assert found["activeLeaf"]["id"] == again
    node = found["messages"]["edges"][-1]["node"]
    assert [each["id"] for each in node["versions"]] == [answers[0], first, again]
    assert (node["versionIndex"], node["versionCount"]) == (2, 3)
    assert node["parent"]["id"] == ids_of(before)[0]
    sent = await ann.send("four [[answer: four answered]]", conversation)
    await ann.until_ended(sent)
    found = await path(ann, conversation)
    assert ids_of(found)[:2] == [ids_of(before)[0], again]
    assert found["messages"]["totalCount"] == 4
    texts = [edge["node"]["text"] for edge in found["messages"]["edges"]]
    assert [text.partition(" ")[0] for text in texts] == ["one", "one", "four", "four"]
    for answer in answers:
        old = await ann.ask(
            "query($id: ID!) { node(id: $id) { ... on Message { text } } }", id=answer
        )
        assert old["node"]["text"].endswith("answered")


async def test_cursors_stay_valid_whatever_is_regenerated(server: Server) -> None:
    """A page behind or before any message ever seen is one of the active path."""
    ann = server.user()
    conversation, answers = await conversation_of(ann, ["one", "two", "three"])
    seen = (await path(ann, conversation))["messages"]["edges"]
    await regenerated(ann, conversation, answers[1])
    active = ids_of(await path(ann, conversation))
    assert len(active) == 4
    for position, edge in enumerate(seen):
        page = await path(ann, conversation, after=edge["cursor"], first=100)
        assert ids_of(page) == active[position + 1 :]
        assert page["messages"]["pageInfo"]["hasPreviousPage"] is True
        page = await path(ann, conversation, before=edge["cursor"], last=100)
        assert ids_of(page) == active[:position]


async def test_pages_cross_branches(server: Server) -> None:
    """Of each size and from both ends, every message once and in order."""
    ann = server.user()
    conversation, answers = await conversation_of(ann, ["one", "two"])
    await regenerated(ann, conversation, answers[1])
    await ann.until_ended(await ann.send("three [[answer: 3]]", conversation))
    last = (await path(ann, conversation))["messages"]["edges"][-1]["node"]["id"]
    await regenerated(ann, conversation, last)
    await ann.until_ended(await ann.send("four [[answer: 4]]", conversation))
    whole = ids_of(await path(ann, conversation))
    assert len(whole) == 8
    for size in range(1, 9):
        forwards: list[str] = []
        backwards: list[str] = []
        after = before = None
        for _ in range(8):
            page = await path(ann, conversation, first=size, after=after)
            forwards += ids_of(page)
            after = page["messages"]["pageInfo"]["endCursor"]
            page = await path(ann, conversation, last=size, before=before)
            backwards = ids_of(page) + backwards
            before = page["messages"]["pageInfo"]["startCursor"]
            if len(forwards) == 8:
                break
        assert forwards == backwards == whole


async def test_langchain_reads_the_active_path(server: Server, redis_url: str) -> None:
    """And what it adds comes behind the path's end, out of Pybot's way."""
    ann = server.user()
    conversation, answers = await conversation_of(ann, ["one", "two", "three"])
    await regenerated(ann, conversation, answers[1])
    await ann.until_ended(await ann.send("four [[answer: 4]]", conversation))

    def read(*added: BaseMessage) -> list[str]:
        history = ConversationHistory(redis_url, decoded_id(conversation))
        try:
            history.add_messages(added)
            return [str(message.content).partition(" [[")[0] for message in history.messages]
        finally:
            history.redis_client.close()

    expected = ["one", "one answered", "two", "two answered", "four", "4"]
    assert await asyncio.to_thread(read) == expected
    assert await asyncio.to_thread(read, HumanMessage("added")) == [*expected, "added"]
    await ann.until_ended(await ann.send("five [[answer: 5]]", conversation))
    assert (await asyncio.to_thread(read))[-3:] == ["added", "five", "5"]
    assert (await path(ann, conversation))["messages"]["totalCount"] == 8


async def test_answer_without_a_word_stays_before_the_next_question(server: Server) -> None:
    """It has nothing in the history, and its place all the same."""
    ann = server.user()
    sent = await ann.send("[[failed]]")
    await ann.until_ended(sent)
    conversation = sent["conversation"]["id"]
    for number in range(4):
        await ann.until_ended(await ann.send(f"q{number} [[failed]]", conversation))
    edges = (await path(ann, conversation))["messages"]["edges"]
    assert len(edges) == 10
    for earlier, later in pairwise(edges):
        assert later["node"]["parent"]["id"] == earlier["node"]["id"]


async def test_regenerating_copies_nothing(server: Server, redis_url: str) -> None:
    """A further version takes as much room in a long conversation as in a short one."""
    ann = server.user()
    grown: list[int] = []
    async with Redis.from_url(redis_url, decode_responses=True) as client:

        async def size(conversation: str) -> int:
            found = await keys_like(client, f"*{{{decoded_id(conversation)}}}*")
            kept = [key for key in found if ":log:" not in key]
            return sum([await client.memory_usage(key) or 0 for key in kept])

        for questions in (1, 15):
            conversation, answers = await conversation_of(ann, ["q"] * questions)
            await regenerated(ann, conversation, answers[-1])
            before = await size(conversation)
            await regenerated(ann, conversation, answers[-1])
            grown.append(await size(conversation) - before)
    assert grown[1] < grown[0] * 1.5
