"""Limits of inputs: what is just within one is taken, one more is refused, and changes nothing."""

from typing import Any

import pytest

from pybot.schema import ids
from tests.client import Api, GraphQLErrors
from tests.fixtures.server import Start

CREATE = """mutation($input: CreateConversationInput!) { createConversation(input: $input) {
  conversation { id } errors { code path } } }"""
UPDATE = """mutation($input: UpdateConversationInput!) { updateConversation(input: $input) {
  conversation { id } errors { code path } } }"""
SEND = """mutation($input: SendMessageInput!) { sendMessage(input: $input) {
  conversation { id } errors { code path } } }"""
DELETE = """mutation($input: DeleteConversationsInput!) { deleteConversations(input: $input) {
  deletedConversationIds errors { code path } } }"""
EVERYTHING = """{ viewer { eventCursor conversations(first: 100) { totalCount
  nodes { id title instructions updatedAt eventCursor } } } }"""

# An input's place, the shortest and the longest text that it takes, and whether it may be empty.
TEXTS = [("title", 1, 200), ("instructions", 0, 8_000), ("idempotencyKey", 1, 200)]


async def refusals(api: Api, query: str, given: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The codes and the paths of a payload's errors."""
    (payload,) = (await api.ask(query, input=given)).values()
    return [(error["code"], error["path"]) for error in payload["errors"]]


@pytest.fixture
async def ann(start: Start) -> Any:
    """A user of a server that begins no runs."""
    async with start(run={"concurrency": 0}, limits={"max_concurrent_runs": 100}) as server:
        yield server.user()


@pytest.mark.parametrize(("name", "least", "most"), TEXTS)
async def test_new_conversation_takes_texts_of_these_lengths(
    ann: Api, name: str, least: int, most: int
) -> None:
    """In `createConversation`, and in `sendMessage` where it makes one."""
    for length in (least, most):
        text = "é" * length
        assert await refusals(ann, CREATE, {name: text}) == []
        assert await refusals(ann, SEND, sent_with(name, text)) == []
    before = await ann.ask(EVERYTHING)
    for length in {most + 1, least - 1} - {-1}:
        text = "é" * length
        assert await refusals(ann, CREATE, {name: text}) == [("INVALID", ["input", name])]
        place = (
            ["idempotencyKey"] if name == "idempotencyKey" else ["target", "newConversation", name]
        )
        assert await refusals(ann, SEND, sent_with(name, text)) == [("INVALID", ["input", *place])]
    assert await ann.ask(EVERYTHING) == before


def sent_with(name: str, text: str) -> dict[str, Any]:
    """A message to a new conversation, with a text in a place."""
    if name == "idempotencyKey":
        return {"target": {"newConversation": {}}, "text": "hello", name: text}
    return {"target": {"newConversation": {name: text}}, "text": "hello"}


@pytest.mark.parametrize(("name", "least", "most"), TEXTS[:2])
async def test_changed_conversation_takes_texts_of_these_lengths(
    ann: Api, name: str, least: int, most: int
) -> None:
    created = await ann.ask(CREATE, input={})
    named = {"conversationId": created["createConversation"]["conversation"]["id"]}
    for length in (most, least):
        assert await refusals(ann, UPDATE, {**named, name: "é" * length}) == []
    before = await ann.ask(EVERYTHING)
    for length in {most + 1, least - 1} - {-1}:
        refused = await refusals(ann, UPDATE, {**named, name: "é" * length})
        assert refused == [("INVALID", ["input", name])]
    assert await ann.ask(EVERYTHING) == before


async def test_100_conversations_are_deleted_at_once_and_no_more(ann: Api) -> None:
    """Of one too many, not even the first is."""
    created = await ann.ask(CREATE, input={})
    conversation = created["createConversation"]["conversation"]["id"]
    absent = [ids.encode("Conversation", f"{number:032x}") for number in range(100)]
    too_many = {"conversationIds": [conversation, *absent]}
    refused = await refusals(ann, DELETE, too_many)
    assert refused == [("INVALID", ["input", "conversationIds"])]
    assert (await ann.ask(EVERYTHING))["viewer"]["conversations"]["totalCount"] == 1
    just_right = {"conversationIds": [conversation, *absent[:99]]}
    deleted = (await ann.ask(DELETE, input=just_right))["deleteConversations"]
    assert deleted == {"deletedConversationIds": [conversation], "errors": []}


async def test_100_objects_are_read_at_once_and_no_more(ann: Api) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await ann.ask(query, ids=["x"] * 100) == {"nodes": [None] * 100}
    assert await ann.ask(query, ids=[]) == {"nodes": []}
    with pytest.raises(GraphQLErrors) as refused:
        await ann.ask(query, ids=["x"] * 101)
    assert refused.value.code == "BAD_USER_INPUT"


@pytest.mark.parametrize("name", ["first", "last"])
async def test_page_has_from_0_to_100_edges(ann: Api, name: str) -> None:
    query = f"query($n: Int) {{ viewer {{ conversations({name}: $n) {{ nodes {{ id }} }} }} }}"
    for _ in range(2):
        await ann.ask(CREATE, input={})
    for size, count in ((0, 0), (1, 1), (100, 2), (None, 2)):
        found = (await ann.ask(query, n=size))["viewer"]["conversations"]["nodes"]
        assert len(found) == count, size
    for size in (-1, 101):
        with pytest.raises(GraphQLErrors) as refused:
            await ann.ask(query, n=size)
        assert refused.value.code == "BAD_USER_INPUT"
        assert f"`{name}`" in refused.value.errors[0]["message"]
