"""Limits hold also for requests that come at once."""

import asyncio

from tests.fixtures.server import Start

ACTIVE = "{ viewer { conversations(first: 100) { nodes { activeRun { id } } } } }"


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
