"""A typed `@field` for methods, arguments that several fields share, and values read once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry import UNSET

from pybot.services.pages import PageRequest

T = TypeVar("T")

First = Annotated[
    int | None,
    strawberry.argument(
        description=(
            "The number of edges from the start, at most 100; "
            "20 when neither `first` nor `last` is given."
        )
    ),
]
After = Annotated[str | None, strawberry.argument(description="Only edges after this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(description="The number of edges from the end, at most 100."),
]
Before = Annotated[str | None, strawberry.argument(description="Only edges before this cursor.")]


def field(description: str) -> Callable[[Callable[..., object]], Any]:
    """Make a method a field; Strawberry's own decorator is untyped."""
    decorator: Callable[[Callable[..., object]], Any] = strawberry.field(description=description)
    return decorator


def page_request(
    first: int | None, after: str | None, last: int | None, before: str | None
) -> PageRequest:
    """The arguments of a connection, with absent ones as None."""
    return PageRequest(
        first=given(first), after=given(after), last=given(last), before=given(before)
    )


def given(value: T | None) -> T | None:
    """The value of an argument; None also when it is absent."""
    return None if value is UNSET else value


class Once(Generic[T]):
    """A value that is read when it is first asked for, and at most once."""

    def __init__(self, read: Callable[[], Awaitable[T]], *known: T) -> None:
        self._read = read
        self._lock = asyncio.Lock()
        self._values = list(known)

    @property
    def value(self) -> T | None:
        """The value, None while it has not been read."""
        return self._values[0] if self._values else None

    async def get(self) -> T:
        """The value; fields that are resolved side by side wait for one reading."""
        if not self._values:
            async with self._lock:
                if not self._values:
                    self._values.append(await self._read())
        return self._values[0]


def known(value: T) -> Once[T]:
    """A value that is at hand already."""

    async def read() -> T:
        return value

    return Once(read, value)
