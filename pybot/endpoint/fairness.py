"""Lets other tasks run between the results of a stream that never waits by itself."""

import asyncio

_RESULTS = 16  # in a row


class Fairness:
    """Yields to the event loop after so many results in a row.

    A stream that catches up has all its results at hand and waits for nothing, not even for a
    client that reads fast.
    """

    def __init__(self) -> None:
        self._results = 0

    async def after_result(self) -> None:
        """Count a result; let other tasks run when there were enough."""
        self._results += 1
        if self._results % _RESULTS == 0:
            await asyncio.sleep(0)
