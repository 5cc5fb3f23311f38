"""The examples of docs/api.md, run as they stand, in their order."""

import re
from pathlib import Path
from typing import Any

import pytest

from pybot.config import LimitSettings
from pybot.endpoint.limits import ConnectionLimits, QueryLimits
from pybot.resolvers.payload_errors import MAX_IDS
from pybot.services.conversations.commands import MAX_INSTRUCTIONS_LENGTH, MAX_TITLE_LENGTH
from pybot.services.store.requests import MAX_KEY_LENGTH
from pybot.services.values.pages import DEFAULT_SIZE, MAX_SIZE
from tests.client import Api, run_of
from tests.fixtures.server import Server

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "api.md"
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


def test_programs_are_those_that_the_tests_of_clients_run() -> None:
    page = PAGE.read_text()
    blocks = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == page.count("```ts") + page.count("```python") == 6
    for file, block in blocks:
        assert block in (ROOT / file).read_text(), file


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


def test_limits_of_the_page_are_those_of_the_code() -> None:
    """With the settings at their defaults."""
    section = PAGE.read_text().partition("## Limits\n")[2]
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", section, re.MULTILINE))
    settings, query, connections = LimitSettings(), QueryLimits(), ConnectionLimits()
    expected = {
        "a title": MAX_TITLE_LENGTH,
        "instructions": MAX_INSTRUCTIONS_LENGTH,
        "a message": settings.max_message_length,
        "an idempotency key": MAX_KEY_LENGTH,
        "answers that one user has in progress": settings.max_concurrent_runs,
        "answers of one user that wait for a decision": settings.max_waiting_runs,
        "stored outputs of one user": settings.max_storage,
        "an output in events and fields": settings.max_output_length,
        "an uploaded file": settings.max_file_size,
        "outputs of one cell": settings.max_outputs,
        "a page (`first`, `last`)": MAX_SIZE,
        "IDs in one request": MAX_IDS,
        "depth of a document": settings.max_query_depth,
        "aliases in an operation": settings.max_query_aliases,
        "directives in an operation": query.directives,
        "fields in an operation": query.fields,
        "cost of an operation": settings.max_query_cost,
        "tokens of a document": query.tokens,
        "a request": settings.max_body_size,
        "WebSockets and event streams of one user": connections.per_user,
        "operations on one WebSocket": settings.max_subscriptions,
        "age of a WebSocket or an event stream": int(settings.socket_max_age),
        "past events": settings.event_retention,
    }
    assert {
        what: most.split()[0].rstrip(",") for what, most in rows.items() if what in expected
    } == {what: f"{most:,}" for what, most in expected.items()}
    assert set(rows) - set(expected) == {"what"}
    assert f"{DEFAULT_SIZE} when neither" in rows["a page (`first`, `last`)"]


def test_every_limit_that_is_served_is_on_the_page() -> None:
    schema = (ROOT / "schema.graphql").read_text()
    limits = re.search(r"^type Limits \{(.*?)^\}", schema, re.DOTALL | re.MULTILINE)
    assert limits is not None
    names = re.findall(r"^  (\w+): ", limits.group(1), re.MULTILINE)
    table = PAGE.read_text().partition("| what | most |")[2]
    assert [name for name in names if not re.search(rf"\b{name}\b", table)] == []
