"""Every field of every object and event, in conversations in which much has happened."""

# Answers are any JSON.
# pyright: reportUnknownVariableType=false

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest

from tests.client import Api
from tests.fixtures.server import Server
from tests.selections import every_field, possible_types

EVENTS = f"""subscription($id: ID!, $after: String) {{
  conversationEvents(conversationId: $id, after: $after) {every_field("ConversationEvent")} }}"""
VIEWER_EVENTS = f"""subscription($after: String) {{
  viewerEvents(after: $after) {every_field("ViewerEvent")} }}"""
RICH = (
    "[[code: import sys\nprint('out'); print('err', file=sys.stderr)\n"
    "display('shown', display_id=True)\nplt.plot([1, 2]); plt.show()\n"
    "display({'application/json': {'a': 1}}, raw=True)\n1]] "
    "[[code: import time\nfor i in range(4): print(i, flush=True); time.sleep(0.2)]] "
    "[[code: from IPython.display import clear_output\nprint('gone'); clear_output()\n1 / 0]] "
    "[[answer: done]]"
)


def references(value: Any) -> Iterator[tuple[str, str]]:
    """The type and ID of every object in an answer."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        if "id" in value:
            yield value["__typename"], value["id"]
        for item in value.values():
            yield from references(item)


async def delete(api: Api, conversation: str) -> None:
    await api.ask(
        "mutation($id: ID!) { deleteConversations(input: {conversationIds: [$id]})"
        " { errors { code } } }",
        id=conversation,
    )


async def changed(api: Api, name: str, given: Any) -> Any:
    """The conversation that a mutation gives."""
    kind = f"{name[0].upper()}{name[1:]}Input!"
    selected = "conversation { id title instructions model { id } } errors { path }"
    query = f"mutation($input: {kind}) {{ it: {name}(input: $input) {{ {selected} }} }}"
    payload = (await api.ask(query, input=given))["it"]
    assert payload["errors"] == []
    return payload["conversation"]


async def whole(api: Api, kind: str, object_id: str) -> Any:
    """An object with every field that it has."""
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on {kind} {every_field(kind)} }} }}"
    return (await api.ask(query, id=object_id))["node"]


async def led_to(api: Api, conversation: str) -> dict[tuple[str, str], Any]:
    """Every object that a conversation leads to, by its type and ID."""
    found: dict[tuple[str, str], Any] = {}
    wanted = [("Conversation", conversation)]
    while wanted:
        reference = wanted.pop()
        if reference not in found:
            found[reference] = await whole(api, *reference)
            wanted += references(found[reference])
    return found


@pytest.fixture
async def rich(server: Server) -> Any:
    """What was sent to a conversation with two versions of a rich answer, and one that failed."""
    ann = server.user()
    before = (await ann.ask("{ viewer { eventCursor } }"))["viewer"]["eventCursor"]
    sent = await ann.send(RICH)
    await ann.until_ended(sent)
    conversation = sent["conversation"]["id"]
    again = await ann.ask(
        "mutation($id: ID!) { regenerateMessage(input: {messageId: $id}) { eventCursor } }",
        id=sent["run"]["message"]["id"],
    )
    await ann.until_ended(again["regenerateMessage"] | {"conversation": {"id": conversation}})
    await ann.until_ended(await ann.send("[[text: I tried.]] [[failed]]", conversation))
    return sent | {"viewerCursor": before}


async def test_every_object_is_found_by_its_id_and_leads_back(server: Server, rich: Any) -> None:
    """Whatever one follows from a conversation is there, and belongs to it."""
    ann = server.user()
    conversation = rich["conversation"]["id"]
    found = await led_to(ann, conversation)
    assert {kind for kind, _ in found} == possible_types("Node") - {"Viewer"}
    for (kind, object_id), value in found.items():
        assert (value["__typename"], value["id"]) == (kind, object_id)
        if "conversation" in value:
            assert value["conversation"]["id"] == conversation
    ids = [object_id for _, object_id in found]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await ann.ask(query, ids=ids))["nodes"] == [{"id": each} for each in ids]
    viewer = (await ann.ask(f"{{ viewer {every_field('Viewer')} }}"))["viewer"]
    assert [each["id"] for each in viewer["conversations"]["nodes"]] == [conversation]
    assert await whole(ann, "Viewer", viewer["id"]) == viewer
    bob = server.user("bob")
    for kind, object_id in found:
        is_shared = kind == "Model"
        assert (await whole(bob, kind, object_id) is not None) == is_shared


async def test_events_replay_with_every_field_as_they_were(server: Server, rich: Any) -> None:
    """In order, of this conversation alone, and the same however often they are read."""
    ann = server.user()
    conversation = rich["conversation"]["id"]
    await delete(ann, conversation)

    async def read() -> list[Any]:
        async with ann.socket() as socket:
            stream = socket.subscribe(EVENTS, id=conversation, after=rich["eventCursor"])
            async with aclosing(stream) as following:
                return [data["conversationEvents"] async for data in following]

    events = await read()
    assert events[-1]["__typename"] == "ConversationDeletedEvent"
    assert {event["conversationId"] for event in events} == {conversation}
    assert len({event["cursor"] for event in events}) == len(events)
    times = [event["occurredAt"] for event in events]
    assert times == sorted(times)
    assert await read() == events


async def test_viewers_events_have_every_field(server: Server, rich: Any) -> None:
    """The events of the same answers for a list of conversations, to the deletion."""
    ann = server.user()
    conversation = rich["conversation"]["id"]
    await delete(ann, conversation)
    events: list[Any] = []
    async with ann.socket() as socket:
        stream = socket.subscribe(VIEWER_EVENTS, after=rich["viewerCursor"])
        async with aclosing(stream) as following:
            async for data in following:
                events.append(data["viewerEvents"])
                if events[-1]["__typename"] == "ConversationDeletedEvent":
                    break
    assert {event["conversationId"] for event in events} == {conversation}
    assert {event["__typename"] for event in events} == possible_types("ViewerEvent")


async def test_server_says_what_it_is_and_allows(server: Server) -> None:
    ann = server.user()
    said = (await ann.ask(f"{{ server {every_field('Server')} }}"))["server"]
    limits = server.settings.limits
    assert said["limits"]["maxQueryCost"] == limits.max_query_cost
    assert all(value is not None for value in said["limits"].values())
    model = await whole(ann, "Model", said["models"][0]["id"])
    assert (model["name"], model["available"]) == (server.settings.llm.model, True)


async def test_viewer_is_whom_the_headers_name(server: Server) -> None:
    headers = {
        "X-Forwarded-User": "ann",
        "X-Forwarded-Email": "ann@example.org",
        "X-Forwarded-Preferred-Username": "Ann B.",
    }
    query = {"query": f"{{ viewer {every_field('Viewer')} }}"}
    async with server.user().http.post(
        f"{server.url}/graphql", json=query, headers=headers
    ) as answer:
        viewer = (await answer.json(content_type=None))["data"]["viewer"]
    assert (viewer["username"], viewer["email"]) == ("ann", "ann@example.org")
    assert viewer["displayName"] == "Ann B."


async def test_conversation_has_what_it_was_created_with(server: Server) -> None:
    """By itself or for a message; what is changed afterwards is changed."""
    ann = server.user()
    model = (await ann.ask("{ server { models { id } } }"))["server"]["models"][0]["id"]
    chosen = {"title": "Named", "modelId": model, "instructions": "Be brief."}
    kept = {"title": "Named", "instructions": "Be brief.", "model": {"id": model}}
    created = await changed(ann, "createConversation", chosen)
    given = {"target": {"newConversation": chosen}, "text": "hello"}
    for conversation in (created, await changed(ann, "sendMessage", given)):
        assert conversation == kept | {"id": conversation["id"]}
    other = {"title": "Other", "modelId": model, "instructions": "Be long."}
    given = {"conversationId": created["id"], **other}
    updated = await changed(ann, "updateConversation", given)
    assert (updated["title"], updated["instructions"]) == ("Other", "Be long.")
    assert updated["model"] == {"id": model}


async def test_representations_are_those_that_are_accepted(server: Server) -> None:
    ann = server.user()
    sent = await ann.send("[[code: plt.plot([1, 2]); plt.show()\n'a result']] [[answer: done]]")
    await ann.until_ended(sent)
    query = """query($id: ID!, $accept: [String!]) { node(id: $id) { ... on Message { parts {
      ... on CellPart { cell { outputs {
        ... on DisplayOutput { __typename representations(accept: $accept) { mediaType } }
        ... on ResultOutput { __typename representations(accept: $accept) { mediaType } }
      } } } } } } }"""
    for accept, kept in (("image/*", ["image/png"]), ("text/plain", ["text/plain"] * 2)):
        node = (await ann.ask(query, id=sent["run"]["message"]["id"], accept=[accept]))["node"]
        outputs = [each for part in node["parts"] if part for each in part["cell"]["outputs"]]
        found = [shown["mediaType"] for each in outputs for shown in each["representations"]]
        assert found == kept
