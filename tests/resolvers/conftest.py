"""The schema over real services: a real Redis, and no worker, so that a run goes as tests say."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from pybot.config import LlmSettings, RunSettings, Settings
from pybot.context import Context
from pybot.endpoint.schema import HardenedSchema
from pybot.schema import ids
from pybot.schema.root import build_schema
from pybot.services.container import Services, open_services
from pybot.services.records import Viewer, conversation_of
from pybot.services.records.events import Event
from tests.sentences import is_sentence, messages

ALICE = Viewer(username="alice", email="alice@example.org", display_name="Alice")
BOB = Viewer(username="bob")

SEND = """
mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) {
    conversation { id }
    message { id }
    run { id message { id } }
    eventCursor
    errors { __typename code message path }
  }
}
"""


@dataclass(frozen=True)
class Started:
    """A run that was started: global IDs, and the cursor before it."""

    conversation: str
    question: str
    run: str
    answer: str
    cursor: str


@dataclass(frozen=True)
class Api:
    """Asks the schema as one viewer."""

    schema: HardenedSchema
    services: Services
    viewer: Viewer = ALICE

    def by(self, viewer: Viewer) -> "Api":
        """The same services, asked by another viewer."""
        return Api(self.schema, self.services, viewer)

    @property
    def context(self) -> Context:
        return Context(viewer=self.viewer, services=self.services)

    async def __call__(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must have no errors."""
        result = await self.schema.execute(query, variables, context_value=self.context)
        assert result.errors is None, result.errors
        assert result.data is not None
        assert all(map(is_sentence, messages(result.data)))
        return result.data

    async def codes(self, query: str, **variables: Any) -> list[object]:
        """The codes of the errors of an operation."""
        result = await self.schema.execute(query, variables, context_value=self.context)
        errors = result.errors or []
        assert all(is_sentence(error.message) for error in errors)
        return [(error.extensions or {}).get("code") for error in errors]

    async def create(self, **fields: Any) -> str:
        """A new conversation; its global ID."""
        data = await self(
            "mutation ($input: CreateConversationInput!) {"
            " createConversation(input: $input) { conversation { id } } }",
            input=fields,
        )
        conversation_id: str = data["createConversation"]["conversation"]["id"]
        return conversation_id

    async def send(self, text: str = "Plot it", conversation: str | None = None) -> Started:
        """A message to a conversation, a new one when None."""
        target: dict[str, object] = {"newConversation": {}}
        if conversation:
            target = {"conversationId": conversation}
        data = await self(SEND, input={"target": target, "text": text})
        sent = data["sendMessage"]
        assert sent["errors"] == []
        return Started(
            conversation=sent["conversation"]["id"],
            question=sent["message"]["id"],
            run=sent["run"]["id"],
            answer=sent["run"]["message"]["id"],
            cursor=sent["eventCursor"],
        )

    async def emit(self, *events: Event, to: str) -> int:
        """Append events to the log of the conversation of an object; the last one's number."""
        return await self.services.eventlog.emit(conversation_of(service_id(to)), *events)


def service_id(global_id: str) -> str:
    """The service's ID of an object."""
    decoded = ids.decode(global_id)
    assert decoded is not None
    return decoded[1]


@pytest.fixture
async def services(redis_url: str) -> AsyncGenerator[Services]:
    settings = Settings(
        redis_om_url=SecretStr(redis_url),
        llm=LlmSettings(url="http://127.0.0.1:9", model="scripted"),
        run=RunSettings(concurrency=0),
    )
    async with open_services(settings) as opened:
        yield opened


@pytest.fixture
def api(services: Services) -> Api:
    return Api(build_schema(), services)
