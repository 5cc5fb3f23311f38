"""A GraphQL client of a running Pybot, as an engineer would write one: HTTP and WebSocket."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from pybot.schema import ids

HEADER = "X-Forwarded-User"
PROTOCOL = Subprotocol("graphql-transport-ws")

MESSAGE = """
fragment OutputFields on Output {
  __typename id index truncated
  ... on StreamOutput { name text }
  ... on DisplayOutput { representations { mediaType text url byteSize } displayId }
  ... on ResultOutput { executionCount representations { mediaType text url byteSize } }
  ... on ErrorOutput { ename evalue traceback }
}
fragment CellFields on Cell {
  id source status executionCount revision startedAt completedAt
}
fragment PartFields on MessagePart {
  __typename index
  ... on TextPart { text revision }
  ... on ReasoningPart { text revision }
  ... on CellPart { cell { ...CellFields outputs { ...OutputFields } } }
  ... on ErrorPart { error { code message retryable } }
}
fragment MessageFields on Message {
  id role status createdAt completedAt parts { ...PartFields }
}
"""
RUN = "fragment RunFields on Run { id status phase error { code message retryable } }"

SEND = """
mutation Send($input: SendMessageInput!) {
  sendMessage(input: $input) {
    message { id text } run { ...RunFields message { id } } conversation { id title } eventCursor
    errors { __typename code message path }
  }
}
"""
SNAPSHOT = """
query Snapshot($id: ID!) {
  conversation(id: $id) {
    id title eventCursor updatedAt
    activeRun { ...RunFields }
    kernel { id status generation }
    messages(last: 50) { totalCount pageInfo { hasPreviousPage } nodes { ...MessageFields } }
  }
}
"""
EVENTS = """
subscription Events($id: ID!, $after: String) {
  conversationEvents(conversationId: $id, after: $after) {
    __typename cursor
    ... on MessageChangedEvent { message { id role status createdAt completedAt } }
    ... on TextDeltaEvent { messageId partIndex revision reasoning offset text }
    ... on CodeDeltaEvent { cellId revision offset text }
    ... on RunChangedEvent { run { ...RunFields } }
    ... on CellChangedEvent { messageId partIndex cell { ...CellFields } }
    ... on OutputChangedEvent { cellId revision output { ...OutputFields } }
    ... on StreamDeltaEvent { cellId revision outputIndex offset text }
    ... on OutputsClearedEvent { cellId revision }
    ... on KernelChangedEvent { kernel { status generation } }
    ... on ConversationChangedEvent { conversation { id title } }
  }
}
"""


def document(operation: str) -> str:
    """An operation with just the fragments that it uses."""
    wanted, text = "", operation
    for fragment in reversed([*MESSAGE.strip().split("\nfragment "), RUN]):
        fragment = fragment if fragment.startswith("fragment ") else f"fragment {fragment}"
        if f"...{fragment.split()[1]}" in text:
            wanted = f"{fragment}\n{wanted}"
            text += fragment
    return wanted + operation


class GraphQLErrors(Exception):
    """The `errors` of an answer."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(json.dumps(errors))
        self.errors = errors

    @property
    def code(self) -> str:
        """The first one's code."""
        code: str = self.errors[0]["extensions"]["code"]
        return code


