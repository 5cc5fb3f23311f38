"""The tokens that runs use: of one while it goes on, and of a viewer's runs together."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from tests.client import Api
from tests.fixtures.server import Server
from tests.wire.test_cancelling import CANCEL

RUN = """query($id: ID!) { node(id: $id) { ... on Run {
  status model completedAt usage { promptTokens completionTokens cachedTokens reasoningTokens }
} } }"""
EVENTS = """subscription($id: ID!, $after: String) {
  conversationEvents(conversationId: $id, after: $after) {
    ... on RunChangedEvent { run { status phase usage { promptTokens completionTokens } } }
  } }"""
USED = """query($since: DateTime) { viewer { usage(since: $since) {
  model runs tokens { promptTokens completionTokens cachedTokens reasoningTokens }
} } }"""
DELETE = """mutation($id: ID!) {
  deleteConversations(input: {conversationIds: [$id]}) { errors { code } } }"""


async def run_of(ann: Api, sent: Any) -> Any:
    """A run as it is now."""
    return (await ann.ask(RUN, id=sent["run"]["id"]))["node"]


async def used(ann: Api, since: str | None = None) -> Any:
    """What the viewer's runs used."""
    return (await ann.ask(USED, since=since))["viewer"]["usage"]


async def test_tokens_are_counted_while_the_model_writes(server: Server) -> None:
    """Before any phase has ended; a cancelled run has at least what was seen."""
    ann = server.user()
    sent = await ann.send("[[slow: 50]] [[long: 2000]]")
    seen: list[int] = []
    run: Any = None
    async with asyncio.timeout(30):
        while len(set(seen)) < 3:
            run = await run_of(ann, sent)
            assert run["status"] in ("QUEUED", "IN_PROGRESS")
            seen.append(run["usage"]["completionTokens"])
            await asyncio.sleep(0.1)
    assert seen == sorted(seen)
    assert run["usage"]["promptTokens"] > 0
    await ann.ask(CANCEL, id=sent["run"]["id"])
    await ann.until_ended(sent)
    run = await run_of(ann, sent)
    assert run["status"] == "CANCELLED"
    assert run["usage"]["completionTokens"] >= seen[-1]


async def test_events_of_a_run_carry_what_it_used_so_far(server: Server) -> None:
    ann = server.user()
    sent = await ann.send("[[code: print(6 * 7)]] [[answer: It is {output}.]]")
    usage_at: dict[str, Any] = {}
    async with asyncio.timeout(60), ann.socket() as socket:
        given = {"id": sent["conversation"]["id"], "after": sent["eventCursor"]}
        async for data in socket.subscribe(EVENTS, **given):
            if run := data["conversationEvents"].get("run"):
                usage_at.setdefault(run["phase"] or run["status"], run["usage"])
            if "COMPLETED" in usage_at:
                break
    assert usage_at["QUEUED"] == {"promptTokens": 0, "completionTokens": 0}
    assert usage_at["GENERATING"]["promptTokens"] > 0
    assert usage_at["EXECUTING"]["completionTokens"] > 0
    assert usage_at["COMPLETED"]["completionTokens"] > usage_at["EXECUTING"]["completionTokens"]
    run = await run_of(ann, sent)
    assert run["usage"] == {**usage_at["COMPLETED"], "cachedTokens": None, "reasoningTokens": None}
    assert run["model"] == server.settings.llm.model


async def test_viewers_usage_is_the_sum_of_runs_that_ended(server: Server) -> None:
    """Since an instant, that one included; of this viewer alone; deleted conversations count."""
    ann, bob = server.user(), server.user("bob")
    assert await used(ann) == []
    runs: list[Any] = []
    for text in ("one", "two"):
        sent = await ann.send(text)
        await ann.until_ended(sent)
        runs.append(await run_of(ann, sent))
        await asyncio.sleep(0.002)  # they do not end in the same millisecond
    await bob.until_ended(await bob.send("three"))
    expected = {
        "model": server.settings.llm.model,
        "runs": 2,
        "tokens": {
            "promptTokens": sum(run["usage"]["promptTokens"] for run in runs),
            "completionTokens": sum(run["usage"]["completionTokens"] for run in runs),
            "cachedTokens": None,
            "reasoningTokens": None,
        },
    }
    assert await used(ann) == [expected]
    last = runs[1]["completedAt"]
    assert await used(ann, last) == [{**expected, "runs": 1, "tokens": runs[1]["usage"]}]
    after = datetime.fromisoformat(last) + timedelta(microseconds=1)
    assert await used(ann, after.isoformat()) == []
    await ann.ask(DELETE, id=sent["conversation"]["id"])
    assert await used(ann) == [expected]
    assert [each["runs"] for each in await used(bob)] == [1]
