"""Compiled selections: the same results as graphql-core's own execution, without its cost."""

import enum
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import strawberry
from graphql import Executor
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionResult

from pybot.endpoint.schema import HardenedSchema


@strawberry.enum
class Colour(enum.Enum):
    """A colour."""

    RED = "red"


@strawberry.type
class Place:
    """Something that is no leaf."""

    name: str


@strawberry.interface
class Event:
    """What happens."""

    cursor: str


@strawberry.type
class Changed(Event):
    """Leaves of all kinds, and what is none."""

    id: strawberry.ID
    number: int
    share: float
    done: bool
    at: datetime
    colour: Colour
    note: str | None
    words: list[str]
    place: Place
    broken_number: int
    missing: str
    called: str = strawberry.field(name="renamed")

    @strawberry.field
    def loud(self) -> str:
        """A resolver's value."""
        return self.cursor.upper()

    @strawberry.field
    def times(self, count: int = 2) -> str:
        """A resolver's value, with an argument."""
        return self.cursor * count


@strawberry.type
class Gone(Event):
    """Another kind of event."""

    reason: str


def changed(*, cursor: str = "a", note: str | None = None, number: object = 7) -> Changed:
    """An event; some of its values are none that its types allow."""
    return Changed(
        cursor=cursor,
        id=strawberry.ID("x"),
        number=cast("int", number),
        share=0.5,
        done=True,
        at=datetime(2026, 1, 2, tzinfo=UTC),
        colour=Colour.RED,
        note=note,
        words=["one"],
        place=Place(name="here"),
        broken_number=2**40,
        missing=cast("str", None),
        called="é\u2028",
    )


@strawberry.type
class Query:
    """Nothing of interest."""

    nothing: int = 0


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def events(self) -> AsyncGenerator[Event]:
        """Events of two kinds."""
        yield changed()
        yield Gone(cursor="b", reason="done")
        yield changed(cursor="c", note="text", number="8")

    @strawberry.subscription
    async def changes(self) -> AsyncGenerator[Changed]:
        """Events of one kind."""
        yield changed()


COMPILED = HardenedSchema(Query, subscription=Subscription, types=[Changed, Gone])
STOCK = HardenedSchema(Query, subscription=Subscription, types=[Changed, Gone])
STOCK.execution_context_class = StrawberryGraphQLCoreExecutionContext

LEAVES = "id number share done at colour note renamed"
QUERIES = (
    "subscription { events { cursor } }",
    "subscription { events { __typename cursor } }",
    f"subscription {{ events {{ cursor ... on Changed {{ {LEAVES} }} }} }}",
    "subscription { events { kind: __typename ... on Changed { a: id } ... on Gone { reason } } }",
    (
        "subscription { events { ...F ...G } } "
        "fragment F on Event { cursor } fragment G on Gone { reason }"
    ),
    (
        "subscription($yes: Boolean!) { events { cursor ... on Changed "
        "{ number @skip(if: $yes) done @include(if: $yes) } } }"
    ),
    "subscription { events { ... on Changed { words } } }",
    "subscription { events { ... on Changed { place { name } } } }",
    "subscription { events { ... on Changed { loud } } }",
    "subscription { events { ... on Changed { times twice: times(count: 4) } } }",
    "subscription { events { ... on Changed { number brokenNumber } } }",
    "subscription { events { cursor ... on Changed { missing } } }",
    "subscription { events { ... on Changed { cursor } cursor } }",
)


async def results(schema: HardenedSchema, query: str) -> list[tuple[Any, list[str]]]:
    """Data and errors of each event."""
    seen: list[tuple[Any, list[str]]] = []
    stream = await schema.stream(query, variable_values={"yes": True})
    async with aclosing(stream):
        async for result in stream:
            assert isinstance(result, ExecutionResult)
            errors = [f"{error.path} {error.locations}" for error in result.errors or []]
            seen.append((result.data, errors))
    return seen


@pytest.mark.parametrize("query", QUERIES)
async def test_results_are_those_of_execution(query: str) -> None:
    """Data, its order and its errors."""
    compiled, stock = await results(COMPILED, query), await results(STOCK, query)
    assert compiled == stock
    assert len(stock) == 3
    assert [str(data) for data, _ in compiled] == [str(data) for data, _ in stock]


async def test_concrete_type_is_compiled_too() -> None:
    """Not only what an interface's field gives."""
    query = "subscription { all: changes { cursor number } }"
    assert await results(COMPILED, query) == [({"all": {"cursor": "a", "number": 7}}, [])]


async def test_leaves_are_not_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of graphql-core runs for an event of valid leaves."""

    def never(*_: object) -> None:
        pytest.fail("it was executed")

    monkeypatch.setattr(Executor, "build_per_event_executor", never)
    query = f"subscription {{ changes {{ __typename {LEAVES} }} }}"
    ((data, errors),) = await results(COMPILED, query)
    assert data["changes"]["at"] == "2026-01-02T00:00:00+00:00"
    assert data["changes"]["colour"] == "RED"
    assert not errors
