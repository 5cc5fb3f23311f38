"""Pages of a list, as Relay's cursor connections ask for them."""

import base64
import contextlib
from typing import Generic, TypeVar

from msgspec import Struct

from pybot.errors import InvalidInput

T = TypeVar("T")

DEFAULT_SIZE = 20  # edges, when neither `first` nor `last` is given
MAX_SIZE = 100  # edges
# Ours have less than half of it.
MAX_CURSOR_LENGTH = 256


class PageRequest(Struct, frozen=True, kw_only=True):
    """Which page: `first` edges after a cursor, or `last` edges before one."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    @property
    def size(self) -> int:
        """How many edges; raises InvalidInput for what cannot be answered."""
        if self.first is not None and self.last is not None:
            raise InvalidInput("Give `first` or `last`, not both.", ("last",))
        for name, value in (("first", self.first), ("last", self.last)):
            if value is not None and not 0 <= value <= MAX_SIZE:
                raise InvalidInput(f"`{name}` must be from 0 to {MAX_SIZE}.", (name,))
        if self.first is not None:
            return self.first
        return DEFAULT_SIZE if self.last is None else self.last

    @property
    def backward(self) -> bool:
        """Whether the page is counted from the end."""
        return self.last is not None

    def window(self, total: int, after: int | None, before: int | None) -> tuple[int, int]:
        """The page as positions [start, stop) of `total`, given its cursors' positions.

        Cursors may stand behind the list's end, where it has become shorter since.
        """
        start = 0 if after is None else min(after + 1, total)
        stop = max(start, total if before is None else min(before, total))
        if self.backward:
            return max(start, stop - self.size), stop
        return start, min(stop, start + self.size)


class Edge(Struct, Generic[T], frozen=True):
    """A thing in a page, and its opaque position."""

    cursor: str
    node: T


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """A page; `total` counts the whole list.

    `preceding` and `following` count the edges of the list before and after the page, whatever
    its direction and its cursors; one that has seen a part of them may give fewer, but not 0.
    """

    edges: tuple[Edge[T], ...]
    preceding: int
    following: int
    total: int

    @property
    def has_next(self) -> bool:
        """Whether an edge stands after this page in the list."""
        return self.following > 0

    @property
    def has_previous(self) -> bool:
        """Whether an edge stands before this page in the list."""
        return self.preceding > 0


def encode_cursor(*values: str | int) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode("|".join(map(str, values)).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, count: int, argument: str) -> list[str]:
    """The `count` values of a cursor; raises InvalidInput for whatever `encode_cursor` never gave.

    What the values mean is for the caller to check: any text can be made a cursor.
    """
    values: list[str] = []
    if len(cursor) <= MAX_CURSOR_LENGTH:
        with contextlib.suppress(ValueError):  # no ASCII, no base64, no UTF-8
            padded = cursor + "=" * (-len(cursor) % 4)
            values = base64.urlsafe_b64decode(padded).decode().split("|")
    # Whatever else Base64 lets pass is not as it would have been given.
    if len(values) != count or encode_cursor(*values) != cursor:
        raise InvalidInput(f"`{argument}` is not a cursor of this list.", (argument,))
    return values
