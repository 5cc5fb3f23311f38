"""The list of conversations and what can be changed of them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.client import Api, GraphQLErrors
from tests.fixtures.redis import keys_like
from tests.fixtures.server import Server

CREATE = """
mutation($input: CreateConversationInput!) {
  createConversation(input: $input) {
    conversation { id title instructions model { name } } errors { __typename path message }
  }
}
"""
UPDATE = """
mutation($input: UpdateConversationInput!) {
  updateConversation(input: $input) {
    conversation { id title pinned archived } errors { __typename path message }
  }
}
"""
DELETE = """
mutation($ids: [ID!]!) {
  deleteConversations(input: {conversationIds: $ids}) { deletedConversationIds errors { code } }
}
"""
LIST = """
query($first: Int, $after: String, $last: Int, $before: String) {
  viewer { conversations(first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor node { id title } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }
}
"""


async def create(ann: Api, **given: Any) -> Any:
    """The payload of createConversation."""
    return (await ann.ask(CREATE, input=given))["createConversation"]


async def listed(ann: Api, **page: Any) -> Any:
    """A page of the list."""
    return (await ann.ask(LIST, **page))["viewer"]["conversations"]


def titles(page: Any) -> list[str]:
    """The titles of a page, in order."""
    return [edge["node"]["title"] for edge in page["edges"]]


async def test_pages_forwards_and_backwards_cover_the_list_once(server: Server) -> None:
    """Keyset cursors: newest first, no conversation twice, none left out."""
    ann = server.user()
    for number in range(7):
        await create(ann, title=f"c{number}")
    whole = titles(await listed(ann))
    assert whole == [f"c{number}" for number in reversed(range(7))]

    forwards: list[str] = []
    page = await listed(ann, first=3)
    assert not page["pageInfo"]["hasPreviousPage"]
    while True:
        forwards += titles(page)
        if not page["pageInfo"]["hasNextPage"]:
            break
        page = await listed(ann, first=3, after=page["pageInfo"]["endCursor"])
    assert forwards == whole

    backwards: list[str] = []
    page = await listed(ann, last=3)
    while True:
        backwards = titles(page) + backwards
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        page = await listed(ann, last=3, before=page["pageInfo"]["startCursor"])
    assert backwards == whole
    assert page["totalCount"] == 7


async def test_new_conversations_at_the_head_disturb_no_page(server: Server) -> None:
    """A cursor is a place, not an offset."""
    ann = server.user()
    for number in range(4):
        await create(ann, title=f"c{number}")
    first = await listed(ann, first=2)
    await create(ann, title="new")
    second = await listed(ann, first=2, after=first["pageInfo"]["endCursor"])
    assert titles(first) + titles(second) == ["c3", "c2", "c1", "c0"]


async def test_update_moves_a_conversation_to_the_head(server: Server) -> None:
    """The order is by update."""
    ann = server.user()
    old = (await create(ann, title="old"))["conversation"]["id"]
    await create(ann, title="new")
    await asyncio.sleep(0.005)
    payload = await ann.ask(UPDATE, input={"conversationId": old, "title": "old, changed"})
    assert payload["updateConversation"]["conversation"]["title"] == "old, changed"
    assert titles(await listed(ann)) == ["old, changed", "new"]


@pytest.mark.parametrize(
    ("page", "argument"),
    [
        ({"first": 101}, "first"),
        ({"first": -1}, "first"),
        ({"first": 1, "last": 1}, "last"),
        ({"after": "nonsense"}, "after"),
    ],
)
async def test_page_that_cannot_be_is_bad_input(
    server: Server, page: dict[str, Any], argument: str
) -> None:
    """The message names the argument."""
    with pytest.raises(GraphQLErrors) as refused:
        await listed(server.user(), **page)
    assert refused.value.code in ("BAD_USER_INPUT", "QUERY_TOO_EXPENSIVE")
    assert argument in str(refused.value) or "cursor" in str(refused.value)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"title": " "}, ["input", "title"]),
        ({"title": "x" * 201}, ["input", "title"]),
        ({"instructions": "x" * 8001}, ["input", "instructions"]),
        ({"idempotencyKey": ""}, ["input", "idempotencyKey"]),
    ],
)
async def test_bad_values_name_their_field(
    server: Server, given: dict[str, Any], path: list[str]
) -> None:
    """Nothing is created."""
    ann = server.user()
    payload = await create(ann, **given)
    assert payload["conversation"] is None
    assert payload["errors"][0]["__typename"] == "InvalidInputError"
    assert payload["errors"][0]["path"] == path
    assert (await listed(ann))["totalCount"] == 0


async def test_concurrent_changes_of_different_fields_all_hold(server: Server) -> None:
    """Writers do not undo each other."""
    ann = server.user()
    conversation = (await create(ann, title="start"))["conversation"]["id"]
    changes: list[dict[str, Any]] = [{"title": "changed"}, {"pinned": True}, {"archived": True}] * 4
    payloads = await asyncio.gather(
        *(ann.ask(UPDATE, input={"conversationId": conversation, **change}) for change in changes)
    )
    assert all(payload["updateConversation"]["errors"] == [] for payload in payloads)
    query = "query($id: ID!) { conversation(id: $id) { title pinned archived } }"
    found = (await ann.ask(query, id=conversation))["conversation"]
    assert found == {"title": "changed", "pinned": True, "archived": True}


async def test_repeated_creation_gives_the_first_conversation(server: Server) -> None:
    """Also when many ask at once."""
    ann = server.user()
    payloads = await asyncio.gather(
        *(create(ann, title="one", idempotencyKey="k") for _ in range(8))
    )
    assert len({payload["conversation"]["id"] for payload in payloads}) == 1
    assert (await listed(ann))["totalCount"] == 1


async def test_deleted_conversation_leaves_a_tombstone_alone(
    server: Server, redis_url: str, kernel_files: Path
) -> None:
    """Messages, runs, outputs, files and the kernel go; the same IDs are passed over next time."""
    ann = server.user()
    sent = await ann.send("[[code: plt.plot([1, 2]); plt.savefig('plot.png')]] [[answer: done]]")
    await ann.until_ended(sent)
    before = set(kernel_files.glob("*/plot.png"))
    assert before
    conversation = sent["conversation"]["id"]
    deleted = await ann.ask(DELETE, ids=[conversation, conversation, "nonsense"])
    assert deleted["deleteConversations"] == {
        "deletedConversationIds": [conversation],
        "errors": [],
    }
    again = await ann.ask(DELETE, ids=[conversation])
    assert again["deleteConversations"]["deletedConversationIds"] == []
    assert (await listed(ann))["totalCount"] == 0
    assert len(set(kernel_files.glob("*/plot.png"))) == len(before) - 1
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        left = await keys_like(client, "pybot:*{*")
        # The log and the tombstone tell followers; both go by themselves.
        own = [key for key in left if ":viewer:" not in key]
        assert sorted(key.split(":")[1] for key in own) == ["conversation", "log"]
        assert all([await client.ttl(key) > 0 for key in own])


async def test_conversation_deleted_in_mid_answer_ends_its_run(server: Server) -> None:
    """The model's stream is closed, and nothing is written any more."""
    ann = server.user()
    sent = await ann.send("[[slow: 20]] [[long: 2000]]")
    async for event in ann.events(sent["conversation"]["id"], sent["eventCursor"]):
        if event["__typename"] == "TextDeltaEvent":
            break
    await ann.ask(DELETE, ids=[sent["conversation"]["id"]])
    await server.tgi.until(lambda: server.tgi.requests[0].end == "gone")
    assert (await ann.ask("query($id: ID!) { node(id: $id) { id } }", id=sent["run"]["id"])) == {
        "node": None
    }


async def test_writing_cost_does_not_grow_with_the_list(server: Server) -> None:
    """Page and totals come from a sorted set: a hundred conversations list in one page."""
    ann = server.user()
    made = await asyncio.gather(*(create(ann, title=f"c{number}") for number in range(100)))
    assert [payload["errors"] for payload in made if payload["errors"]] == []
    page = await listed(ann, first=100)
    assert page["totalCount"] == len(page["edges"]) == 100
    assert len(set(titles(page))) == 100
