"""What one user can fill, and how room is made again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.client import Api
from tests.fixtures.server import Server, Start

DELETE = """mutation($ids: [ID!]!) { deleteConversations(input: {conversationIds: $ids}) {
  deletedConversationIds errors { code message } } }"""
CANCEL = """mutation($id: ID!) { cancelRun(input: {runId: $id}) {
  run { status } errors { code message } } }"""
RANDOM = "from IPython.display import HTML; import os; HTML(os.urandom(100_000).hex())"


async def shown(api: Api, conversation: str | None = None) -> tuple[str, Any]:
    """Show 200 kB of HTML that is never the same; the conversation, and the output."""
    sent = await api.send(f"[[code: {RANDOM}]] [[answer: done]]", conversation)
    await api.until_ended(sent)
    snapshot = await api.snapshot(sent["conversation"]["id"])
    cell = snapshot["messages"]["nodes"][-1]["parts"][1]["cell"]
    (output,) = cell["outputs"]
    return snapshot["id"], output


def is_stored(output: Any) -> bool:
    """Whether the HTML is there."""
    return any(each["mediaType"] == "text/html" for each in output["representations"])


async def test_outputs_of_one_user_take_no_more_than_allowed(start: Start) -> None:
    """Over all conversations; deleting one makes room, and others have room of their own."""
    async with start(limits={"max_storage": 500_000}) as server:
        ann = server.user()
        first, output = await shown(ann)
        second, other = await shown(ann)
        assert is_stored(output)
        assert is_stored(other)
        _, refused = await shown(ann, second)
        assert not is_stored(refused)
        assert "your storage is full" in refused["representations"][-1]["text"]
        assert is_stored((await shown(server.user("bob")))[1])
        await ann.ask(DELETE, ids=[first])
        assert is_stored((await shown(ann, second))[1])
        assert not is_stored((await shown(ann, second))[1])


@pytest.fixture
async def full(server: Server, redis_url: str) -> AsyncIterator[tuple[Api, list[Any]]]:
    """A server whose Redis takes nothing more, a conversation, and one with a run going on."""
    ann = server.user()
    ended = await ann.send("hello")
    await ann.until_ended(ended)
    running = await ann.send("[[stall: 100]]")
    async with Redis.from_url(redis_url) as client:
        await client.config_set("maxmemory", "1mb")
        try:
            yield ann, [ended, running]
        finally:
            await client.config_set("maxmemory", "0")


async def test_full_redis_lets_conversations_be_deleted(full: tuple[Api, list[Any]]) -> None:
    """And runs be cancelled; what would take more is refused with words."""
    ann, (ended, running) = full
    refused = await ann.send("more")
    assert [error["code"] for error in refused["errors"]] == ["UNAVAILABLE"]
    cancelled = (await ann.ask(CANCEL, id=running["run"]["id"]))["cancelRun"]
    assert cancelled["errors"] == []
    events = await ann.until_ended(running)
    assert events[-1]["run"]["status"] == "CANCELLED"
    named = [ended["conversation"]["id"], running["conversation"]["id"]]
    deleted = (await ann.ask(DELETE, ids=named))["deleteConversations"]
    assert deleted == {"deletedConversationIds": named, "errors": []}
    listed = await ann.ask("{ viewer { conversations { totalCount } } }")
    assert listed["viewer"]["conversations"]["totalCount"] == 0
