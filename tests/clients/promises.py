"""What Pybot promises to every client, whatever it is written with; as `javascript/promises.ts`.

It runs with the packages of the client under test: nothing but Python's own is imported.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from tests.proxy import Proxy

ANSWER = " ".join(f"w{index}" for index in range(60))


@dataclass(frozen=True)
class Error:
    """A member of a payload's `errors`."""

    type: str
    code: str
    path: list[str]


@dataclass(frozen=True)
class Expired:
    """A conversation, and a cursor before the first event that its log still has."""

    conversation: str
    cursor: str


@dataclass(frozen=True)
class Snapshot:
    """What is read of a conversation as of a cursor."""

    title: str
    cursor: str


@dataclass(frozen=True)
class Event:
    """What is read of an event."""

    cursor: str
    offset: int = 0
    text: str = ""
    title: str | None = None
    status: str | None = None


class Refused(Exception):
    """An operation has errors; with the `extensions.code` of the first."""


class ClientUnderTest(Protocol):
    """A library under test, with the operations that the tests need; all raise Refused."""

    async def create(self, title: str) -> str:
        """The ID of a new conversation."""
        ...

    async def snapshot(self, conversation: str) -> Snapshot:
        """A conversation as the server has it."""
        ...

    async def rename(self, conversation: str, title: str) -> list[Error]:
        """The errors of the payload."""
        ...

    async def send(self, conversation: str, text: str) -> str:
        """Send a message; gives the cursor before its first event."""
        ...

    async def page(self, first: int) -> None:
        """Read a page of so many conversations."""
        ...

    def follow(self, conversation: str, after: str | None) -> AsyncGenerator[Event]:
        """Follow a conversation over however many connections."""
        ...


async def keep_promises(client: ClientUnderTest, network: Proxy, expired: Expired) -> None:
    """All of them; `network` is what subscriptions go through."""
    await read_what_was_written(client)
    await meet_errors(client)
    await begin_anew(client, expired)
    await follow_from_now(client, network)
    await follow_behind_cursor(client, network)


async def read_what_was_written(client: ClientUnderTest) -> None:
    """A query reads what a mutation wrote."""
    conversation = await client.create("Primes")
    assert (await client.snapshot(conversation)).title == "Primes"
    assert await client.rename(conversation, "Prime numbers") == []
    assert (await client.snapshot(conversation)).title == "Prime numbers"


async def meet_errors(client: ClientUnderTest) -> None:
    """A change that cannot be made has a typed error, an operation that is refused a code."""
    errors = await client.rename("nothing", "Primes")
    assert errors == [Error("NotFoundError", "NOT_FOUND", ["input", "conversationId"])]
    await client.page(100)
    assert await refusal(client.page(101)) == "BAD_USER_INPUT"
    conversation = await client.create("Primes")
    async with aclosing(client.follow(conversation, "nothing")) as events:
        assert await refusal(anext(events)) == "BAD_USER_INPUT"


async def refusal(operation: Awaitable[object]) -> str | None:
    """The code with which an operation is refused."""
    try:
        await operation
    except Refused as refused:
        return str(refused)
    return None


async def begin_anew(client: ClientUnderTest, expired: Expired) -> None:
    """Behind a cursor that has expired, a new snapshot is followed."""
    conversation = expired.conversation
    async with aclosing(client.follow(conversation, expired.cursor)) as events:
        assert await refusal(anext(events)) == "CURSOR_EXPIRED"
    snapshot = await client.snapshot(conversation)
    await client.rename(conversation, f"{snapshot.title}!")
    async with aclosing(client.follow(conversation, snapshot.cursor)) as events:
        assert (await anext(events)).title == f"{snapshot.title}!"


async def follow_from_now(client: ClientUnderTest, network: Proxy) -> None:
    """A subscription without `after` begins now, and a cut loses nothing."""
    conversation = await client.create("0")
    newest = 0
    async with aclosing(client.follow(conversation, None)) as events:
        # When the server has taken it up cannot be seen but by its first event.
        first = asyncio.ensure_future(anext(events))
        while not first.done():
            newest += 1
            await client.rename(conversation, str(newest))
            await asyncio.wait([first], timeout=0.02)
        network.refuse = True
        network.cut()
        for _ in range(2):
            newest += 1
            await client.rename(conversation, str(newest))
        network.refuse = False
        titles = [(await first).title]
        async for event in events:
            titles.append(event.title)
            if event.title == str(newest):
                break
    assert titles == [str(title) for title in range(int(titles[0] or 0), newest + 1)]


async def follow_behind_cursor(client: ClientUnderTest, network: Proxy) -> None:
    """A subscription behind a cursor gives an answer once and whole, cut or not."""
    conversation = await client.create("Words")
    cursor = await client.send(conversation, "[[slow: 200]] [[long: 60]]")
    assert await answer(client.follow(conversation, cursor), cut=network) == ANSWER
    assert await answer(client.follow(conversation, cursor)) == ANSWER


async def answer(events: AsyncGenerator[Event], cut: Proxy | None = None) -> str:
    """The text of the deltas, none of which may be missing or there twice."""
    text = ""
    async with aclosing(events):
        async for event in events:
            if event.text:
                assert event.offset == len(text), "a gap or a double"
                text += event.text
                if cut:
                    cut.cut()
                    cut = None
            if event.status == "COMPLETED":
                break
    return text.strip()
