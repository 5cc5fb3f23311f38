"""Creating, changing, listing and deleting conversations through the schema."""

from typing import Any

import pytest

from pybot.schema import ids
from pybot.services.store import keys
from tests.resolvers.conftest import BOB, Api, service_id

CREATE = """
mutation ($input: CreateConversationInput!) {
  createConversation(input: $input) {
    conversation { id title pinned archived instructions model { id name } createdAt updatedAt }
    errors { __typename code path }
  }
}
"""

UPDATE = """
mutation ($input: UpdateConversationInput!) {
  updateConversation(input: $input) {
    conversation { title pinned archived instructions model { name } eventCursor }
    errors { __typename code path }
  }
}
"""

DELETE = """
mutation ($ids: [ID!]!) {
  deleteConversations(input: {conversationIds: $ids}) {
    deletedConversationIds
    errors { __typename path }
  }
}
"""

LIST = """
query ($first: Int, $after: String, $last: Int, $before: String) {
  viewer {
    conversations(first: $first, after: $after, last: $last, before: $before) {
      nodes { title }
      edges { cursor node { id title } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      totalCount
    }
  }
}
"""


async def refused(api: Api, mutation: str, **fields: Any) -> list[dict[str, Any]]:
    """The errors of a mutation whose other fields must be null."""
    (payload,) = (await api(mutation, input=fields)).values()
    errors: list[dict[str, Any]] = payload.pop("errors")
    assert set(payload.values()) == {None}
    return errors


async def changed(api: Api, conversation: str, **fields: Any) -> dict[str, Any]:
    """The conversation after a change that must be carried out."""
    change = {"conversationId": conversation, **fields}
    payload = (await api(UPDATE, input=change))["updateConversation"]
    assert payload["errors"] == []
    found: dict[str, Any] = payload["conversation"]
    del found["eventCursor"]
    return found


async def titles(api: Api, **arguments: Any) -> list[str]:
    data = await api(LIST, **arguments)
    return [node["title"] for node in data["viewer"]["conversations"]["nodes"]]


async def test_created_conversation_is_as_asked_for(api: Api) -> None:
    fields = {
        "title": "Sines",
        "instructions": "Be brief.",
        "modelId": ids.encode("Model", "scripted"),
    }
    payload = (await api(CREATE, input=fields))["createConversation"]
    conversation = payload["conversation"]
    assert payload["errors"] == []
    assert conversation["title"] == "Sines"
    assert conversation["instructions"] == "Be brief."
    assert conversation["model"] == {"id": fields["modelId"], "name": "scripted"}
    assert conversation["createdAt"] == conversation["updatedAt"]
    assert conversation["createdAt"].endswith("Z")
    assert (conversation["pinned"], conversation["archived"]) == (False, False)


async def test_null_means_absent_when_creating(api: Api) -> None:
    fields = {"title": None, "instructions": None, "modelId": None, "idempotencyKey": None}
    payload = (await api(CREATE, input=fields))["createConversation"]
    assert payload["errors"] == []
    assert payload["conversation"]["instructions"] == ""


async def test_repeated_key_gives_the_first_conversation(api: Api) -> None:
    first = await api(CREATE, input={"title": "One", "idempotencyKey": "k"})
    again = await api(CREATE, input={"title": "One", "idempotencyKey": "k"})
    assert again == first
    (error,) = await refused(api, CREATE, title="Two", idempotencyKey="k")
    assert (error["code"], error["path"]) == ("CONFLICT", ["input", "idempotencyKey"])


@pytest.mark.parametrize(
    ("fields", "kind", "path"),
    [
        ({"title": " "}, "InvalidInputError", "title"),
        ({"title": "\u200b\x00"}, "InvalidInputError", "title"),
        ({"title": "x" * 201}, "InvalidInputError", "title"),
        ({"instructions": "x" * 8001}, "InvalidInputError", "instructions"),
        ({"idempotencyKey": "x" * 201}, "InvalidInputError", "idempotencyKey"),
        ({"modelId": "nonsense"}, "NotFoundError", "modelId"),
        ({"modelId": ids.encode("Model", "other")}, "NotFoundError", "modelId"),
    ],
)
async def test_unfit_values_are_named(
    api: Api, fields: dict[str, Any], kind: str, path: str
) -> None:
    (error,) = await refused(api, CREATE, **fields)
    assert (error["__typename"], error["path"]) == (kind, ["input", path])
    assert await titles(api) == []


