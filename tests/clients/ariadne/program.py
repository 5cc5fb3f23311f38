"""The client that ariadne-codegen makes of the schema keeps what Pybot promises to all of them.

Run beside the generated package, with the packages that it needs.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

from pybot_client import (
    Client,
    CreateConversationInput,
    EventsConversationEventsConversationChangedEvent,
    EventsConversationEventsRunChangedEvent,
    EventsConversationEventsTextDeltaEvent,
    GraphQLClientGraphQLMultiError,
    MessageTarget,
    SendMessageInput,
    UpdateConversationInput,
)
from pybot_client.events import Events
from websockets.exceptions import ConnectionClosedError, InvalidMessage

from tests.clients.promises import Error, Event, Expired, Refused, Snapshot, keep_promises
from tests.clients.resuming import resuming
from tests.proxy import cut_proxy

HEADERS = {"X-Forwarded-User": os.environ["PYBOT_USER"]}
EXPIRED = Expired(os.environ["PYBOT_TRIMMED_CONVERSATION"], os.environ["PYBOT_EXPIRED_CURSOR"])
LOST = (ConnectionClosedError, InvalidMessage, OSError)


class GeneratedClient:
    """The operations as the generated methods."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def create(self, title: str) -> str:
        answer = await self.client.create_conversation(CreateConversationInput(title=title))
        assert answer.create_conversation.conversation
        return answer.create_conversation.conversation.id

    async def snapshot(self, conversation: str) -> Snapshot:
        found = (await self.client.conversation(conversation)).conversation
        assert found
        return Snapshot(found.title, found.event_cursor)

    async def rename(self, conversation: str, title: str) -> list[Error]:
        change = UpdateConversationInput(conversationId=conversation, title=title)
        answer = await self.client.update_conversation(change)
        errors = answer.update_conversation.errors
        return [Error(each.typename__, each.code.value, each.path) for each in errors]

    async def send(self, conversation: str, text: str) -> str:
        target = MessageTarget(conversationId=conversation)
        answer = await self.client.send_message(SendMessageInput(target=target, text=text))
        assert answer.send_message.event_cursor
        return answer.send_message.event_cursor

    async def page(self, first: int) -> None:
        try:
            await self.client.conversations(first=first)
        except GraphQLClientGraphQLMultiError as error:
            raise refused(error) from error

    def follow(self, conversation: str, after: str | None) -> AsyncGenerator[Event]:
        return resuming(lambda cursor: self._follow(conversation, cursor), after, LOST)

    async def _follow(self, conversation: str, after: str | None) -> AsyncGenerator[Event]:
        try:
            async for answer in self.client.events(conversation, after):
                yield event_of(answer)
        except GraphQLClientGraphQLMultiError as error:
            raise refused(error) from error


def refused(error: GraphQLClientGraphQLMultiError) -> Refused:
    return Refused((error.errors[0].extensions or {})["code"])


def event_of(answer: Events) -> Event:
    match answer.conversation_events:
        case EventsConversationEventsTextDeltaEvent(cursor=cursor, offset=offset, text=text):
            return Event(cursor, offset=offset, text=text)
        case EventsConversationEventsConversationChangedEvent(cursor=cursor, conversation=changed):
            return Event(cursor, title=changed.title)
        case EventsConversationEventsRunChangedEvent(cursor=cursor, run=run):
            return Event(cursor, status=run.status.value)
        case other:
            return Event(other.cursor)


async def main(url: str) -> None:
    async with cut_proxy(urlsplit(url).port or 0) as (network, through):
        socket_url = f"ws{through.removeprefix('http')}/graphql"
        async with Client(
            f"{url}/graphql", HEADERS, ws_url=socket_url, ws_headers=HEADERS
        ) as client:
            await keep_promises(GeneratedClient(client), network, EXPIRED)


asyncio.run(main(os.environ["PYBOT_URL"]))
