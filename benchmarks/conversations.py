"""Whether many conversations, or long ones, cost more than few and short ones."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from benchmarks import seed
from benchmarks.bench import Bench
from benchmarks.client import asked
from benchmarks.table import Row
from pybot.schema.ids import decode
from pybot.services.store.client import connect

FLAT = 2.0  # times the smallest size's
LIST = "{ viewer { conversations(first: 20) { nodes { id title updatedAt } totalCount } } }"
OPEN = """query($id: ID!) { conversation(id: $id) { id title eventCursor
  messages(last: 10) { totalCount nodes { id role status parts {
    __typename index ... on TextPart { text revision } } } } } }"""


async def newest(bench: Bench) -> Sequence[Row]:
    """The newest 20 of few and of many conversations."""
    sizes = [100, 10_000, 100_000] if bench.full else [100, 10_000]
    users = {size: bench.user(f"owner-{size}") for size in sizes}
    async with aclosing(connect(bench.lab.redis_url)) as client:
        for size, user in users.items():
            sent = await user.send(asked(1, 0))
            await user.finished(sent)
            await seed.copies(client, f"owner-{size}", _service_id(sent), size)

    async def list_(size: int) -> float:
        return await _timed(lambda: users[size].ask(LIST))

    return await _compared(bench, "newest 20 conversations", sizes, list_)


async def long(bench: Bench) -> Sequence[Row]:
    """Opening a conversation, and sending a message into it, by its length."""
    sizes = [10, 1000, 10_000] if bench.full else [10, 1000]
    user = bench.user("writer")
    ids: dict[int, str] = {}
    async with aclosing(connect(bench.lab.redis_url)) as client:
        for size in sizes:
            sent = await user.send(asked(1, 0))
            await user.finished(sent)
            ids[size] = sent["conversation"]["id"]
            await seed.history(client, _service_id(sent), size)

    async def send(size: int) -> float:
        begun = time.monotonic()
        sent = await user.send(asked(1, 0), ids[size])
        passed = (time.monotonic() - begun) * 1000
        await user.finished(sent)
        return passed

    async def open_(size: int) -> float:
        return await _timed(lambda: user.ask(OPEN, id=ids[size]))

    return [
        *await _compared(bench, "open at its last 10 messages, of", sizes, open_),
        *await _compared(bench, "send a message into one of", sizes, send),
    ]


async def _compared(
    bench: Bench, name: str, sizes: Sequence[int], measure: Callable[[int], Awaitable[float]]
) -> list[Row]:
    """Each size beside the smallest one, taken in turn."""
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(60 if bench.full else 30):
        for size in sizes:
            taken[size].append(await measure(size))
    base = taken[sizes[0]]
    return [
        Row(f"{name} {size:,} (base: {sizes[0]:,})", "ms", base, taken[size], most=FLAT)
        for size in sizes[1:]
    ]


def _service_id(sent: Any) -> str:
    """The ID by which the store knows the conversation of a sent message."""
    decoded = decode(sent["conversation"]["id"])
    assert decoded is not None
    return decoded[1]


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.monotonic()
    await work()
    return (time.monotonic() - begun) * 1000
