"""What a user has of everything, by its IDs, and ways to ask for it."""

# graphql-core's types are generic in what is of no interest here.
# pyright: reportUnknownArgumentType=false

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from graphql import (
    GraphQLNamedType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
)

from pybot.schema import ids
from tests.client import Api
from tests.event_stream import ACCEPT, EventReader
from tests.id_walk import fields_of, gather, givers, selection

# Every kind of output and of event.
CODE = """import time
from IPython.display import clear_output
print(1, flush=True)
time.sleep(0.3)
print(2, flush=True)
time.sleep(0.3)
clear_output()
print(3)
display({'text/html': 'x'}, raw=True)
4"""
QUESTION = f"[[code: {CODE}]] [[code: 1 / 0]] [[answer: done]]"
CREATE = """mutation { createConversation(input: {title: "Named"}) { conversation { id } } }"""
STATE = """query($id: ID!) { viewer { eventCursor conversations(first: 100) { totalCount
  nodes { id title updatedAt } } } conversation(id: $id) { title instructions pinned archived
  eventCursor kernel { status generation } messages(last: 100) { nodes { id status } } } }"""

# Asks an operation with variables; the first payload that comes, as it came.
Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]
Transport = Callable[[Api], AbstractAsyncContextManager[Ask]]


@asynccontextmanager
async def over_http(api: Api) -> AsyncGenerator[Ask]:
    """POST, for all but subscriptions."""

    async def ask(document: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = {"query": document, "variables": variables}
        async with api.http.post(f"{api.url}/graphql", json=body, headers=api.headers) as response:
            assert response.status == 200, await response.text()
            payload: dict[str, Any] = await response.json(content_type=None)
            return payload

    yield ask


@asynccontextmanager
async def over_websocket(api: Api) -> AsyncGenerator[Ask]:
    """One socket for all operations."""
    async with api.socket() as socket:
        numbers = count()

        async def ask(document: str, variables: dict[str, Any]) -> dict[str, Any]:
            number = f"isolated {next(numbers)}"
            payload = {"query": document, "variables": variables}
            message = {"id": number, "type": "subscribe", "payload": payload}
            await socket.connection.send(json.dumps(message))
            async for frame in socket.connection:
                answer = json.loads(frame)
                if answer.get("id") == number and answer["type"] in ("next", "error"):
                    await socket.connection.send(json.dumps({"id": number, "type": "complete"}))
                    given = answer["payload"]
                    return given if answer["type"] == "next" else {"errors": given}
            raise AssertionError("the socket was closed")

        yield ask


@asynccontextmanager
async def over_event_stream(api: Api) -> AsyncGenerator[Ask]:
    """A stream of server-sent events for each operation."""

    async def ask(document: str, variables: dict[str, Any]) -> dict[str, Any]:
        body = {"query": document, "variables": variables}
        headers = {**api.headers, **ACCEPT}
        async with api.http.post(f"{api.url}/graphql", json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            return (await EventReader(response).first()).result

    yield ask


async def schema_of(api: Api) -> GraphQLSchema:
    """The schema that is served, by introspection."""
    return build_client_schema(await api.ask(get_introspection_query(one_of=True)))


@dataclass
class World:
    """What a user has: one object of each kind to act on, and everything that gave an ID."""

    api: Api
    schema: GraphQLSchema
    conversation: str
    one: dict[str, str] = field(default_factory=dict[str, str])
    given: dict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], set[str]](set)
    )

    @property
    def ids(self) -> set[str]:
        """Every ID that was given."""
        return {each for found in self.given.values() for each in found}

    def take(self, data: Any) -> set[str]:
        """Note the IDs in an answer, and give them."""
        found: set[str] = set()
        for place, global_id in gather(givers(self.schema), data):
            self.given[place].add(global_id)
            found.add(global_id)
        return found

    def beside(self) -> dict[str, Any]:
        """Values for what is required beside an ID."""
        return {"conversationId": self.conversation}

    async def state(self) -> Any:
        """What others must not change."""
        return await self.api.ask(STATE, id=self.conversation)

    async def until_idle(self) -> None:
        """Wait until no answer is being written."""
        async with asyncio.timeout(30):
            while (await self.api.snapshot(self.conversation))["activeRun"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def created(api: Api) -> str:
    """The ID of a new conversation."""
    global_id: str = (await api.ask(CREATE))["createConversation"]["conversation"]["id"]
    return global_id


async def world_of(api: Api) -> World:
    """A conversation with everything in it, and all that leads from it."""
    schema = await schema_of(api)
    viewer = (await api.ask("{ viewer { id eventCursor } }"))["viewer"]
    named = await created(api)
    world = World(api, schema, named)
    sent = await api.send(QUESTION, named)
    await api.until_ended(sent)
    await world.until_idle()
    await _follow(world, "conversationEvents", sent["eventCursor"], conversationId=named)
    await _delete_another(world)
    await _follow(world, "viewerEvents", viewer["eventCursor"])
    await _reach(world, viewer["id"])
    for global_id in sorted(world.ids):
        kind, _ = decoded(global_id)
        world.one.setdefault(kind, global_id)
    world.one |= {"Conversation": named, "Message": sent["run"]["message"]["id"]}
    return world


def decoded(global_id: str) -> tuple[ids.Kind, str]:
    """The kind and the service's ID."""
    found = ids.decode(global_id)
    assert found is not None
    return found


def absent(global_id: str, *, inside: str | None = None) -> str:
    """An ID of the same shape that names nothing; in a conversation, if it is to lie in one."""
    kind, service_id = decoded(global_id)
    parts = service_id.split(".")
    parts[0] = uuid4().hex if inside is None else decoded(inside)[1]
    if inside is not None:
        parts[1] = uuid4().hex
    return ids.encode(kind, ".".join(parts))


def moved(global_id: str, conversation: str) -> str:
    """The ID of an object of a conversation, as if it lay in another one."""
    kind, service_id = decoded(global_id)
    rest = service_id.partition(".")[2]
    return ids.encode(kind, f"{decoded(conversation)[1]}.{rest}")


async def _follow(world: World, name: str, after: str, **given: str) -> None:
    """Read all the events of a log behind a cursor, with every ID in them."""
    declared = "".join(f"${each}: ID!, " for each in given)
    passed = "".join(f"{each}: ${each}, " for each in given)
    event: GraphQLNamedType = get_named_type(
        fields_of(world.schema.type_map["Subscription"])[name].type
    )
    asked = selection(world.schema, event)
    state = await world.state()
    last = state["conversation" if given else "viewer"]["eventCursor"]
    call = f"{name}({passed}after: $after) {{ {asked} }}"
    document = f"subscription({declared}$after: String) {{ {call} }}"
    async with world.api.socket() as socket:
        stream = socket.subscribe(document, **given, after=after)
        async with asyncio.timeout(30), aclosing(stream) as following:
            async for data in following:
                world.take(data)
                if data[name]["cursor"] == last:
                    return


async def _delete_another(world: World) -> None:
    """Put a conversation away and delete it, for the IDs that this gives."""
    other = await created(world.api)
    for name, kind in (
        ("archiveConversations", "ArchiveConversationsPayload"),
        ("deleteConversations", "DeleteConversationsPayload"),
    ):
        payload = selection(world.schema, world.schema.type_map[kind])
        call = f"{name}(input: {{conversationIds: [$id]}}) {{ {payload} }}"
        world.take(await world.api.ask(f"mutation($id: ID!) {{ {call} }}", id=other))


async def _reach(world: World, start: str) -> None:
    """Go from one object to all others that its fields name, and theirs."""
    asked = selection(world.schema, world.schema.type_map["Node"])
    query = f"query($id: ID!) {{ node(id: $id) {{ {asked} }} }}"
    left, reached = {start}, set[str]()
    while left:
        reached |= left
        found = set[str]()
        for global_id in left:
            found |= world.take(await world.api.ask(query, id=global_id))
        left = found - reached
