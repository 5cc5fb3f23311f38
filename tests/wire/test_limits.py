"""Limits at the wire: what is just within one passes, also among requests that come at once."""

import asyncio

import pytest

from tests.client import run_of
from tests.fixtures.server import Start

ACTIVE = "{ viewer { conversations(first: 100) { nodes { activeRun { id } } } } }"
LONGEST = 20
# Each is two code units of UTF-16 and four bytes of UTF-8.
CHARACTER = "🎈"


async def test_message_of_just_the_longest_passes(start: Start) -> None:
    async with start(limits={"max_message_length": LONGEST}) as server:
        ann = server.user()
        sent = await ann.send(CHARACTER * LONGEST)
        assert sent["errors"] == []
        assert sent["message"]["text"] == CHARACTER * LONGEST
        assert run_of(await ann.until_ended(sent))["status"] == "COMPLETED"


@pytest.mark.parametrize("length", [LONGEST + 1, LONGEST * 100])
async def test_longer_message_is_refused_and_can_be_shortened(start: Start, length: int) -> None:
    """The refusal names the field; nothing was made, and the key is still good."""
    async with start(limits={"max_message_length": LONGEST}) as server:
        ann = server.user()
        refused = await ann.send(CHARACTER * length, key="a key")
        assert [(each["code"], each["path"]) for each in refused["errors"]] == [
            ("INVALID", ["input", "text"])
        ]
        assert refused["conversation"] is None
        listed = await ann.ask("{ viewer { conversations { totalCount } } }")
        assert listed["viewer"]["conversations"]["totalCount"] == 0
        sent = await ann.send(CHARACTER * LONGEST, key="a key")
        assert sent["errors"] == []
        await ann.until_ended(sent)


async def test_50_messages_at_once_start_as_many_runs_as_allowed(start: Start) -> None:
    """Over two servers; when one has ended the next is taken."""
    async with (
        start(limits={"max_concurrent_runs": 5}) as first,
        start(limits={"max_concurrent_runs": 5}, run={"concurrency": 0}) as second,
    ):
        users = [first.user(), second.user()]
        answers = await asyncio.gather(*(users[n % 2].send("[[stall: 60]]") for n in range(50)))
        taken = [answer for answer in answers if not answer["errors"]]
        codes = {error["__typename"] for answer in answers for error in answer["errors"]}
        assert (len(taken), codes) == (5, {"LimitExceededError"})
        nodes = (await users[0].ask(ACTIVE))["viewer"]["conversations"]["nodes"]
        assert sum(1 for node in nodes if node["activeRun"]) == 5
        await users[0].ask(
            "mutation($id: ID!) { cancelRun(input: {runId: $id}) { errors { code } } }",
            id=taken[0]["run"]["id"],
        )
        await users[0].until_ended(taken[0])
        assert (await users[1].send("hello"))["errors"] == []


async def test_refused_messages_do_not_count(start: Start) -> None:
    """What is in the way of another run is refused as often as one likes."""
    async with start(limits={"max_concurrent_runs": 2}) as server:
        ann = server.user()
        sent = await ann.send("[[stall: 60]]")
        conversation = sent["conversation"]["id"]
        refused = await asyncio.gather(*(ann.send("no", conversation) for _ in range(10)))
        assert {error["__typename"] for each in refused for error in each["errors"]} == {
            "ConflictError"
        }
        assert (await ann.send("hello"))["errors"] == []


async def test_messages_that_lose_a_race_do_not_count(start: Start) -> None:
    """Each of them was admitted before the one that won was there."""
    async with start(limits={"max_concurrent_runs": 2}) as server:
        ann = server.user()
        created = await ann.ask(
            "mutation { createConversation(input: {}) { conversation { id } } }"
        )
        conversation = created["createConversation"]["conversation"]["id"]
        answers = await asyncio.gather(*(ann.send("[[stall: 60]]", conversation) for _ in range(9)))
        assert sum(1 for answer in answers if not answer["errors"]) == 1
        assert (await ann.send("[[stall: 60]]"))["errors"] == []
        late = await ann.send("one too many")
        assert [error["code"] for error in late["errors"]] == ["LIMIT_EXCEEDED"]


async def test_retry_whose_conversation_is_deleted_does_not_count(start: Start) -> None:
    """It is admitted as a new one, and then there is nothing to begin it in."""
    async with start(limits={"max_concurrent_runs": 1}) as server:
        ann = server.user()
        sent = await ann.send("hello", key="a key")
        await ann.until_ended(sent)
        await ann.ask(
            "mutation($id: ID!) { deleteConversations(input: {conversationIds: [$id]}) "
            "{ errors { code } } }",
            id=sent["conversation"]["id"],
        )
        for _ in range(3):
            again = await ann.send("hello", key="a key")
            assert [error["code"] for error in again["errors"]] == ["NOT_FOUND"]
        assert (await ann.send("hello"))["errors"] == []