@dataclass
class Api:
    """What one user does with a server."""

    url: str
    user: str
    http: aiohttp.ClientSession

    @property
    def headers(self) -> dict[str, str]:
        """What the proxy would add."""
        return {HEADER: self.user}

    async def ask(self, query: str, **variables: Any) -> Any:
        """The `data` of an operation; raises GraphQLErrors."""
        body = {"query": document(query), "variables": variables}
        async with self.http.post(
            f"{self.url}/graphql", json=body, headers=self.headers
        ) as response:
            answer = await response.json(content_type=None)
        if answer.get("errors"):
            raise GraphQLErrors(answer["errors"])
        return answer["data"]

    async def send(self, text: str, conversation: str | None = None, key: str | None = None) -> Any:
        """Send a message to a conversation, or to a new one."""
        target: dict[str, Any] = (
            {"conversationId": conversation} if conversation else {"newConversation": {}}
        )
        given = {"target": target, "text": text}
        if key is not None:
            given["idempotencyKey"] = key
        return (await self.ask(SEND, input=given))["sendMessage"]

    async def snapshot(self, conversation: str) -> Any:
        """Everything of a conversation, and the cursor to go on from."""
        return (await self.ask(SNAPSHOT, id=conversation))["conversation"]

    async def get(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Fetch bytes."""
        async with self.http.get(f"{self.url}{path}", headers=self.headers) as response:
            return response.status, await response.read(), dict(response.headers)

    @asynccontextmanager
    async def socket(self) -> AsyncGenerator["Socket"]:
        """A WebSocket, ready for operations."""
        address = f"ws{self.url.removeprefix('http')}/graphql"
        async with connect(
            address,
            subprotocols=[PROTOCOL],
            additional_headers=self.headers,
            max_size=None,
        ) as connection:
            await connection.send(json.dumps({"type": "connection_init"}))
            assert json.loads(await connection.recv())["type"] == "connection_ack"
            yield Socket(connection)

    async def events(
        self, conversation: str, after: str | None = None
    ) -> AsyncGenerator[dict[str, Any]]:
        """Follow a conversation on a socket of its own."""
        async with self.socket() as socket:
            async for data in socket.subscribe(EVENTS, id=conversation, after=after):
                yield data["conversationEvents"]

    async def until_ended(self, sent: Any, *, timeout: float = 60) -> list[dict[str, Any]]:
        """The events from a sent message to the end of its run."""
        events: list[dict[str, Any]] = []
        async with (
            asyncio.timeout(timeout),
            contextlib.aclosing(
                self.events(sent["conversation"]["id"], sent["eventCursor"])
            ) as stream,
        ):
            async for event in stream:
                events.append(event)
                if ended(event):
                    break
        return events


@dataclass
class Socket:
    """One WebSocket with operations on it, one at a time."""

    connection: ClientConnection

    def __post_init__(self) -> None:
        self._ids = count(1)

    async def subscribe(self, query: str, **variables: Any) -> AsyncGenerator[Any]:
        """The `data` of each event; raises GraphQLErrors, ends with the operation."""
        number = str(next(self._ids))
        payload = {"query": document(query), "variables": variables}
        message = {"id": number, "type": "subscribe", "payload": payload}
        await self.connection.send(json.dumps(message))
        async for frame in self.connection:
            answer = json.loads(frame)
            match answer["type"]:
                case "ping":
                    await self.connection.send(json.dumps({"type": "pong"}))
                case "next" if answer["payload"].get("errors"):
                    raise GraphQLErrors(answer["payload"]["errors"])
                case "next":
                    yield answer["payload"]["data"]
                case "error":
                    raise GraphQLErrors(answer["payload"])
                case _:
                    return


def decoded_id(global_id: str) -> str:
    """The ID by which the store knows an object."""
    found = ids.decode(global_id)
    assert found is not None
    return found[1]


def ended(event: dict[str, Any]) -> bool:
    """Whether an event is the end of a run."""
    return event["__typename"] == "RunChangedEvent" and event["run"]["status"] not in (
        "QUEUED",
        "IN_PROGRESS",
    )


def run_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The run as the events left it."""
    run: dict[str, Any] = [
        event["run"] for event in events if event["__typename"] == "RunChangedEvent"
    ][-1]
    return run


def text_of(events: list[dict[str, Any]]) -> str:
    """The text parts that the deltas give, joined; a delta out of place fails."""
    parts: dict[tuple[str, int], str] = {}
    for event in events:
        if event["__typename"] == "TextDeltaEvent":
            key = (event["messageId"], event["partIndex"])
            text = parts.get(key, "")
            assert event["offset"] == len(text), "a gap or a double"
            parts[key] = text + event["text"]
    return "\n".join(parts.values())
