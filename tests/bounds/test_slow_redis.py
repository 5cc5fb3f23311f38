"""A Redis that takes 200 ms longer for everything: later, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr

from tests.bounds.memory import MIB, Allocations
from tests.client import Api, run_of, text_of
from tests.fixtures.server import Server, SettingsWith, serving
from tests.proxy import redis_proxy
from tests.scripted_tgi import ScriptedTGI

DELAY = 0.2  # seconds
USERS = 20
WORDS = 200
ANSWER = " ".join(f"w{index}" for index in range(WORDS))
WRITING = f"[[slow: 50]] [[long: {WORDS}]]"
VIEWER = "{ viewer { username conversations(first: 5) { totalCount nodes { title } } } }"
# A viewer's list takes a handful of operations, one after the other.
LONGEST_WAIT = 5.0  # seconds


async def slow(_request: bytes) -> None:
    """What a connection asks for waits, and what it asks for next waits behind it."""
    await asyncio.sleep(DELAY)


@pytest.fixture
async def server(settings_with: SettingsWith, tgi: ScriptedTGI) -> AsyncIterator[Server]:
    """A server whose Redis is slow."""
    settings = settings_with(run={"concurrency": USERS})
    async with AsyncExitStack() as exits:
        url = await exits.enter_async_context(
            redis_proxy(settings.redis_om_url.get_secret_value(), slow)
        )
        slowed = settings.model_copy(update={"redis_om_url": SecretStr(url)})
        running = Server(await exits.enter_async_context(serving(slowed)), tgi, slowed)
        yield running
        for session in running.sessions:
            await session.close()


async def answered(user: Api) -> tuple[Any, list[dict[str, Any]]]:
    """Ask, and follow the answer to its end."""
    sent = await user.send(WRITING)
    return sent, await user.until_ended(sent, timeout=60)


async def check(user: Api, answer: tuple[Any, list[dict[str, Any]]]) -> None:
    """What came is whole, and so is what is stored."""
    sent, events = answer
    assert text_of(events) == ANSWER
    assert run_of(events)["status"] == "COMPLETED"
    snapshot = await user.snapshot(sent["conversation"]["id"])
    asked, stored = snapshot["messages"]["nodes"]
    assert asked["parts"][0]["text"] == WRITING
    assert [part["text"] for part in stored["parts"]] == [ANSWER]
    assert snapshot["activeRun"] is None


async def slowest_view(user: Api, is_over: Callable[[], bool]) -> float:
    """Look at a list again and again; the most seconds that it took."""
    slowest = 0.0
    while not is_over():
        begun = time.monotonic()
        await user.ask(VIEWER)
        slowest = max(slowest, time.monotonic() - begun)
    return slowest


async def test_slow_redis_makes_answers_late_and_nothing_else(
    server: Server, allocations: Allocations, soak: int
) -> None:
    """20 answers at once, at 50 words/s, with 200 ms more for each operation of Redis.

    Every answer comes whole, in order, once, and is stored so; other requests are answered within
    seconds meanwhile; what waits for Redis is bounded; at the end nothing of it is left.
    """
    users = [server.user(f"user-{number}") for number in range(USERS)]
    onlooker = server.user("onlooker")
    await onlooker.until_ended(await onlooker.send("hello"))
    before = allocations.now()
    for _ in range(soak):
        answers = asyncio.gather(*map(answered, users))
        slowest, ended = await asyncio.gather(slowest_view(onlooker, answers.done), answers)
        assert 3 * DELAY < slowest < LONGEST_WAIT, "Redis was slow, and nobody waited long"
        await asyncio.gather(*(check(*each) for each in zip(users, ended, strict=True)))
        del ended
    assert allocations.peak() - before < 16 * MIB
    assert allocations.now() - before < 8 * MIB
