"""Halves of surrogate pairs: JSON can carry them alone, and no text in UTF-8 can."""

import contextlib
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from graphql import GraphQLError

from pybot.endpoint.input_values import Path, input_error
from pybot.endpoint.masking import BAD_INPUT

_HALF = "has half of a surrogate pair, which is no character"


def is_whole(text: str) -> bool:
    """Whether a text has no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def half_pair(
    query: str, operation_name: str | None, variables: dict[str, Any] | None
) -> GraphQLError | None:
    """The error of an operation that holds a half of a pair anywhere; None for all others."""
    for name, text in (("query", query), ("operationName", operation_name)):
        if text is not None and not is_whole(text):
            return GraphQLError(f"`{name}` {_HALF}.", extensions={"code": BAD_INPUT})
    with contextlib.suppress(UnicodeEncodeError, RecursionError):
        msgspec.json.encode(variables)  # much faster than the search
        return None
    place = next(_halves(variables), None)
    return None if place is None else input_error(place, _HALF, BAD_INPUT)


def _halves(value: Any) -> Iterator[Path]:
    """The places of halves in a value that JSON was read into, however deeply nested."""
    left: list[tuple[Any, Path]] = [(value, ())]
    while left:
        item, path = left.pop()
        anything: Any = item
        if isinstance(item, str):
            if not is_whole(item):
                yield path
        elif isinstance(item, dict):
            for name, each in cast("dict[str, Any]", item).items():
                left += [(name, (*path, name)), (each, (*path, name))]
        elif isinstance(item, list):
            left += [(each, (*path, index)) for index, each in enumerate(anything)]
