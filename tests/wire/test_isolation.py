"""Two users never see anything of each other's, by any ID, query, mutation or subscription.

Every place of the schema that takes an ID is tried with the owner's IDs: by the owner, and by
somebody else, to whom they are as good as IDs that name nothing.
"""

import asyncio
from typing import Any

from tests.fixtures.server import Server
from tests.id_walk import Operation, givers, operations, places, places_elsewhere
from tests.wire.isolated import (
    Ask,
    Transport,
    World,
    absent,
    created,
    decoded,
    moved,
    over_event_stream,
    over_http,
    over_websocket,
    world_of,
)

NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
# Objects that belong to the server, and are everybody's.
SHARED = ["Model"]
# The transports, and the kinds of operations that they take.
TRANSPORTS: list[tuple[Transport, tuple[str, ...]]] = [
    (over_http, ("Query", "Mutation")),
    (over_websocket, ("Query", "Mutation", "Subscription")),
    (over_event_stream, ("Query", "Mutation", "Subscription")),
]


async def first_answer(world: World, ask: Ask, operation: Operation, global_id: str) -> Any:
    """The first payload of an operation; something happens while it follows in silence."""
    asking = asyncio.ensure_future(ask(operation.document, operation.variables(global_id)))
    titles = 0
    while not (await asyncio.wait({asking}, timeout=0.2))[0]:
        titles += 1
        await world.api.ask(
            "mutation($id: ID!, $title: String) { updateConversation(input: "
            "{conversationId: $id, title: $title}) { errors { code } } }",
            id=world.conversation,
            title=f"renamed {titles}",
        )
    return await asking


def is_refused(payload: dict[str, Any]) -> bool:
    """Whether an answer says that something is wrong, or has nothing."""
    data: dict[str, Any] = payload.get("data") or {}
    values: list[Any] = []
    for value in data.values():
        values += value if isinstance(value, list) else [value]
    return "errors" in payload or any(each is None or each.get("errors") for each in values)


async def test_every_id_that_is_given_is_its_owners(server: Server) -> None:
    """Every field of the schema that gives an ID does so; the owner finds each, nobody else.

    Nobody else finds it in a conversation of his own either, by an ID that is put together.
    """
    ann, bob = server.user("ann"), server.user("bob")
    world, own = await asyncio.gather(world_of(ann), world_of(bob))
    assert set(world.given) == givers(world.schema)
    deleted = world.given["DeleteConversationsPayload", "deletedConversationIds"]
    for global_id in sorted(world.ids - deleted):
        kind, _ = decoded(global_id)
        found = (await ann.ask(NODE, id=global_id))["node"]
        assert found is not None, kind
        assert found["id"] == global_id
        expected = {"node": found if kind in SHARED else None}
        assert await bob.ask(NODE, id=global_id) == expected, kind
    for nothing in ("nonsense", *map(absent, world.one.values()), *deleted):
        assert await ann.ask(NODE, id=nothing) == {"node": None}
    for name, global_id in world.one.items():
        if "." in decoded(global_id)[1]:
            assert await bob.ask(NODE, id=own.one[name]) != {"node": None}, name
            assert await bob.ask(NODE, id=moved(global_id, own.conversation)) == {"node": None}


async def test_every_place_that_takes_an_id_takes_ones_own_alone(server: Server) -> None:
    """Somebody else gets what an ID that names nothing gets, and changes nothing."""
    ann, bob = server.user("ann"), server.user("bob")
    world, own = await asyncio.gather(world_of(ann), world_of(bob))
    assert places_elsewhere(world.schema) == []
    before = await world.state()
    for transport, roots in TRANSPORTS:
        async with transport(bob) as ask:
            for operation in tried(own, roots):
                await check_foreign(world, ask, operation)
    assert await world.state() == before
    for transport, roots in TRANSPORTS:
        async with transport(ann) as ask:
            for operation in tried(world, roots):
                await check_own(world, ask, operation)


def tried(own: World, roots: tuple[str, ...]) -> list[Operation]:
    """All operations of these roots, with what is right of one's own beside the ID."""
    return [
        operation
        for place in places(own.schema)
        if place.root in roots
        for operation in operations(own.schema, place, own.beside())
    ]


async def check_foreign(world: World, ask: Ask, operation: Operation) -> None:
    """To somebody else IDs of every kind are as good as those that name nothing."""
    for kind, global_id in world.one.items():
        if kind not in SHARED:
            foreign = await ask(operation.document, operation.variables(global_id))
            nothing = await ask(operation.document, operation.variables(absent(global_id)))
            assert foreign == nothing, (operation, kind)


async def check_own(world: World, ask: Ask, operation: Operation) -> None:
    """The owner's IDs are taken, and IDs that name nothing are not."""
    place = operation.place
    for kind, global_id in world.one.items():
        if place.kind not in ("Node", kind):
            continue
        await world.until_idle()
        nothing = await ask(operation.document, operation.variables(absent(global_id)))
        deletes = place.field == "deleteConversations"
        own = await created(world.api) if deletes else global_id  # the others ask for that one
        taken = await first_answer(world, ask, operation, own)
        assert not is_refused(taken), (operation, taken)
        assert taken != nothing, operation


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
