"""Clients under load: of Pybot over graphql-transport-ws, and of the bare relay."""

import base64
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from benchmarks.tally import Tally

PROTOCOL = "graphql-transport-ws"
SEND = """mutation($input: SendMessageInput!) { sendMessage(input: $input) {
  conversation { id } run { id } eventCursor errors { message } } }"""
EVENTS = """subscription($id: ID!, $after: String) {
  conversationEvents(conversationId: $id, after: $after) {
    __typename cursor
    ... on TextDeltaEvent { messageId partIndex revision reasoning offset text }
    ... on RunChangedEvent { run { id status } }
    ... on CellChangedEvent { cell { id status } }
    ... on OutputChangedEvent { output { __typename id index } }
  } }"""
UNFINISHED = ("QUEUED", "IN_PROGRESS")


def asked(tokens: int, rate: int) -> str:
    """A question that the pump answers with so many tokens, so many a second (0 for flat out)."""
    return f"tokens={tokens} rate={rate}"


def code(source: str) -> str:
    """A question that the pump answers with a cell."""
    return f"code={base64.b64encode(source.encode()).decode()}"


class User:
    """One user of Pybot."""

    def __init__(self, session: aiohttp.ClientSession, url: str, name: str) -> None:
        self._session = session
        self._url = f"{url}/graphql"
        self._headers = {"X-Forwarded-User": name}

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of an operation; RuntimeError when it has errors."""
        body = msgspec.json.encode({"query": query, "variables": variables})
        headers = {**self._headers, "content-type": "application/json"}
        async with self._session.post(self._url, data=body, headers=headers) as response:
            answer = msgspec.json.decode(await response.read())
        if answer.get("errors"):
            raise RuntimeError(f"Pybot refused: {answer['errors']}")
        return answer["data"]

    async def send(self, text: str, conversation: str | None = None) -> Any:
        """Send a message to a conversation, or to a new one."""
        target: dict[str, Any] = (
            {"conversationId": conversation} if conversation else {"newConversation": {}}
        )
        sent = (await self.ask(SEND, input={"target": target, "text": text}))["sendMessage"]
        if sent["errors"]:
            raise RuntimeError(f"Pybot refused: {sent['errors']}")
        return sent

    @asynccontextmanager
    async def socket(self) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket, ready for operations."""
        async with self._session.ws_connect(
            self._url, protocols=[PROTOCOL], headers=self._headers, max_msg_size=0
        ) as socket:
            await socket.send_str('{"type":"connection_init"}')
            await socket.receive()
            yield socket

    async def events(
        self, socket: aiohttp.ClientWebSocketResponse, conversation: str, after: str | None
    ) -> AsyncGenerator[dict[str, Any]]:
        """The events of a conversation, over a socket that has no other operation."""
        await subscribe(socket, conversation, after)
        async for frame in socket:
            message = msgspec.json.decode(frame.data)
            if message["type"] != "next":
                raise RuntimeError(f"the stream broke off: {message}")
            yield message["payload"]["data"]["conversationEvents"]

    async def to_end(
        self, socket: aiohttp.ClientWebSocketResponse, sent: Any, tally: Tally | None = None
    ) -> None:
        """Follow a run that was asked for to its end."""
        stream = self.events(socket, sent["conversation"]["id"], sent["eventCursor"])
        async with contextlib.aclosing(stream):
            async for event in stream:
                if tally is not None and event["__typename"] == "TextDeltaEvent":
                    tally.feed(event["text"])
                elif ended(event):
                    return

    async def finished(self, sent: Any) -> None:
        """Wait for the end of a run, over a socket of its own."""
        async with self.socket() as socket:
            await self.to_end(socket, sent)

    async def stream(self, tokens: int, rate: int, tally: Tally) -> None:
        """Ask for tokens in a new conversation and count what comes."""
        async with self.socket() as socket:
            await self.to_end(socket, await self.send(asked(tokens, rate)), tally)


async def subscribe(
    socket: aiohttp.ClientWebSocketResponse, conversation: str, after: str | None
) -> None:
    """Begin to follow a conversation."""
    variables = {"id": conversation, "after": after}
    payload = {"query": EVENTS, "variables": variables}
    message = {"id": "1", "type": "subscribe", "payload": payload}
    await socket.send_str(msgspec.json.encode(message).decode())


def ended(event: dict[str, Any]) -> bool:
    """Whether an event tells the end of a run."""
    return event["__typename"] == "RunChangedEvent" and event["run"]["status"] not in UNFINISHED


class RelayUser:
    """One reader of the relay."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def stream(self, tokens: int, rate: int, tally: Tally) -> None:
        """Ask for tokens and count what comes."""
        async with self._session.ws_connect(f"{self._url}/?tokens={tokens}&rate={rate}") as socket:
            async for frame in socket:
                token = msgspec.json.decode(frame.data)["token"]
                if not token["special"]:
                    tally.feed(token["text"])
