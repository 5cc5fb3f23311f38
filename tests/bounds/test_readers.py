"""Readers that stall, that are many, and many answers at once: nobody else is harmed."""

import asyncio
import json
from contextlib import AsyncExitStack, aclosing, suppress
from socket import SO_RCVBUF, SOL_SOCKET
from typing import Any

from websockets.exceptions import ConnectionClosed

from tests.bounds.memory import MIB, Allocations
from tests.client import EVENTS, Api, Socket, document, ended, run_of, text_of
from tests.fixtures.server import Start

WORDS = 100
ANSWER = " ".join(f"w{index}" for index in range(WORDS))


async def follow(socket: Socket, sent: Any, starting: asyncio.Semaphore) -> list[dict[str, Any]]:
    """The events of a run to its end; so many start at once."""
    stream = socket.subscribe(EVENTS, id=sent["conversation"]["id"], after=sent["eventCursor"])
    async with aclosing(stream):
        async with starting:
            events = [(await anext(stream))["conversationEvents"]]
        async for data in stream:
            events.append(data["conversationEvents"])
            if ended(events[-1]):
                break
    return events


async def stall(socket: Socket, sent: Any) -> None:
    """Subscribe many times over one socket, and read nothing of it."""
    socket.connection.transport.pause_reading()
    raw = socket.connection.transport.get_extra_info("socket")
    raw.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)  # or the system takes megabytes for it
    variables = {"id": sent["conversation"]["id"], "after": sent["eventCursor"]}
    payload = {"query": document(EVENTS), "variables": variables}
    for number in range(100):
        message = {"id": f"stalled-{number}", "type": "subscribe", "payload": payload}
        await socket.connection.send(json.dumps(message))


async def test_reader_that_stalls_is_dropped_and_harms_nobody(start: Start) -> None:
    """It is cut off after LIMITS__SEND_TIMEOUT; who reads beside it has the whole answer."""
    async with start(limits={"send_timeout": 1}) as server, AsyncExitStack() as exits:
        ann = server.user()
        first = await ann.send("[[code: print('x' * 60_000)]] [[answer: Done.]]")
        await ann.until_ended(first)
        stalled = await exits.enter_async_context(ann.socket())
        await stall(stalled, first)
        sent = await ann.send("[[slow: 200]] [[long: 100]]")
        assert text_of(await ann.until_ended(sent, timeout=30)) == ANSWER
        stalled.connection.transport.resume_reading()
        async with asyncio.timeout(30):
            with suppress(ConnectionClosed):
                while True:  # what was under way before it was dropped
                    await stalled.connection.recv()


async def test_200_tabs_on_one_conversation_see_the_same(
    start: Start, allocations: Allocations, soak: int
) -> None:
    """Each has every event, in order, once; when they have gone, so has what they took."""
    async with start(limits={"max_sockets": 200}) as server:
        ann = server.user()
        await ann.until_ended(await ann.send("hello"))
        before = allocations.now()
        async with AsyncExitStack() as exits:
            sockets = [await exits.enter_async_context(ann.socket()) for _ in range(200)]
            starting = asyncio.Semaphore(20)  # or a busy machine keeps Redis waiting too long
            for _ in range(soak):
                sent = await ann.send("[[slow: 100]] [[long: 100]]")
                async with asyncio.timeout(90):
                    seen = await asyncio.gather(*(follow(each, sent, starting) for each in sockets))
                assert {text_of(events) for events in seen} == {ANSWER}
                seen.clear()
        sockets.clear()
        assert allocations.now() - before < 16 * MIB


async def test_100_answers_at_once_are_all_whole(
    start: Start, allocations: Allocations, soak: int
) -> None:
    """Answers to 100 users at once come whole, and leave nothing in memory."""
    # What is slow here is the machine, with users, server and model in one process.
    async with start(run={"concurrency": 100}, llm={"idle_timeout": 60}) as server:
        users = [server.user(f"user-{number}") for number in range(100)]
        await users[0].until_ended(await users[0].send("hello"))
        before = allocations.now()
        starting = asyncio.Semaphore(20)
        for _ in range(soak):
            async with asyncio.timeout(100):
                events = await asyncio.gather(*(answered(user, starting) for user in users))
            assert {run_of(each)["status"] for each in events} == {"COMPLETED"}
            assert {text_of(each) for each in events} == {ANSWER}
            events.clear()
        assert allocations.now() - before < 32 * MIB


async def answered(user: Api, starting: asyncio.Semaphore) -> list[dict[str, Any]]:
    """Ask, and follow the answer to its end; so many start at once."""
    async with AsyncExitStack() as exits:
        async with starting:
            sent = await user.send("[[slow: 50]] [[long: 100]]")
            socket = await exits.enter_async_context(user.socket())
        return await follow(socket, sent, starting)