async def test_update_changes_what_is_given_only(api: Api) -> None:
    conversation = await api.create(title="Old", instructions="Be brief.")
    payload = (await api(UPDATE, input={"conversationId": conversation, "pinned": True}))[
        "updateConversation"
    ]
    assert payload["errors"] == []
    changed = payload["conversation"]
    assert (changed["title"], changed["pinned"]) == ("Old", True)
    payload = (
        await api(UPDATE, input={"conversationId": conversation, "title": "New", "archived": True})
    )["updateConversation"]
    changed = payload["conversation"]
    assert (changed["title"], changed["pinned"], changed["archived"]) == ("New", True, True)
    assert changed["instructions"] == "Be brief."


async def test_instructions_that_nobody_can_see_are_none(api: Api) -> None:
    conversation = await api.create(instructions="Be brief.")
    for written, stored in ((" \0Be kind. ", " Be kind. "), ("\u200b \0", "")):
        change = {"conversationId": conversation, "instructions": written}
        payload = (await api(UPDATE, input=change))["updateConversation"]
        assert payload["conversation"]["instructions"] == stored


async def test_title_is_put_on_one_line(api: Api) -> None:
    conversation = await api.create(title="  Two\r\nlines\x00 \u00e9\u200d ")
    assert await titles(api) == ["Two lines \u00e9\u200d"]
    await api(UPDATE, input={"conversationId": conversation, "title": "\tOne"})
    assert await titles(api) == ["One"]


CHOSEN = {"title": "Mine", "pinned": True, "archived": True, "instructions": "Be brief."}
DEFAULTS = {"title": "New chat", "pinned": False, "archived": False, "instructions": ""}


@pytest.mark.parametrize("field", CHOSEN)
async def test_null_puts_that_field_alone_back_to_its_default(api: Api, field: str) -> None:
    conversation = await api.create()
    before = await changed(api, conversation, **CHOSEN)
    assert before == {**CHOSEN, "model": {"name": "scripted"}}
    after = await changed(api, conversation, **{field: None})
    assert after == {**before, field: DEFAULTS[field]}
    assert await changed(api, conversation, **{field: None}) == after


async def test_null_gives_a_conversation_the_default_model(api: Api) -> None:
    conversation = await api.create()
    key = keys.conversation(service_id(conversation))
    await api.services.client.hset(key, "model", "of/yesterday")
    assert (await changed(api, conversation, pinned=True))["model"] == {"name": "of/yesterday"}
    assert (await changed(api, conversation, modelId=None))["model"] == {"name": "scripted"}


async def test_null_lets_the_first_message_make_the_title(api: Api) -> None:
    started = await api.send("Plot a wave, please.\n\nIn red.")
    assert (await changed(api, started.conversation, title="Mine"))["title"] == "Mine"
    again = await changed(api, started.conversation, title=None)
    assert again["title"] == "Plot a wave, please. In red"


async def test_someone_elses_conversation_is_not_found(api: Api) -> None:
    conversation = await api.create(title="Mine")
    bob = api.by(BOB)
    for named in (conversation, "nonsense", ids.encode("Kernel", service_id(conversation))):
        (error,) = await refused(bob, UPDATE, conversationId=named, title="His")
        assert error["__typename"] == "NotFoundError"
        assert error["path"] == ["input", "conversationId"]
    assert await titles(api) == ["Mine"]
    assert await titles(bob) == []


ARCHIVE = """
mutation ($input: ArchiveConversationsInput!) {
  archiveConversations(input: $input) { changedConversationIds errors { __typename path } }
}
"""


