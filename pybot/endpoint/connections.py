"""Open WebSockets and event streams: the limit for each user, and the wait for their end."""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from starlette.requests import HTTPConnection

# Seconds for operations to clean up once their connections are closed.
_CLOSE_TIMEOUT = 5


class TooManyConnections(Exception):
    """The user has as many connections as allowed."""


class Connections:
    """The WebSockets and event streams of one process, which count together.

    `user_key` names whose connections count together; each may have `per_user`.
    """

    def __init__(self, per_user: int, user_key: Callable[[HTTPConnection], str]) -> None:
        self._limit = per_user
        self._user_key = user_key
        self._per_user: Counter[str] = Counter()
        self._serving: set[asyncio.Task[Any]] = set()

    @contextmanager
    def count(self, connection: HTTPConnection) -> Generator[None]:
        """Count a connection while the current task serves it; raises TooManyConnections."""
        user = self._user_key(connection)
        if self._per_user[user] >= self._limit:
            raise TooManyConnections
        task = asyncio.current_task()
        assert task is not None
        self._per_user[user] += 1
        self._serving.add(task)
        try:
            yield
        finally:
            self._serving.discard(task)
            self._per_user[user] -= 1
            self._per_user += Counter()  # drops users that have none left

    async def wait_for_end(self) -> None:
        """Wait until all connections have ended; those that take too long are cancelled."""
        if not self._serving:
            return
        _, left = await asyncio.wait(self._serving, timeout=_CLOSE_TIMEOUT)
        for task in left:
            task.cancel()
