"""A small schema behind the endpoint, with everything that tests want to look at."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, Self

import strawberry
from starlette.requests import HTTPConnection

from pybot.endpoint.limits import QueryLimits
from pybot.endpoint.schema import HardenedSchema

SECRET = "password=hunter2"


@dataclass
class Watched:
    """What happened in a server: open generators, mutations, contexts."""

    generators: int = 0
    sent: int = 0
    mutations: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)


@dataclass
class SampleContext:
    """A context that counts how often it was asked."""

    user: str
    watched: Watched
    last_event_id: str | None = None
    cache: dict[str, int] = field(default_factory=dict[str, int])

    def for_operation(self) -> Self:
        """An empty context of the same user."""
        return type(self)(self.user, self.watched, self.last_event_id)

    def clear_cache(self) -> None:
        """Drop what was kept."""
        self.cache.clear()


def sample_context(connection: HTTPConnection) -> SampleContext:
    """The context of a connection; the header X-User names the user."""
    if connection.headers.get("x-user") == "broken":
        raise RuntimeError(SECRET)
    user, last_event_id = (connection.headers.get(name) for name in ("x-user", "last-event-id"))
    return SampleContext(user or "", connection.app.state.watched, last_event_id)


Info = strawberry.Info[SampleContext, None]


class ClientVisibleError(Exception):
    """An error that a client may see."""

    @property
    def extensions(self) -> dict[str, object]:
        """Its code."""
        return {"code": "NOT_FOUND"}


@strawberry.type
class Book:
    """A kind of item."""

    pages: int = 1
    words: int = 1


@strawberry.type
class Film:
    """Another kind of item."""

    minutes: int = 1


@strawberry.type
class Item:
    """Something with things below it."""

    name: str = "x"

    @strawberry.field
    def child(self) -> "Item":
        """The next one down."""
        return Item()

    @strawberry.field
    def items(self, first: int | None = None, last: int | None = None) -> list["Item"]:
        """A page of items."""
        return [Item() for _ in range(min(first or last or 1, 100))]

    @strawberry.field
    def media(self) -> Book | Film:
        """One of two kinds."""
        return Book()


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def hello(self, name: str = "world") -> str:
        """A greeting."""
        return f"hello {name}"

    @strawberry.field
    def item(self) -> Item:
        """An item."""
        return Item()

    @strawberry.field
    def items(self, first: int | None = None, last: int | None = None) -> list[Item]:
        """A page of items."""
        return [Item() for _ in range(min(first or last or 1, 100))]

    @strawberry.field
    def nodes(self, ids: list[strawberry.ID]) -> list[Item]:
        """Items by their IDs."""
        return [Item() for _ in ids]

    @strawberry.field
    def boom(self) -> str | None:
        """A bug."""
        raise RuntimeError(SECRET)

    @strawberry.field
    def hard_boom(self) -> str:
        """A bug in a field that cannot be null."""
        raise RuntimeError(SECRET)

    @strawberry.field
    def missing(self) -> str | None:
        """An expected failure."""
        raise ClientVisibleError("There is no such thing.")

    @strawberry.field
    def too_big(self) -> int | None:
        """A number that GraphQL cannot show."""
        return 2**40

    @strawberry.field
    def counted(self, info: Info) -> int:
        """How often it was asked for in this operation."""
        cache = info.context.cache
        cache["counted"] = cache.get("counted", 0) + 1
        return cache["counted"]


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation
    def change(self, info: Info) -> int:
        """Count."""
        info.context.watched.mutations += 1
        return info.context.watched.mutations


@strawberry.type
class Tick:
    """An event."""

    number: int

    @strawberry.field
    def counted(self, info: Info) -> int:
        """How often it was asked for in this event."""
        cache = info.context.cache
        cache["counted"] = cache.get("counted", 0) + 1
        return cache["counted"]

    @strawberry.field
    def odd(self) -> bool | None:
        """A bug in every second event."""
        if self.number % 2 == 0:
            raise RuntimeError(SECRET)
        return True


@strawberry.type
class Step:
    """An event with a cursor."""

    cursor: str

    @strawberry.field
    def odd(self) -> bool | None:
        """A bug in every second event."""
        if int(self.cursor) % 2 == 0:
            raise RuntimeError(SECRET)
        return True


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def ticks(self, info: Info, to: int = 3) -> AsyncGenerator[Tick, None]:
        """Events up to a number."""
        watched = info.context.watched
        await _change(watched, 1)
        try:
            for number in range(1, to + 1):
                watched.sent += 1
                yield Tick(number=number)
        finally:
            await _change(watched, -1)

    @strawberry.subscription
    async def steps(
        self, info: Info, after: str | None = None, to: int = 3
    ) -> AsyncGenerator[Step, None]:
        """Events with cursors, then an expected failure."""
        resumed = info.context.last_event_id or after or "0"
        for number in range(int(resumed) + 1, to + 1):
            yield Step(cursor=str(number))
        raise ClientVisibleError("There are no more steps.")

    @strawberry.subscription
    async def wait(self, info: Info) -> AsyncGenerator[int, None]:
        """One event, then silence."""
        watched = info.context.watched
        await _change(watched, 1)
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            await _change(watched, -1)

    @strawberry.subscription
    async def flood(self, info: Info) -> AsyncGenerator[str, None]:
        """More than any reader takes."""
        watched = info.context.watched
        await _change(watched, 1)
        try:
            while True:
                watched.sent += 1
                yield "x" * 65_536
        finally:
            await _change(watched, -1)

    @strawberry.subscription
    async def expired(self, after: int = 0) -> AsyncGenerator[int, None]:
        """An expected failure, after some events."""
        for number in range(after):
            yield number
        raise ClientVisibleError("The cursor is too old.")

    @strawberry.subscription
    async def broken(self, after: int = 0) -> AsyncGenerator[int, None]:
        """A bug, after some events."""
        for number in range(after):
            yield number
        raise RuntimeError(SECRET)


async def _change(watched: Watched, by: int) -> None:
    watched.generators += by
    async with watched.changed:
        watched.changed.notify_all()


def sample_schema(**limits: int) -> HardenedSchema:
    """The schema, with its limits."""
    options: dict[str, Any] = {"description": "A sample."}
    return HardenedSchema(Query, Mutation, Subscription, limits=QueryLimits(**limits), **options)
