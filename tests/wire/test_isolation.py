"""Two users never see anything of each other's, by any ID, query, mutation or subscription."""

from typing import Any

import pytest

from tests.client import Api, GraphQLErrors
from tests.fixtures.server import Server

NODE = """
query($id: ID!) {
  node(id: $id) { __typename id }
  nodes(ids: [$id]) { __typename }
  conversation(id: $id) { title }
}
"""

NOTHING = {"node": None, "nodes": [None], "conversation": None}


def mutation(field: str, argument: str, more: str = "") -> str:
    """A mutation that names one object, and asks for nothing but its errors."""
    kind = f"{field[0].upper()}{field[1:]}Input"
    return (
        f"mutation($id: ID!) {{ {field}(input: {{{argument}: $id{more}}}) "
        f"{{ errors {{ code path }} }} }} # {kind}"
    )


MUTATIONS = {
    "updateConversation": mutation("updateConversation", "conversationId", ', title: "mine"'),
    "sendMessage": (
        "mutation($id: ID!) { sendMessage(input: {target: {conversationId: $id}, "
        'text: "hi"}) { errors { code path } } }'
    ),
    "regenerateMessage": mutation("regenerateMessage", "messageId"),
    "cancelRun": mutation("cancelRun", "runId"),
    "interruptKernel": mutation("interruptKernel", "conversationId"),
    "restartKernel": mutation("restartKernel", "conversationId"),
    "shutdownKernel": mutation("shutdownKernel", "conversationId"),
}


async def everything_of(ann: Api) -> dict[str, str]:
    """One object of each kind that Ann has, by its global ID."""
    sent = await ann.send("[[code: print(1)\n1 + 1]] [[answer: done]]")
    await ann.until_ended(sent)
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    answer = snapshot["messages"]["nodes"][-1]
    cell = answer["parts"][1]["cell"]
    viewer = (await ann.ask("{ viewer { id } }"))["viewer"]
    return {
        "viewer": viewer["id"],
        "conversation": snapshot["id"],
        "question": snapshot["messages"]["nodes"][0]["id"],
        "answer": answer["id"],
        "run": sent["run"]["id"],
        "cell": cell["id"],
        "output": cell["outputs"][0]["id"],
        "kernel": snapshot["kernel"]["id"],
    }


async def codes(api: Api, query: str, object_id: str) -> list[str]:
    """The codes of a payload's errors."""
    data: dict[str, Any] = await api.ask(query, id=object_id)
    return [error["code"] for payload in data.values() for error in payload["errors"]]


async def test_nothing_of_another_users_is_found(server: Server) -> None:
    """Every ID of Ann's is as good as none to Bob, who gets the same answers as for nonsense."""
    ann, bob = server.user("ann"), server.user("bob")
    for kind, object_id in (await everything_of(ann)).items():
        own = await ann.ask("query($id: ID!) { node(id: $id) { id } }", id=object_id)
        assert own["node"] == {"id": object_id}, kind
        assert await bob.ask(NODE, id=object_id) == NOTHING, kind
    assert await bob.ask(NODE, id="nonsense") == NOTHING


async def test_nothing_of_another_users_can_be_changed(server: Server) -> None:
    """Every mutation with any ID of Ann's is NOT_FOUND to Bob, and changes nothing."""
    ann, bob = server.user("ann"), server.user("bob")
    objects = await everything_of(ann)
    before = await ann.snapshot(objects["conversation"])
    for name, query in MUTATIONS.items():
        for kind, object_id in objects.items():
            assert await codes(bob, query, object_id) == ["NOT_FOUND"], (name, kind)
    deleted = await bob.ask(
        "mutation($ids: [ID!]!) { deleteConversations(input: {conversationIds: $ids}) "
        "{ deletedConversationIds errors { code } } }",
        ids=list(objects.values()),
    )
    assert deleted["deleteConversations"] == {"deletedConversationIds": [], "errors": []}
    assert await ann.snapshot(objects["conversation"]) == before


async def test_nothing_of_another_users_can_be_followed(server: Server) -> None:
    """A subscription to Ann's conversation is NOT_FOUND to Bob, with any cursor."""
    ann, bob = server.user("ann"), server.user("bob")
    sent = await ann.send("hello")
    await ann.until_ended(sent)
    for after in (None, sent["eventCursor"]):
        with pytest.raises(GraphQLErrors) as refused:
            await anext(bob.events(sent["conversation"]["id"], after))
        assert refused.value.code == "NOT_FOUND"


async def test_lists_are_each_users_own(server: Server) -> None:
    """Bob's list stays empty whatever Ann does, also under a name that looks alike."""
    ann = server.user("ann")
    await ann.until_ended(await ann.send("hello"))
    query = "{ viewer { conversations { totalCount nodes { id } } } }"
    for name in ("bob", "Ann", "ann{x}", "ann:*"):
        listed = (await server.user(name).ask(query))["viewer"]["conversations"]
        assert listed == {"totalCount": 0, "nodes": []}, name


async def test_idempotency_keys_are_each_users_own(server: Server) -> None:
    """The same key of another user makes another message."""
    first = await server.user("ann").send("hello", key="same")
    second = await server.user("bob").send("hello", key="same")
    assert first["message"]["id"] != second["message"]["id"]


async def test_without_the_header_there_is_no_service(server: Server) -> None:
    """No identity, no answer: over HTTP, for files, and over the WebSocket."""
    ann = server.user("ann")
    for path in ("/graphql", "/outputs/x", "/"):
        async with ann.http.get(server.url + path) as response:
            assert response.status == 401, path
    for path in ("/healthz", "/readyz"):
        async with ann.http.get(server.url + path) as response:
            assert response.status == 200, path
