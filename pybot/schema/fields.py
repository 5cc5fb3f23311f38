"""A typed `@field` for methods, and arguments that several fields share."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import strawberry
from strawberry import UNSET

from pybot.services.values.pages import PageRequest

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
