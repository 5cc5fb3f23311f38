"""Identical requests have one result: at once, over two servers, again, and after refusals."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.client import Api
from tests.fixtures.server import Start

CREATE = """mutation($input: CreateConversationInput!) { createConversation(input: $input) {
  conversation { id title } errors { __typename code path } } }"""
AGAIN = """mutation($input: RegenerateMessageInput!) { regenerateMessage(input: $input) {
  run { id message { id } } eventCursor errors { __typename code path } } }"""
DELETE = """mutation($input: DeleteConversationsInput!) { deleteConversations(input: $input) {
  deletedConversationIds errors { code } } }"""
PAGE = """query($after: String) { viewer { conversations(first: 1, after: $after) {
  totalCount nodes { id title } pageInfo { hasNextPage endCursor } } } }"""
MESSAGES = """query($id: ID!) { conversation(id: $id) { updatedAt messages(first: 100) {
  totalCount nodes { role text versionCount } } } }"""


async def listed(api: Api) -> list[str]:
    """The titles of all conversations, found by walking the list one by one."""
    titles: list[str] = []
    after: str | None = None
    for _ in range(100):
        page = (await api.ask(PAGE, after=after))["viewer"]["conversations"]
        titles += [node["title"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            assert len(titles) == page["totalCount"]
            return titles
        assert after is not None
    pytest.fail("the list has no end")


@pytest.fixture
async def two(start: Start) -> AsyncIterator[list[Api]]:
    """Ann at each of two servers on one Redis."""
    async with start() as first, start(run={"concurrency": 0}) as second:
        yield [first.user(), second.user()]


async def asked_20_times(two: list[Api], field: str, query: str, given: Any) -> list[Any]:
    """The payloads of one request, sent 20 times at once over both servers."""
    answers = await asyncio.gather(*(two[n % 2].ask(query, input=given) for n in range(20)))
    return [answer[field] for answer in answers]


async def test_20_identical_messages_at_once_make_one(two: list[Api]) -> None:
    """In a new conversation and in one that is there; and the same again after the end."""
    ann = two[0]
    targets: list[Any] = [{"newConversation": {"title": "New"}}]
    for turn in range(2):
        given = {"target": targets[-1], "text": f"m{turn}", "idempotencyKey": "k"}
        send = (
            "mutation($input: SendMessageInput!) { sendMessage(input: $input) { message { id }"
            " run { id } conversation { id } eventCursor errors { code } } }"
        )
        payloads = await asked_20_times(two, "sendMessage", send, given)
        first = payloads[0]
        assert first["errors"] == []
        assert {str(each["message"]) for each in payloads} == {str(first["message"])}
        assert {str(each["run"]) for each in payloads} == {str(first["run"])}
        assert {each["eventCursor"] for each in payloads} == {first["eventCursor"]}
        await ann.until_ended(first)
        again = (await ann.ask(send, input=given))["sendMessage"]
        assert (again["message"], again["run"]) == (first["message"], first["run"])
        conversation = first["conversation"]["id"]
        found = (await ann.ask(MESSAGES, id=conversation))["conversation"]["messages"]
        assert found["totalCount"] == 2 * (turn + 1)
        targets.append({"conversationId": conversation})
    assert await listed(ann) == ["New"]


async def test_20_identical_regenerations_at_once_make_one_version(two: list[Api]) -> None:
    ann = two[0]
    sent = await ann.send("hello")
    await ann.until_ended(sent)
    given = {"messageId": sent["run"]["message"]["id"], "idempotencyKey": "k"}
    payloads = await asked_20_times(two, "regenerateMessage", AGAIN, given)
    assert payloads == [payloads[0]] * 20
    assert payloads[0]["errors"] == []
    await ann.until_ended(sent | payloads[0])
    found = (await ann.ask(MESSAGES, id=sent["conversation"]["id"]))["conversation"]["messages"]
    assert [node["versionCount"] for node in found["nodes"]] == [1, 2]


async def test_20_identical_creations_at_once_make_one_conversation(two: list[Api]) -> None:
    given = {"title": "Once", "idempotencyKey": "k"}
    payloads = await asked_20_times(two, "createConversation", CREATE, given)
    assert payloads == [payloads[0]] * 20
    assert payloads[0]["errors"] == []
    assert await listed(two[1]) == ["Once"]


async def test_20_messages_without_a_key_are_not_taken_for_one(two: list[Api]) -> None:
    """The twin: each is a message of its own."""
    answers = [await two[n % 2].send("hello") for n in range(4)]
    assert len({answer["conversation"]["id"] for answer in answers}) == 4
    assert len({answer["message"]["id"] for answer in answers}) == 4


async def test_key_that_was_refused_is_free(two: list[Api]) -> None:
    """What was invalid, in the way or too much is carried out once it can be."""
    ann = two[0]
    for title, errors in (("\u200b", 1), ("Good", 0)):
        payload = await ann.ask(CREATE, input={"title": title, "idempotencyKey": "k"})
        assert len(payload["createConversation"]["errors"]) == errors
    assert await listed(ann) == ["Good"]
    running = await ann.send("[[stall: 60]]")
    conversation = running["conversation"]["id"]
    refused = await ann.send("another", conversation, key="busy")
    assert [error["code"] for error in refused["errors"]] == ["CONFLICT"]
    await ann.ask(
        "mutation($id: ID!) { cancelRun(input: {runId: $id}) { errors { code } } }",
        id=running["run"]["id"],
    )
    await ann.until_ended(running)
    taken = await ann.send("yet another", conversation, key="busy")
    assert taken["errors"] == []
    assert taken["message"]["text"] == "yet another"


async def test_key_with_another_input_is_a_conflict(two: list[Api]) -> None:
    ann = two[0]
    sent = await ann.send("one", key="k")
    await ann.until_ended(sent)
    other = await ann.send("two", key="k")
    assert [error["path"] for error in other["errors"]] == [["input", "idempotencyKey"]]
    in_it = await ann.send("one", sent["conversation"]["id"], key="k")
    assert in_it["errors"] == [], "the same key in another conversation is another request"


async def test_retry_after_the_deletion_leaves_no_ghost(two: list[Api]) -> None:
    """The list has what is there, and a client that walks it comes to its end."""
    ann = two[0]
    created = (await ann.ask(CREATE, input={"title": "Gone", "idempotencyKey": "k"}))[
        "createConversation"
    ]["conversation"]
    sent = await ann.send("hello", key="k")
    await ann.until_ended(sent)
    await ann.send("stays")
    named = [created["id"], sent["conversation"]["id"]]
    await ann.ask(DELETE, input={"conversationIds": named})
    again = (await ann.ask(CREATE, input={"title": "Gone", "idempotencyKey": "k"}))[
        "createConversation"
    ]
    assert (again["conversation"], again["errors"][0]["code"]) == (None, "NOT_FOUND")
    resent = await ann.send("hello", key="k")
    assert (resent["conversation"], resent["errors"][0]["code"]) == (None, "NOT_FOUND")
    assert len(await listed(ann)) == 1


async def test_retry_leaves_the_order_of_the_list(two: list[Api]) -> None:
    ann = two[0]
    for title in ("Older", "Newer"):
        await ann.ask(CREATE, input={"title": title, "idempotencyKey": title})
    for _ in range(3):
        await ann.ask(CREATE, input={"title": "Older", "idempotencyKey": "Older"})
    assert await listed(ann) == ["Newer", "Older"]
