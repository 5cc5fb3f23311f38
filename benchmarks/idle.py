"""Subscriptions on which nothing happens: what each takes of memory, and how fast they come."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.bench import Bench
from benchmarks.client import asked, subscribe
from benchmarks.table import Row

AT_ONCE = 20  # connections that are being opened
PER_USER = 50


async def idle(bench: Bench) -> Sequence[Row]:
    """Many sockets with a subscription each, beside as many open sockets of the relay."""
    sockets = 5000 if bench.full else 1000
    base = await _relay(bench, sockets)
    pybot = await _pybot(bench, sockets)
    name = f"{sockets:,} idle subscriptions"
    return [
        Row(name, "kB each", [base[0]], [pybot[0]]),
        Row(name, "connections/s", [base[1]], [pybot[1]]),
    ]


async def _relay(bench: Bench, sockets: int) -> tuple[float, float]:
    gate = asyncio.Semaphore(AT_ONCE)
    async with AsyncExitStack() as exits:

        async def connect(_: int) -> None:
            async with gate:
                await exits.enter_async_context(bench.session.ws_connect(bench.lab.relay_url))

        before, begun = bench.lab.relay.memory(), time.monotonic()
        await asyncio.gather(*map(connect, range(sockets)))
        passed = time.monotonic() - begun
        return (bench.lab.relay.memory() - before) / sockets / 1000, sockets / passed


async def _pybot(bench: Bench, sockets: int) -> tuple[float, float]:
    """Each user has one conversation, and a page of them open."""
    users = [bench.user(f"idle-{number}") for number in range(-(-sockets // PER_USER))]
    sends: list[Any] = []
    for user in users:
        sent = await user.send(asked(1, 0))
        await user.finished(sent)
        sends.append(sent)
    gate = asyncio.Semaphore(AT_ONCE)
    async with AsyncExitStack() as exits:

        async def connect(number: int) -> None:
            async with gate:
                at = number // PER_USER
                socket = await exits.enter_async_context(users[at].socket())
                sent = sends[at]
                await subscribe(socket, sent["conversation"]["id"], sent["eventCursor"])
                # An event of the past shows that the subscription is there.
                await socket.receive()

        before, begun = bench.lab.server.memory(), time.monotonic()
        await asyncio.gather(*map(connect, range(sockets)))
        passed = time.monotonic() - begun
        return (bench.lab.server.memory() - before) / sockets / 1000, sockets / passed
