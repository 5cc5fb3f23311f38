"""Lone surrogates (halves of a pair): JSON can carry them, and no text in UTF-8 can."""

import contextlib
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from graphql import GraphQLError

from pybot.endpoint.input_values import Path, input_error
from pybot.endpoint.masking import BAD_INPUT

_LONE_SURROGATE = "has half of a surrogate pair, which is no character"


def is_encodable(text: str) -> bool:
    """Whether a text can be encoded in UTF-8: it has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def lone_surrogate_error(
    query: str, operation_name: str | None, variables: dict[str, Any] | None
) -> GraphQLError | None:
    """The error of an operation that has a lone surrogate anywhere; None for all others."""
    for name, text in (("query", query), ("operationName", operation_name)):
        if text is not None and not is_encodable(text):
            return GraphQLError(f"`{name}` {_LONE_SURROGATE}.", extensions={"code": BAD_INPUT})
    with contextlib.suppress(UnicodeEncodeError, RecursionError):
        msgspec.json.encode(variables)  # much faster than the search
        return None
    place = next(_lone_surrogates(variables), None)
    return None if place is None else input_error(place, _LONE_SURROGATE, BAD_INPUT)


def _lone_surrogates(value: Any) -> Iterator[Path]:
    """The paths of texts with a lone surrogate in a decoded JSON value, however deeply nested."""
    left: list[tuple[Any, Path]] = [(value, ())]
    while left:
        item, path = left.pop()
        anything: Any = item
        if isinstance(item, str):
            if not is_encodable(item):
                yield path
        elif isinstance(item, dict):
            for name, each in cast("dict[str, Any]", item).items():
                left += [(name, (*path, name)), (each, (*path, name))]
        elif isinstance(item, list):
            left += [(each, (*path, index)) for index, each in enumerate(anything)]
