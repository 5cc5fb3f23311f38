"""The examples of docs/api.md, run as they stand, in their order."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.client import Api, run_of
from tests.fixtures.server import Server

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
OPERATION = re.compile(r"```graphql\n(\w+ (\w+).*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def examples() -> dict[str, str]:
    """The operations of the page by their names."""
    return {name: text for text, name in OPERATION.findall(PAGE.read_text())}


@pytest.fixture
async def ann(server: Server) -> Api:
    return server.user("ann")


@pytest.fixture
async def sent(ann: Api) -> Any:
    """A question that was answered."""
    sent = await ann.send("What is the square of two? [[answer: 4]]")
    await ann.until_ended(sent)
    return sent


def test_every_example_is_run(examples: dict[str, str]) -> None:
    text = Path(__file__).read_text()
    assert [name for name in examples if f'examples["{name}"]' not in text] == []


async def test_signed_in_user_is_named(ann: Api, examples: dict[str, str]) -> None:
    data = await ann.ask(examples["Me"])
    assert data["viewer"]["username"] == "ann"
    assert [model["available"] for model in data["server"]["models"]] == [True]


async def test_any_object_is_read_again(ann: Api, sent: Any, examples: dict[str, str]) -> None:
    """And nothing is read of another user's."""
    data = await ann.ask(examples["Again"], id=sent["message"]["id"])
    assert data["node"]["conversation"] == {"id": sent["conversation"]["id"]}
    assert (await ann.ask(examples["Again"], id="nonsense"))["node"] is None


async def test_pages_go_back_to_the_beginning(
    ann: Api, sent: Any, examples: dict[str, str]
) -> None:
    conversation = sent["conversation"]["id"]
    await ann.until_ended(await ann.send("And of three? [[answer: 9]]", conversation))
    found: list[str] = []
    before: str | None = None
    while True:
        data = await ann.ask(examples["Page"], id=conversation, before=before)
        page = data["conversation"]["messages"]
        found[:0] = [node["role"] for node in page["nodes"]]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = page["pageInfo"]["startCursor"]
    assert found == ["USER", "ASSISTANT"] * 2


async def test_change_that_cannot_be_made_is_data(
    ann: Api, sent: Any, examples: dict[str, str]
) -> None:
    """As the page says."""
    data = await ann.ask(examples["Rename"], id=sent["conversation"]["id"])
    assert data["updateConversation"]["conversation"] is None
    [error] = data["updateConversation"]["errors"]
    assert (error["code"], error["path"]) == ("INVALID", ["input", "title"])


async def test_request_that_is_sent_again_gives_the_first_result(
    ann: Api, sent: Any, examples: dict[str, str]
) -> None:
    variables = {"id": sent["conversation"]["id"], "key": "one intent"}
    first = (await ann.ask(examples["Send"], **variables))["sendMessage"]
    again = (await ann.ask(examples["Send"], **variables))["sendMessage"]
    assert first["errors"] == []
    assert again == first


async def test_answer_is_followed_from_a_snapshot(
    ann: Api, sent: Any, examples: dict[str, str]
) -> None:
    """What comes behind the snapshot's cursor is what is missing in it."""
    conversation = sent["conversation"]["id"]
    snapshot = (await ann.ask(examples["Snapshot"], id=conversation))["conversation"]
    assert [node["role"] for node in snapshot["messages"]["nodes"]] == ["USER", "ASSISTANT"]
    await ann.send("And of three? [[answer: 9]]", conversation)
    events: list[Any] = []
    async with ann.socket() as socket:
        stream = socket.subscribe(
            examples["Follow"], id=conversation, after=snapshot["eventCursor"]
        )
        async for data in stream:
            events.append(data["conversationEvents"])
            if events[-1].get("run", {}).get("status") == "COMPLETED":
                break
    assert run_of(events)["status"] == "COMPLETED"
    assert "".join(event.get("text", "") for event in events) == "9"


async def test_limits_are_served(ann: Api, server: Server, examples: dict[str, str]) -> None:
    found = (await ann.ask(examples["Limits"]))["server"]["limits"]
    limits = server.settings.limits
    assert found["maxMessageLength"] == limits.max_message_length
    assert found["eventRetentionSeconds"] == limits.event_retention
