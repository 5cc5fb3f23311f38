"""Python's `gql` does with Pybot what its documentation promises."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import (
    TransportClosed,
    TransportConnectionFailed,
    TransportQueryError,
)
from gql.transport.websockets import WebsocketsTransport

from tests.client import HEADER
from tests.clients.promises import Error, Event, Expired, Refused, Snapshot, keep_promises
from tests.clients.resuming import resuming
from tests.fixtures.server import Server
from tests.proxy import cut_proxy

DOCUMENTS = (Path(__file__).parent / "documents.graphql").read_text()
HEADERS = {HEADER: "ann"}
LOST = (TransportClosed, TransportConnectionFailed, OSError)


def request(operation: str, **variables: Any) -> GraphQLRequest:
    return GraphQLRequest(DOCUMENTS, variable_values=variables, operation_name=operation)


class GqlClient:
    """The operations by HTTP, subscriptions over WebSockets behind another URL."""

    def __init__(self, url: str, socket_url: str) -> None:
        self.url, self.socket_url = url, socket_url

    async def _ask(self, operation: str, **variables: Any) -> Any:
        transport = AIOHTTPTransport(url=f"{self.url}/graphql", headers=HEADERS, ssl=False)
        async with Client(transport=transport) as session:
            try:
                return await session.execute(request(operation, **variables))
            except TransportQueryError as error:
                raise refused(error) from error

    async def create(self, title: str) -> str:
        data = await self._ask("CreateConversation", input={"title": title})
        return str(data["createConversation"]["conversation"]["id"])

    async def snapshot(self, conversation: str) -> Snapshot:
        found = (await self._ask("Conversation", id=conversation))["conversation"]
        return Snapshot(found["title"], found["eventCursor"])

    async def rename(self, conversation: str, title: str) -> list[Error]:
        change = {"conversationId": conversation, "title": title}
        data = await self._ask("UpdateConversation", input=change)
        errors = data["updateConversation"]["errors"]
        return [Error(each["__typename"], each["code"], each["path"]) for each in errors]

    async def send(self, conversation: str, text: str) -> str:
        message = {"target": {"conversationId": conversation}, "text": text}
        data = await self._ask("SendMessage", input=message)
        return str(data["sendMessage"]["eventCursor"])

    async def page(self, first: int) -> None:
        await self._ask("Conversations", first=first)

    def follow(self, conversation: str, after: str | None) -> AsyncGenerator[Event]:
        return resuming(lambda cursor: self._follow(conversation, cursor), after, LOST)

    async def _follow(self, conversation: str, after: str | None) -> AsyncGenerator[Event]:
        address = urlsplit(self.socket_url)._replace(scheme="ws", path="/graphql").geturl()
        transport = WebsocketsTransport(url=address, headers=HEADERS)
        async with Client(transport=transport) as session:
            try:
                async for data in session.subscribe(
                    request("Events", id=conversation, after=after)
                ):
                    yield event_of(data["conversationEvents"])
            except TransportQueryError as error:
                raise refused(error) from error


def refused(error: TransportQueryError) -> Refused:
    [first] = error.errors or []
    return Refused(first["extensions"]["code"])


def event_of(event: dict[str, Any]) -> Event:
    return Event(
        cursor=event["cursor"],
        offset=event.get("offset", 0),
        text=event.get("text", ""),
        title=event.get("conversation", {}).get("title"),
        status=event.get("run", {}).get("status"),
    )


async def test_gql_reads_changes_and_follows(server: Server, expired: Expired) -> None:
    """A query, a mutation, typed errors, and subscriptions that outlive their connections."""
    async with cut_proxy(urlsplit(server.url).port or 0) as (network, url):
        await keep_promises(GqlClient(server.url, url), network, expired)
