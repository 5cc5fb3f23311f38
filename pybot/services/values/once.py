"""Values that are read lazily, at most once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """A value that is read when it is first asked for, and at most once."""

    def __init__(self, read: Callable[[], Awaitable[T]], *known: T) -> None:
        self._read = read
        self._lock = asyncio.Lock()
        self._values = list(known)

    async def get(self) -> T:
        """The value; those who ask at the same time wait for one reading."""
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