async def test_conversations_are_archived_and_taken_out_together(api: Api) -> None:
    """Those that are there already count as well; foreign ones are as none."""
    mine = [await api.create(title=title) for title in ("One", "Two")]
    other = await api.by(BOB).create(title="His")
    archived = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Conversation { archived } } }"
    for given, state in (({}, True), ({"archived": True}, True), ({"archived": False}, False)):
        change = {"conversationIds": [mine[0], other, mine[0], "nonsense", mine[1]], **given}
        payload = (await api(ARCHIVE, input=change))["archiveConversations"]
        assert payload == {"changedConversationIds": mine, "errors": []}
        assert (await api(archived, ids=mine))["nodes"] == [{"archived": state}] * 2
        assert (await api.by(BOB)(archived, ids=[other]))["nodes"] == [{"archived": False}]


@pytest.mark.parametrize(("count", "is_refused"), [(100, False), (101, True)])
async def test_a_hundred_conversations_are_archived_at_once(
    api: Api, count: int, is_refused: bool
) -> None:
    change = {"conversationIds": ["nonsense"] * count}
    payload = (await api(ARCHIVE, input=change))["archiveConversations"]
    place = {"__typename": "InvalidInputError", "path": ["input", "conversationIds"]}
    assert payload == (
        {"changedConversationIds": None, "errors": [place]}
        if is_refused
        else {"changedConversationIds": [], "errors": []}
    )


async def test_delete_passes_over_what_names_nothing(api: Api) -> None:
    mine, other = await api.create(title="Mine"), await api.by(BOB).create(title="His")
    named = [mine, other, mine, "nonsense"]
    payload = (await api(DELETE, ids=named))["deleteConversations"]
    assert payload == {"deletedConversationIds": [mine], "errors": []}
    assert await titles(api) == []
    assert await titles(api.by(BOB)) == ["His"]
    assert (await api("query ($id: ID!) { conversation(id: $id) { id } }", id=mine)) == {
        "conversation": None
    }


async def test_delete_takes_at_most_a_hundred(api: Api) -> None:
    payload = (await api(DELETE, ids=["nonsense"] * 101))["deleteConversations"]
    assert payload["deletedConversationIds"] is None
    assert payload["errors"] == [
        {"__typename": "InvalidInputError", "path": ["input", "conversationIds"]}
    ]


async def test_list_pages_from_the_newest(api: Api) -> None:
    for number in range(5):
        await api.create(title=f"C{number}")
    page = (await api(LIST, first=2))["viewer"]["conversations"]
    assert [edge["node"]["title"] for edge in page["edges"]] == ["C4", "C3"]
    assert page["totalCount"] == 5
    assert page["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": page["edges"][0]["cursor"],
        "endCursor": page["edges"][1]["cursor"],
    }
    assert await titles(api, first=2, after=page["pageInfo"]["endCursor"]) == ["C2", "C1"]
    assert await titles(api, last=1) == ["C0"]


async def test_empty_list_has_no_cursors(api: Api) -> None:
    page = (await api(LIST))["viewer"]["conversations"]
    assert (page["edges"], page["totalCount"]) == ([], 0)
    assert page["pageInfo"]["startCursor"] is None
    assert page["pageInfo"]["endCursor"] is None


@pytest.mark.parametrize(
    "arguments", [{"first": -1}, {"first": 101}, {"first": 1, "last": 1}, {"after": "nonsense"}]
)
async def test_unfit_pages_are_bad_input(api: Api, arguments: dict[str, Any]) -> None:
    assert await api.codes(LIST, **arguments) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("arguments", ['after: "é"', 'before: "eA"', "first: 101"])
async def test_bad_argument_leaves_what_stands_beside_the_connection(
    api: Api, arguments: str
) -> None:
    """A client that writes the answer to its store loses one list, and no conversation."""
    conversation = await api.create(title="Here")
    query = f"""{{
      viewer {{ username conversations({arguments}) {{ totalCount }} }}
      conversation(id: "{conversation}") {{ title messages({arguments}) {{ totalCount }} }}
    }}"""
    result = await api.schema.execute(query, context_value=api.context)
    assert result.data == {
        "viewer": {"username": "alice", "conversations": None},
        "conversation": {"title": "Here", "messages": None},
    }
    assert result.errors is not None
    found = {tuple(error.path or ()): (error.extensions or {})["code"] for error in result.errors}
    assert found == {
        ("viewer", "conversations"): "BAD_USER_INPUT",
        ("conversation", "messages"): "BAD_USER_INPUT",
    }
