"""The queue between a kernel that may be fast and a reader that may be slow."""

import asyncio
from collections import deque
from typing import Any

from pybot.config import MIB
from pybot.services.kernels.base import (
    Cleared,
    Displayed,
    DisplayUpdated,
    Done,
    Printed,
    Raised,
    Reaction,
    Returned,
    Started,
)
from pybot.services.kernels.messages import is_list, is_object
from pybot.services.records import StreamName

LIMIT = 32 * MIB  # the most that waits for the reader, as `cost` counts it
COST = 200  # bytes that a reaction or a JSON value takes beside its text
PIECE = 256 * 1024  # characters; pieces of one stream are joined up to about this
DROPPED = "\n[Some output was dropped: it came faster than it could be read.]\n"


class ReactionQueue:
    """A queue of bounded size that never makes the writer wait.

    A kernel's socket must be drained: ZeroMQ drops what nobody reads, also the end of a cell. So
    what does not fit is dropped here, except `Started` and `Done`, and the output says so.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._items: deque[Reaction] = deque()
        self._size = 0
        self._dropped = False
        self._failure: Exception | None = None
        self._changed = asyncio.Event()

    def put(self, reaction: Reaction) -> None:
        """Add a reaction, or drop it when the queue is full."""
        size = cost(reaction)
        essential = isinstance(reaction, Started | Done)
        if not essential and self._size + size > self._limit:
            self._dropped = True
        else:
            if self._dropped:
                self._dropped = False
                self._add(Printed(name=StreamName.STDERR, text=DROPPED), COST)
            self._add(reaction, size)
        self._changed.set()

    def fail(self, failure: Exception) -> None:
        """End with an exception once everything before it has been read."""
        self._failure = self._failure or failure
        self._changed.set()

    async def get(self) -> Reaction:
        """The next reaction; pieces of one stream that wait are joined."""
        while not self._items:
            if self._failure is not None:
                raise self._failure
            self._changed.clear()
            await self._changed.wait()
        return self._take()

    def _add(self, reaction: Reaction, size: int) -> None:
        self._items.append(reaction)
        self._size += size

    def _take(self) -> Reaction:
        first = self._items.popleft()
        self._size -= cost(first)
        if not isinstance(first, Printed):
            return first
        texts, length = [first.text], len(first.text)
        while self._items and length < PIECE:
            following = self._items[0]
            if not isinstance(following, Printed) or following.name != first.name:
                break
            self._items.popleft()
            self._size -= cost(following)
            texts.append(following.text)
            length += len(following.text)
        return Printed(name=first.name, text="".join(texts))


def cost(reaction: Reaction) -> int:
    """About how many bytes a reaction takes."""
    match reaction:
        case Printed(text=text):
            return COST + len(text)
        case Displayed(bundle=bundle) | DisplayUpdated(bundle=bundle) | Returned(bundle=bundle):
            return COST + _weigh(bundle)
        case Raised():
            return COST + _weigh([reaction.ename, reaction.evalue, *reaction.traceback])
        case Started() | Cleared() | Done():
            return COST


def _weigh(value: Any) -> int:
    """About how many bytes a JSON value takes; its depth is bounded where it was read."""
    if isinstance(value, str):
        return COST + len(value)
    if is_object(value):
        return COST + sum(_weigh(key) + _weigh(item) for key, item in value.items())
    if is_list(value):
        return COST + sum(_weigh(item) for item in value)
    return COST
